"""How near texts are to others by their words, and whether that is nearer than chance: distances to the closest record.

A set that gives nothing away about the texts behind it is no nearer to them than to other texts of the same kind, and
not nearer than those are to each other. Distance is one minus the cosine of `WordVectors`.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.parts.hashed_words import hash_texts
from synth_dagster.parts.word_vectors import AT_ONCE, WordVectors

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

_SURE = 1.96  # standard deviations of a 95 % interval
_EQUAL = 1e-6  # distances that differ by less are those of one text, summed in another order


@dataclass(frozen=True, slots=True)
class Closest:
    """For each text the distance to the closest other one and to the second closest; 1 where there is none."""

    first: np.ndarray
    second: np.ndarray

    @property
    def ratio(self) -> np.ndarray:
        """Of both distances: near 0 where a text is like one other and like no second one, 1 where both are 0."""
        return np.where(self.second > _EQUAL, self.first / np.maximum(self.second, _EQUAL), 1.0)


def closest(weights: WordVectors, texts: pa.Array, others: pa.Array, *, are_same: bool = False) -> Closest:
    """From each text to the closest two of others; with `are_same` the two are one list, and no text is its own."""
    there = weights.of(others)
    parts = [(np.zeros(0), np.zeros(0))]
    for start in range(0, len(texts), AT_ONCE):
        likeness = weights.of(texts.slice(start, AT_ONCE)) @ there.T
        if are_same:
            np.fill_diagonal(likeness[:, start:], 0)
        parts.append(_nearest_two(likeness))
    first, second = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Closest(first, second)


def _nearest_two(likeness: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows = len(likeness)
    padded = np.concatenate([likeness, np.zeros((rows, 2), likeness.dtype)], axis=1)
    best = -np.partition(-padded, 1, axis=1)[:, :2]
    distance = np.clip(1 - best.astype(float), 0, 1)
    return distance[:, 0], distance[:, 1]


def sampled(texts: pa.Array, most: int) -> np.ndarray:
    """The places of at most so many different texts that say something, chosen by what they say and not by order."""
    hashes = hash_texts(pc.fill_null(texts, ""))
    _, first = np.unique(hashes, return_index=True)
    says = pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(pc.fill_null(texts, ""))), 0)
    first = first[says.to_numpy(zero_copy_only=False)[first]]
    return np.sort(first[np.argsort(hashes[first], kind="stable")][:most])


def nearer_share(one: Closest, other: Closest) -> float:
    """How many texts are nearer to the first list than to the second; one that is as near to both counts half."""
    apart = other.first - one.first
    return float(np.where(np.abs(apart) < _EQUAL, 0.5, apart > 0).mean())


def wilson(share: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share of so many; 0 to 1 of none."""
    if not count:
        return 0.0, 1.0
    squared = _SURE**2 / count
    middle = (share + squared / 2) / (1 + squared)
    half = _SURE * np.sqrt(share * (1 - share) / count + squared / (4 * count)) / (1 + squared)
    return float(middle - half), float(middle + half)
