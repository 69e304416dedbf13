"""A student as a prior: how probable the words of a text were to it, and what else could have stood there."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from synth_dagster.parts.models.priors import Candidates
from synth_dagster.parts.models.student import Student
from synth_dagster.parts.models.vocabulary import Words, pieces_of


@dataclass(frozen=True)
class StudentPrior:
    """`Prior` over words. A word that the student does not know has the probability of all such words together."""

    student: Student
    words: Words

    @cached_property
    def name(self) -> str:
        return f"student-{hashlib.sha256(self.student.packed(words=self.words.packed())).hexdigest()[:16]}"

    def tokens(self, text: str) -> list[str]:
        return pieces_of(text)

    def probabilities(self, tokens: Sequence[str]) -> np.ndarray:
        return np.exp(self.student.log_probabilities([self._symbols(tokens)])[0])

    def likeliest(self, tokens: Sequence[str], places: Sequence[int], most: int) -> list[Candidates]:
        """Of the words that it knows: neither the end of a text nor the symbol for all others."""
        logs = self.student.distributions(self._symbols(tokens))[list(places), 2:].astype(float)
        best = np.argsort(-logs, axis=1, kind="stable")[:, :most]
        return [
            Candidates([self.words.words[place] for place in row], one[row])
            for row, one in zip(best, logs, strict=True)
        ]

    def _symbols(self, tokens: Sequence[str]) -> list[int]:
        return [self.words.symbol(token) for token in tokens]
