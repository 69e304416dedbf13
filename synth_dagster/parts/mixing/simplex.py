"""Mixtures as points whose parts sum to 1: drawn around a prior, told by a fitted surface, and the best one sought.

Paper: arXiv:2502.10341 (WebOrganizer), after RegMix (arXiv:2407.01492). Draws are Dirichlet around the prior with a
concentration that is log-uniform. Where the paper fits gradient-boosted trees, this is ridge regression of the log of
the loss on weights, their logarithms and their products, in closed form: a model of which a domain is nearly kept away
loses as the logarithm of its weight, and the surface needs no package.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from synth_dagster.parts.models.linear_head import LinearHead, learnt

_FLOOR = 2e-3  # added to a weight before its logarithm: what a domain teaches others
RIDGES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)


def tempered(sizes: np.ndarray, temperature: float) -> np.ndarray:
    """The prior: shares of sizes to the power 1 / temperature."""
    powers = np.where(sizes > 0, sizes.astype(float), 0) ** (1 / temperature) * (sizes > 0)
    return powers / powers.sum()


@dataclass(frozen=True, slots=True)
class Draws:
    """How mixtures to try are drawn: the paper's numbers."""

    lowest: float = 0.1  # of the concentration, log-uniform
    highest: float = 5.0
    least: float = 2e-4  # a smaller weight is none
    apart: float = 0.05  # the largest difference of a weight to that of any other mixture
    tries: int = 1_000  # for one mixture, before there are no more

    def of(self, prior: np.ndarray, caps: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Shape (at most count, domains). `caps` is the largest weight of each, as the epochs that it may be seen."""
        found = np.zeros((0, len(prior)))
        while len(found) < count:
            drawn = self._drawn(prior, rng)
            fits = (drawn <= caps + 1e-12).all(axis=1)
            new = next((one for one in drawn[fits] if _apart(one, found) >= self.apart), None)
            if new is None:
                break
            found = np.vstack([found, new])
        return found

    def _drawn(self, prior: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        concentration = np.exp(rng.uniform(np.log(self.lowest), np.log(self.highest), self.tries))
        drawn = dirichlet(concentration[:, None] * prior, rng)
        drawn[drawn < self.least] = 0
        return drawn / drawn.sum(axis=1, keepdims=True)


def dirichlet(concentrations: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A draw for each row; a concentration of 0 gives 0, and a row of which all parts vanish its largest one."""
    drawn = rng.standard_gamma(np.maximum(concentrations, 0))
    lost = drawn.sum(axis=1) <= 0
    drawn[lost, concentrations[lost].argmax(axis=1)] = 1.0
    return drawn / drawn.sum(axis=1, keepdims=True)


def _apart(one: np.ndarray, others: np.ndarray) -> float:
    return float(np.abs(others - one).max(axis=1).min(initial=np.inf))


def features(weights: np.ndarray) -> np.ndarray:
    """Weights, their logarithms, and the products of each two, squares among them."""
    left, right = np.triu_indices(weights.shape[1])
    return np.hstack([weights, np.log(weights + _FLOOR), weights[:, left] * weights[:, right]])


@dataclass(frozen=True, slots=True)
class Surface:
    """What a mixture would lose, above 0, as mixtures that were tried say."""

    head: LinearHead
    left_out: np.ndarray  # what surfaces say of each tried mixture that had not seen it

    @classmethod
    def fitted(cls, weights: np.ndarray, losses: np.ndarray) -> "Surface":
        found = learnt(features(weights), np.log(losses)[:, None], RIDGES)
        return cls(found.head, np.exp(found.left_out[:, 0]))

    def losses(self, weights: np.ndarray) -> np.ndarray:
        """The loss of each mixture."""
        return np.exp(self.head.scores(features(weights))[:, 0])


@dataclass(frozen=True, slots=True)
class Search:
    """How the best mixture is sought: the paper's numbers."""

    draws: int = 500_000
    rounds: int = 15
    lowest: float = 1.0  # of the concentration around where the search stands, log-uniform
    highest: float = 1_000.0
    step: float = 0.2  # of the way to the best draw of a round
    gamma: float = 0.002  # what a nat of divergence from the prior costs
    cap: float = 6.5  # times the prior is the largest weight
    line: int = 500  # points between the prior and where the search ended
    at_once: int = 8_192  # bounds memory

    def best(
        self, losses: Callable[[np.ndarray], np.ndarray], prior: np.ndarray, caps: np.ndarray, rng: np.random.Generator
    ) -> np.ndarray:
        """The best point on the line from the prior through where the rounds ended, and of the best draws."""
        caps = np.minimum(np.maximum(self.cap * prior, 0), caps)
        cost = _Cost(losses, prior, self.gamma)
        centre, seen = capped(prior[None], caps)[0], []
        for _ in range(self.rounds):
            best = min(self._round(centre, caps, cost, rng), key=lambda pair: pair[0])[1]
            seen.append(best)
            centre = centre + self.step * (best - centre)
        there = np.linspace(0, 1, self.line)[:, None]
        points = np.vstack([(1 - there) * capped(prior[None], caps)[0] + there * centre, *seen])
        return points[int(cost(points).argmin())]

    def _round(
        self, centre: np.ndarray, caps: np.ndarray, cost: "_Cost", rng: np.random.Generator
    ) -> Sequence[tuple[float, np.ndarray]]:
        found = []
        for start in range(0, max(self.draws // self.rounds, 1), self.at_once):
            count = min(self.at_once, max(self.draws // self.rounds, 1) - start)
            concentration = np.exp(rng.uniform(np.log(self.lowest), np.log(self.highest), count))
            drawn = capped(dirichlet(concentration[:, None] * len(centre) * centre, rng), caps)
            costs = cost(drawn)
            found.append((float(costs.min()), drawn[int(costs.argmin())]))
        return found


@dataclass(frozen=True, slots=True)
class _Cost:
    losses: Callable[[np.ndarray], np.ndarray]
    prior: np.ndarray
    gamma: float

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        ratio = np.divide(weights, self.prior, out=np.ones_like(weights), where=(weights > 0) & (self.prior > 0))
        return self.losses(weights) + self.gamma * (weights * np.log(ratio)).sum(axis=1)


def capped(weights: np.ndarray, caps: np.ndarray) -> np.ndarray:
    """Each row with no part above its cap; what is cut off goes to the parts below theirs, in proportion.

    Caps that do not reach 1 together are raised in proportion.
    """
    caps = caps / caps.sum() if caps.sum() < 1 else caps
    found = weights.copy()
    for _ in range(len(caps) + 1):
        over = np.maximum(found - caps, 0).sum(axis=1, keepdims=True)
        if not (over > 1e-12).any():
            break
        found = np.minimum(found, caps)
        room = np.where(found < caps - 1e-15, found, 0)
        empty = room.sum(axis=1, keepdims=True) <= 0
        room = np.where(empty, caps - found, room)
        found = found + over * room / np.maximum(room.sum(axis=1, keepdims=True), 1e-300)
    return found


def spearman(first: np.ndarray, second: np.ndarray) -> float:
    """The correlation of ranks; equal values have their mean rank. 0 where one side has one value only."""
    ranks = [_ranks(values) for values in (first, second)]
    spread = np.prod([rank.std() for rank in ranks])
    return float(np.mean((ranks[0] - ranks[0].mean()) * (ranks[1] - ranks[1].mean())) / spread) if spread else 0.0


def _ranks(values: np.ndarray) -> np.ndarray:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[places]
