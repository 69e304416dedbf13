"""A linear head over vectors of texts: what a judge said of a sample is told of every text, at the price of a product.

Ridge regression with an intercept, in closed form: nothing is drawn at random, and the same texts and targets give the
same head. How strong the ridge is, is chosen by what a head says of each text that has not seen it (leave-one-out),
which has a closed form too (Allen's PRESS), so that no label is spent on a split: `Learnt.left_out` holds it, to say
how good the head is. The vectors are those of an encoder that stays as it is.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from synth_dagster.errors import MethodError, SynthError
from synth_dagster.parts.similarity.word_vectors import AT_ONCE, WordVectors
from synth_dagster.parts.tensors import packed, unpacked
from synth_dagster.services import Vectors

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
    """A head over vectors of texts: learnt, kept and asked by text. `names` are those of classes, none of a number.

    The vectors are those of words, or of a model: then `model` names it, and the head is asked with that model's alone.
    """

    vectors: "Encoder"
    head: LinearHead
    names: tuple[str, ...]
    targets: np.ndarray  # (texts, outputs): what it was learnt from
    left_out: np.ndarray  # the same, as heads say that had not seen the text
    model: str = ""

    @classmethod
    def learnt(cls, texts: pa.Array, labels: Sequence[str], target: Target, settings: HeadSettings) -> "TextHead":
        """Over words, from texts and the label of each. Raises SynthError for labels that are not of the kind."""
        vectors = WordVectors.learnt(texts)
        return cls._learnt(vectors, _in_parts(vectors, texts), labels, target, settings)

    @classmethod
    def over(
        cls, model: str, given: np.ndarray, labels: Sequence[str], target: Target, settings: HeadSettings
    ) -> "TextHead":
        """Over vectors of a model, shape (texts, dimensions). It is to be packed, and asked once it is unpacked."""
        return cls._learnt(_Nobody(), given, labels, target, settings, model)

    @classmethod
    def _learnt(
        cls,
        vectors: "Encoder",
        given: np.ndarray,
        labels: Sequence[str],
        target: Target,
        settings: HeadSettings,
        model: str = "",
    ) -> "TextHead":
        names, wanted = targets_of(labels, target)
        found = learnt(given, wanted, settings.ridges)
        targets, left_out = wanted.astype(np.float32), found.left_out.astype(np.float32)
        return cls(vectors, found.head, names, targets, left_out, model)

    def scores(self, texts: pa.Array | pa.ChunkedArray) -> np.ndarray:
        """Shape (texts, outputs). A text without words has the score of a text that says nothing.

        Of a head over a model's vectors, nan for a text that has none. Raises SynthError for vectors of other length.
        """
        texts = (texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts).fill_null("")
        found = [self._scores(self.vectors.of(texts.slice(start, AT_ONCE))) for start in range(0, len(texts), AT_ONCE)]
        return np.concatenate([np.zeros((0, len(self.head.bias))), *found]).round(6)

    def _scores(self, vectors: np.ndarray) -> np.ndarray:
        there = ~np.isnan(vectors[:, 0])
        found = np.full((len(vectors), len(self.head.bias)), np.nan)
        if there.any():
            self._check(vectors.shape[1])
            found[there] = self.head.scores(vectors[there])
        return found

    def _check(self, length: int) -> None:
        if length != len(self.head.weights):
            raise SynthError(
                f"The head was learnt over vectors of {len(self.head.weights)} numbers of '{self.model}', and those of "
                f"the texts have {length}. Set 'revision' of the role 'embedder', so that all texts are embedded anew."
            )

    def shares(self, texts: pa.Array | pa.ChunkedArray) -> np.ndarray:
        """Of a head over classes: shape (texts, classes), each row a distribution, the one nearest to the scores."""
        return on_the_simplex(self.scores(texts)).round(6)

    def packed(self) -> bytes:
        """As safetensors."""
        of_words = {"rarity": self.vectors.rarity.astype(np.float32)} if isinstance(self.vectors, WordVectors) else {}
        arrays = {
            **of_words,
            "weights": self.head.weights,
            "bias": self.head.bias,
            "targets": self.targets,
            "left_out": self.left_out,
        }
        about = {"names": json.dumps(self.names, ensure_ascii=False), "ridge": repr(self.head.ridge)}
        return packed(arrays, {**about, "model": self.model} if self.model else about)

    @classmethod
    def unpacked(cls, data: bytes, known: Vectors | None = None) -> "TextHead":
        """`known` are the vectors of the model that it was learnt over; without them it is one over words.

        Raises MethodError for bytes that are no such model, SynthError where it was learnt over another's vectors.
        """
        arrays, about = unpacked(data)
        head = LinearHead(arrays["weights"], arrays["bias"], float(about["ridge"]))
        names, model, given = tuple(json.loads(about["names"])), about.get("model", ""), known.model if known else ""
        if model != given:
            raise SynthError(
                f"The head was learnt over vectors of {_whose(model)}, and the texts have those of {_whose(given)}. "
                "Learn it again from the labels, or go by the same vectors."
            )
        vectors = known or WordVectors(arrays["rarity"])
        return cls(vectors, head, names, arrays["targets"], arrays["left_out"], model)


class Encoder(Protocol):
    """What makes vectors of texts: shape (len(texts), dimensions)."""

    def of(self, texts: pa.Array, /) -> np.ndarray: ...


class _Nobody:
    """Of a head that was learnt and is not yet asked."""

    def of(self, texts: pa.Array, /) -> np.ndarray:
        raise MethodError("A head over a model's vectors is asked once it was packed, and unpacked with these vectors.")


def _whose(model: str) -> str:
    return f"'{model}'" if model else "words"


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
