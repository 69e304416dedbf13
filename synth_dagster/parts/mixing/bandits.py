"""Choosing again and again among things of which some are better and some were not yet tried: upper confidence bounds.

As FANNO (arXiv:2408.01323) does: a thing's value is its score and a bonus that shrinks each time it is chosen,
s + w sqrt(2 ln N / (n + 1)), where n is how often it was chosen and N all choices so far and the number of things. A
draw is at random among the best few, so that what is best is not chosen always. The bound is that of Auer et al. 2002.
"""

import random
from collections.abc import Mapping
from typing import Generic, TypeVar

import numpy as np

K = TypeVar("K")


class UpperConfidence(Generic[K]):
    """Things with their scores, and how often each was chosen."""

    def __init__(self, scores: Mapping[K, float], chosen: Mapping[K, int] | None = None, *, width: float = 3.0) -> None:
        """`chosen` is how often things were chosen before; of others never."""
        self.keys = list(scores)
        self.width = width
        self._scores = np.array(list(scores.values()), float)
        self.counts = np.array([(chosen or {}).get(key, 0) for key in self.keys], np.int64)

    @property
    def values(self) -> np.ndarray:
        """What each thing is worth now, in the order of the keys."""
        total = int(self.counts.sum()) + len(self.keys)
        return self._scores + self.width * np.sqrt(2 * np.log(max(total, 1)) / (self.counts + 1))

    def draw(self, size: int, rng: random.Random, *, best: float = 0.05) -> list[K]:
        """So many different things out of the best share of them, or out of that many where the share is smaller."""
        most = min(len(self.keys), max(size, int(best * len(self.keys))))
        order = np.argsort(-self.values, kind="stable")[:most].tolist()
        places = rng.sample(order, min(size, most))
        self.counts[places] += 1
        return [self.keys[place] for place in places]


def spread(amounts: Mapping[K, float]) -> dict[K, float]:
    """Amounts as scores from 0 for the least to 1 for the most; all the same are halfway."""
    low, high = min(amounts.values(), default=0.0), max(amounts.values(), default=0.0)
    return {key: (amount - low) / (high - low) if high > low else 0.5 for key, amount in amounts.items()}
