"""An attack on facts that were left out: whoever knows the rest of a text looks for the fact in the nearest records.

Some texts are behind the set and some are not. Those that are not say what is guessed without it, so the gain is what
the set gives away about its own texts: (p - q) / (1 - q), as in Anonymeter (arXiv:2211.10459).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from synth_dagster.parts.similarity.closest import sampled
from synth_dagster.parts.similarity.word_vectors import AT_ONCE, WordVectors
from synth_dagster.parts.text.hashed_words import normalise

NEAREST = 3  # records that an attacker reads
_RECORDS = 5_000
_SURE = 1.96


@dataclass(frozen=True, slots=True)
class Attack:
    """What is known of a text, the fact that is not, and whether the text is behind the set."""

    text: str
    value: str
    seen: bool


@dataclass(frozen=True, slots=True)
class Attacked:
    """How many facts there were, and the share that was found."""

    seen: int
    unseen: int
    right: float
    by_chance: float

    @property
    def gain(self) -> float:
        return (self.right - self.by_chance) / (1 - self.by_chance) if self.by_chance < 1 else 0.0

    @property
    def surely(self) -> float:
        """The lower end of the difference's 95 % interval; what few facts show is not certain."""
        if not self.seen or not self.unseen:
            return 0.0
        shares = ((self.right, self.seen), (self.by_chance, self.unseen))
        # a share of 0 or 1 is as uncertain as one of half a fact more or less
        kept = [(min(max(share, 0.5 / count), 1 - 0.5 / count), count) for share, count in shares]
        error = np.sqrt(sum(share * (1 - share) / count for share, count in kept))
        return float(self.right - self.by_chance - _SURE * error)


def attacked(facts: Sequence[Attack], records: pa.Array) -> Attacked:
    """Guess each fact: of all values, the one that the nearest record with any of them has."""
    records = records.take(pa.array(sampled(records, _RECORDS)))
    guesses = _guessed(facts, records) if len(records) else [""] * len(facts)
    right = np.array([guess == _plain(fact.value) for guess, fact in zip(guesses, facts, strict=True)], bool)
    seen = np.array([fact.seen for fact in facts], bool)
    return Attacked(int(seen.sum()), int((~seen).sum()), _share(right[seen]), _share(right[~seen]))


def _guessed(facts: Sequence[Attack], records: pa.Array) -> list[str]:
    weights = WordVectors.learnt(records)
    there = weights.of(records)
    words = [f" {text} " for text in normalise(records).to_pylist()]
    values = sorted({_plain(fact.value) for fact in facts})
    known = pa.array([fact.text for fact in facts], pa.string())
    guesses: list[str] = []
    for start in range(0, len(facts), AT_ONCE):
        likeness = weights.of(known.slice(start, AT_ONCE)) @ there.T
        nearest = np.argsort(-likeness.round(5), axis=1, kind="stable")[:, :NEAREST]
        guesses += [_first_value([words[place] for place in row], values) for row in nearest.tolist()]
    return guesses


def _first_value(texts: Sequence[str], values: Sequence[str]) -> str:
    """The value that stands in the first text with any, the one that stands first in it."""
    for text in texts:
        found = [(place, value) for value in values if (place := text.find(f" {value} ")) >= 0]
        if found:
            return min(found)[1]
    return ""


def _plain(value: str) -> str:
    return normalise(pa.array([value], pa.string()))[0].as_py()


def _share(right: np.ndarray) -> float:
    return float(right.mean()) if len(right) else 0.0
