"""Vectors of texts by their words, their stems and the pieces of their words: near where two texts say it alike.

Each text becomes counts of hashed features with signs (arXiv:0902.2206), weighed by how rare a feature is among the
texts that the weights were learnt from. A vector depends on its own text and on those, on no text beside it, so a
record's neighbours never change what is found about it. It sees other word order, inflection and some other words; it
does not see that two sentences without a word in common mean the same.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.parts.mathematics.kept_numbers import numbers_in, shared_numbers
from synth_dagster.parts.text.hashed_words import Hashed, characters, ngrams, normalise, words

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

DIMENSIONS = 4_096
STEM = 5  # first letters of a word, which its inflections share
PIECE = 4  # characters
AT_ONCE = 512  # texts, which bounds the memory
PIECES_WEIGH = 0.5  # of what words and stems weigh
FAR = 0.1  # a likeness that numbers do not make a near one
SAME_NUMBERS = 0.75  # of all numbers of two texts
WITH_NUMBERS = 0.7  # what is as like with the same numbers as 1 is without them


@dataclass(frozen=True, slots=True)
class WordVectors:
    """The weight of each dimension, learnt from some texts."""

    rarity: np.ndarray

    @classmethod
    def learnt(cls, texts: pa.Array) -> "WordVectors":
        return cls.learnt_of(texts.slice(start, AT_ONCE) for start in range(0, len(texts), AT_ONCE))

    @classmethod
    def learnt_of(cls, slices: Iterable[pa.Array]) -> "WordVectors":
        """Weights as in TF-IDF: log((1 + texts) / (1 + texts with it)) + 1."""
        texts, holders = 0, np.zeros(DIMENSIONS, np.int64)
        for some in slices:
            texts, holders = texts + len(some), holders + (_counts(some) != 0).sum(axis=0)
        return cls((np.log((1 + texts) / (1 + holders)) + 1).astype(np.float32))

    def of(self, texts: pa.Array) -> np.ndarray:
        """Shape (len(texts), 4,096), float32, rows of unit length; of a text without words all zero."""
        counts = _counts(texts)
        weighed = np.sign(counts) * np.log1p(np.abs(counts)) * self.rarity
        lengths = np.linalg.norm(weighed, axis=1, keepdims=True)
        return (weighed / np.where(lengths > 0, lengths, 1)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Meanings:
    """The vectors of benchmark items; an item too short to be evidence has none and is like nothing."""

    weights: WordVectors
    items: np.ndarray
    numbers: tuple[frozenset[str], ...]

    @classmethod
    def of(cls, items: Sequence[str], min_item_words: int = 4) -> "Meanings":
        texts = pa.array(items, pa.string())
        weights = WordVectors.learnt(texts)
        vectors = weights.of(texts)
        vectors[words(normalise(texts)).counts < min_item_words] = 0
        return cls(weights, vectors, tuple(map(numbers_in, items)))

    def nearest(self, texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """The item that each text is most like, the first of equals, and how much.

        A text with the item's numbers is more like it than its words say: 0.35 counts as 0.5. So, of 100 questions that
        we retold, 93 are found and not 38; of 6,642 problems of GSM8K 1.36 % and not 1.32 % are like one of 831 others.
        """
        found = [self.weights.of(texts.slice(start, AT_ONCE)) @ self.items.T for start in range(0, len(texts), AT_ONCE)]
        item = np.concatenate([np.zeros(0, np.int64), *(one.argmax(axis=1) for one in found)])
        likeness = np.concatenate([np.zeros(0), *(one.max(axis=1).astype(float) for one in found)])
        return item, self._by_numbers(texts, item, likeness).round(6)

    def _by_numbers(self, texts: pa.Array, item: np.ndarray, likeness: np.ndarray) -> np.ndarray:
        near = np.flatnonzero(likeness > FAR)
        shared = shared_numbers(texts.take(pa.array(near)).to_pylist(), [self.numbers[n] for n in item[near]])
        raised = likeness.copy()
        raised[near] = np.where(shared >= SAME_NUMBERS, np.minimum(likeness[near] / WITH_NUMBERS, 1), likeness[near])
        return raised


def _counts(texts: pa.Array) -> np.ndarray:
    """How often the features of each dimension stand in each text, each with its sign."""
    plain = normalise(texts)
    found = np.zeros((len(texts), DIMENSIONS), np.float32)
    _add(found, words(plain), 1.0)
    _add(found, words(pc.replace_substring_regex(plain, rf"(\pL{{{STEM}}})\pL+", r"\1")), 1.0)
    _add(found, ngrams(characters(plain), PIECE), PIECES_WEIGH)
    return found


def _add(found: np.ndarray, features: Hashed, weight: float) -> None:
    column = (features.hashes % np.uint64(DIMENSIONS)).astype(np.int64)
    signs = np.where(features.hashes >> np.uint64(63), weight, -weight)
    cells = features.owners * DIMENSIONS + column
    found += np.bincount(cells, signs, minlength=found.size).reshape(found.shape).astype(np.float32)
