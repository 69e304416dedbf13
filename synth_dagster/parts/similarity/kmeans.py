"""k-means by the cosine over vectors of whole numbers, the same on every machine and in whatever order sums are taken.

Rows are of about the length 2,048, so that a product of two stays below 2^24: float32 holds it and every sum on the
way to it exactly, whoever multiplies. The starts are rows that a hash of their place chooses (MacQueen's k-means; the
spherical form of Dhillon and Modha 2001).
"""

import numpy as np

from synth_dagster.parts.text.hashed_words import mixed

LENGTH = 2_048
_AT_ONCE = 4_096  # rows


def whole(vectors: np.ndarray) -> np.ndarray:
    """Shape (rows, dimensions), int16: the same directions at the length 2,048; a row of zeros stays one."""
    lengths = np.sqrt((vectors.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
    return np.rint(vectors / np.where(lengths > 0, lengths, 1) * LENGTH).astype(np.int16)


def products(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Shape (rows, others), float32, exact."""
    return rows.astype(np.float32) @ others.astype(np.float32).T


def cosines(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Shape (rows, others); with a row of zeros 0."""
    return products(rows, others) / _lengths(rows)[:, None] / _lengths(others)[None, :]


def kmeans(
    vectors: np.ndarray, count: int, *, rounds: int = 10, seed: int = 0, starts: np.ndarray | None = None
) -> np.ndarray:
    """The cluster of each row, from 0; a cluster may stay empty. `starts` are rows to begin with, one a cluster."""
    count = min(count, len(vectors))
    if count <= 1:
        return np.zeros(len(vectors), np.int64)
    centres = _drawn(vectors, count, seed) if starts is None else starts
    cluster = np.full(len(vectors), -1)
    for _ in range(rounds):
        nearest = _nearest(vectors, centres)
        if (nearest == cluster).all():
            break
        cluster, sums = nearest, _sums(vectors, nearest, count)
        centres = np.where(np.any(sums, axis=1, keepdims=True), whole(sums), centres)
    return cluster


def _drawn(vectors: np.ndarray, count: int, seed: int) -> np.ndarray:
    order = np.argsort(mixed(np.arange(len(vectors), dtype=np.uint64) + (np.uint64(seed) << np.uint64(32))))
    return vectors[np.sort(order[:count])]


def _nearest(vectors: np.ndarray, centres: np.ndarray) -> np.ndarray:
    found = [
        cosines(vectors[start : start + _AT_ONCE], centres).argmax(axis=1) for start in range(0, len(vectors), _AT_ONCE)
    ]
    return np.concatenate(found)


def _sums(vectors: np.ndarray, cluster: np.ndarray, count: int) -> np.ndarray:
    sums = np.zeros((count, vectors.shape[1]), np.int64)
    for start in range(0, len(vectors), _AT_ONCE):
        belongs = cluster[start : start + _AT_ONCE][:, None] == np.arange(count)
        rows = vectors[start : start + _AT_ONCE].astype(np.float32)
        sums += (belongs.T.astype(np.float32) @ rows).astype(np.int64)  # 4,096 times 2,048 is below 2^24: exact too
    return sums


def _lengths(rows: np.ndarray) -> np.ndarray:
    lengths = np.sqrt((rows.astype(np.float64) ** 2).sum(axis=1))
    return np.where(lengths > 0, lengths, 1.0)
