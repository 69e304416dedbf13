"""A small language model of words, counted and not trained: how well other texts foretell a text, in bits per byte.

Runs of one to n words are counted by their hash; the chance of a word after others is that of its run, smoothed by the
chance after one word less (Dirichlet smoothing, MacKay and Peto 1995), and at last by equal chances for all words.
Counts add up: a model goes on learning at the price of the new texts alone.
"""

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.parts.text.hashed_words import Hashed, normalise, words

VOCABULARY = 1 << 20  # words that might come where nothing is known
STRENGTH = 4.0  # occurrences that the chance after one word less counts for
_BEGIN = np.uint64(0x9AE16A3B2F90404F)  # what stands before the first words of a text
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Counts:
    """How often each hash occurred; hashes ascend."""

    hashes: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, hashes: np.ndarray, values: np.ndarray | None = None) -> "Counts":
        different, places = np.unique(hashes, return_inverse=True)
        return cls(different, np.bincount(places, values, len(different)))

    def at(self, hashes: np.ndarray) -> np.ndarray:
        """The count of each of these, 0 for one that did not occur."""
        if not len(self.hashes):
            return np.zeros(len(hashes))
        place = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
        return np.where(self.hashes[place] == hashes, self.values[place], 0.0)

    def plus(self, other: "Counts") -> "Counts":
        hashes, values = ((getattr(self, name), getattr(other, name)) for name in ("hashes", "values"))
        return Counts.of(np.concatenate(hashes), np.concatenate(values))


@dataclass(frozen=True)
class NgramLM:
    """Counts of the runs of 1 to n words, and of what stands before their last word."""

    runs: tuple[Counts, ...]
    contexts: tuple[Counts, ...]
    tokens: int  # words that it has read

    @classmethod
    def learnt(cls, texts: pa.Array, order: int = 3) -> "NgramLM":
        read = _read(_words(texts), order)
        return cls(
            tuple(Counts.of(run) for run, _ in read), tuple(Counts.of(before) for _, before in read), len(read[0][0])
        )

    def gone_on(self, texts: pa.Array) -> "NgramLM":
        """The model after it has read these texts, too."""
        more = NgramLM.learnt(texts, len(self.runs))
        return NgramLM(
            tuple(one.plus(other) for one, other in zip(self.runs, more.runs, strict=True)),
            tuple(one.plus(other) for one, other in zip(self.contexts, more.contexts, strict=True)),
            self.tokens + more.tokens,
        )

    def bits(self, texts: pa.Array) -> np.ndarray:
        """The information in each text, in bits: what it takes to foretell its words one after the other."""
        pieces = _words(texts)
        chance = np.full(len(pieces.hashes), 1 / VOCABULARY)
        for (run, before), runs, contexts in zip(_read(pieces, len(self.runs)), self.runs, self.contexts, strict=True):
            chance = (runs.at(run) + STRENGTH * chance) / (contexts.at(before) + STRENGTH)
        return np.bincount(pieces.owners, -np.log2(chance), len(texts))

    def bits_per_byte(self, texts: pa.Array) -> float:
        """Over all texts together; lower is better. 0 for no text."""
        size = pc.sum(pc.binary_length(texts.cast(pa.binary()))).as_py() or 0
        return float(self.bits(texts).sum() / size) if size else 0.0


def _words(texts: pa.Array) -> Hashed:
    return words(normalise(texts))


def _read(pieces: Hashed, order: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """For runs of 1, 2, ... words the hash of the run that ends with each word, and of what stands before the word."""
    found = []
    before = np.zeros(len(pieces.hashes), np.uint64)
    for n in range(1, order + 1):
        salted = before * _FACTOR + np.uint64(n)
        found.append((pieces.hashes ^ salted * _FACTOR, salted))
        # the context of n words: that of n - 1 and the word n places back, a mark where the text has not begun
        back = np.full(len(pieces.hashes), _BEGIN)
        back[n:] = pieces.hashes[:-n] if n else pieces.hashes
        before = before * _FACTOR + np.where(pieces.places >= n, back, _BEGIN)
    return found
