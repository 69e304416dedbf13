"""Drops records that consist of pieces of others: lines, paragraphs or runs of words that were seen before.

The rule is that of DCLM's Bloom filter (arXiv:2406.11794, appendix L) without the filter's errors: read in the order of
precedence, a record goes when at least so large a share of it stands in records that were kept before. A dropped record
names the one in which most of it was seen first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from synth_dagster.parts.similarity.ordering import stable_order
from synth_dagster.parts.text.hashed_words import Hashed, mixed, offsets_of

Share: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""Which pieces were seen elsewhere (their places, in any order) -> how large a part of each record that is, 0 to 1."""


def together(parts: Sequence[Hashed]) -> Hashed:
    """Pieces of several tables as of one."""
    counts = [np.zeros(0, np.int64), *(part.counts for part in parts)]
    return Hashed(
        np.concatenate([np.zeros(0, np.uint64), *(part.hashes for part in parts)]), offsets_of(np.concatenate(counts))
    )


def in_order(words: Hashed) -> np.ndarray:
    """One hash over the words of each text, in their order; 0 for a text without words."""
    terms = mixed(words.hashes ^ mixed(words.places.astype(np.uint64) + np.uint64(1)))
    totals = np.append(np.uint64(0), np.cumsum(terms, dtype=np.uint64))
    return mixed(totals[words.offsets[1:]] - totals[words.offsets[:-1]])


def weighed(weights: np.ndarray, owners: np.ndarray, count: int) -> Share:
    """The share of a record is that of the weights of its pieces."""
    whole = np.maximum(np.bincount(owners, weights, minlength=count), 1)
    return lambda seen: np.bincount(owners[seen], weights[seen], minlength=count) / whole


@dataclass(frozen=True, slots=True)
class Shared:
    """The pieces that stand several times: sorted by what they say, then by the precedence of the record."""

    places: np.ndarray  # among all pieces
    records: np.ndarray
    groups: np.ndarray  # equal for pieces that say the same, ascending

    @classmethod
    def of(cls, places: np.ndarray, groups: np.ndarray, owners: np.ndarray, precedence: np.ndarray) -> "Shared":
        """From their places in any order, the number of what each says and the record of each."""
        order = stable_order(precedence[owners])
        order = order[stable_order(groups[order])]
        return cls(places[order], owners[order], groups[order])

    @classmethod
    def by_hash(cls, pieces: Hashed, precedence: np.ndarray) -> "Shared":
        """From the pieces of all records: those say the same that have the same hash."""
        order = np.argsort(pieces.hashes)
        hashes = pieces.hashes[order]
        again = hashes[1:] == hashes[:-1]
        several = (np.append(again, False) | np.append(False, again))[: len(order)]
        places, hashes = order[several], hashes[several]
        groups = np.cumsum(np.append(False, hashes[1:] != hashes[:-1]))[: len(places)]
        return cls.of(places, groups, np.searchsorted(pieces.offsets, places, side="right") - 1, precedence)

    def first_holders(self, alive: np.ndarray) -> np.ndarray:
        """For each of these pieces the first living record that has it."""
        living = np.flatnonzero(alive[self.records])
        first = np.full(self.groups[-1] + 1 if len(self.groups) else 0, -1)
        first[self.groups[living][::-1]] = self.records[living][::-1]  # of several the last one written stays
        return first[self.groups]


def keepers(shared: Shared, precedence: np.ndarray, share: Share, threshold: float) -> np.ndarray:
    """For each record the one that it duplicates, itself where it stays.

    Read record by record, as the rule is said, or as here in rounds over all of them: who has too little in others
    stays for good, and who has enough in those that stay goes; the rest waits for a round in which more is known.
    """
    keeper = np.arange(len(precedence))
    alive = np.ones(len(precedence), bool)
    while True:
        holder = shared.first_holders(alive)
        elsewhere = (holder != shared.records) & alive[shared.records]
        may_go = _has(elsewhere, shared, share, threshold)
        elsewhere &= ~may_go[holder]
        goes = _has(elsewhere, shared, share, threshold)
        if not goes.any():
            return keeper
        elsewhere &= goes[shared.records]
        records, largest = _largest(shared.records[elsewhere], holder[elsewhere], precedence)
        keeper[records] = largest
        alive[records] = False


def _has(elsewhere: np.ndarray, shared: Shared, share: Share, threshold: float) -> np.ndarray:
    """The records of which enough is elsewhere."""
    found = share(shared.places[elsewhere])
    some = np.zeros(len(found), bool)
    some[shared.records[elsewhere]] = True
    return (found >= threshold - 1e-12) & some


def _largest(records: np.ndarray, holders: np.ndarray, precedence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each record with the one that holds most of its pieces, of equals the first in precedence."""
    pairs, counts = np.unique(records * len(precedence) + holders, return_counts=True)
    records, holders = np.divmod(pairs, len(precedence))
    order = np.lexsort((precedence[holders], -counts, records))
    records, holders = records[order], holders[order]
    first = np.append(True, records[1:] != records[:-1])[: len(records)]
    return records[first], holders[first]
