"""How a student learns: texts packed into blocks, an objective with its gradient, and Adam.

Packing and replay are those of synthetic continued pretraining (arXiv:2409.07431): texts one after the other with an
end between them, cut into blocks of one length, and at each place of a batch a block of other texts with some chance.
Adam with decoupled decay (arXiv:1711.05101), a rate that warms up and falls as a cosine, and a bound on the length of
the gradient. Low-rank tuning is that of LoRA (arXiv:2106.09685).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import cos, pi
from typing import Protocol

import numpy as np

from synth_dagster.errors import MethodError
from synth_dagster.parts.models.layers import log_softmax
from synth_dagster.parts.models.student import Student, Weights

EPSILON = 1e-8
_BETAS = (0.9, 0.98)
_AT_ONCE = 128  # texts whose verdict is asked together


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one length. `weights` says how much each symbol counts: 0 for what is given and not to be learnt."""

    symbols: np.ndarray  # (rows, length + 1): each is foretold from those before it
    weights: np.ndarray  # (rows, length)
    labels: np.ndarray | None = None  # (rows,), for an objective that judges rows


class Objective(Protocol):
    """What is minimised."""

    def __call__(self, student: Student, batch: Batch, /) -> tuple[float, Weights]:
        """The loss, and its gradient by each weight that it depends on."""
        ...


@dataclass(frozen=True, slots=True)
class Course:
    """How long and how fast it learns."""

    steps: int
    rate: float = 3e-3
    warm_up: float = 0.05  # share of the steps
    decay: float = 0.01
    longest: float = 1.0  # of the gradient
    seed: int = 0

    def rate_at(self, step: int) -> float:
        """Rises over the first steps, then falls as half a cosine to a tenth."""
        rising = max(self.warm_up * self.steps, 1)
        if step < rising:
            return self.rate * (step + 1) / rising
        return self.rate * (0.55 + 0.45 * cos(pi * (step - rising) / max(self.steps - rising, 1)))


def next_symbol(student: Student, batch: Batch, /) -> tuple[float, Weights]:
    """Cross-entropy of the next symbol in nats, a weighted mean over all places that count."""
    hidden, tape = student.hidden(batch.symbols[:, :-1])
    asked = np.flatnonzero(batch.weights)
    if not len(asked):
        raise MethodError("A batch has nothing to learn: all its weights are 0. Give a text that counts.")
    right, table = batch.symbols[:, 1:].ravel()[asked], student.weights["written"]
    share = (batch.weights.ravel()[asked] / batch.weights.sum()).astype(hidden.dtype)
    logs, places = log_softmax(hidden[asked] @ table.T), np.arange(len(asked))
    loss = -float(logs[places, right] @ share)
    slope = np.exp(logs)
    slope[places, right] -= 1
    slope *= share[:, None]
    by_hidden = np.zeros_like(hidden)
    by_hidden[asked] = slope @ table
    gradient = student.back(tape, by_hidden)
    gradient["written"] = slope.T @ hidden[asked]
    return loss, gradient


def with_verdict(student: Student) -> Student:
    """The same body with a head that gives each place one number, as a verifier has it: `right_or_wrong` trains it."""
    judge = student.copy()
    width, dtype = student.shape.width, student.weights["norm"].dtype
    judge.weights |= {"verdict": np.zeros(width, dtype), "verdict.bias": np.zeros(1, dtype)}
    return judge


def right_or_wrong(student: Student, batch: Batch, /) -> tuple[float, Weights]:
    """Cross-entropy of the row's label, 0 or 1, asked at every place that counts (arXiv:2312.09241, section 4)."""
    if batch.labels is None:
        raise MethodError("A batch has no labels, so there is no verdict to learn. Give each row 0 or 1.")
    hidden, tape = student.hidden(batch.symbols[:, :-1])
    share = (batch.weights / batch.weights.sum()).ravel().astype(hidden.dtype)
    labels = np.repeat(batch.labels, batch.weights.shape[1]).astype(hidden.dtype)
    scores = hidden @ student.weights["verdict"] + student.weights["verdict.bias"]
    loss = float(share @ (np.logaddexp(0, scores) - labels * scores))
    slope = share * (1 / (1 + np.exp(-scores)) - labels)
    gradient = student.back(tape, np.outer(slope, student.weights["verdict"]))
    return loss, gradient | {"verdict": hidden.T @ slope, "verdict.bias": slope.sum(keepdims=True)}


def verdicts(judge: Student, texts: Sequence[Sequence[int]]) -> np.ndarray:
    """What the head says of each text at its last symbol, as a probability of being right."""
    found, lengths = np.zeros(len(texts)), np.array([len(text) for text in texts], np.int64)
    for length in np.unique(lengths):
        alike = np.flatnonzero(lengths == length)
        for first in range(0, len(alike), _AT_ONCE):
            places = alike[first : first + _AT_ONCE]
            hidden, _ = judge.hidden(np.array([[0, *texts[place]] for place in places], np.int64))
            last = hidden.reshape(len(places), length + 1, -1)[:, -1]
            found[places] = last @ judge.weights["verdict"] + judge.weights["verdict.bias"][0]
    return 1 / (1 + np.exp(-found))


def blocks_of(texts: Sequence[Sequence[int]], length: int) -> np.ndarray:
    """Texts one after the other, an end before each, cut into (blocks, length + 1), filled from the front."""
    line = [symbol for text in texts for symbol in (0, *text)]
    if not line:
        raise MethodError("There is nothing to learn: no text was given. Give some.")
    count = max(-(-(len(line) - 1) // length), 1)
    whole = np.resize(np.array(line, np.int64), count * length + 1)
    return np.lib.stride_tricks.sliding_window_view(whole, length + 1)[::length].copy()


def packed_batches(
    blocks: np.ndarray, rows: int, *, replay: np.ndarray | None = None, share: float = 0.0
) -> Callable[[np.random.Generator], Batch]:
    """Batches of blocks, each seen once before any comes again; at each place a block of `replay` with that chance."""
    waiting: list[int] = []

    def draw(rng: np.random.Generator) -> Batch:
        while len(waiting) < rows:
            waiting.extend(rng.permutation(len(blocks)).tolist())
        symbols = blocks[[waiting.pop(0) for _ in range(rows)]]
        if replay is not None:
            again = np.flatnonzero(rng.random(rows) < share)
            symbols[again] = replay[rng.integers(len(replay), size=len(again))]
        return Batch(symbols, np.ones((rows, symbols.shape[1] - 1)))

    return draw


def rows_of(pairs: Sequence[tuple[Sequence[int], Sequence[int]]], labels: Sequence[float] | None = None) -> Batch:
    """Questions with their answers, one a row, an end before and after; only the answers count."""
    length = max(len(given) + len(answer) for given, answer in pairs) + 1
    symbols, weights = np.zeros((len(pairs), length + 1), np.int64), np.zeros((len(pairs), length))
    for row, (given, answer) in enumerate(pairs):
        end = len(given) + len(answer)
        symbols[row, 1 : end + 1] = [*given, *answer]
        weights[row, len(given) : end + 1] = 1
    return Batch(symbols, weights, None if labels is None else np.array(labels, float))


class LowRank:
    """Trains two thin matrices beside each of some weights, and leaves what was learnt before as it is."""

    def __init__(self, student: Student, rank: int, *, of: Sequence[str] = ("asked", "told"), seed: int = 0) -> None:
        rng = np.random.default_rng([seed, 1])
        self._base = {n: w.copy() for n, w in student.weights.items() if n.rpartition(".")[2] in of}
        self.weights: Weights = {}
        for name, array in self._base.items():
            first = rng.standard_normal((array.shape[0], rank)) * array.shape[0] ** -0.5
            self.weights[f"{name}/in"] = first.astype(array.dtype)
            self.weights[f"{name}/out"] = np.zeros((rank, array.shape[1]), array.dtype)

    def gradient(self, whole: Weights) -> Weights:
        """By the thin matrices, from the gradient by the weights that they change."""
        found: Weights = {}
        for name in self._base:
            found[f"{name}/in"] = whole[name] @ self.weights[f"{name}/out"].T
            found[f"{name}/out"] = self.weights[f"{name}/in"].T @ whole[name]
        return found

    def apply(self, student: Student) -> None:
        for name, array in self._base.items():
            student.weights[name][...] = array + self.weights[f"{name}/in"] @ self.weights[f"{name}/out"]


def train(
    student: Student,
    batches: Callable[[np.random.Generator], Batch],
    course: Course,
    *,
    objective: Objective = next_symbol,
    low_rank: LowRank | None = None,
) -> list[float]:
    """Changes the student's weights, or the low-rank ones beside them. Returns the loss of each step."""
    rng, losses = np.random.default_rng([course.seed, 2]), list[float]()
    adam = Adam(low_rank.weights if low_rank else student.weights, course)
    for step in range(course.steps):
        loss, gradient = objective(student, batches(rng))
        if not np.isfinite(loss):
            raise MethodError(f"A student's loss became {loss} in step {step}. Lower the rate, now {course.rate}.")
        adam.step(low_rank.gradient(gradient) if low_rank else gradient, course.rate_at(step))
        if low_rank:
            low_rank.apply(student)
        losses.append(loss)
    return losses


class Adam:
    """Moves weights, in place, against a mean of their last gradients over the root of a mean of their squares."""

    def __init__(self, weights: Weights, course: Course) -> None:
        self._weights, self._course, self._steps = weights, course, 0
        self._means = {name: np.zeros_like(array) for name, array in weights.items()}
        self._squares = {name: np.zeros_like(array) for name, array in weights.items()}

    def step(self, gradient: Weights, rate: float) -> None:
        self._steps += 1
        length = sum(float(np.vdot(one, one)) for one in gradient.values()) ** 0.5
        scale = min(1.0, self._course.longest / max(length, EPSILON))
        first, second = _BETAS
        even = (1 - second**self._steps) ** 0.5 / (1 - first**self._steps)  # the means begin at zero
        for name, slope in gradient.items():
            mean, square, weight = self._means[name], self._squares[name], self._weights[name]
            mean *= first
            mean += (1 - first) * scale * slope
            square *= second
            square += (1 - second) * scale**2 * slope**2
            if weight.ndim == 2:
                weight *= 1 - rate * self._course.decay
            weight -= rate * even * mean / (np.sqrt(square) + EPSILON)
