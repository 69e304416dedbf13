"""How varied a set of texts is, by its words and by vectors of its texts; each number with how far it may be off.

Most of these numbers change with the number of texts, so they are taken of equally many; how far they may be off is
what they differ by between halves of the set drawn at random (the delete-half jackknife: Shao and Wu 1989). Halves and
not draws with replacement, since a text that is drawn twice would be a repetition that is not there.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synth_dagster.parts.similarity.kmeans import kmeans, whole
from synth_dagster.parts.text.hashed_words import Hashed, distinct, ngrams

GRAM = 4  # words of a run that is repeated in another text
_HEAPS_STEPS = 20
_ROUNDS = 10  # of k-means


def vendi(similarity: np.ndarray) -> float:
    """exp of the entropy of the eigenvalues of K / n (arXiv:2210.02410): so many texts without likeness are as varied.

    K is symmetric with ones on the diagonal, and positive semidefinite, as products of unit vectors are.
    """
    values = np.clip(np.linalg.eigvalsh(similarity / len(similarity)), 0, None)
    values = values[values > 1e-12]
    return float(np.exp(-(values * np.log(values)).sum()))


def mean_distance(similarity: np.ndarray) -> float | None:
    """The mean cosine distance of all pairs; None where there is none."""
    count = len(similarity)
    return float(1 - (similarity.sum() - np.trace(similarity)) / (count * (count - 1))) if count > 1 else None


def nearest_distances(similarity: np.ndarray) -> np.ndarray:
    """For each text the cosine distance to the text most like it: how new it is to the set. None for a single one."""
    others = similarity - 3 * np.eye(len(similarity))
    return 1 - others.max(axis=1) if len(similarity) > 1 else np.zeros(0)


def local_density(similarity: np.ndarray, neighbours: int = 5) -> np.ndarray:
    """For each text its mean likeness to its nearest others: high where many say the same."""
    others = np.sort(similarity - 3 * np.eye(len(similarity)), axis=1)[:, 1:]
    return others[:, -neighbours:].mean(axis=1) if len(similarity) > 1 else np.zeros(0)


def coordinates(similarity: np.ndarray) -> np.ndarray:
    """Vectors with these products, in no more dimensions than there are texts."""
    values, axes = np.linalg.eigh(similarity)
    real = values > max(float(values.max(initial=0)), 1.0) * 1e-9
    return axes[:, real] * np.sqrt(values[real])


def groups(vectors: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """The number of the group of each vector: k-means by the cosine, from k-means++ starts that the seed draws."""
    if not len(vectors):
        return np.zeros(0, np.int64)
    rows = whole(vectors)
    starts = rows[_starts(vectors, min(count, len(vectors)), np.random.default_rng(seed))]
    return kmeans(rows, count, rounds=_ROUNDS, starts=starts)


def _starts(vectors: np.ndarray, count: int, rng: np.random.Generator) -> list[int]:
    """Each next start is drawn in proportion to its squared distance from those before it."""
    chosen = [int(rng.integers(len(vectors)))]
    away = np.full(len(vectors), np.inf)
    while len(chosen) < count:
        away = np.minimum(away, np.clip(1 - vectors @ vectors[chosen[-1]], 0, None))
        total = away.sum()
        chosen.append(int(rng.choice(len(vectors), p=away / total)) if total > 0 else chosen[-1])
    return chosen


def group_evenness(group: np.ndarray, count: int) -> float | None:
    """Entropy of the groups' shares over ln of how many there may be: 1 where all are equally large."""
    if count < 2 or not len(group):
        return None
    shares = np.bincount(group, minlength=count) / len(group)
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum() / np.log(count))


@dataclass(frozen=True, slots=True)
class Reach:
    """Of a reference, what share has a text within the reach of its nearest others; and how many such texts it has."""

    coverage: float
    density: float


def within_reach(likeness: np.ndarray, reference: np.ndarray, neighbours: int = 5) -> np.ndarray:
    """Which texts (rows) are as near to which texts of a reference (columns) as its k-th nearest other is, or nearer.

    `likeness` is of texts to those of the reference, `reference` of these to each other. A reference of fewer texts
    has fewer neighbours; one of a single text reaches nothing.
    """
    near = min(neighbours, len(reference) - 1)
    if near < 1:
        return np.zeros(likeness.shape, bool)
    others = np.sort(reference - 3 * np.eye(len(reference)), axis=1)
    return likeness >= others[:, -near] - 1e-9


def reach(within: np.ndarray, neighbours: int = 5) -> Reach | None:
    """Coverage and density (arXiv:2002.09797) of what is within reach; None where there is nothing to compare.

    Coverage is the share of the reference that some text is within reach of, density how many of it a text is within
    reach of, over k.
    """
    near = min(neighbours, within.shape[1] - 1)
    if near < 1 or not len(within):
        return None
    return Reach(float(within.any(axis=0).mean()), float(within.sum() / (near * len(within))))


def heaps_slope(words: np.ndarray) -> float | None:
    """The slope of log(different words) over log(words) along the set: how fast new words still come; None for few."""
    if len(words) < _HEAPS_STEPS:
        return None
    _, first = np.unique(words, return_index=True)
    at = np.unique(np.geomspace(min(_HEAPS_STEPS, len(words)), len(words), _HEAPS_STEPS).astype(np.int64))
    different = np.searchsorted(np.sort(first), at)
    if len(at) < 2:
        return None
    return float(np.polyfit(np.log(at), np.log(different), 1)[0])


def self_repetition(words: Hashed) -> tuple[float, float] | None:
    """How much texts repeat runs of four words of others: the mean of log(sum of N_i + 1), and as arXiv:2410.15226
    prints it, log(k * sum of (N_i + 1)), over texts with k >= 1 runs. N_i is how many other texts hold the i-th run."""
    grams = ngrams(words, GRAM)
    once = distinct(grams)
    runs, holders = np.unique(once.hashes, return_counts=True)
    others = holders[np.searchsorted(runs, grams.hashes)] - 1 if len(grams.hashes) else np.zeros(0, np.int64)
    sums = np.bincount(grams.owners, others, minlength=len(grams))
    counts = grams.counts
    some = counts > 0
    if not some.any():
        return None
    printed = np.log(counts[some] * (sums + counts)[some])
    return float(np.log(sums[some] + 1).mean()), float(printed.mean())


def gzip_ratio(texts: Sequence[str]) -> float | None:
    """Bytes of the texts, one a line, to bytes of their deflated form: higher is more redundant."""
    plain = "".join(f"{text}\n" for text in texts).encode("utf-8", "surrogatepass")
    return len(plain) / len(zlib.compress(plain, 6)) if any(texts) else None


@dataclass(frozen=True, slots=True)
class Interval:
    """A number and how far it may be off to both sides, in 95 of 100 cases."""

    value: float
    margin: float | None


def with_margins(
    count: int, numbers: Callable[[np.ndarray], Mapping[str, float | None]], halves: int, seed: int
) -> dict[str, Interval]:
    """Numbers of all of `count` texts, with 1.96 standard deviations of those of random halves of them.

    A mean over n / 2 of n texts drawn without replacement has the variance s^2 / (n / 2) * (1 - 1 / 2) = s^2 / n, that
    of a mean over n texts: so the halves' deviations are the set's own.
    """
    rng = np.random.default_rng(seed)
    drawn = [numbers(np.sort(rng.permutation(count)[: count // 2])) for _ in range(halves)] if count >= 4 else []
    found = {}
    for name, value in numbers(np.arange(count)).items():
        if value is None:
            continue
        known = [one for draw in drawn if (one := draw.get(name)) is not None]
        found[name] = Interval(value, float(1.96 * np.std(known, ddof=1)) if len(known) > 1 else None)
    return found


@dataclass(frozen=True, slots=True)
class Kept:
    """What a threshold on quality leaves: the share of texts, their mean quality, their variety."""

    retained: float
    quality: float
    vendi: float


def frontier(quality: np.ndarray, similarity: np.ndarray, shares: Sequence[float]) -> list[Kept]:
    """Of the best shares of the texts by quality, of equals the first: how good and how varied they are."""
    best = np.argsort(-quality, kind="stable")
    found = []
    for share in shares:
        kept = best[: max(1, round(share * len(quality)))]
        found.append(Kept(share, float(quality[kept].mean()), vendi(similarity[np.ix_(kept, kept)])))
    return found


def knee(points: Sequence[Kept]) -> Kept | None:
    """The point farthest above the line between the two ends of the frontier, both axes brought to 0 to 1."""
    quality, variety = (np.array([getattr(point, name) for point in points]) for name in ("quality", "vendi"))
    if len(points) < 3 or np.ptp(quality) == 0 or np.ptp(variety) == 0:
        return None
    across, up = ((axis - axis.min()) / np.ptp(axis) for axis in (quality, variety))
    above = up - (up[0] + (up[-1] - up[0]) * (across - across[0]) / (across[-1] - across[0] or 1))
    return points[int(above.argmax())]
