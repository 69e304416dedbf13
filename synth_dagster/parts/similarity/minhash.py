"""MinHash: short signatures of sets, of which as large a part agrees as the sets have in common, and their banding.

Broder (1997); the banding is that of Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4. A hash
function is x -> a*x + b over 32 bits with an odd a: a permutation, of which a processor computes many values at once.
"""

from collections.abc import Iterator
from typing import overload

import numpy as np

from synth_dagster.parts.text.hashed_words import Hashed, mixed, offsets_of

_PIECE = 64  # grams of a set that are looked at as one column of a matrix
_AT_ONCE = 2_048  # columns: the matrix and what one hash function makes of it stay in the processor's cache


@overload
def banding_probability(similarity: float, bands: int = 14, rows: int = 8) -> float: ...
@overload
def banding_probability(similarity: np.ndarray, bands: np.ndarray | int = 14, rows: int = 8) -> np.ndarray: ...
def banding_probability(
    similarity: float | np.ndarray, bands: np.ndarray | int = 14, rows: int = 8
) -> float | np.ndarray:
    """How likely two sets of this Jaccard similarity agree in at least one band: 1 - (1 - s^rows)^bands."""
    return 1 - (1 - similarity**rows) ** bands


def best_banding(
    threshold: float, permutations: int, *, false_positives: float = 0.5, false_negatives: float = 0.5
) -> tuple[int, int]:
    """The bands and rows, of at most so many permutations, that err least around a threshold.

    The error is the weighted sum of two areas: that under the curve below the threshold, pairs that meet and should
    not, and that above the curve beyond it, pairs that should meet and do not. It is what RedStone (arXiv:2412.03398)
    and datasketch minimise: .8 and 256 permutations give 17 bands of 15 rows.
    """
    grid = (np.arange(0.0, 1.0, 0.001) + 0.0005)[:, None]
    best, least = (1, 1), np.inf
    for rows in range(1, permutations + 1):
        bands = np.arange(1, permutations // rows + 1)
        meets = banding_probability(grid, bands, rows)
        below = grid[:, 0] < threshold
        errors = false_positives * meets[below].sum(axis=0) + false_negatives * (1 - meets[~below]).sum(axis=0)
        place = int(np.argmin(errors))
        # of equals the first by bands, then by rows, as in the nested loop of the official code
        if (round(float(errors[place]), 9), int(bands[place])) < (round(float(least), 9), best[0]):
            best, least = (int(bands[place]), rows), errors[place]
    return best


def band_keys(grams: Hashed, *, bands: int, rows: int, seed: int) -> np.ndarray:
    """Shape (bands, sets): one hash over the minima of each band's hash functions. Every set must have a gram."""
    rng = np.random.Generator(np.random.PCG64(seed))
    a = rng.integers(0, 1 << 32, bands * rows, dtype=np.uint32) | np.uint32(1)
    b = rng.integers(0, 1 << 32, bands * rows, dtype=np.uint32)
    if not len(grams):
        return np.zeros((bands, 0), np.uint64)
    lows = _minima(grams, a, b)
    keys = np.zeros((bands, len(grams)), np.uint64)
    for row in range(rows):
        keys *= np.uint64(31)
        keys += lows[row::rows]
        keys += np.uint64(1)
        keys = mixed(keys)
    return keys


def _minima(grams: Hashed, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Shape (hash functions, sets): the lowest value of each function over each set."""
    pieces = -(-grams.counts // _PIECE)
    offsets = offsets_of(pieces)
    lows = np.empty((len(a), offsets[-1]), np.uint32)
    for first, last, matrix in _matrices(grams, offsets):
        values = np.empty_like(matrix)
        for number in range(len(a)):
            np.multiply(matrix, a[number], out=values)
            np.add(values, b[number], out=values)
            np.minimum.reduce(values, axis=0, out=lows[number, first:last])
    return np.minimum.reduceat(lows, offsets[:-1], axis=1)


def _matrices(grams: Hashed, offsets: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
    """The sets in columns of _PIECE grams, the last column of a set filled up with its last gram."""
    owners = np.repeat(np.arange(len(grams)), np.diff(offsets))
    done = (np.arange(offsets[-1]) - offsets[owners]) * _PIECE
    starts = grams.offsets[owners] + done
    lasts = np.minimum(grams.counts[owners] - done, _PIECE) - 1
    values = (grams.hashes >> np.uint64(32)).astype(np.uint32)
    steps = np.arange(_PIECE)[:, None]
    for first in range(0, len(owners), _AT_ONCE):
        last = min(first + _AT_ONCE, len(owners))
        yield first, last, values[starts[first:last] + np.minimum(steps, lasts[first:last])]
