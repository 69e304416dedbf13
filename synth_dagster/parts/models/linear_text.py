"""A linear classifier of texts over hashed n-grams of words, in the manner of fastText without its hidden layer.

Paper: arXiv:1607.01759. A text is the set of its runs of 1 to n words, each hashed into one of 2^bits buckets; the
score of a label is the sum of its weights over the root of their number, and softmax makes probabilities of scores.
Weights are learnt by stochastic gradient descent in small batches, with a step of its own for each weight (Adagrad)
that falls to zero, as in fastText. Nothing loops over words.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from synth_dagster.parts.tensors import packed, unpacked
from synth_dagster.parts.text.hashed_words import Hashed, ngrams, normalise, offsets_of, words

VERSION = "1"  # of what is learnt from the same texts: raise it when the sums below change
_BATCH = 32  # texts of a step
_TEXTS_AT_ONCE = 2_048  # bounds memory


class TrainingSettings(BaseModel):
    """How a classifier is learnt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ngrams: int = Field(2, ge=1, le=5, description="Longest run of words that counts as a feature.")
    bits: int = Field(20, ge=8, le=24, description="Features are hashed into 2^bits buckets.")
    epochs: int = Field(3, ge=1, le=100, description="How often each text is seen.")
    rate: float = Field(0.1, gt=0, le=10, description="How far a weight moves at first.")
    seed: int = Field(0, ge=0, description="Seed of the order in which texts are seen.")

    def training(self) -> dict[str, int | float]:
        """These settings by name, without others that a method has beside them."""
        return {name: getattr(self, name) for name in TrainingSettings.model_fields}


@dataclass(frozen=True)
class LinearText:
    """A classifier that was learnt: labels, and a weight for each bucket and label."""

    labels: tuple[str, ...]
    ngrams: int
    bits: int
    weights: np.ndarray  # (buckets, labels), float32
    bias: np.ndarray  # (labels,)

    @classmethod
    def learnt(cls, texts: pa.Array, labels: Sequence[str], settings: TrainingSettings) -> "LinearText":
        """From texts and the label of each. The same texts in the same order give the same weights."""
        names = tuple(sorted(set(labels)))
        wanted = np.searchsorted(np.array(names), np.array(labels)) if names else np.zeros(0, np.int64)
        weights, bias = _descended(features(texts, settings.ngrams, settings.bits), wanted, len(names), settings)
        return cls(names, settings.ngrams, settings.bits, weights, bias)

    def probabilities(self, texts: pa.Array | pa.ChunkedArray) -> np.ndarray:
        """Shape (texts, labels), each row sums to 1. A text without words has the shares of the training texts."""
        texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
        parts = [np.zeros((0, len(self.labels)))]
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            found = features(texts.slice(start, _TEXTS_AT_ONCE), self.ngrams, self.bits)
            parts.append(_softmax(_scores(found, self.weights, self.bias)))
        return np.concatenate(parts).round(6)

    def packed(self) -> bytes:
        """As safetensors; only the buckets that were learnt."""
        used = np.flatnonzero(self.weights.any(axis=1)).astype(np.uint32)
        arrays = {"buckets": used, "weights": self.weights[used], "bias": self.bias}
        return packed(arrays, {"labels": "\n".join(self.labels), "ngrams": str(self.ngrams), "bits": str(self.bits)})

    @classmethod
    def unpacked(cls, data: bytes) -> "LinearText":
        """Raises MethodError for bytes that are no such model."""
        arrays, about = unpacked(data)
        labels, bits = tuple(about["labels"].split("\n")), int(about["bits"])
        weights = np.zeros((1 << bits, len(labels)), np.float32)
        weights[arrays["buckets"]] = arrays["weights"]
        return cls(labels, int(about["ngrams"]), bits, weights, arrays["bias"])


def features(texts: pa.Array, longest: int, bits: int) -> Hashed:
    """The buckets of each text's runs of 1 to `longest` words."""
    single = words(normalise(texts))
    runs = [single, *(ngrams(single, n) for n in range(2, longest + 1))]
    counts = np.sum([run.counts for run in runs], axis=0)
    owners = np.concatenate([run.owners for run in runs])
    order = np.argsort(owners, kind="stable")
    hashes = np.concatenate([run.hashes + np.uint64(n) for n, run in enumerate(runs)])[order]
    return Hashed((hashes >> np.uint64(64 - bits)).astype(np.int64), offsets_of(counts))


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """How often a positive has a higher score than a negative; half for equal scores."""
    order = np.argsort(scores, kind="stable")
    _, first, counts = np.unique(scores[order], return_index=True, return_counts=True)
    ranks = np.empty(len(scores))
    ranks[order] = np.repeat(first + (counts + 1) / 2, counts)
    good, bad = int(positive.sum()), int((~positive).sum())
    return float((ranks[positive].sum() - good * (good + 1) / 2) / (good * bad))


def _descended(
    found: Hashed, wanted: np.ndarray, labels: int, settings: TrainingSettings
) -> tuple[np.ndarray, np.ndarray]:
    weights, seen = (
        np.zeros((1 << settings.bits, labels), np.float32),
        np.full((1 << settings.bits, labels), 1e-8, np.float32),
    )
    shares = np.bincount(wanted, minlength=labels) / max(len(wanted), 1)
    bias = np.log(np.maximum(shares, 1e-6)).astype(np.float32)
    for rate, chosen in _batches(len(found), settings):
        part = found.take(chosen)
        error = _softmax(_scores(part, weights, bias))
        error[np.arange(len(chosen)), wanted[chosen]] -= 1
        buckets, place = np.unique(part.hashes, return_inverse=True)
        spread = (error / np.sqrt(np.maximum(part.counts, 1))[:, None])[part.owners]
        slope = _summed(place, spread, len(buckets)).astype(np.float32)
        seen[buckets] += slope**2
        weights[buckets] -= np.float32(rate) * slope / np.sqrt(seen[buckets])
    return weights, bias


def _batches(texts: int, settings: TrainingSettings) -> Iterator[tuple[float, np.ndarray]]:
    """The texts of each step, in another order in each epoch, and the rate, which falls to zero."""
    rng = np.random.Generator(np.random.PCG64(settings.seed))
    for epoch in range(settings.epochs):
        order = rng.permutation(texts)
        for start in range(0, texts, _BATCH):
            done = (epoch + start / texts) / settings.epochs
            yield settings.rate * (1 - done), order[start : start + _BATCH]


def _scores(found: Hashed, weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
    total = _summed(found.owners, weights[found.hashes], len(found))
    return bias + total / np.sqrt(np.maximum(found.counts, 1))[:, None]


def _summed(owners: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    """The sums of rows with the same owner."""
    columns = [np.bincount(owners, column, size) for column in values.T]
    return np.stack(columns, axis=1) if columns else np.zeros((size, 0))


def _softmax(scores: np.ndarray) -> np.ndarray:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
    return raised / raised.sum(axis=1, keepdims=True)
