"""Was a text in what a model learnt? Scores over its log-probabilities, higher for texts that were, and how well they
tell the two apart.

Loss, and loss by the bits that zlib needs (arXiv:2012.07805); Min-K% (arXiv:2310.16789): the mean of the least likely
fifth; Min-K%++ (arXiv:2404.02936): the same of log-probabilities that are set against the mean and the deviation of all
symbols at that place.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from synth_dagster.parts.models.linear_text import auc

SCORES = ("min_k_plus", "min_k", "zlib", "loss")
LEAST = 0.2  # of the symbols, in Min-K%
_SURE = 1.96
_SPREAD = 1e-6


@dataclass(frozen=True, slots=True)
class Scored:
    """What a model says of a text: each symbol's log-probability, and the mean and deviation of those of all symbols
    there. Without the two, Min-K%++ cannot be told."""

    own: np.ndarray
    mean: np.ndarray | None = None
    spread: np.ndarray | None = None


def scores_of(text: str, found: Scored, least: float = LEAST) -> dict[str, float]:
    """The scores of a text by their names; none of an empty one."""
    if not len(found.own):
        return {}
    loss = float(found.own.mean())
    scores = {"loss": loss, "zlib": loss / len(zlib.compress(text.encode("utf-8", "surrogatepass")))}
    scores["min_k"] = _lowest(found.own, least)
    if found.mean is not None and found.spread is not None:
        scores["min_k_plus"] = _lowest((found.own - found.mean) / np.maximum(found.spread, _SPREAD), least)
    return scores


def _lowest(values: np.ndarray, share: float) -> float:
    kept = max(1, int(len(values) * share))
    return float(np.partition(values, kept - 1)[:kept].mean())


@dataclass(frozen=True, slots=True)
class Told:
    """How well a score tells members from others: the AUROC, its 95 % interval, and how many members are found where
    one in twenty others is taken for one."""

    auc: float
    low: float
    high: float
    at_5: float


def told_apart(members: np.ndarray, others: np.ndarray) -> Told:
    """Needs at least one of each. The interval is that of Hanley and McNeil (1982)."""
    values = np.concatenate([members, others])
    area = auc(values, np.arange(len(values)) < len(members))
    error = _error(area, len(members), len(others))
    bound = np.sort(others)[::-1][int(len(others) * 0.05)]
    return Told(area, area - _SURE * error, area + _SURE * error, float((members > bound).mean()))


def _error(area: float, members: int, others: int) -> float:
    both, twice = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (members - 1) * (both - area**2) + (others - 1) * (twice - area**2)
    return float(np.sqrt(max(spread, 0.0) / (members * others)))


def by_score(members: list[dict[str, float]], others: list[dict[str, float]]) -> Mapping[str, Told]:
    """For each score that all have, how well it tells the two apart; nothing where one of the two is empty."""
    if not members or not others:
        return {}
    known = [name for name in SCORES if all(name in one for one in (*members, *others))]
    columns = {name: [np.array([one[name] for one in group]) for group in (members, others)] for name in known}
    return {name: told_apart(*pair) for name, pair in columns.items()}
