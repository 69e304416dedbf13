"""Retrieval over an embedded corpus: what is nearest to a few examples, shard by shard and then over all.

As CRAFT does it (arXiv:2409.02098, and its code): half of what is kept is nearest to one of the examples, half is
nearest to all of them on average. Of each shard a share p is kept first, so that no more than that is held of a corpus
of any size; then the best k over all shards. Equal similarities go by place.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

DIGITS = 6  # of a similarity: how a product is summed up differs between machines in the next one
MORE = 1.2  # what is kept by one example may be kept by another, too: so much more is taken, as the code has it


@dataclass(frozen=True, slots=True)
class Hit:
    """A text that was retrieved: its place in the corpus, how near it is on average, and which examples chose it."""

    place: int
    similarity: float
    examples: Sequence[int]  # none where it is near to all of them and nearest to none


@dataclass(frozen=True, slots=True)
class _Kept:
    """The best of one shard: places and similarities by example, each row the best first, and those by the mean."""

    places: np.ndarray  # (examples, kept)
    similarities: np.ndarray
    mean_places: np.ndarray  # (kept,)
    means: np.ndarray
    known: Mapping[int, float]  # the mean of every place that is kept


def similarities(examples: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """Shape (F, N), of F examples with N texts: cosines, since vectors have unit length."""
    return (examples @ texts.T).astype(np.float64).round(DIGITS)


def retrieved(shards: Iterable[np.ndarray], *, share: float, most: int) -> list[Hit]:
    """The texts nearest to the examples, by place: at most `most` / 2 * 1.2 by each of the two ways.

    A shard is the similarities of F examples with its N texts, shape (F, N). One of fewer than 2 F / share texts keeps
    none by a single example, and always one by the mean.
    """
    kept, first = [], 0
    for shard in shards:
        if shard.size:
            kept.append(_best_of(shard, share, first))
        first += shard.shape[1]
    if not kept:
        return []
    mixed = int(most / 2 * MORE)
    by_example = _best(np.hstack([one.places for one in kept]), np.hstack([one.similarities for one in kept]))
    by_mean = _best(np.hstack([one.mean_places for one in kept])[None], np.hstack([one.means for one in kept])[None])
    chosen: dict[int, list[int]] = {}
    for number, places in enumerate(by_example[:, : mixed // len(by_example)].tolist()):
        for place in places:
            chosen.setdefault(place, []).append(number)
    for place in by_mean[0, :mixed].tolist():
        chosen.setdefault(place, [])
    means = {place: mean for one in kept for place, mean in one.known.items()}
    return [Hit(place, round(means[place], DIGITS), tuple(chosen[place])) for place in sorted(chosen)]


def shards_of(parts: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """The columns of some matrices, one after the other, as matrices of so many columns and a last one of the rest."""
    waiting: list[np.ndarray] = []
    held = 0
    for part in parts:
        start = 0
        while held + part.shape[1] - start >= size:
            end = start + size - held
            yield np.hstack([*waiting, part[:, start:end]])
            waiting, held, start = [], 0, end
        if start < part.shape[1]:
            waiting, held = [*waiting, part[:, start:]], held + part.shape[1] - start
    if waiting:
        yield np.hstack(waiting)


def _best_of(similar: np.ndarray, share: float, first: int) -> _Kept:
    means = similar.mean(axis=0)
    each = int(share * similar.shape[1] / len(similar) / 2)
    together = max(1, int(share * similar.shape[1] / 2))
    places = _order(similar)[:, :each]
    by_mean = _order(means[None])[0, :together]
    known = {first + place: float(means[place]) for place in {*places.ravel().tolist(), *by_mean.tolist()}}
    return _Kept(places + first, np.take_along_axis(similar, places, axis=1), by_mean + first, means[by_mean], known)


def _best(places: np.ndarray, similarities: np.ndarray) -> np.ndarray:
    """The places of each row, the most similar first, of equals the earlier place."""
    order = np.lexsort((places, -similarities), axis=1)
    return np.take_along_axis(places, order, axis=1)


def _order(similarities: np.ndarray) -> np.ndarray:
    return np.argsort(-similarities, axis=1, kind="stable")
