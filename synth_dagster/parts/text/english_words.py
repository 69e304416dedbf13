"""Words as the usual English tokeniser of web corpora cuts them, for whole blocks of text at once.

The published thresholds were found with spaCy's rules, so the same rules are stated here over arrays of code points:
blanks separate, marks at the edges of a word are words of their own, a few signs split it inside, and contractions
come apart ("do" + "n't"). Its lists of abbreviations and emoticons are not reproduced, but for the full stop of the
commonest ones; `docs/curation.md` says what that changes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from synth_dagster.parts.text.code_points import (
    BLOCK,
    CLOSES,
    CURRENCY,
    DIGIT,
    ICON,
    LETTER,
    LOWER,
    OPENS,
    QUOTE,
    SPACE,
    SYMBOL,
    UPPER,
    Block,
    blocks_of,
)

_FACTOR = 0x9E3779B97F4A7C15  # odd, so that it has an inverse
_INVERSE = pow(_FACTOR, -1, 1 << 64)
# Abbreviations keep their full stop.
_ABBREVIATED = """
    Mr Mrs Ms Dr Prof Rev Gen Gov Sen Rep St Jr Mt Co Inc Ltd Corp Bros Adm Messrs Jan Feb Mar Apr Jun Jul Aug Sep Sept
    Oct Nov Dec Ala Ariz Ark Calif Colo Conn Del Fla Ga Ia Id Ill Ind Kan Ky La Mass Md Mich Minn Miss Mo Mont Neb Nev
    Okla Ore Pa Tenn Va Wash Wis vs co a.m p.m e.g i.e
    """
ABBREVIATIONS = frozenset(_ABBREVIATED.split())


@dataclass(frozen=True, slots=True)
class Words:
    """The words of several texts, in order. `offsets` says where each text begins, as in Arrow."""

    hashes: np.ndarray
    lengths: np.ndarray  # in characters
    with_letter: np.ndarray
    symbols: np.ndarray  # words that consist of marks only
    offsets: np.ndarray

    @property
    def counts(self) -> np.ndarray:
        """How many words each text has."""
        return np.diff(self.offsets)

    @property
    def owners(self) -> np.ndarray:
        """The text of each word."""
        return np.repeat(np.arange(len(self.offsets) - 1), self.counts)


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive whole texts: which, their words, and the blocks that they were read from."""

    texts: range
    words: Words
    blocks: Sequence[Block]


def words_of(texts: Sequence[str], size: int = BLOCK) -> Iterator[Run]:
    """All texts with their words, in runs of bounded size; a text longer than a block is in a run of several blocks."""
    waiting: list[Block] = []
    for block in blocks_of(texts, size):
        waiting.append(block)
        if block.pieces[-1].last:
            yield _run(waiting)
            waiting = []


def hash_of(word: str) -> np.uint64:
    """The hash that this word has in any text."""
    points = np.frombuffer(word.encode("utf-32-le"), np.uint32)
    return _hashes(points, np.array([0]), np.array([len(points)]))[0]


def _run(blocks: Sequence[Block]) -> Run:
    first, last = blocks[0].pieces[0].owner, blocks[-1].pieces[-1].owner
    counts = np.zeros(last - first + 1, np.int64)
    columns: list[tuple[np.ndarray, ...]] = []
    for block in blocks:
        starts, ends = _bounds(block)
        columns.append(_described(block, starts, ends))
        per_piece = np.diff(np.searchsorted(starts, np.append(block.starts, len(block.points))))
        np.add.at(counts, block.owners - first, per_piece)
    joined = [np.concatenate(column) for column in zip(*columns, strict=True)]
    words = Words(joined[0], joined[1], joined[2], joined[3], np.concatenate([[0], np.cumsum(counts)]))
    return Run(range(first, last + 1), words, tuple(blocks))


def _described(block: Block, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, ...]:
    """Hash, length, whether there is a letter, and whether there are only marks, of each word."""
    with_letter = _any(block.has(LETTER), starts, ends)
    return _hashes(block.points, starts, ends), ends - starts, with_letter, ~_any(~block.has(SYMBOL), starts, ends)


# -------------------------------------------------------------------------------------------------------- where to cut


def _bounds(block: Block) -> tuple[np.ndarray, np.ndarray]:
    """Where words begin and end."""
    space = block.has(SPACE)
    change = np.flatnonzero(space[1:] != space[:-1]) + 1
    change = change if space[0] else np.insert(change, 0, 0)
    chunk_starts, chunk_ends = change[::2], change[1::2]  # a block ends with a line break
    cuts = np.zeros(len(space), bool)
    signs = np.flatnonzero((block.flags & np.uint16(SPACE | LETTER | DIGIT)) == 0)
    if len(signs):
        near = _Near.around(block, signs)
        inside = _inner_cuts(near)
        inside = inside[~_in_addresses(inside, near, chunk_starts)]
        cuts[inside] = True
        cuts[_edge_cuts(near, chunk_starts, chunk_ends, block.points)] = True
        cuts[near.at[near.inside_dots]] = False
    cuts[chunk_starts] = cuts[chunk_ends] = cuts[_cannot(chunk_starts, block.points)] = True
    bounds = np.flatnonzero(cuts)
    begins = ~space[bounds]
    return bounds[begins], bounds[1:][begins[:-1]]  # the last bound is the end of a word


def _cannot(starts: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Where "not" begins in "cannot": the one contraction without a sign that is common."""
    at = starts[_is(points[starts], "cC")]
    at = at[at + len("cannot") < len(points)]
    for place, letter in enumerate("annot", start=1):
        at = at[points[at + place] == ord(letter)]
    return at[_is(points[at + 6], " \n.,;:!?)")] + 3


@dataclass(frozen=True, slots=True)
class _Near:
    """Every sign of a block with its neighbours: code points and properties."""

    at: np.ndarray
    points: np.ndarray  # 6 rows: two before, the sign, three after
    flags: np.ndarray

    @classmethod
    def around(cls, block: Block, signs: np.ndarray) -> "_Near":
        last = len(block.points) - 1  # a line break: what stands around the block is blank
        at = np.stack([signs + step for step in range(-2, 4)])
        at[(at < 0) | (at > last)] = last
        return cls(signs, block.points[at], block.flags[at])

    def sign(self, characters: str) -> np.ndarray:
        """Where the sign is one of these."""
        return _is(self.points[2], characters)

    def next_is(self, characters: str, step: int = 1) -> np.ndarray:
        return _is(self.points[2 + step], characters)

    def before(self, flags: int, step: int = 1) -> np.ndarray:
        """Where what stands before has one of these properties."""
        return (self.flags[2 - step] & np.uint16(flags)) != 0

    def after(self, flags: int, step: int = 1) -> np.ndarray:
        return (self.flags[2 + step] & np.uint16(flags)) != 0

    @property
    def dots(self) -> np.ndarray:
        """Where a full stop is one of several."""
        return self.sign(".") & (_is(self.points[1], ".") | self.next_is("."))

    @property
    def inside_dots(self) -> np.ndarray:
        """Where a full stop follows one: an ellipsis is one word."""
        return self.sign(".") & _is(self.points[1], ".")


def _inner_cuts(near: _Near) -> np.ndarray:
    """Where a word begins inside another: at signs between letters, at ellipses and icons, in contractions."""
    letters = near.before(LETTER) & near.after(LETTER)
    alone = (
        (near.sign(",") & letters)
        | (near.sign("-–—~") & near.before(LETTER | DIGIT) & near.after(LETTER))
        | (near.sign(":<>=/") & near.before(LETTER | DIGIT) & near.after(LETTER))
        | (near.sign("+-*^") & near.before(DIGIT) & (near.after(DIGIT) | near.next_is("-")))
        | (near.sign(".") & near.before(LOWER | QUOTE) & near.after(UPPER | QUOTE))
        | ((near.flags[2] & np.uint16(ICON)) != 0)
    )
    dash = near.sign("-") & near.before(LETTER) & near.next_is("-") & near.after(LETTER, 2)
    at, dots = near.at, near.dots
    ends_dots = at[dots & ~near.next_is(".")] + 1
    begins_dots = at[dots & ~near.inside_dots]
    return np.concatenate(
        [at[alone], at[alone] + 1, at[dash], at[dash] + 2, begins_dots, ends_dots, *_contractions(near)]
    )


def _contractions(near: _Near) -> tuple[np.ndarray, np.ndarray]:
    """The beginnings of the second parts of don't, it's, they'll."""
    quote = near.sign("'’") & near.before(LETTER | DIGIT)
    short = near.next_is("smdSMD") & ~near.after(LETTER | DIGIT, 2)
    pair = (near.next_is("lL") & near.next_is("lL", 2)) | (near.next_is("rRvV") & near.next_is("eE", 2))
    long = pair & ~near.after(LETTER | DIGIT, 3)
    negated = near.next_is("tT") & ~near.after(LETTER | DIGIT, 2) & _is(near.points[1], "nN") & near.before(LETTER, 2)
    return near.at[quote & (short | long)], near.at[quote & negated] - 1


def _in_addresses(cuts: np.ndarray, near: _Near, chunk_starts: np.ndarray) -> np.ndarray:
    """Which cuts would cut a URL."""
    schemes = near.at[near.sign(":") & near.next_is("/") & near.next_is("/", 2)]
    if len(schemes) == 0:
        return np.zeros(len(cuts), bool)
    return np.isin(np.searchsorted(chunk_starts, cuts, "right"), np.searchsorted(chunk_starts, schemes, "right"))


def _edge_cuts(near: _Near, chunk_starts: np.ndarray, chunk_ends: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Where marks at the edges of words are cut off, each for itself."""
    opens = ((near.flags[2] & np.uint16(OPENS)) != 0) | near.dots
    after_runs = _after_runs(near.at, opens)
    place = np.searchsorted(near.at, chunk_starts)
    place = np.minimum(place, len(near.at) - 1)
    led = (near.at[place] == chunk_starts) & opens[place]
    starts, ends = chunk_starts[led], np.minimum(after_runs[place[led]], chunk_ends[led])
    leading = _ranges(starts, ends + 1)
    trailing = _trailing(near, chunk_starts, chunk_ends, points)
    return np.concatenate([np.minimum(leading, len(points) - 1), trailing])


def _trailing(near: _Near, chunk_starts: np.ndarray, chunk_ends: np.ndarray, points: np.ndarray) -> np.ndarray:
    full_stop = near.sign(".") & (
        near.before(LOWER | DIGIT | QUOTE) | _is(near.points[1], "%²-+") | (near.before(UPPER) & near.before(UPPER, 2))
    )
    closes = (
        ((near.flags[2] & np.uint16(CLOSES)) != 0)
        | near.dots
        | full_stop
        | (near.before(DIGIT) & (((near.flags[2] & np.uint16(CURRENCY)) != 0) | near.sign("+%")))
    )
    before_runs = -_after_runs(-near.at[::-1], closes[::-1])[::-1] + 1  # where the run that ends here begins
    place = np.searchsorted(near.at, chunk_ends - 1)
    place = np.minimum(place, len(near.at) - 1)
    tailed = (near.at[place] == chunk_ends - 1) & closes[place]
    starts, ends = np.maximum(before_runs[place[tailed]], chunk_starts[tailed]), chunk_ends[tailed]
    kept = _abbreviated(points, chunk_starts[tailed], starts)
    return _ranges(starts + kept, ends)


def _abbreviated(points: np.ndarray, word_starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Whether the first mark after a word is the full stop of an abbreviation, which stays with it."""
    likely = np.flatnonzero((points[stops] == ord(".")) & (stops - word_starts <= _LONGEST) & (stops > word_starts))
    found = np.zeros(len(stops), bool)
    hashes = _hashes(points, word_starts[likely], stops[likely])
    known = _abbreviations()
    place = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    found[likely] = known[place] == hashes
    return found


_LONGEST = max(map(len, ABBREVIATIONS))


@cache
def _abbreviations() -> np.ndarray:
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    return np.sort(np.array([hash_of(word) for word in (*ABBREVIATIONS, *letters)], np.uint64))


# --------------------------------------------------------------------------------------------------------------- arrays


def _is(points: np.ndarray, characters: str) -> np.ndarray:
    found = points == ord(characters[0])
    for character in characters[1:]:
        found |= points == ord(character)
    return found


def _after_runs(at: np.ndarray, member: np.ndarray) -> np.ndarray:
    """For each position the end of the run of neighbouring members that it begins; itself, if it is no member."""
    goes_on = np.zeros(len(at), bool)
    goes_on[:-1] = member[:-1] & (at[1:] == at[:-1] + 1)
    stop = np.where(goes_on, len(at), np.arange(len(at)))
    stop = np.minimum.accumulate(stop[::-1])[::-1]
    return at[stop] + member[stop]


def _ranges(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """All numbers of the ranges, one after the other."""
    counts = np.maximum(ends - starts, 0)
    firsts = np.cumsum(counts) - counts
    return np.arange(counts.sum()) + np.repeat(starts - firsts, counts)


def _any(where: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    sums = np.zeros(len(where) + 1, np.int32)
    np.cumsum(where, dtype=np.int32, out=sums[1:])
    return sums[ends] > sums[starts]


def _hashes(points: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Polynomial hashes of the runs, wherever they stand: prefix sums, moved to power 0 by the inverse factor."""
    powers, inverse = _powers(max(BLOCK * 2, 1 << len(points).bit_length()))
    sums = np.zeros(len(points) + 1, np.uint64)
    np.cumsum((points + np.uint32(1)) * powers[: len(points)], out=sums[1:])
    hashes = (sums[ends] - sums[starts]) * inverse[starts]
    hashes ^= hashes >> np.uint64(29)
    return hashes * np.uint64(0xBF58476D1CE4E5B9)


@cache
def _powers(count: int) -> tuple[np.ndarray, np.ndarray]:
    return tuple(  # pyright: ignore[reportReturnType]
        np.multiply.accumulate(np.concatenate([np.ones(1, np.uint64), np.full(count, factor, np.uint64)]))
        for factor in (_FACTOR, _INVERSE)
    )
