"""How near texts are to others by their words, and whether that is nearer than chance: distances to the closest record.

A set that gives nothing away about the texts behind it is no nearer to them than to other texts of the same kind, and
not nearer than those are to each other. Distance is one minus the cosine of `WordVectors`.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.parts.similarity.word_vectors import AT_ONCE, WordVectors
from synth_dagster.parts.text.hashed_words import hash_texts

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

_SURE = 1.96  # standard deviations of a 95 % interval
_EQUAL = 1e-6  # distances that differ by less are those of one text, summed in another order


@dataclass(frozen=True, slots=True)
class Closest:
    """For each text the distance to the closest other one and to the second closest, 1 where there is none, and where
    the closest one stands, -1 for none."""

    first: np.ndarray
    second: np.ndarray
    place: np.ndarray

    @property
    def ratio(self) -> np.ndarray:
        """Of both distances: near 0 where a text is like one other and like no second one, 1 where both are 0."""
        return np.where(self.second > _EQUAL, self.first / np.maximum(self.second, _EQUAL), 1.0)


def closest(weights: WordVectors, texts: pa.Array, others: pa.Array, *, are_same: bool = False) -> Closest:
    """From each text to the closest two of others; with `are_same` the two are one list, and no text is its own."""
    there = weights.of(others)
    parts = [(np.zeros(0), np.zeros(0), np.zeros(0, np.int64))]
    for start in range(0, len(texts), AT_ONCE):
        likeness = weights.of(texts.slice(start, AT_ONCE)) @ there.T
        if are_same:
            np.fill_diagonal(likeness[:, start:], 0)
        parts.append(_nearest_two(likeness))
    first, second, place = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Closest(first, second, place)


def _nearest_two(likeness: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows, count = likeness.shape
    padded = np.concatenate([likeness, np.zeros((rows, 2), likeness.dtype)], axis=1)
    best = -np.partition(-padded, 1, axis=1)[:, :2]
    distance = np.clip(1 - best.astype(float), 0, 1)
    place = padded.argmax(axis=1)
    return distance[:, 0], distance[:, 1], np.where(place < count, place, -1)


def sampled(texts: pa.Array, most: int) -> np.ndarray:
    """The places of at most so many different texts that say something, chosen by what they say and not by order."""
    hashes = hash_texts(pc.fill_null(texts, ""))
    _, first = np.unique(hashes, return_index=True)
    says = pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(pc.fill_null(texts, ""))), 0)
    first = first[says.to_numpy(zero_copy_only=False)[first]]
    return np.sort(first[np.argsort(hashes[first], kind="stable")][:most])


def nearer_share(one: Closest, other: Closest) -> tuple[float, float]:
    """How many texts are nearer to the first list than to the second, and how far chance moves that share: a half, plus
    or minus this much in 95 % of cases. A text that is as near to both counts half.

    If the lists are alike, a text of them is as likely in one as in the other, so each counts with all that are nearest
    to it: a few texts that many are near to make the share uncertain, however many records there are.
    """
    apart = other.first - one.first
    near = np.where(np.abs(apart) < _EQUAL, 0.5, apart > 0)
    lists = [(one.place, near), (other.place, 1 - near)]
    hits = [np.bincount(place[place >= 0], weight[place >= 0]) for place, weight in lists]
    return float(near.mean()), float(_SURE * np.sqrt(sum((each**2).sum() for each in hits)) / (2 * len(near)))
