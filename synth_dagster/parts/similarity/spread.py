"""How far texts lie apart as vectors: examples that differ, items that repeat others, and one number for a whole set.

As UniGen does it (arXiv:2406.18966). Its released chooser compares a candidate with the example that is *least* like
it, so that a copy of another example still passes; here the most similar one counts.
"""

from random import Random

import numpy as np

from synth_dagster.parts.similarity.variety import groups

STEP = 0.05  # by which the bound on likeness rises until enough examples are found
DIGITS = 6  # of a likeness or a distance: how a product is summed up differs between machines in the next one
AT_ONCE = 1_024  # rows of the matrix of distances that are held together
MOST_MERGED = 4_000  # vectors whose distances are all held: 128 MB


def varied(vectors: np.ndarray, count: int, rng: Random) -> list[int]:
    """The places of so many vectors, in the order in which they were drawn, the first at random.

    Each next one is drawn among those whose cosine with every chosen one is at most t, which starts at 0 and rises by
    0.05 where there is none. Vectors have unit length; of fewer than `count` all are drawn.
    """
    if not len(vectors) or count < 1:
        return []
    chosen = [rng.randrange(len(vectors))]
    nearest = np.round(vectors @ vectors[chosen[0]], DIGITS)
    bound = 0.0
    while len(chosen) < min(count, len(vectors)):
        nearest[chosen] = np.inf
        fitting = np.flatnonzero(nearest <= bound + 1e-9)
        if not len(fitting):
            bound += STEP
            continue
        chosen.append(int(fitting[rng.randrange(len(fitting))]))
        nearest = np.maximum(nearest, np.round(vectors @ vectors[chosen[-1]], DIGITS))
    return chosen


def one_of_each(vectors: np.ndarray, count: int, rng: Random) -> list[int]:
    """One place at random of each of so many clusters (k-means), or fewer where clusters are empty."""
    return one_of_each_group(groups(vectors, count, rng.randrange(1 << 32)), rng)


def one_of_each_group(groups: np.ndarray, rng: Random) -> list[int]:
    """One place at random of each group, by the number of the group that each place is of."""
    return [int(rng.choice(np.flatnonzero(groups == number).tolist())) for number in np.unique(groups)]


def ward(vectors: np.ndarray, count: int) -> np.ndarray:
    """The group of each vector, from 0 in order of first places: the two groups whose union adds least to the squared
    distances from the mean become one, until so many are left (Ward 1963, as Lance and Williams update it).

    Of more than 4,000 vectors these are the first 4,000, and every later one is of the group of the nearest of them.
    """
    groups = _numbered(_merged(vectors[:MOST_MERGED].astype(np.float64), count))
    rest = vectors[MOST_MERGED:]
    return groups if not len(rest) else np.concatenate([groups, groups[_nearest(rest, vectors[:MOST_MERGED])]])


def _merged(vectors: np.ndarray, count: int) -> np.ndarray:
    """For each vector the first place of its group."""
    group, size = np.arange(len(vectors)), np.ones(len(vectors))
    squares = (vectors**2).sum(axis=1)
    cost = np.round(np.clip(squares[:, None] + squares[None] - 2 * vectors @ vectors.T, 0, None), DIGITS)
    np.fill_diagonal(cost, np.inf)
    nearest = cost.argmin(axis=1) if len(cost) else np.zeros(0, np.int64)
    for _ in range(len(vectors) - max(count, 1)):
        least = cost[np.arange(len(cost)), nearest]
        first = int(least.argmin())
        one, other = sorted((first, int(nearest[first])))
        row = ((size[one] + size) * cost[one] + (size[other] + size) * cost[other] - size * cost[one, other]) / (
            size[one] + size[other] + size
        )
        row[[one, other]] = np.inf
        cost[one], cost[:, one] = row, row
        cost[other], cost[:, other] = np.inf, np.inf
        size[one] += size[other]
        group[group == other] = one
        lost = np.flatnonzero(np.isin(nearest, (one, other)) | (np.arange(len(cost)) == one))
        nearest[lost] = cost[lost].argmin(axis=1)
        closer = row < cost[np.arange(len(cost)), nearest]
        nearest[closer] = one
    return group


def _numbered(first_places: np.ndarray) -> np.ndarray:
    return np.unique(first_places, return_inverse=True)[1]


def _nearest(vectors: np.ndarray, others: np.ndarray) -> np.ndarray:
    parts = [vectors[start : start + AT_ONCE] @ others.T for start in range(0, len(vectors), AT_ONCE)]
    return np.concatenate([np.round(part, DIGITS).argmax(axis=1) for part in parts])


def too_near(vectors: np.ndarray, distance: float) -> list[int | None]:
    """For each vector the first kept one that it is closer to than a distance (L2); None for those that are kept.

    Order-stable and greedy: who comes first stays, and only those that stay are compared with.
    """
    kept: list[int] = []
    rows = np.empty_like(vectors)  # the kept ones, one behind the other
    found: list[int | None] = []
    for place, vector in enumerate(vectors):
        away = np.round(np.linalg.norm(rows[: len(kept)] - vector, axis=1), DIGITS)
        near = np.flatnonzero(away < distance)
        found.append(kept[int(near[0])] if len(near) else None)
        if not len(near):
            rows[len(kept)] = vector
            kept.append(place)
    return found


def remote_clique(vectors: np.ndarray) -> float:
    """The mean distance (L2) of all ordered pairs, each with itself too: their sum by n^2. 0 for nothing."""
    count = len(vectors)
    if not count:
        return 0.0
    vectors = vectors.astype(np.float64)
    squares = (vectors**2).sum(axis=1)
    total = 0.0
    for start in range(0, count, AT_ONCE):
        part = slice(start, start + AT_ONCE)
        apart = squares[part, None] + squares[None] - 2 * vectors[part] @ vectors.T
        total += float(np.sqrt(np.clip(apart, 0, None)).sum())
    return total / count**2
