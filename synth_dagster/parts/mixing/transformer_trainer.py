"""Small transformers that stand for the one that will be trained: each mixture is really trained on, byte by byte.

A `Trainer` for searches of mixtures, beside the one that counts. It learns what stands far apart and in what order,
which counts of a few bytes do not know; it costs what it costs: some 15,000 bytes a second on one core, for every
mixture that is tried.
"""

from collections.abc import Mapping, Sequence
from math import log

import numpy as np

from synth_dagster.parts.models.student import Shape, Student
from synth_dagster.parts.models.training import Batch, Course, blocks_of, train
from synth_dagster.parts.models.vocabulary import Bytes

_ROWS = 16


class TransformerTrainer:
    """`Trainer` over texts of domains and of targets, held in memory. Equal weights give equal losses."""

    def __init__(
        self,
        domains: Mapping[str, Sequence[str]],
        targets: Mapping[str, Sequence[str]],
        *,
        trained_on: int = 200_000,
        context: int = 128,
        width: int = 64,
        seed: int = 0,
    ) -> None:
        """`trained_on` bytes are read of a mixture, in blocks of `context`; a domain without text teaches nothing."""
        symbols = Bytes().symbols
        there = {name: [symbols(text) for text in domains[name] if text] for name in sorted(domains)}
        self._blocks = {name: blocks_of(texts, context) for name, texts in there.items() if texts}
        self._targets = {name: [symbols(text) for text in texts if text] for name, texts in targets.items()}
        self._shape = Shape(Bytes().size, context=context, width=width, layers=2, heads=2)
        self._course = Course(steps=max(trained_on // (_ROWS * context), 1), rate=3e-3, seed=seed)

    def losses(self, weights: Mapping[str, float], /) -> Mapping[str, float]:
        names = [name for name in self._blocks if weights.get(name, 0.0) > 0]
        student = Student.new(self._shape, seed=self._course.seed)
        if names:
            shares = np.array([weights[name] for name in names])
            shares /= shares.sum()
            train(student, lambda rng: self._drawn(names, shares, rng), self._course)
        return {target: _bits_per_byte(student, texts) for target, texts in self._targets.items()}

    def _drawn(self, names: list[str], shares: np.ndarray, rng: np.random.Generator) -> Batch:
        """A domain for each row by its share, and any block of it."""
        domains = rng.choice(len(names), size=_ROWS, p=shares)
        blocks = [self._blocks[names[domain]] for domain in domains]
        symbols = np.stack([some[rng.integers(len(some))] for some in blocks])
        return Batch(symbols, np.ones((_ROWS, symbols.shape[1] - 1)))


def _bits_per_byte(student: Student, texts: Sequence[Sequence[int]]) -> float:
    logs = [one for text in student.log_probabilities(texts) for one in text.tolist()]
    return -sum(logs) / log(2) / len(logs) if logs else 0.0
