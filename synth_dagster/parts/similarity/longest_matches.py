"""How far back each piece of a text goes on with what stands in other texts, and how often it stands there.

What a suffix automaton answers piece by piece (Rusty-DAWG, arXiv:2406.13069), answered for all at once by a suffix
array: texts are read backwards and sorted by what stands before each piece, so that the longest match is with the next
or the last of the other texts in that order. Sorting is by prefix doubling; what it sorted at each length is kept, and
says exactly how much two places have in common. Nothing loops over pieces, and no match crosses the end of a text.
"""

from dataclasses import dataclass

import numpy as np

from synth_dagster.parts.text.hashed_words import Hashed

_RANKS_AT_ONCE = 1 << 22  # bounds memory


@dataclass(frozen=True, slots=True)
class Matches:
    """For each piece of the texts asked about: how many pieces that end there stand in another text in a row."""

    lengths: np.ndarray
    offsets: np.ndarray

    @property
    def owners(self) -> np.ndarray:
        """The text that each piece belongs to."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    def novelty(self, n: int) -> float | None:
        """The share of runs of n pieces that stand in no other text; None where no text has so many pieces.

        The first n - 1 pieces of a text end no run of it: each text gives its own numerator and denominator.
        """
        counts = np.diff(self.offsets)
        long_enough = counts >= n
        runs = int((counts[long_enough] - (n - 1)).sum())
        short = np.bincount(self.owners[self.lengths < n], minlength=len(counts))
        return float((short[long_enough] - (n - 1)).sum() / runs) if runs else None

    def longest(self) -> np.ndarray:
        """The longest match of each text; 0 for a text without pieces."""
        found = np.zeros(len(self.offsets) - 1, np.int64)
        np.maximum.at(found, self.owners, self.lengths)
        return found


@dataclass(frozen=True, slots=True)
class Copied:
    """A run of a text that stands elsewhere: which text, from which piece, how many, and how often elsewhere."""

    text: int
    start: int
    length: int
    times: int


class OtherTexts:
    """What texts have in common with a corpus, or without one with each other. Memory: 8 bytes for each piece and each
    doubling of the longest run that occurs twice."""

    def __init__(self, texts: Hashed, corpus: Hashed | None = None) -> None:
        self._texts = texts
        both = _end_to_end(texts, corpus) if corpus is not None else texts
        self._codes, self._owners = _backwards(both)
        self._levels = _doubled(self._codes)
        self._order = np.argsort(self._levels[-1], kind="stable")
        self._places = _places_of(texts)
        self._asks = self._owners < len(texts) if corpus is not None else None

    def matches(self) -> Matches:
        """The longest match that ends at each piece."""
        rank = self._levels[-1][self._places]
        before, after = self._neighbours()
        lengths = np.maximum(self._shared(self._places, before[rank]), self._shared(self._places, after[rank]))
        return Matches(lengths, self._texts.offsets)

    def longest(self, found: Matches, least: int = 1) -> list[Copied]:
        """For each text with a match of so many pieces its longest, the first of equals, with its count elsewhere."""
        order = np.lexsort((np.arange(len(found.lengths)), -found.lengths, found.owners))
        first = order[np.unique(found.owners[order], return_index=True)[1]]
        ends = first[found.lengths[first] >= max(least, 1)]
        lengths, owners = found.lengths[ends], found.owners[ends]
        starts = ends - found.offsets[owners] - lengths + 1
        rows = zip(owners, starts, lengths, self._times(self._places[ends], lengths), strict=True)
        return [Copied(*(int(number) for number in row)) for row in rows]

    def entropies(self, found: Matches) -> np.ndarray:
        """For each piece how open it is what comes next, in bits: the entropy of what follows its longest match where
        that stands in other texts, the end of a text included. NaN without a match; 0 where it always goes on alike."""
        matched = np.flatnonzero(found.lengths)
        places, lengths = self._places[matched], found.lengths[matched]
        whose = self._owners[places] if self._asks is None else np.zeros(len(places), np.int64)
        ranges = np.stack([self._edge(places, lengths, -1), self._edge(places, lengths, 1), whose], axis=1)
        ranges, which = np.unique(ranges, axis=0, return_inverse=True)
        filled = np.cumsum(ranges[:, 1] - ranges[:, 0] + 1) // _RANKS_AT_ONCE
        parts = np.split(ranges, np.flatnonzero(np.diff(filled)) + 1)
        entropies = np.full(len(found.lengths), np.nan)
        entropies[matched] = np.concatenate([self._spread(part) for part in parts])[which]
        return entropies

    def _spread(self, ranges: np.ndarray) -> np.ndarray:
        """The entropy of what follows the places of each range of ranks, (first, last, text that does not count)."""
        low, high, whose = ranges.T
        counts = high - low + 1
        number = np.repeat(np.arange(len(ranges)), counts)
        ranks = np.arange(len(number)) - np.repeat(np.cumsum(counts) - counts - low, counts)
        there = self._order[ranks]
        others = self._owners[there] != whose[number] if self._asks is None else ~self._asks[there]
        end = len(self._codes) and int(self._codes.max()) - int(self._owners[-1])  # the first of the texts' own ends
        after = np.minimum(self._codes[there - 1], end)  # read backwards, what follows stands before
        pairs, times = np.unique((number * (end + 1) + after)[others], return_counts=True)
        number = pairs // (end + 1)
        whole = np.bincount(number, times, len(ranges))
        return np.log2(whole) - np.bincount(number, times * np.log2(times), len(ranges)) / whole

    def _neighbours(self) -> tuple[np.ndarray, np.ndarray]:
        """For each rank the place of the nearest other text before it, and after it; -1 where there is none."""
        owners, ranks = self._owners[self._order], np.arange(len(self._order))
        if self._asks is None:
            turns = np.flatnonzero(np.append(True, owners[1:] != owners[:-1])[: len(owners)])
            turn = np.searchsorted(turns, ranks, side="right") - 1
            before = turns[turn] - 1
            after = np.append(turns, len(ranks))[turn + 1]
        else:
            others = ~self._asks[self._order]
            before = np.maximum.accumulate(np.where(others, ranks, -1))
            after = np.minimum.accumulate(np.where(others, ranks, len(ranks))[::-1])[::-1]
        places = np.append(self._order, -1)
        return places[before], places[np.where(after == len(ranks), -1, after)]

    def _shared(self, some: np.ndarray, others: np.ndarray) -> np.ndarray:
        """How many pieces two places have in common, read backwards; none with place -1."""
        lengths = np.zeros(len(some), np.int64)
        there = np.flatnonzero(others >= 0)
        left, right, last = some[there], others[there], len(self._codes)
        for power in range(len(self._levels) - 1, -1, -1):
            level = np.append(self._levels[power], -1)  # a place behind the last one has nothing in common
            same = (level[left] == level[right]) & (left < last) & (right < last)
            step = same.astype(np.int64) << power
            left, right = np.minimum(left + step, last), np.minimum(right + step, last)
            lengths[there] += step
        return lengths

    def _times(self, places: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """How often the run of this length that ends at a place stands in the other texts."""
        low, high = self._edge(places, lengths, -1), self._edge(places, lengths, 1)
        if self._asks is not None:
            others = np.append(0, np.cumsum(~self._asks[self._order]))
            return others[high + 1] - others[low]
        wide, owners = len(self._order) + 1, self._owners[places]
        own = np.sort(self._owners[self._order] * wide + np.arange(len(self._order)))
        mine = np.searchsorted(own, owners * wide + high, side="right") - np.searchsorted(own, owners * wide + low)
        return high + 1 - low - mine

    def _edge(self, places: np.ndarray, lengths: np.ndarray, way: int) -> np.ndarray:
        """The last rank in one direction whose place still has the run in common: by halving the distance."""
        rank = self._levels[-1][places]
        most = rank if way < 0 else len(self._order) - 1 - rank
        reach = np.zeros(len(places), np.int64)
        for power in range(len(self._order).bit_length(), -1, -1):
            tried = np.minimum(reach + (1 << power), most)
            further = self._shared(places, self._order[rank + way * tried]) >= lengths
            reach = np.where(further, tried, reach)
        return rank + way * reach


def _end_to_end(texts: Hashed, others: Hashed) -> Hashed:
    return Hashed(
        np.concatenate([texts.hashes, others.hashes]),
        np.concatenate([texts.offsets, others.offsets[1:] + texts.offsets[-1]]),
    )


def _backwards(texts: Hashed) -> tuple[np.ndarray, np.ndarray]:
    """A small number for each piece, each text from its last to its first and behind it an end that nothing else has;
    and the text of each number."""
    counts, owners, places = texts.counts, texts.owners, texts.places
    there = texts.offsets[:-1][owners] + owners + counts[owners] - 1 - places
    codes = np.empty(len(texts.hashes) + len(texts), np.int64)
    different, number = np.unique(texts.hashes, return_inverse=True)
    codes[there] = number
    codes[texts.offsets[1:] + np.arange(len(texts))] = len(different) + np.arange(len(texts))
    return codes, np.repeat(np.arange(len(texts)), counts + 1)


def _places_of(texts: Hashed) -> np.ndarray:
    """Where each piece of the first texts stands when they are read backwards."""
    owners = texts.owners
    return texts.offsets[:-1][owners] + owners + texts.counts[owners] - 1 - texts.places


def _doubled(codes: np.ndarray) -> list[np.ndarray]:
    """For 1, 2, 4, ... pieces: the number of each place among all different runs of that length, in their order.

    The last one tells all places apart, which it does at the latest where no run occurs twice.
    """
    levels, length = [codes.astype(np.int32)], 1
    while int(levels[-1].max(initial=-1)) + 1 < len(codes):
        behind = np.append(levels[-1][length:], np.full(min(length, len(codes)), -1, np.int32)).astype(np.int64) + 1
        keys = levels[-1].astype(np.int64) * (len(codes) + 1) + behind
        levels.append(np.unique(keys, return_inverse=True)[1].astype(np.int32))
        length *= 2
    return levels
