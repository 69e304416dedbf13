"""Small models that stand for the one that will be trained: what a mixture of domains would lose on a target.

`Trainer` is all that a search for mixtures asks; somebody with accelerators gives one that trains transformers. The one
here counts: an n-gram model over bytes whose counts are those of a training set of so many bytes drawn from the
mixture, in expectation, so that a mixture costs a few sums and no training run is noisy. Orders are mixed as by Witten
and Bell (1991) with a fixed weight. It knows which words and forms a target needs, and nothing of what it means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

SYMBOLS = 256
LONGEST = 6  # bytes of a context: with the next byte they fit into a number of 64 bits


class Trainer(Protocol):
    """Trains a small model on a mixture and says what it loses."""

    def losses(self, weights: Mapping[str, float], /) -> Mapping[str, float]:
        """Target -> bits per byte, of a model that was trained on domains in these shares."""
        ...


@dataclass(frozen=True, slots=True)
class _Known:
    """How often what a target needs stands in a byte of each domain: arrays (orders, domains, bytes of the target)."""

    both: np.ndarray  # the context with the byte that follows
    contexts: np.ndarray


class CountingTrainer:
    """`Trainer` over texts of domains and of targets, held in memory."""

    def __init__(
        self,
        domains: Mapping[str, Sequence[str]],
        targets: Mapping[str, Sequence[str]],
        *,
        trained_on: int = 2_000_000,
        order: int = 4,
        backing: float = 4.0,
    ) -> None:
        """`trained_on` bytes are drawn from a mixture, contexts are of up to `order` bytes."""
        self.names = sorted(domains)
        self._trained_on, self._backing = trained_on, backing
        asked = {name: _bytes(texts, order) for name, texts in targets.items()}
        self._known = {name: _Known(*_empty(order, len(self.names), data)) for name, data in asked.items()}
        for place, name in enumerate(self.names):
            data = _bytes(domains[name], order)
            size = max(len(data) - order, 1)
            for n in range(order + 1):
                for target, known in self._known.items():
                    known.both[n, place] = _count(_grams(asked[target], n, 1, order), _grams(data, n, 1, order)) / size
                    known.contexts[n, place] = (
                        _count(_grams(asked[target], n, 0, order), _grams(data, n, 0, order)) / size
                    )

    def losses(self, weights: Mapping[str, float], /) -> Mapping[str, float]:
        shares = np.array([weights.get(name, 0.0) for name in self.names]) * self._trained_on
        return {target: self._loss(known, shares) for target, known in self._known.items()}

    def _loss(self, known: _Known, shares: np.ndarray) -> float:
        likely = np.full(known.both.shape[2], 1 / SYMBOLS)
        for both, contexts in zip(known.both, known.contexts, strict=True):
            likely = (shares @ both + self._backing * likely) / (shares @ contexts + self._backing)
        return float(-np.log2(likely).mean()) if len(likely) else 0.0


def _bytes(texts: Sequence[str], order: int) -> np.ndarray:
    """All texts one after the other, before each as many ends as a context is long."""
    end = b"\x00" * order
    return np.frombuffer(b"".join(end + text.encode("utf-8", "replace") for text in texts), np.uint8)


def _empty(order: int, domains: int, data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    shape = (order + 1, domains, max(len(data) - order, 0))
    return np.zeros(shape), np.zeros(shape)


def _grams(data: np.ndarray, context: int, following: int, order: int) -> np.ndarray:
    """For each byte that has `order` before it: the last `context` of them, and itself if asked for, as a number."""
    length = max(len(data) - order, 0)
    found = np.zeros(length, np.uint64)
    for back in range(context, -following, -1):
        found = (found << np.uint64(8)) | data[order - back : order - back + length].astype(np.uint64)
    return found


def _count(asked: np.ndarray, there: np.ndarray) -> np.ndarray:
    """How often each asked number stands there."""
    known, counts = np.unique(there, return_counts=True)
    if not len(known):
        return np.zeros(len(asked))
    place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    return np.where(known[place] == asked, counts[place], 0).astype(float)
