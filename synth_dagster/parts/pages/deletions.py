"""From a text and what somebody made of it to the deletions in between, as a program of edits.

Lines are aligned first: where the new text is the old one with lines and pieces of lines left out, a table over both
finds so, whatever repeats; else `difflib` over lines tells what was inserted and replaced. Inside a line a deletion is
moved to the edges of words where that changes nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from synth_dagster.parts.pages.edit_programs import Operation, Program, RemoveLines, RemoveText, is_subsequence

_MOST_PAIRS = 400_000  # of lines, or of pieces of a line, that may have to be compared with each other


@dataclass(frozen=True, slots=True)
class Difference:
    """What leads from a text to another: the deletions as a program, their characters, and what is no deletion."""

    program: Program
    deleted: int  # characters
    longest_other: int  # characters of the longest line that is inserted, or of all that is not deleted in one line
    skipped: int  # pieces of lines in which the string of one stands more than once: no program can name it


def difference(before: str, after: str, first: int = 0) -> Difference:
    """The deletions that lead from one text to another; `first` is the number of the first line."""
    old, new = before.split("\n"), after.split("\n")
    pairs = _deletions_only(old, new)
    if pairs is not None:
        return _of_pairs(old, new, pairs, 0, first)
    pairs, longest = _by_lines(old, new)
    return _of_pairs(old, new, pairs, longest, first)


# --------------------------------------------------------------------------------------------------------------- lines


def _deletions_only(old: Sequence[str], new: Sequence[str]) -> dict[int, int] | None:
    """Old line -> the new line that is left of it, of as many whole lines as possible; None if there is more to it."""
    if new == [""]:
        return {}  # nothing is left: every line is removed
    head = _common(old, new)
    tail = _common(list(reversed(old[head:])), list(reversed(new[head:])))
    pairs = {place: place for place in range(head)}
    pairs |= {len(old) - 1 - place: len(new) - 1 - place for place in range(tail)}
    rows, columns = len(old) - head - tail, len(new) - head - tail
    if columns > rows or columns * (rows - columns + 1) > _MOST_PAIRS:
        return None
    inner = _aligned(old[head : head + rows], new[head : head + columns], _price)
    return None if inner is None else pairs | {head + row: head + column for row, column in inner.items()}


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    """How many lines both begin with."""
    return next(
        (place for place, (a, b) in enumerate(zip(first, second, strict=False)) if a != b),
        min(len(first), len(second)),
    )


def _aligned(old: Sequence[str], new: Sequence[str], price: Callable[[str, str], float]) -> dict[int, int] | None:
    """The cheapest pairs of old and new lines, in order, one for each new line; None where there is no way.

    `cost[row]` is the least for the new lines so far among the old lines before `row`.
    """
    slack = len(old) - len(new)
    cost: list[float] = [0.0] * (len(old) + 1)
    taken: list[dict[int, bool]] = []
    for column, line in enumerate(new):
        after: list[float] = [_NEVER] * (len(old) + 1)
        choice: dict[int, bool] = {}
        for row in range(column, column + slack + 1):
            here = cost[row] + price(old[row], line) if cost[row] < _NEVER else _NEVER
            choice[row + 1] = here < after[row]
            after[row + 1] = min(here, after[row])
        cost = after
        taken.append(choice)
    return _traced(taken, len(old)) if cost[-1] < _NEVER else None


_NEVER = float("inf")
_MOST_COMPARED = 2_000  # pairs of lines whose letters are counted


def _price(old: str, new: str) -> float:
    """Nothing for a line taken whole, at least 1 for one that is cut, more than anything for one that is changed."""
    if old == new:
        return 0
    cut = len(new) < len(old) and is_subsequence(new, old)
    return 1 + (1 - len(new) / len(old)) if cut else _NEVER  # of two lines that would do, the one with less to cut


def _traced(taken: Sequence[dict[int, bool]], rows: int) -> dict[int, int]:
    pairs, row = {}, rows
    for column in range(len(taken) - 1, -1, -1):
        while not taken[column].get(row, False):
            row -= 1
        row -= 1
        pairs[row] = column
    return pairs


def _by_lines(old: Sequence[str], new: Sequence[str]) -> tuple[dict[int, int], int]:
    """Old line -> new line where difflib pairs them, and the characters of the longest insertion between lines."""
    pairs: dict[int, int] = {}
    longest = 0
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            pairs |= dict(zip(range(i1, i2), range(j1, j2), strict=True))
        elif tag == "replace":
            paired = _likest(old[i1:i2], new[j1:j2])
            pairs |= {i1 + row: j1 + column for row, column in paired.items()}
        surplus = new[j1 + (i2 - i1) : j2] if tag != "equal" else []
        longest = max([longest, len("\n".join(surplus))])
    return pairs, longest


def _likest(old: Sequence[str], new: Sequence[str]) -> dict[int, int]:
    """The lines of a replaced block that look most alike, in order; of a large block, simply one by one."""
    few = len(old) * len(new) <= _MOST_COMPARED
    found = _aligned(old, new[: len(old)], lambda a, b: 1 - SequenceMatcher(None, a, b).quick_ratio()) if few else None
    return found or {place: place for place in range(min(len(old), len(new)))}


# -------------------------------------------------------------------------------------------------------- inside lines


def _of_pairs(old: Sequence[str], new: Sequence[str], pairs: dict[int, int], longest: int, first: int) -> Difference:
    gone = [row for row in range(len(old)) if row not in pairs]
    operations: list[Operation] = [RemoveLines(first + start, first + end) for start, end in _runs(gone)]
    deleted = sum(len(old[row]) + 1 for row in gone)
    skipped = 0
    for row, column in sorted(pairs.items()):
        spans, other = _spans(old[row], new[column])
        longest = max(longest, other)
        named = [old[row][start:end] for start, end in spans]
        if any(old[row].find(piece, old[row].find(piece) + 1) >= 0 for piece in named):
            skipped += len(spans)  # a line of which only some pieces went would be no sentence any more
            continue
        operations += [RemoveText(first + row, piece) for piece in named]
        deleted += sum(map(len, named))
    return Difference(Program(tuple(operations)), deleted, longest, skipped)


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    start = previous = None
    for number in numbers:
        if previous is None or start is None or number != previous + 1:
            if start is not None and previous is not None:
                yield start, previous
            start = number
        previous = number
    if start is not None and previous is not None:
        yield start, previous


def _spans(old: str, new: str) -> tuple[list[tuple[int, int]], int]:
    """What is deleted of a line as spans of it, and the characters that are inserted or replaced."""
    if old == new:
        return [], 0
    head = _common(old, new)  # letters here, as lines above
    tail = _common(old[head:][::-1], new[head:][::-1])
    if head + tail == len(new):
        return [_at_words(old, head, len(old) - tail)], 0
    return _compared(old, new)


def _compared(old: str, new: str) -> tuple[list[tuple[int, int]], int]:
    """By words; by letters only where all letters of the new line come from the old one.

    Letters of two sentences that say the same in other words match here and there, and what is deleted between them is
    no noise.
    """
    pieces = _pieces(old), _pieces(new)
    if len(pieces[0]) * len(pieces[1]) <= _MOST_PAIRS:
        spans, other = _by_pieces(*pieces)
    else:
        spans, other = [], max(len(old), len(new))
    if other and is_subsequence(new, old):
        spans, other = _greedy(old, new), 0
    return [_at_words(old, start, end) for start, end in spans], other


def _pieces(text: str) -> list[str]:
    """Words and what stands between them."""
    pieces: list[str] = []
    for character in text:
        if pieces and character.isalnum() and pieces[-1].isalnum():
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces


def _by_pieces(old: Sequence[str], new: Sequence[str]) -> tuple[list[tuple[int, int]], int]:
    starts = [0]
    for piece in old:
        starts.append(starts[-1] + len(piece))
    spans, other = [], 0
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "delete":
            spans.append((starts[i1], starts[i2]))
        elif tag != "equal":
            other += max(starts[i2] - starts[i1], sum(map(len, new[j1:j2])))
    return spans, other


def _greedy(old: str, new: str) -> list[tuple[int, int]]:
    """The deletions that leave each character at the first place where it may stand."""
    spans, at = [], 0
    for character in new:
        found = old.index(character, at)
        if found > at:
            spans.append((at, found))
        at = found + 1
    return [*spans, (at, len(old))] if at < len(old) else spans


def _at_words(text: str, start: int, end: int) -> tuple[int, int]:
    """The same deletion moved left until it begins where a word does, if it can be moved so far."""
    left, right = start, end
    while left > 0 and not _is_edge(text, left) and text[left - 1] == text[right - 1]:
        left, right = left - 1, right - 1
    return (left, right) if _is_edge(text, left) else (start, end)


def _is_edge(text: str, place: int) -> bool:
    return place == 0 or not (text[place - 1].isalnum() and text[place : place + 1].isalnum())
