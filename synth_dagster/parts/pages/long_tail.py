"""What a set of labelled records misses: unseen cells, cells below a floor, and labels that a classifier got wrong.

Good-Turing's missing mass, Chao's lower bound on the number of cells and the effective number exp(H) say how much was
never seen; the inverse of a classifier's confusion says how much of what it calls rare is. (A classifier that is wrong
once in a thousand times finds a language of one text in ten thousand ten times as often as it is there.)
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_WORST_CONDITION = 1e6  # of a confusion beyond which its inverse says more of rounding than of the texts
_ROUNDS = 2_000
_STILL = 1e-12


def missing_mass(counts: Iterable[int]) -> float | None:
    """Good-Turing: the chance that the next record is of a cell that was not seen; None without records."""
    seen = [count for count in counts if count > 0]
    return sum(count == 1 for count in seen) / sum(seen) if seen else None


def chao1(counts: Iterable[int]) -> float:
    """At least so many cells there are, seen or not: S + f1^2 / (2 f2), without pairs S + f1 (f1 - 1) / 2."""
    times = Counter(count for count in counts if count > 0)
    once, twice = times[1], times[2]
    return times.total() + (once**2 / (2 * twice) if twice else once * (once - 1) / 2)


def effective_number(counts: Iterable[float]) -> float | None:
    """exp of the entropy: so many equally large cells are as varied; None without records."""
    known = np.array([count for count in counts if count > 0], float)
    shares = known / known.sum() if len(known) else known
    return float(np.exp(-(shares * np.log(shares)).sum())) if len(known) else None


def tail_recall(counts: Mapping[str, float], reference: Mapping[str, float], tail: float, at_least: int) -> float:
    """Of the rarest cells of the reference, this share of them and at least one, how many occur so often."""
    rarest = sorted(reference, key=lambda cell: (reference[cell], cell))[: max(1, round(tail * len(reference)))]
    return sum(counts.get(cell, 0) >= at_least for cell in rarest) / len(rarest)


@dataclass(frozen=True, slots=True)
class Gap:
    """A cell below the floor: how many records it has, how many are missing."""

    cell: str
    records: float
    missing: float


def backlog(counts: Mapping[str, float], floor: int, cells: Iterable[str] = ()) -> list[Gap]:
    """The cells, seen or only expected, that hold fewer records than the floor, what misses most first."""
    found = [Gap(cell, counts.get(cell, 0), floor - counts.get(cell, 0)) for cell in {*counts, *cells}]
    return sorted((gap for gap in found if gap.missing > 0), key=lambda gap: (-gap.missing, gap.cell))


@dataclass(frozen=True, slots=True)
class Confusion:
    """What a classifier says of texts whose label is known: a row a label, the shares of what it said."""

    labels: tuple[str, ...]
    shares: np.ndarray  # (labels, labels and one more for all else), rows sum to 1

    @classmethod
    def of(cls, labels: Sequence[str], said: Sequence[str]) -> "Confusion":
        names = tuple(sorted(set(labels)))
        place = {name: number for number, name in enumerate(names)}
        counts = np.zeros((len(names), len(names) + 1))
        for label, called in zip(labels, said, strict=True):
            counts[place[label], place.get(called, len(names))] += 1
        return cls(names, counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))

    def corrected(self, counts: Mapping[str, float]) -> dict[str, float]:
        """How many records of each label there are, as far as the counts of what was said of them tell.

        Least squares, clipped at nothing; expectation maximisation where labels can hardly be told apart.
        """
        said = np.array([counts.get(name, 0) for name in self.labels], float)
        total = said.sum()
        if not total:
            return dict.fromkeys(self.labels, 0.0)
        square = self.shares[:, :-1].T
        if np.linalg.cond(square) > _WORST_CONDITION:
            found = _maximised(square, said / total)
        else:
            found = np.clip(np.linalg.solve(square, said / total), 0, None)
        found = found / found.sum() if found.sum() else said / total
        return {name: float(share * total) for name, share in zip(self.labels, found, strict=True)}

    def precisions(self, counts: Mapping[str, float]) -> dict[str, float]:
        """Of what is called each label, how much is so, when there are so many of each."""
        total = sum(counts.get(name, 0) for name in self.labels)
        prevalence = np.array([counts.get(name, 0) / total if total else 0.0 for name in self.labels])
        called = prevalence @ self.shares[:, :-1]
        right = prevalence * self.shares.diagonal()
        return {
            name: float(right[place] / called[place]) for place, name in enumerate(self.labels) if called[place] > 0
        }


def _maximised(square: np.ndarray, said: np.ndarray) -> np.ndarray:
    """The shares of labels that make what was said most likely: never below nothing, and there for every confusion."""
    shares = np.full(square.shape[1], 1 / square.shape[1])
    for _ in range(_ROUNDS):
        joint = square * shares
        called = joint.sum(axis=1)
        back = np.divide(said, called, out=np.zeros_like(said), where=called > 0)
        moved = joint.T @ back
        if not moved.sum() or np.abs(moved / moved.sum() - shares).max() < _STILL:
            break
        shares = moved / moved.sum()
    return shares
