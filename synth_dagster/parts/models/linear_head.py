"""A linear head over vectors of texts: what a judge said of a sample is told of every text, at the price of a product.

Ridge regression with an intercept, in closed form: nothing is drawn at random, and the same texts and targets give the
same head. How strong the ridge is, is chosen by what a head says of each text that has not seen it (leave-one-out),
which has a closed form too (Allen's PRESS), so that no label is spent on a split: `Learnt.left_out` holds it, to say
how good the head is. The vectors are those of an encoder that stays as it is.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from synth_dagster.errors import MethodError, SynthError
from synth_dagster.parts.similarity.word_vectors import AT_ONCE, WordVectors
from synth_dagster.parts.tensors import packed, unpacked

VERSION = "1"  # of what is learnt from the same texts: raise it when the sums below change
Target: TypeAlias = Literal["number", "class", "shares"]


class HeadSettings(BaseModel):
    """How a head is learnt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ridges: tuple[float, ...] = Field(
        (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0),
        min_length=1,
        description="How much a weight costs: each is tried, and the one with the least error on left-out texts taken.",
    )

    def training(self) -> dict[str, object]:
        """These settings by name, without others that a method has beside them."""
        return {name: getattr(self, name) for name in HeadSettings.model_fields}


@dataclass(frozen=True)
class LinearHead:
    """A weight for each dimension and output."""

    weights: np.ndarray  # (dimensions, outputs), float32
    bias: np.ndarray  # (outputs,), float32
    ridge: float = 0.0

    def scores(self, vectors: np.ndarray) -> np.ndarray:
        """Shape (vectors, outputs)."""
        return vectors @ self.weights + self.bias


@dataclass(frozen=True)
class Learnt:
    """A head, and what heads that had not seen a text say of it: shape (texts, outputs)."""

    head: LinearHead
    left_out: np.ndarray


def learnt(vectors: np.ndarray, targets: np.ndarray, ridges: Sequence[float]) -> Learnt:
    """The ridge regression of targets (texts, outputs) on vectors (texts, dimensions). Raises MethodError for none."""
    if not len(vectors) or min(ridges, default=0) <= 0:
        raise MethodError("A head needs texts to learn from, and a ridge above 0. Give labels.")
    vectors, targets = vectors.astype(np.float64), targets.astype(np.float64)
    middle, mean = vectors.mean(axis=0), targets.mean(axis=0)
    axes, squares = _axes(vectors - middle)
    placed = (vectors - middle) @ axes
    tried = [_left_out(placed, squares, targets - mean, ridge) for ridge in ridges]
    best = min(range(len(ridges)), key=lambda place: (float((tried[place] ** 2).sum()), -ridges[place]))
    weights = axes @ ((placed.T @ (targets - mean)) / (squares + ridges[best])[:, None])
    head = LinearHead(weights.astype(np.float32), (mean - middle @ weights).astype(np.float32), ridges[best])
    return Learnt(head, targets - tried[best])


def _axes(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The principal axes (dimensions, at most texts), and the squares of the singular values; by the smaller Gram."""
    texts, dimensions = centred.shape
    if texts >= dimensions:
        squares, axes = np.linalg.eigh(centred.T @ centred)
    else:
        squares, sides = np.linalg.eigh(centred @ centred.T)
        axes = centred.T @ sides
    real = squares > max(float(squares.max(initial=0)), 1.0) * 1e-10
    axes, squares = axes[:, real], squares[real]
    return axes / np.maximum(np.linalg.norm(axes, axis=0), 1e-300), squares


def _left_out(placed: np.ndarray, squares: np.ndarray, centred: np.ndarray, ridge: float) -> np.ndarray:
    """By how much each text is missed by a head that was learnt from the others: (y - y') / (1 - h)."""
    shrunk = placed / (squares + ridge)
    leverage = (placed * shrunk).sum(axis=1) + 1 / len(placed)
    return (centred - shrunk @ (placed.T @ centred)) / np.maximum(1 - leverage, 1e-9)[:, None]


# ---------------------------------------------------------------------------------------------------- over texts


@dataclass(frozen=True)
class TextHead:
    """A head over vectors of words: learnt, kept and asked by text. `names` are those of classes, none of a number."""

    vectors: WordVectors
    head: LinearHead
    names: tuple[str, ...]
    targets: np.ndarray  # (texts, outputs): what it was learnt from
    left_out: np.ndarray  # the same, as heads say that had not seen the text

    @classmethod
    def learnt(cls, texts: pa.Array, labels: Sequence[str], target: Target, settings: HeadSettings) -> "TextHead":
        """From texts and the label of each. Raises SynthError for labels that are not of the kind."""
        names, wanted = targets_of(labels, target)
        vectors = WordVectors.learnt(texts)
        found = learnt(_in_parts(vectors, texts), wanted, settings.ridges)
        return cls(vectors, found.head, names, wanted.astype(np.float32), found.left_out.astype(np.float32))

    def scores(self, texts: pa.Array | pa.ChunkedArray) -> np.ndarray:
        """Shape (texts, outputs). A text without words has the score of a text that says nothing."""
        texts = (texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts).fill_null("")
        found = [
            self.head.scores(self.vectors.of(texts.slice(start, AT_ONCE))) for start in range(0, len(texts), AT_ONCE)
        ]
        return np.concatenate([np.zeros((0, len(self.head.bias))), *found]).round(6)

    def shares(self, texts: pa.Array | pa.ChunkedArray) -> np.ndarray:
        """Of a head over classes: shape (texts, classes), each row a distribution, the one nearest to the scores."""
        return on_the_simplex(self.scores(texts)).round(6)

    def packed(self) -> bytes:
        """As safetensors."""
        arrays = {
            "rarity": self.vectors.rarity.astype(np.float32),
            "weights": self.head.weights,
            "bias": self.head.bias,
            "targets": self.targets,
            "left_out": self.left_out,
        }
        return packed(arrays, {"names": json.dumps(self.names, ensure_ascii=False), "ridge": repr(self.head.ridge)})

    @classmethod
    def unpacked(cls, data: bytes) -> "TextHead":
        """Raises MethodError for bytes that are no such model."""
        arrays, about = unpacked(data)
        head = LinearHead(arrays["weights"], arrays["bias"], float(about["ridge"]))
        names = tuple(json.loads(about["names"]))
        return cls(WordVectors(arrays["rarity"]), head, names, arrays["targets"], arrays["left_out"])


def _in_parts(vectors: WordVectors, texts: pa.Array) -> np.ndarray:
    return np.concatenate([vectors.of(texts.slice(start, AT_ONCE)) for start in range(0, len(texts), AT_ONCE)])


def targets_of(labels: Sequence[str], target: Target) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of classes, and targets (texts, outputs): a number; a class by name; or a JSON object class -> share."""
    if target == "number":
        return (), np.array([[_number(label)] for label in labels]).reshape(len(labels), 1)
    shares = [_shares(label) if target == "shares" else {label: 1.0} for label in labels]
    names = tuple(sorted({name for one in shares for name in one}))
    return names, np.array([[one.get(name, 0.0) for name in names] for one in shares]).reshape(len(labels), len(names))


def _number(label: str) -> float:
    try:
        return float(label)
    except ValueError:
        raise SynthError(f"The label '{label[:40]}' is no number, and a score is to be learnt. Correct it.") from None


def _shares(label: str) -> Mapping[str, float]:
    try:
        found = json.loads(label)
        total = sum(map(float, found.values()))
        return {str(name): float(share) / total for name, share in found.items()}
    except (ValueError, TypeError, AttributeError, ZeroDivisionError):
        raise SynthError(f"The label '{label[:40]}' has no class -> share in JSON. Correct it.") from None


def on_the_simplex(scores: np.ndarray) -> np.ndarray:
    """Of each row the nearest one that has no part below zero and sums to 1 (Duchi et al. 2008, figure 1)."""
    if not scores.size:
        return scores
    falling = -np.sort(-scores, axis=1)
    over = np.cumsum(falling, axis=1) - 1
    ranks = np.arange(1, scores.shape[1] + 1)
    last = (falling * ranks > over).sum(axis=1)
    return np.maximum(scores - (over[np.arange(len(scores)), last - 1] / last)[:, None], 0.0)


def macro_f1(wanted: np.ndarray, said: np.ndarray) -> float:
    """The mean of F1 over the values that occur in either; 1 for nothing."""
    values = np.union1d(wanted, said)
    scores = [
        2 * ((wanted == one) & (said == one)).sum() / ((wanted == one).sum() + (said == one).sum()) for one in values
    ]
    return float(np.mean(scores)) if scores else 1.0
