"""MinHash: finds texts that share most of their word runs, and keeps one of each cluster.

Paper: arXiv:2406.17557 (FineWeb), section 3.4: word 5-grams, 112 hash functions in 14 bands of 8, union-find over equal
bands. Two texts of Jaccard similarity s meet in a band with probability 1 - (1 - s^8)^14, which is steepest near .72. A
text of fewer than 20 words has too few such grams to compare: it is compared by its characters, and only with
texts that hold the same digits and signs, so that "12 + 13" and "12 + 31" stay two questions.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from synth_dagster.method import Deduplicator, Proof
from synth_dagster.parts.graphs import components
from synth_dagster.parts.hashed_words import (
    Hashed,
    characters,
    distinct,
    hash_texts,
    ngrams,
    normalise,
    short_form,
    signs_of,
    words,
)

_PRIME = np.uint64((1 << 61) - 1)
_GRAMS_AT_ONCE = 1 << 18  # bounds memory, and keeps what one hash function reads in the processor's cache


class Minhash(Deduplicator):
    """Clusters near-duplicates; of a cluster the record of lowest priority stays, of equals the lowest id."""

    paper = "arXiv:2406.17557"
    proof = Proof(
        "equation by hand",
        "Pairs of similarity .70 .75 .80 .85 meet as often as 1-(1-s^8)^14 says, +-.02; planted recall above .95.",
    )

    bands: int = Field(14, ge=1, le=256, description="Chances of a pair to meet.")
    rows: int = Field(8, ge=1, le=64, description="Hash values that must agree in a band.")
    words_per_gram: int = Field(5, ge=1, le=20, description="Words of a gram.")
    short_below: int = Field(20, ge=0, description="Texts of fewer words are compared by their characters.")
    characters_per_gram: int = Field(5, ge=1, le=20, description="Characters of a gram of a short text.")
    digits_to_zero: bool = Field(True, description="Read all digits as 0 in longer texts, as the paper does.")
    verify: float | None = Field(
        None, ge=0, le=1, description="Least Jaccard similarity of texts that meet; the paper does not look (none)."
    )
    seed: int = Field(1, ge=0, description="Draws the hash functions.")

    def cluster(self, pool: pa.Table, /) -> pa.Table:
        texts = pool["text"].combine_chunks().fill_null("")
        short, grams = self._grams(texts)
        salt = np.where(short, hash_texts(signs_of(texts)), np.uint64(0))
        left, right = _joined(self._meetings(grams, salt))
        if self.verify is not None:
            close = jaccard(grams, left, right) >= self.verify
            left, right = left[close], right[close]
        keeper = lowest_of_each(components(len(texts), left, right), _precedence(pool))
        ids = pool["record_id"].combine_chunks()
        keep = keeper == np.arange(len(texts))
        return pa.table({"record_id": ids, "cluster": ids.take(pa.array(keeper)), "keep": pa.array(keep)})

    def _grams(self, texts: pa.Array) -> tuple[np.ndarray, Hashed]:
        """Which texts are short, and the different grams of each text."""
        all_words = words(normalise(texts, digits_to_zero=self.digits_to_zero))
        short = all_words.counts < self.short_below
        forms = short_form(texts.filter(pa.array(short)))
        short_grams = whole_where_none(ngrams(characters(forms), self.characters_per_gram), hash_texts(forms))
        grams = ngrams(all_words, self.words_per_gram).replaced(short, short_grams)
        return short, distinct(whole_where_none(grams, hash_texts(texts)))

    def _meetings(self, grams: Hashed, salt: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Pairs that agree in a band: each text with the first of its bucket, so that n equal texts make n pairs."""
        keys = band_keys(grams, bands=self.bands, rows=self.rows, seed=self.seed)
        for band in range(self.bands):
            yield first_of_bucket(keys[:, band] ^ salt)


def banding_probability(similarity: float, bands: int = 14, rows: int = 8) -> float:
    """How likely two sets of this Jaccard similarity agree in at least one band."""
    return 1 - (1 - similarity**rows) ** bands


def inflection(bands: int = 14, rows: int = 8) -> float:
    """The similarity around which the banding probability is steepest, (1 / bands) ** (1 / rows)."""
    return (1 / bands) ** (1 / rows)


def band_keys(grams: Hashed, *, bands: int, rows: int, seed: int) -> np.ndarray:
    """One hash a text and band, over the minima of that band's hash functions."""
    rng = np.random.Generator(np.random.PCG64(seed))
    a = rng.integers(1, int(_PRIME), bands * rows, dtype=np.uint64)
    b = rng.integers(0, int(_PRIME), bands * rows, dtype=np.uint64)
    keys = np.zeros((len(grams), bands), np.uint64)
    for first, last in _slices(grams.offsets):
        hashes = grams.hashes[grams.offsets[first] : grams.offsets[last]]
        starts = grams.offsets[first:last] - grams.offsets[first]
        for number in range(bands * rows):
            lowest = np.minimum.reduceat((hashes * a[number] + b[number]) % _PRIME, starts)
            band = number // rows
            keys[first:last, band] = _mixed(keys[first:last, band] * np.uint64(31) + lowest + np.uint64(1))
    return keys


def first_of_bucket(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each row whose key stands earlier too, with the first row of that key."""
    order = np.argsort(keys, kind="stable")
    begins = np.append(True, keys[order][1:] != keys[order][:-1])[: len(keys)]
    first = order[np.flatnonzero(begins)][np.cumsum(begins) - 1] if len(keys) else order
    return first[~begins], order[~begins]


def lowest_of_each(cluster: np.ndarray, precedence: np.ndarray) -> np.ndarray:
    """For each row the row of its cluster that comes first in precedence."""
    best = np.full(len(cluster), len(cluster))
    np.minimum.at(best, cluster, precedence)
    row_at = np.empty(len(cluster), np.int64)
    row_at[precedence] = np.arange(len(cluster))
    return row_at[best[cluster]]


def jaccard(sets: Hashed, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The exact similarity of pairs of sets; two empty sets are equal."""
    one, other = sets.take(left), sets.take(right)
    owners = np.concatenate([one.owners, other.owners])
    hashes = np.concatenate([one.hashes, other.hashes])
    order = np.lexsort((hashes, owners))
    owners, hashes = owners[order], hashes[order]
    twice = (owners[1:] == owners[:-1]) & (hashes[1:] == hashes[:-1])
    shared = np.bincount(owners[1:][twice], minlength=len(left))
    union = one.counts + other.counts - shared
    return np.where(union == 0, 1.0, shared / np.maximum(union, 1))


def whole_where_none(grams: Hashed, whole: np.ndarray) -> Hashed:
    """The grams, and for a text without any the hash of the whole text: every text has something to compare."""
    none = grams.counts == 0
    return grams.replaced(none, Hashed(whole[none], np.arange(none.sum() + 1)))


def _precedence(pool: pa.Table) -> np.ndarray:
    """0 for the record to be kept before all others: by priority, then by id."""
    order = pc.sort_indices(  # pyright: ignore[reportAttributeAccessIssue]  # pyarrow.compute makes it at import
        pool, sort_keys=[("priority", "ascending"), ("record_id", "ascending")]
    ).to_numpy()
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return place


def _slices(offsets: np.ndarray) -> Iterator[tuple[int, int]]:
    """Ranges of whole texts of about _GRAMS_AT_ONCE grams."""
    first, count = 0, len(offsets) - 1
    while first < count:
        last = int(np.searchsorted(offsets, offsets[first] + _GRAMS_AT_ONCE, side="right")) - 1
        last = min(max(last, first + 1), count)
        yield first, last
        first = last


def _joined(pairs: Iterator[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """All pairs once."""
    none = np.zeros((0, 2), np.int64)
    together = np.unique(np.concatenate([none, *(np.stack(pair, axis=1) for pair in pairs)]), axis=0)
    return together[:, 0], together[:, 1]


def _mixed(keys: np.ndarray) -> np.ndarray:
    keys = (keys ^ (keys >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return keys ^ (keys >> np.uint64(32))
