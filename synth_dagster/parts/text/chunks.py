"""Cuts a long text into passages: by paragraphs, never inside code, a grammar or a table, headings with what follows.

A passage is a verbatim slice of the text, so that evidence found in it is found in the text. The text is first read as
blocks (a paragraph, a fenced or indented code block with its blank lines, a table), and blocks that belong together are
glued: a heading to what follows, a lead-in that ends in a colon to its example, an item of a list to the next. Passages
are then packed from the glued units. A unit that is too long loses its weakest glue first; a paragraph that is too
long is cut at sentences; code is never cut, however long.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import groupby, zip_longest

from synth_dagster.errors import SynthError
from synth_dagster.parts.text.tokens import UNSPACED

_WORD = re.compile(rf"[^\s{UNSPACED}]+|[{UNSPACED}]")  # a character of a script without spaces is a word here
_FENCE = re.compile(r"\s*(`{3,})[^`]*$| {0,3}(~{3,})\s*[\w.+-]*\s*$")
_ITEM = re.compile(r"\s*(?:[*+\-•]|\d{1,3}[.)]|\[\d+\])\s+\S")
_TABLE = re.compile(r"\s*(?:\||\+[-=+]{2,})")
_UNDERLINE = re.compile(r"([=\-*~^\"#])\1{2,}\s*$")
_CLOSING = "\"')]\u201d\u2019"  # what may stand between a full stop and the space after it
_WIDE_STOPS = "\u3002\uff01\uff1f\u17d4\u104b"  # Chinese and Japanese, Khmer, Burmese: no space has to follow
_STOPS = ".!?\u0964\u06d4\u061f\u0589\u1362"  # Latin, then Hindi, Urdu, Arabic, Armenian, Amharic
_SENTENCE_END = re.compile(rf"[{_STOPS}][{re.escape(_CLOSING)}]*(?=\s)|[{_WIDE_STOPS}]+[\u300d\u300f\uff09]*")
_CODE_SIGNS = re.compile(
    r"::=|>>> |[{};]\s*$|^\s*[#$@]|\w\(.*\)\s*:?\s*$|(?<![<>=!])=(?!=)|[\[\]]\s*$|->|"
    r"^\s*(?:def|class|if|elif|else|for|while|with|try|except|finally|match|case|async)\b.*:\s*$|"
    r"^\s*(?:import|from\s+[\w.]+\s+import|return|yield|raise|await|del)\b",
    re.MULTILINE,
)
INDENT = 3  # spaces: what a reference manual's plain text and a markdown code block have at least

LONGEST_CODE_LINE = 300  # characters; a longer line is not looked at for signs of code, which costs its square


class Glue(IntEnum):
    """How strongly a block holds to the next one."""

    NONE = 0
    LIST = 1
    LEAD = 2
    HEADING = 3


@dataclass(frozen=True, slots=True)
class Block:
    """Characters `start` to `end` of the text, blank lines around them not included."""

    start: int
    end: int
    words: int
    glue: Glue = Glue.NONE
    divisible: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its end, and where it begins."""

    start: int
    text: str

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def indent(self) -> int:
        expanded = self.text.expandtabs(4)
        return len(expanded) - len(expanded.lstrip())


def split(text: str, max_words: int, min_words: int | None = None) -> list[str]:
    """A text as passages of at most `max_words`, each a slice of it; every non-blank line is in exactly one, in order.

    Only what may not be cut makes a longer one. A passage below `min_words` (a quarter of the maximum if not given) is
    joined to a neighbour where both fit, and a heading begins a new passage once the current one has that many.
    """
    least = max_words // 4 if min_words is None else min_words
    if max_words < 1 or not 0 <= least <= max_words:
        raise SynthError(
            f"Chunks of {least} to {max_words} words cannot be made. Set 0 <= min_words <= max_words, from 1."
        )
    units = [unit for whole in _units(blocks(text)) for unit in _fitting(text, whole, max_words)]
    return [text[unit[0].start : unit[-1].end] for unit in _packed(units, max_words, least)]


def words(text: str) -> int:
    """How many words a text has; equal to `len(text.split())` where words are written with spaces."""
    return sum(1 for _ in _WORD.finditer(text))


# ------------------------------------------------------------------------------------------------------------- blocks


def blocks(text: str) -> list[Block]:
    """The blocks of a text, in order, each with its glue to the next."""
    groups = _with_whole_code(_paragraphs(_lines(text)))
    return [_block(text, group, following) for group, following in zip_longest(groups, groups[1:])]


def _lines(text: str) -> Iterator[Line]:
    start = 0
    for line in text.split("\n"):
        yield Line(start, line)
        start += len(line) + 1


def _paragraphs(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Runs of lines without a blank one between them; a fenced block is one, whatever is in it."""
    group: list[Line] = []
    fence = ""
    for line in lines:
        if fence:
            fence = "" if _closes(line.text, fence) else fence
        elif line.text.strip():
            fence = _opens(line.text, after=group)
        elif group:
            yield group
            group = []
        if fence or line.text.strip():
            group.append(line)
    if fence:
        yield from _by_blank_lines(group)  # nobody closed it: a stray mark must not swallow the rest of the text
    elif group:
        yield group


def _by_blank_lines(lines: Iterable[Line]) -> Iterator[list[Line]]:
    for is_text, group in groupby(lines, key=lambda line: bool(line.text.strip())):
        if is_text:
            yield list(group)


def _opens(line: str, *, after: Sequence[Line]) -> str:
    """The fence that a line opens, or nothing. Tildes right below a line underline it."""
    mark = _fence(line)
    return "" if after and mark.startswith("~") else mark


def _fence(line: str) -> str:
    found = _FENCE.match(line)
    return (found.group(1) or found.group(2)) if found else ""


def _closes(line: str, fence: str) -> bool:
    bare = line.strip()
    return len(bare) >= len(fence) and set(bare) == {fence[0]}


def _with_whole_code(paragraphs: Iterable[list[Line]]) -> list[list[Line]]:
    """Paragraphs, where those that are one indented code block are joined, with the blank lines inside it."""
    joined: list[list[Line]] = []
    base: int | None = None  # how deep the code block stands that may go on
    for group in paragraphs:
        if base is not None and _continues(joined[-1], base, group):
            joined[-1].extend(group)
        else:
            joined.append(group)
            base = _indent(group) if _is_code(group) else None
    return joined


def _continues(code: Sequence[Line], base: int, group: Sequence[Line]) -> bool:
    """Whether a paragraph after a code block belongs to it: it stands deeper, or as deep and is code."""
    if _indent(group) > base:
        return not (_is_signature(code) and _is_prose(group))
    return _indent(group) == base and _is_code(group)


def _is_signature(code: Sequence[Line]) -> bool:
    """A name in a manual, whose description stands below it; the body of a function stands below a colon."""
    return len(code) <= 3 and not code[-1].text.rstrip().endswith((":", '"""', "'''"))


def _indent(group: Sequence[Line]) -> int:
    return min(line.indent for line in group)


def _is_code(group: Sequence[Line]) -> bool:
    """Whether an indented paragraph is code and no indented prose, as a manual has under the name of a function."""
    return _indent(group) >= INDENT and not _is_table(group) and not _is_prose(group)


def _is_prose(group: Sequence[Line]) -> bool:
    text = "\n".join(line.text for line in group).strip()
    if _looks_like_code(group) or words(text) < 4:
        return False
    return _is_of_another_script(text) or (_begins_a_sentence(text) and _ends_a_sentence(text))


def _is_of_another_script(text: str) -> bool:
    """Code is ASCII with some words in it; a text of other letters is none, whether or not it knows capitals."""
    foreign = sum(1 for character in text if character > "\u007f" and character.isalpha())
    return foreign * 3 > len(text)


def _begins_a_sentence(text: str) -> bool:
    return text[:1].isupper() or text[:1].isdigit() or text[:1] in "\"'*([\u201c-\u2022"


def _ends_a_sentence(text: str) -> bool:
    return text.rstrip(_CLOSING).endswith((".", ":", "?", "!", "\u2026"))


def _looks_like_code(group: Sequence[Line]) -> bool:
    signs = sum(1 for line in group if len(line.text) <= LONGEST_CODE_LINE and _CODE_SIGNS.search(line.text))
    return signs * 2 > len(group)


def _is_table(group: Sequence[Line]) -> bool:
    return sum(1 for line in group if _TABLE.match(line.text)) * 2 > len(group)


def _block(text: str, group: Sequence[Line], following: Sequence[Line] | None) -> Block:
    start, end = group[0].start, group[-1].end
    return Block(start, end, words(text[start:end]), _glue(group, following), divisible=_is_divisible(group))


def _is_divisible(group: Sequence[Line]) -> bool:
    """Prose may be cut at its sentences; code, grammar and tables may not."""
    fenced = any(_fence(line.text) for line in group)
    grammar = any("::=" in line.text for line in group)
    return not (fenced or grammar or _is_table(group) or _is_code(group))


def _glue(group: Sequence[Line], following: Sequence[Line] | None) -> Glue:
    if following is None:
        return Glue.NONE
    if is_heading(group):
        return Glue.HEADING
    if group[-1].text.rstrip().endswith(":") or _names_what_follows(group, following):
        return Glue.LEAD
    return Glue.LIST if _ITEM.match(group[0].text) and _is_list_again(group, following) else Glue.NONE


def is_heading(group: Sequence[Line]) -> bool:
    """A heading in markdown, an underlined line, or one short line that ends like a title and not like a sentence."""
    first = group[0].text
    if re.match(r" {0,3}#{1,6}\s", first) or (len(group) == 2 and _UNDERLINE.match(group[1].text)):
        return len(group) <= 2
    bare = first.strip()
    return (
        len(group) == 1
        and not first[:1].isspace()
        and words(bare) <= 12
        and bare[-1:] not in f".!?;,|+{_WIDE_STOPS}"
        and not _ITEM.match(first)
        and any(character.isalpha() for character in bare)
    )


def _names_what_follows(group: Sequence[Line], following: Sequence[Line]) -> bool:
    """A signature with its indented description below."""
    return len(group) <= 3 and _indent(following) >= _indent(group) + INDENT and not _is_prose(group)


def _is_list_again(group: Sequence[Line], following: Sequence[Line]) -> bool:
    return bool(_ITEM.match(following[0].text)) or following[0].indent > group[0].indent


# ------------------------------------------------------------------------------------------------------------ packing

Unit = Sequence[Block]


def _units(found: Sequence[Block], weakest: Glue = Glue.LIST) -> Sequence[Unit]:
    """Blocks that hold together by a glue of at least that strength."""
    units: list[list[Block]] = []
    for number, block in enumerate(found):
        if number and found[number - 1].glue >= weakest:
            units[-1].append(block)
        else:
            units.append([block])
    return units


def _fitting(text: str, unit: Unit, limit: int) -> list[Unit]:
    """A unit as units that fit: its weakest glue given up first, then sentences cut. Code stays whole."""
    if _size(unit) <= limit:
        return [unit]
    if len(unit) == 1:
        return [[piece] for piece in _sentences(text, unit[0], limit)] if unit[0].divisible else [unit]
    looser = min(block.glue for block in unit[:-1])
    if looser < Glue.HEADING:
        return [fit for part in _units(unit, Glue(looser + 1)) for fit in _fitting(text, part, limit)]
    return _heading_with_its_start(text, unit, limit)


def _heading_with_its_start(text: str, unit: Unit, limit: int) -> list[Unit]:
    """Headings above a block that is too long for one passage stay with its first piece, even if that is all of it."""
    *headings, body = unit
    if _size(headings) * 2 > limit:  # short lines without end, such as a poem's, are no headings
        return [fit for block in unit for fit in _fitting(text, [block], limit)]
    pieces = _fitting(text, [body], max(1, limit - _size(headings)))
    return [[*headings, *pieces[0]], *pieces[1:]]


def _packed(units: Sequence[Unit], limit: int, least: int) -> list[list[Block]]:
    """Units joined in order up to the limit; too small a rest goes to the passage before, where it fits."""
    passages: list[list[Block]] = []
    for unit in units:
        if passages and _joins(passages[-1], unit, limit, least):
            passages[-1] = [*passages[-1], *unit]
        else:
            passages.append(list(unit))
    return _without_small_ones(passages, limit, least)


def _joins(passage: Unit, unit: Unit, limit: int, least: int) -> bool:
    fits = _size(passage) + _size(unit) <= limit
    return fits and not (unit[0].glue is Glue.HEADING and _size(passage) >= max(least, 1))


def _without_small_ones(passages: Sequence[list[Block]], limit: int, least: int) -> list[list[Block]]:
    kept: list[list[Block]] = []
    for passage in passages:
        small = kept and min(_size(passage), _size(kept[-1])) < least
        if small and _size(kept[-1]) + _size(passage) <= limit:
            kept[-1] = [*kept[-1], *passage]
        else:
            kept.append(passage)
    return kept


def _size(unit: Unit) -> int:
    return sum(block.words for block in unit)


# ---------------------------------------------------------------------------------------------------------- sentences


def _sentences(text: str, block: Block, limit: int) -> list[Block]:
    """A paragraph as pieces within the limit: whole sentences where they fit, words where a sentence is longer."""
    pieces: list[Block] = []
    for start, end in _sentence_spans(text, block):
        count = words(text[start:end])
        if pieces and pieces[-1].words + count <= limit:
            pieces[-1] = Block(pieces[-1].start, end, pieces[-1].words + count, block.glue)
        elif count <= limit:
            pieces.append(Block(start, end, count, block.glue))
        else:
            pieces.extend(_word_runs(text, start, end, limit))
    return pieces


def _sentence_spans(text: str, block: Block) -> Iterator[tuple[int, int]]:
    start = block.start
    ends = [found.end() for found in _SENTENCE_END.finditer(text, block.start, block.end)]
    for end in (*ends, block.end):
        if text[start:end].strip():
            yield _after_blanks(text, start, end), end
            start = end


def _after_blanks(text: str, start: int, end: int) -> int:
    """Where a sentence begins; a line that it begins keeps its indentation."""
    bare = len(text[start:end]) - len(text[start:end].lstrip())
    line = text.rfind("\n", start, start + bare)
    return line + 1 if line >= 0 else start if start == 0 or text[start - 1] == "\n" else start + bare


def _word_runs(text: str, start: int, end: int, limit: int) -> Iterator[Block]:
    spans = [found.span() for found in _WORD.finditer(text, start, end)]
    for number in range(0, len(spans), limit):
        run = spans[number : number + limit]
        yield Block(run[0][0], run[-1][1], len(run))
