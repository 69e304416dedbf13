"""How much of a benchmark item a text holds: the share of the item's words inside an n-gram that the text has too.

The overlap measure of open-instruct (arXiv:2411.15124), over hashed words, for the item that is covered best.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa

from synth_dagster.parts.text.hashed_words import Hashed, hash_texts, ngrams, normalise, offsets_of, words

Side: TypeAlias = Literal["query", "overlap", "answer"]


@dataclass(frozen=True, slots=True)
class Index:
    """Where each n-gram of the benchmark stands: gram -> (item, place), sorted by gram."""

    grams: np.ndarray  # different grams, ascending
    first: np.ndarray  # grams[i] stands at first[i]:first[i + 1] of the two below
    items: np.ndarray
    places: np.ndarray
    sizes: tuple[int, ...]  # lengths of the grams: n, and the lengths of the items that are shorter
    item_words: np.ndarray
    gram_words: np.ndarray  # of each item
    item_hashes: np.ndarray


@dataclass(frozen=True, slots=True)
class Overlaps:
    """For each record its best covered item (-1 for none), how much of it, and how many different grams are shared."""

    item: np.ndarray
    share: np.ndarray
    matched: np.ndarray
    grams: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence["Overlaps"]) -> "Overlaps":
        parts = [_no_overlaps(0), *parts]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__))


@dataclass(frozen=True, slots=True)
class Sides:
    """Items of a question and its answer, and which of their grams count: those of one side, or of both at once."""

    question_words: np.ndarray  # of each item: its other words are its answer's
    counted: frozenset[Side]

    def holds(self, item: np.ndarray, place: np.ndarray, width: np.ndarray) -> np.ndarray:
        """Which grams count."""
        asked = self.question_words[item]
        sides = {"query": place + width <= asked, "answer": place >= asked}
        sides["overlap"] = ~(sides["query"] | sides["answer"])
        return np.any([sides[name] for name in sorted(self.counted)], axis=0)


def index_of(
    texts: Sequence[str], n: int, min_item_words: int = 1, common: int = 1_000, sides: Sides | None = None
) -> Index:
    """The n-grams of benchmark items; an item of fewer words is one gram of its own length."""
    normalised = normalise(pa.array(texts, pa.string()))
    items = words(normalised)
    gram_words = np.minimum(items.counts, n)
    sizes = tuple(int(size) for size in np.unique(gram_words[items.counts >= min_item_words]))
    found = [_grams_of_size(items, gram_words, size) for size in sizes]
    grams, owners, places = (np.concatenate([np.zeros(0, t), *column]) for t, column in _columns(found))
    if sides:
        held = sides.holds(owners, places, gram_words[owners])
        grams, owners, places = grams[held], owners[held], places[held]
    order = np.lexsort((places, owners, grams))
    grams, owners, places = grams[order], owners[order], places[order]
    rare = ~_in_too_many(grams, owners, common)
    grams, owners, places = grams[rare], owners[rare], places[rare]
    different, first = np.unique(grams, return_index=True)
    first = np.append(first, len(grams))
    return Index(different, first, owners, places, sizes, items.counts, gram_words, hash_texts(normalised))


def overlaps(index: Index, records: Hashed) -> Overlaps:
    """How much of which item each record holds."""
    record, gram = _shared(index, records)
    if len(gram) == 0:
        return _no_overlaps(len(records))
    counts = np.diff(index.first)[gram]
    at = np.repeat(index.first[gram], counts) + _within(counts)
    record_of, item, place = np.repeat(record, counts), index.items[at], index.places[at]
    pairs, matched = covered_words(record_of, item, place, index.gram_words)
    share = matched / index.item_words[pairs[1]]
    best = _best_of_each_record(pairs, share)
    found = _no_overlaps(len(records))
    owner = pairs[0][best]
    found.item[owner], found.share[owner], found.matched[owner] = pairs[1][best], share[best], matched[best]
    found.grams[:] = np.bincount(record, minlength=len(records))
    return found


def covered_words(
    record: np.ndarray, item: np.ndarray, place: np.ndarray, gram_words: np.ndarray
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """The (record, item) pairs, and how many words of the item lie inside a matched gram: the union of the grams."""
    order = np.lexsort((place, item, record))
    record, item, place = record[order], item[order], place[order]
    opens = _begins(record, item)
    closes = np.append(opens[1:], True)
    width = gram_words[item]
    step = np.append(place[1:] - place[:-1], 0)
    new_words = np.where(closes, width, np.minimum(width, step))  # what lies before the next matched gram begins
    starts = np.flatnonzero(opens)
    return (record[starts], item[starts]), np.add.reduceat(new_words, starts)


def _shared(index: Index, records: Hashed) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of record and number of a gram that both have, each once."""
    found: list[np.ndarray] = [np.zeros((0, 2), np.int64)]
    for size in index.sizes:
        grams = ngrams(records, size)
        if len(index.grams) == 0 or len(grams.hashes) == 0:
            continue
        number = np.minimum(np.searchsorted(index.grams, grams.hashes), len(index.grams) - 1)
        hit = index.grams[number] == grams.hashes
        found.append(np.stack([grams.owners[hit], number[hit]], axis=1))
    pairs = np.unique(np.concatenate(found), axis=0)
    return pairs[:, 0], pairs[:, 1]


def _grams_of_size(items: Hashed, gram_words: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    chosen = np.flatnonzero(gram_words == size)
    grams = ngrams(items.take(chosen), size)
    return grams.hashes, chosen[grams.owners], grams.places


def _columns(found: Sequence[tuple[np.ndarray, ...]]) -> list[tuple[type, list[np.ndarray]]]:
    return [(kind, [part[number] for part in found]) for number, kind in enumerate((np.uint64, np.int64, np.int64))]


def _in_too_many(grams: np.ndarray, owners: np.ndarray, common: int) -> np.ndarray:
    """Which places hold a gram of more than `common` items; both arrays are sorted by gram, then item."""
    number = np.cumsum(_begins(grams)) - 1
    items_of = np.bincount(number, weights=_begins(grams, owners))
    return items_of[number] > common


def _best_of_each_record(pairs: tuple[np.ndarray, np.ndarray], share: np.ndarray) -> np.ndarray:
    """The pair of largest share in each record; of equal ones the item that stands first in the benchmark."""
    record, item = pairs
    order = np.lexsort((item, -share, record))
    return order[_begins(record[order])]


def _begins(*columns: np.ndarray) -> np.ndarray:
    """Where a new group begins in sorted columns."""
    begins = np.zeros(len(columns[0]), bool)
    begins[:1] = True
    for column in columns:
        begins[1:] |= column[1:] != column[:-1]
    return begins


def _no_overlaps(count: int) -> Overlaps:
    return Overlaps(np.full(count, -1), np.zeros(count), np.zeros(count, np.int64), np.zeros(count, np.int64))


def _within(counts: np.ndarray) -> np.ndarray:
    """0, 1, ... within each group."""
    starts = offsets_of(counts)
    return np.arange(starts[-1]) - np.repeat(starts[:-1], counts)
