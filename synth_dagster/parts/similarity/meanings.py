"""Vectors of texts for finding others that say the same, and from which likeness on two of them do.

The vectors are those of `word_vectors` or of a model, brought to 512 dimensions by random signs where they have more
(Johnson and Lindenstrauss; a cosine of .8 is off by some .016) and rounded to whole numbers. Which likeness is enough
depends on vectors and texts: `calibrated` finds it from pairs that are known to say the same and texts that are known
not to.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from synth_dagster.errors import SynthError
from synth_dagster.parts.mathematics.kept_numbers import numbers_in
from synth_dagster.parts.similarity.chosen_vectors import HOW, without
from synth_dagster.parts.similarity.kmeans import cosines, products, whole
from synth_dagster.parts.similarity.word_vectors import AT_ONCE, DIMENSIONS, WordVectors
from synth_dagster.parts.text.hashed_words import mixed
from synth_dagster.parts.threads import in_threads
from synth_dagster.services import Vectors

FEWER = 512  # dimensions
_AT_ONCE = 512  # rows that are compared
_LOOKED_UP = 8_192  # texts whose vectors of a model are in memory as they were given


@dataclass(frozen=True, slots=True)
class Calibration:
    """A threshold of likeness, the share of planted pairs that it finds, and what it takes wrongly."""

    threshold: float
    recall: float
    false_share: float  # of all texts, those that are taken for another than their own
    table: Sequence[tuple[float, float, float]]  # threshold, recall, false share: of each threshold that was tried


def vectors_of(texts: pa.Array) -> np.ndarray:
    """Shape (texts, 512), int16: each different text counts once for how rare its words are."""
    encoded = texts.fill_null("").dictionary_encode()
    once, signs = encoded.dictionary, _signs(DIMENSIONS)
    learnt = WordVectors.learnt(once)
    slices = (once.slice(start, AT_ONCE) for start in range(0, len(once), AT_ONCE))
    found = in_threads(lambda some: whole(products(whole(learnt.of(some)), signs)), slices)
    return np.concatenate([np.zeros((0, FEWER), np.int16), *found])[encoded.indices.to_numpy(zero_copy_only=False)]


def vectors_by(known: Vectors, texts: pa.Array) -> np.ndarray:
    """Shape (texts, at most 512), int16, by the vectors of a model; zeros for a text without one, like no other.

    Raises SynthError where no text of any has one.
    """
    found: list[np.ndarray] = []
    for start in range(0, len(texts), _LOOKED_UP):
        rows = known.of(texts.slice(start, _LOOKED_UP))
        found.append(np.full((len(rows), 0), 0, np.int16) if without(rows).all() else _fewer(np.nan_to_num(rows)))
    width = max((rows.shape[1] for rows in found), default=0)
    if len(texts) and not width:
        raise SynthError(f"None of {len(texts):,} texts has a vector of '{known.model}'. {HOW}.")
    return np.concatenate([np.zeros((0, width), np.int16), *(_widened(rows, width) for rows in found)])


def _fewer(rows: np.ndarray) -> np.ndarray:
    rows = whole(rows)
    return rows if rows.shape[1] <= FEWER else whole(products(rows, _signs(rows.shape[1])))


def _widened(rows: np.ndarray, width: int) -> np.ndarray:
    return rows if rows.shape[1] else np.zeros((len(rows), width), np.int16)


def numbers_of(texts: pa.Array) -> np.ndarray:
    """One number for the numbers of each text: equal where they are the same."""
    places: dict[frozenset[str], int] = {}
    return np.array([places.setdefault(numbers_in(text), len(places)) for text in texts.fill_null("").to_pylist()], int)


def keepers_of(
    vectors: np.ndarray, cluster: np.ndarray, precedence: np.ndarray, numbers: np.ndarray, threshold: float
) -> np.ndarray:
    """For each row the row that it says the same as, its own where it stays: compared within its cluster alone.

    In the order of precedence a row goes when one that stays is so like it, and has the same of `numbers`; the one that
    it is most like is named. So whoever goes is like whom it names, and many that are alike cost as many comparisons.
    """
    keeper = np.arange(len(vectors))
    order = np.lexsort((precedence, cluster))
    for rows in np.split(order, np.flatnonzero(np.diff(cluster[order])) + 1):
        keeper[rows] = rows[_stays(vectors[rows], numbers[rows], threshold)]
    return keeper


def _stays(vectors: np.ndarray, numbers: np.ndarray, threshold: float) -> np.ndarray:
    keeper, staying = np.arange(len(vectors)), np.zeros(0, np.int64)

    def likeness(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
        found = cosines(vectors[rows], vectors[others]).round(6)  # else a row's with itself is .9999999 at times
        found[(numbers[rows][:, None] != numbers[others][None, :]) | (found < threshold)] = -1
        return found

    for block in np.split(keeper.copy(), range(_AT_ONCE, len(vectors), _AT_ONCE)):
        if len(staying):
            found = likeness(block, staying)
            goes = found.max(axis=1) >= 0
            keeper[block[goes]] = staying[found.argmax(axis=1)[goes]]
            block = block[~goes]  # noqa: PLW2901  # the others are compared with each other
        found = likeness(block, block)
        stays = np.ones(len(block), bool)
        for place in np.flatnonzero((np.tril(found + 1, -1) > 0).any(axis=1)).tolist():
            earlier = np.where(stays[:place], found[place, :place], -1)
            if earlier.max() >= 0:
                stays[place], keeper[block[place]] = False, block[earlier.argmax()]
        staying = np.append(staying, block[stays])
    return keeper


def calibrated(
    originals: Sequence[str],
    retold: Sequence[str],
    others: Sequence[str],
    *,
    most_false: float = 0.005,
    same_numbers: bool = True,
    vectors: Callable[[pa.Array], np.ndarray] = vectors_of,
) -> Calibration:
    """The lowest threshold, in steps of .01, at which at most a share of texts is like one that says something else.

    `retold[i]` says what `originals[i]` says, and no other two texts say the same. With `same_numbers` only texts of
    the same numbers are like each other. `vectors` gives those of words, or a model's: shape (texts, dimensions). What
    each threshold finds and takes is in `table`, for another bargain. Where no threshold is good enough it is 1. The
    share grows with the number of texts: give as many others as you can.
    """
    texts, size = pa.array([*originals, *retold, *others], pa.string()), len(originals)
    found = vectors(texts)
    rows_of, numbers = whole(found), numbers_of(texts) if same_numbers else np.zeros(len(texts), np.int64)
    own, taken = np.zeros(size), np.zeros(len(texts))
    for start in range(0, len(texts), _AT_ONCE):
        rows = np.arange(start, min(start + _AT_ONCE, len(texts)))
        likeness = cosines(rows_of[rows], rows_of)
        likeness[numbers[rows][:, None] != numbers[None, :]] = 0
        likeness[rows - start, rows] = 0
        told, tells = rows < size, (rows >= size) & (rows < 2 * size)
        own[rows[told]] = likeness[rows[told] - start, rows[told] + size]
        likeness[rows[told] - start, rows[told] + size] = likeness[rows[tells] - start, rows[tells] - size] = 0
        taken[rows] = likeness.max(axis=1)
    table = [
        (at, float((own >= at).mean()), float((taken >= at).mean())) for at in (round(n / 100, 2) for n in range(101))
    ]
    return Calibration(*next((row for row in table if row[2] <= most_false), table[-1]), table)


def _signs(dimensions: int) -> np.ndarray:
    """Shape (512, dimensions), of 1 and -1."""
    bits = mixed(np.arange(FEWER * dimensions, dtype=np.uint64)) >> np.uint64(63)
    return (bits.astype(np.int16) * 2 - 1).reshape(FEWER, dimensions)
