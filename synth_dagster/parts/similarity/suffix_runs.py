"""Runs of words that stand in texts more than once, found by a suffix array that is no deeper than a run is long.

A suffix array (arXiv:2107.06499) sorts all places of a corpus by what follows them. Here prefix doubling (Manber and
Myers, 1990) stops at the length of the shortest run that counts, and places whose run cannot stand twice are not
sorted: a rolling hash of each run and one sort of them leave those that may. What is told is exact: a hash never says
that two runs are the same, only that they are not. Equal words are words of equal hash.
"""

from dataclasses import dataclass

import numpy as np

from synth_dagster.parts.similarity.ordering import stable_order
from synth_dagster.parts.text.hashed_words import Hashed, mixed, offsets_of, rolling
from synth_dagster.parts.threads import in_threads

_AT_ONCE = 1 << 20  # places whose runs are hashed together


@dataclass(frozen=True, slots=True)
class Runs:
    """Where runs begin, as places among all words in ascending order; equal runs have equal numbers, others not."""

    places: np.ndarray
    numbers: np.ndarray
    length: int

    def firsts(self) -> np.ndarray:
        """For each run the place where one like it begins first."""
        first = np.zeros(int(self.numbers.max(initial=-1)) + 1, np.int64)
        first[self.numbers[::-1]] = self.places[::-1]  # of several the last one written stays
        return first[self.numbers]


@dataclass(frozen=True, slots=True)
class Spans:
    """Stretches of words, each as long as it can be: the text of each, its first word in it, and how many it has."""

    owners: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray


def repeated_runs(words: Hashed, length: int) -> Runs:
    """All runs of so many words that stand at least twice, in one text or in several; none crosses the end of a text.

    Memory: 16 bytes a word, and some 40 for each word of a run that is told.
    """
    places = _perhaps_repeated(words, length)
    counts = _covered(places, length)
    begins = offsets_of(counts)
    there = np.repeat(places - begins[:-1], counts) + np.arange(begins[-1])  # the words of all these runs, each once
    numbers = _ranks(words.hashes[there], length)[begins[:-1]]
    several = np.bincount(numbers, minlength=1)[numbers] > 1
    return Runs(places[several], numbers[several], length)


def spans_of(words: Hashed, places: np.ndarray, length: int) -> Spans:
    """The words that lie in runs that begin at these places: runs that meet or overlap make one span.

    The places come in ascending order.
    """
    owners = np.searchsorted(words.offsets, places, side="right") - 1
    fresh = np.append(True, (np.diff(owners) > 0) | (np.diff(places) > length))[: len(places)]
    ends = np.append(np.flatnonzero(fresh)[1:], len(places))[: np.count_nonzero(fresh)] - 1
    first = places[fresh]
    return Spans(owners[fresh], first - words.offsets[owners[fresh]], places[ends] + length - first)


def _perhaps_repeated(words: Hashed, length: int) -> np.ndarray:
    """The places of runs whose hash another run has too, ascending: all that stand twice are among them.

    A key is the upper bits of a hash with the place below, so that sorting keys needs no second array.
    """
    mask = np.uint64((1 << len(words.hashes).bit_length()) - 1)
    inside = _inside(words.counts, length)

    def keys_from(first: int) -> np.ndarray:
        hashes = mixed(rolling(words.hashes[first : first + _AT_ONCE + length - 1], length))
        places = np.arange(first, first + len(hashes), dtype=np.uint64)
        return ((hashes & ~mask) | places)[inside[first : first + len(hashes)]]

    starts = range(0, max(len(words.hashes) - length + 1, 0), _AT_ONCE)
    keys = np.concatenate([np.zeros(0, np.uint64), *in_threads(keys_from, starts)])
    keys.sort()
    again = (keys[1:] ^ keys[:-1]) <= mask
    places = (keys[(np.append(again, False) | np.append(False, again))[: len(keys)]] & mask).astype(np.int64)
    places.sort()
    return places


def _inside(counts: np.ndarray, length: int) -> np.ndarray:
    """Whether a run that begins at each word ends within its text."""
    begin = np.maximum(counts - length + 1, 0)
    return np.repeat(np.tile([True, False], len(counts)), np.stack([begin, counts - begin], axis=1).ravel())


def _covered(places: np.ndarray, length: int) -> np.ndarray:
    """How many words each run has before the next one begins."""
    return np.minimum(np.diff(places, append=places[-1:] + length), length)


def _ranks(pieces: np.ndarray, length: int) -> np.ndarray:
    """The number of the run at each place among all different ones, in their order; the last places begin none."""
    order = np.argsort(pieces)
    ranks, done = _ranked(order, _differs(pieces[order])), 1
    while done < length:
        step = min(done, length - done)  # a run is two that were ranked, which overlap at last
        behind = order[order >= step] - step  # by what comes later they are in order already
        order = behind[stable_order(ranks[behind])]
        ranks, done = _ranked(order, _differs(ranks[order]) | _differs(ranks[order + step])), done + step
    return ranks


def _differs(ordered: np.ndarray) -> np.ndarray:
    """Whether each value is another one than that before it."""
    return np.append(False, ordered[1:] != ordered[:-1])[: len(ordered)]


def _ranked(order: np.ndarray, fresh: np.ndarray) -> np.ndarray:
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.cumsum(fresh)
    return ranks
