"""Ten rules of data-juicer as a filter of one's own: what its operators count, over arrays in place of loops.

Written from what its documentation says they count, for the benchmark only. Words are what stands between blanks, tabs
and line breaks, in lower case, without special characters at both ends. Which characters are special its version says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.method import Filter, Proof, Rules
from synth_dagster.parts.text.code_points import Block, blocks_of, strings_of
from synth_dagster.parts.text.folded_words import bytes_of
from synth_dagster.records import Document

_LOW = np.isin(np.arange(0x20), [ord(one) for one in "\n\r\x0b\x0c\x1c\x1d\x1e"])
_POINTS = 0x110000
_FACTOR = 0x9E3779B97F4A7C15  # odd, so that it has an inverse
_RUN = 10  # words, and characters, of a run


class CommonRules(Filter):
    """The named rules, each with its `min` and `max`, both allowed."""

    paper = "arXiv:2309.02033"
    proof = Proof("official parity", "data-juicer's values and decisions, page by page.")
    judges = (Document,)

    limits: dict[str, tuple[float, float]]
    special: str
    lists: dict[str, tuple[str, ...]]

    def measure(self, flat: pa.Table, /) -> Mapping[str, pa.Array]:
        plain = [name for name in self.limits if name in PlainTexts.RULES]
        found = PlainTexts(flat["text"].combine_chunks()) if plain else None
        columns = {name: pa.array(getattr(found, name), pa.float64()) for name in plain}
        counted = [name for name in self.limits if name not in columns]
        texts = strings_of(flat["text"]) if counted else []
        marks = _table(self.special)
        lists = {name: _hashes_of(words) for name, words in self.lists.items()}
        pages = [Pages(block, marks, lists) for block in blocks_of(texts, max(1 << 18, *map(len, texts), 1))]
        return columns | {
            name: pa.array(np.concatenate([getattr(some, name) for some in pages]), pa.float64()) for name in counted
        }

    def rules(self) -> Rules:
        return {name: f"{name} < {low} or {name} > {high}" for name, (low, high) in self.limits.items()}


class PlainTexts:
    """What can be told from where texts and their line breaks lie among the bytes, without cutting anything."""

    RULES = ("text_length", "average_line_length", "maximum_line_length")

    def __init__(self, texts: pa.Array) -> None:
        self._texts = texts
        self._data, self._offsets = bytes_of(texts)
        self._plain = not len(self._data) or int(self._data.max()) < 0x80

    @cached_property
    def text_length(self) -> np.ndarray:
        if self._plain:
            return np.diff(self._offsets)
        return pc.fill_null(pc.utf8_length(self._texts), 0).to_numpy(zero_copy_only=False)  # type: ignore[attr-defined]

    @property
    def average_line_length(self) -> np.ndarray:
        return _share(self.text_length, self._lines[0])

    @property
    def maximum_line_length(self) -> np.ndarray:
        return self._lines[1]

    @cached_property
    def _lines(self) -> tuple[np.ndarray, np.ndarray]:
        """How many lines each text has, and the longest, as str.splitlines() cuts: nothing behind the last is none."""
        begin, end = self._breaks()
        counts = np.diff(np.searchsorted(begin, self._offsets)) + 1
        starts = np.sort(np.concatenate([self._offsets[:-1], end]))
        ends = np.sort(np.concatenate([begin, self._offsets[1:]]))
        last = np.cumsum(counts) - 1
        lengths = ends - starts
        lines = counts - (lengths[last] == 0)
        if not self._plain:
            within = np.flatnonzero((self._data & 0xC0) == 0x80)  # bytes that begin no character
            lengths -= np.searchsorted(within, ends) - np.searchsorted(within, starts)
        return lines, np.maximum.reduceat(lengths, last - counts + 1) if len(counts) else counts

    def _breaks(self) -> tuple[np.ndarray, np.ndarray]:
        """Where each line break begins and ends, among all bytes; a carriage return and a line feed are one."""
        data = self._data
        low = np.flatnonzero(data < 0x20)
        begin = low[_LOW[data[low]]]
        end = begin + 1
        returns = np.flatnonzero(data[begin] == 0x0D)
        returns = returns[data.take(begin[returns] + 1, mode="clip") == 0x0A]
        returns = returns[~np.isin(begin[returns] + 1, self._offsets)]
        end[returns] += 1
        begin, end = np.delete(begin, returns + 1), np.delete(end, returns + 1)
        if self._plain:
            return begin, end
        wide = [np.flatnonzero(data == 0xC2), np.flatnonzero(data == 0xE2)]
        second, third = (data.take(wide[1] + step, mode="clip") for step in (1, 2))
        wide[0] = wide[0][data.take(wide[0] + 1, mode="clip") == 0x85]
        wide[1] = wide[1][(second == 0x80) & ((third & 0xFE) == 0xA8)]
        begin, end = np.concatenate([begin, *wide]), np.concatenate([end, wide[0] + 2, wide[1] + 3])
        order = np.argsort(begin)
        return begin[order], end[order]


@dataclass(frozen=True)
class Pages:
    """What the rules count on the whole texts of a block, an array with a value for each."""

    block: Block
    marks: np.ndarray  # whether a code point is special
    lists: Mapping[str, np.ndarray]

    @property
    def alphanumeric(self) -> np.ndarray:
        return _share(self.block.count(_alphanumeric()[self.block.points]), self.block.lengths)

    @property
    def special_characters(self) -> np.ndarray:
        return _share(self.block.count(self._special), self.block.lengths)

    @property
    def words_num(self) -> np.ndarray:
        return self._sum(self._words[0])

    @property
    def stopwords(self) -> np.ndarray:
        return self._listed("stopwords")

    @property
    def flagged_words(self) -> np.ndarray:
        return self._listed("flagged_words")

    @property
    def word_repetition(self) -> np.ndarray:
        """Share of the runs of words that occur more than once."""
        owners, hashes = self._words
        if len(hashes) < _RUN:
            return np.zeros(len(self.block.lengths))
        runs = np.zeros(len(hashes) - _RUN + 1, np.uint64)
        for place in range(_RUN):
            runs = runs * np.uint64(_FACTOR) + hashes[place : len(runs) + place]
        within = owners[: len(runs)] == owners[_RUN - 1 :]
        whose, times = _counted(owners[: len(runs)][within], runs[within])
        again = times > 1
        return _share(self._sum(whose[again], times[again]), self._sum(whose, times))

    @property
    def character_repetition(self) -> np.ndarray:
        """Share of the commonest runs of characters: as many as the root of all different ones, if they occur again."""
        owners, starts = self._owners[:-_RUN], np.arange(len(self.block.points) - _RUN)
        starts = starts[starts + _RUN <= (self.block.starts + self.block.lengths)[owners]]
        whose, times = _counted(self._owners[starts], _hashes(self.block.points, starts, starts + _RUN))
        different, again = self._sum(whose), times > 1
        most = np.minimum(np.sqrt(different).astype(np.int64), self._sum(whose[again]))
        order = np.lexsort((-times[again], whose[again]))
        ordered, counts = whose[again][order], times[again][order]
        ranks = np.arange(len(ordered)) - np.searchsorted(ordered, ordered)
        top = ranks < most[ordered]
        return _share(self._sum(ordered[top], counts[top]), self._sum(whose, times))

    def _listed(self, name: str) -> np.ndarray:
        owners, hashes = self._words
        return _share(self._sum(owners[np.isin(hashes, self.lists[name])]), self._sum(owners))

    def _sum(self, owners: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(owners, weights=values, minlength=len(self.block.lengths)).astype(np.int64)

    @cached_property
    def _special(self) -> np.ndarray:
        return self.marks[self.block.points]

    @cached_property
    def _owners(self) -> np.ndarray:
        return np.repeat(np.arange(len(self.block.lengths)), self.block.lengths + 1)

    @cached_property
    def _words(self) -> tuple[np.ndarray, np.ndarray]:
        """Owner and hash of each word that is more than special characters."""
        points = _lower()[self.block.points]
        blanks = (points == ord(" ")) | (points == ord("\t")) | (points == ord("\n"))
        at = np.flatnonzero(~blanks & ~self._special)
        number = np.cumsum(blanks)[at]  # blanks so far: the same within a word
        change = number[1:] != number[:-1]
        firsts, lasts = at[np.insert(change, 0, True)], at[np.append(change, True)]
        return self._owners[firsts], _hashes(points, firsts, lasts + 1)


def _counted(owners: np.ndarray, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Owner of each different run, and how often it occurs there. 44 bits of the hash tell runs of one text apart."""
    keys = np.sort((owners.astype(np.uint64) << np.uint64(44)) | (hashes >> np.uint64(20)))
    first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])[: len(keys)])
    return (keys[first] >> np.uint64(44)).astype(np.int64), np.diff(np.append(first, len(keys)))


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)


def _hashes(points: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Polynomial hashes of the runs, wherever they stand: prefix sums, moved to power 0 by the inverse factor."""
    powers, inverse = _powers(1 << len(points).bit_length())
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum((points + np.uint32(1)) * powers[: len(points)])])
    hashes = (sums[ends] - sums[starts]) * inverse[starts]
    return (hashes ^ (hashes >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)


def _hashes_of(words: Sequence[str]) -> np.ndarray:
    points = [np.frombuffer(word.encode("utf-32-le"), np.uint32) for word in words]
    return np.array([_hashes(one, np.array([0]), np.array([len(one)]))[0] for one in points], np.uint64)


@cache
def _powers(count: int) -> tuple[np.ndarray, np.ndarray]:
    def of(factor: int) -> np.ndarray:
        factors = np.full(count + 1, factor, np.uint64)
        factors[0] = 1
        return np.multiply.accumulate(factors)

    return of(_FACTOR), of(pow(_FACTOR, -1, 1 << 64))


@cache
def _table(characters: str) -> np.ndarray:
    table = np.zeros(_POINTS, bool)
    table[[ord(character) for character in characters]] = True
    return table


@cache
def _alphanumeric() -> np.ndarray:
    return np.fromiter((chr(point).isalnum() for point in range(_POINTS)), bool, _POINTS)


@cache
def _lower() -> np.ndarray:
    lower = (chr(point).lower() for point in range(_POINTS))
    return np.fromiter((ord(one) if len(one) == 1 else at for at, one in enumerate(lower)), np.uint32, _POINTS)
