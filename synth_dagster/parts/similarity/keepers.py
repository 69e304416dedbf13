"""Lets a text in only when none like it is there, told by MinHash signatures or by embeddings.

Order-stable: who comes first stays, and who is refused is told the nearest one that stayed. Signatures are of the words
of a text as a set: of two sets the share of values that agree is their Jaccard similarity, with a standard deviation
of sqrt(s (1 - s) / permutations).
"""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import numpy as np
import pyarrow as pa

from synth_dagster.parts.similarity.minhash import band_keys
from synth_dagster.parts.similarity.short_texts import Near
from synth_dagster.parts.text.hashed_words import Hashed, distinct, hash_texts, ngrams, normalise, words

K = TypeVar("K")


def agreement(signatures: np.ndarray, signature: np.ndarray) -> np.ndarray:
    """For each signature the share of its values that another one has in the same place."""
    return (signatures == signature).mean(axis=1)


def cosine(vectors: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """For each vector of unit length its cosine with another one."""
    return vectors @ vector


class VectorKeeper(Generic[K]):
    """Takes a vector in when no vector that is in is as similar as the threshold, or more."""

    def __init__(self, threshold: float, similarity: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
        self.threshold, self._similarity = threshold, similarity
        self._keys: list[K] = []
        self._rows: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self._keys)

    def nearest(self, vector: np.ndarray) -> Near[K] | None:
        """The vector that is in with the highest similarity, the earliest of equals; None if there is none."""
        if self._rows is None or not self._keys:
            return None
        scores = self._similarity(self._rows[: len(self)], vector)
        place = int(np.argmax(scores))
        return Near(self._keys[place], float(scores[place]))

    def add(self, key: K, vector: np.ndarray) -> None:
        """Take a vector in, whatever is there."""
        if self._rows is None:
            self._rows = np.empty((64, len(vector)), vector.dtype)
        if len(self) == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
        self._rows[len(self)] = vector
        self._keys.append(key)

    def refused(self, vector: np.ndarray) -> Near[K] | None:
        """The nearest vector that is in, where it is too near for this one to be let in."""
        near = self.nearest(vector)
        return near if near is not None and near.score >= self.threshold else None


def signatures_of(
    texts: Sequence[str], *, permutations: int = 128, words_per_gram: int = 1, seed: int = 1
) -> np.ndarray:
    """Shape (texts, permutations): MinHash signatures of the word runs of texts; one without any is its own gram."""
    flat = pa.array([text.encode("utf-8", "replace").decode() for text in texts], pa.string())
    grams = distinct(ngrams(words(normalise(flat)), words_per_gram))
    bare = grams.counts == 0
    if bare.any():
        whole = hash_texts(flat.filter(pa.array(bare)))
        grams = grams.replaced(bare, Hashed(whole, np.arange(len(whole) + 1)))
    return band_keys(grams, bands=permutations, rows=1, seed=seed).T
