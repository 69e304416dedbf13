"""MinHash: finds near-duplicates, texts that share most of their word runs, and keeps one of each cluster.

Paper: arXiv:2406.17557 (FineWeb), section 3.4: word 5-grams, 112 hash functions in 14 bands of 8, union-find over equal
bands. Two texts of Jaccard similarity s meet in a band with probability 1 - (1 - s^8)^14, which is steepest near .72. A
text of fewer than 20 words has too few such grams to compare: it is compared by its characters, and only with
texts that hold the same digits and signs, so that "12 + 13" and "12 + 31" stay two questions.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Deduplicator, Proof
from synth_dagster.parts.processes import shared_out
from synth_dagster.parts.similarity.clusters import clusters_of, first_of_bucket, jaccard, joined_by, slices_of
from synth_dagster.parts.similarity.minhash import band_keys
from synth_dagster.parts.spilled import SpilledRows
from synth_dagster.parts.text.folded_words import folded_words
from synth_dagster.parts.text.hashed_words import Hashed, characters, distinct, hash_texts, ngrams, short_form, signs_of
from synth_dagster.parts.threads import in_threads
from synth_dagster.records import Json

_PAIRS_AT_ONCE = 1 << 14  # whose texts are compared in full


class Minhash(Deduplicator):
    """Clusters near-duplicates; of a cluster the record of lowest priority stays, of equals the lowest id."""

    version = "2"
    effort = frozenset({"memory_mib"})
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
    memory_mib: int = Field(1_024, ge=1, description="Signatures that need more than this wait on disk.")

    def cluster(self, pool: pa.Table, /) -> pa.Table:
        signed = self._all_signed(pool["text"])
        pairs = in_threads(first_of_bucket, SpilledRows(self.bands, self.memory_mib << 20).extend(signed))
        if self.verify is not None:
            pairs = self._verified(pool["text"], pairs)
        return clusters_of(pool, joined_by(pool.num_rows, pairs))

    def signature_settings(self) -> Mapping[str, Json] | None:
        if self.verify is not None:
            return None
        settings = self.model_dump(mode="json", exclude={"verify", *self.effort, *Deduplicator.model_fields})
        return {"method": "minhash", "version": self.version, **settings}

    def signatures(self, texts: pa.ChunkedArray | pa.Array) -> np.ndarray:
        """Shape (bands, texts): two texts meet where they have the same value in a band."""
        return np.concatenate([np.zeros((self.bands, 0), np.uint64), *self._all_signed(texts)], axis=1)

    def _all_signed(self, texts: pa.ChunkedArray | pa.Array) -> Iterator[np.ndarray]:
        """On all cores, by processes where there is much: signing is many short calls, and threads wait in each."""
        named, settings = f"{type(self).__module__}:{type(self).__qualname__}.signed_by", self.model_dump(mode="json")
        return in_threads(shared_out(self.signed, named, settings, size=texts.nbytes), slices_of(texts))

    @classmethod
    def signed_by(cls, texts: pa.Array, settings: Mapping[str, Json]) -> np.ndarray:
        """What the method of these settings signs: in another process."""
        return cls.model_validate(settings).signed(texts)

    def signed(self, texts: pa.Array) -> np.ndarray:
        """The signatures of some texts, each different one computed once."""
        encoded = texts.fill_null("").dictionary_encode()
        once = encoded.dictionary
        words = folded_words(once, digits_to_zero=self.digits_to_zero)
        short = words.counts < self.short_below
        keys = np.empty((self.bands, len(once)), np.uint64)
        keys[:, ~short] = self._keys(self._long_grams(words, once, ~short))
        forms = once.filter(pa.array(short))
        keys[:, short] = self._keys(self._short_grams(forms)) ^ hash_texts(signs_of(forms))
        return keys[:, encoded.indices.to_numpy(zero_copy_only=False)]

    def _keys(self, grams: Hashed) -> np.ndarray:
        return band_keys(grams, bands=self.bands, rows=self.rows, seed=self.seed)

    def _long_grams(self, words: Hashed, texts: pa.Array, chosen: np.ndarray) -> Hashed:
        some = words if chosen.all() else words.take(np.flatnonzero(chosen))
        return whole_where_none(ngrams(some, self.words_per_gram), texts.filter(pa.array(chosen)))

    def _short_grams(self, texts: pa.Array) -> Hashed:
        forms = short_form(texts)
        return whole_where_none(ngrams(characters(forms), self.characters_per_gram), forms)

    def _verified(
        self, texts: pa.ChunkedArray, pairs: Iterator[tuple[np.ndarray, np.ndarray]]
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The pairs that are as similar as is asked, each looked at once."""
        met = np.sort(np.concatenate([np.zeros(0, np.int64), *(left * len(texts) + right for left, right in pairs)]))
        met = met[np.append(True, met[1:] != met[:-1])[: len(met)]]
        for first in range(0, len(met), _PAIRS_AT_ONCE):
            left, right = np.divmod(met[first : first + _PAIRS_AT_ONCE], len(texts))
            rows, places = np.unique(np.concatenate([left, right]), return_inverse=True)
            some = texts.take(pa.array(rows)).combine_chunks().fill_null("").dictionary_encode()
            one, other = np.split(some.indices.to_numpy(zero_copy_only=False).astype(np.int64)[places], 2)
            pairs_of_texts, which = np.unique(one * len(some.dictionary) + other, return_inverse=True)
            similar = jaccard(self._grams(some.dictionary), *np.divmod(pairs_of_texts, len(some.dictionary)))
            close = (similar >= self.verify)[which]
            yield left[close], right[close]

    def _grams(self, texts: pa.Array) -> Hashed:
        """The different grams of each text."""
        words = folded_words(texts, digits_to_zero=self.digits_to_zero)
        short = words.counts < self.short_below
        long = whole_where_none(ngrams(words, self.words_per_gram), texts)
        return distinct(long.replaced(short, self._short_grams(texts.filter(pa.array(short)))))


def whole_where_none(grams: Hashed, texts: pa.Array) -> Hashed:
    """The grams, and for a text without any the hash of the whole text: every text has something to compare."""
    none = grams.counts == 0
    if not none.any():
        return grams
    whole = hash_texts(texts.filter(pa.array(none)))
    return grams.replaced(none, Hashed(whole, np.arange(len(whole) + 1)))
