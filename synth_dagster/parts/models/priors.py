"""What a method may ask of a language model that reads a text once: how probable its tokens were, and what else was.

A prior is no teacher: it writes nothing, and its numbers are those of one pass over a text that is there. The one that
comes with the project counts n-grams (`parts.ngram_prior`); a larger one only has to answer these three questions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True, slots=True)
class Candidates:
    """The likeliest tokens of a place, the first the likeliest, with their log-probabilities."""

    tokens: Sequence[str]
    log_probabilities: np.ndarray


class Prior(Protocol):
    """A language model as a judge of texts that are there."""

    @property
    def name(self) -> str:
        """Which model it is: equal names, equal numbers."""
        ...

    def tokens(self, text: str) -> list[str]:
        """The text in pieces; joined they are the text again, letter by letter."""
        ...

    def probabilities(self, tokens: Sequence[str]) -> np.ndarray:
        """Of each token its probability after those before it: shape (len(tokens),), float64."""
        ...

    def likeliest(self, tokens: Sequence[str], places: Sequence[int], most: int) -> Sequence[Candidates]:
        """What could stand at each of these places after the tokens before it: at most so many."""
        ...
