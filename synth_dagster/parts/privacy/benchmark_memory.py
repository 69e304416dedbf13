"""Does a model know a benchmark by heart? Its items against the same items with other names and numbers, and its order
against other orders.

A model that learnt from the items finds them likelier than variants that read as well; by how much it does so for items
of the same kind that nobody can have seen is what any model does (the gain of both groups is compared). A model that
read the benchmark as a file finds its items likelier in the file's order than in another one: under no memory all
orders are alike, so the rank of the true one among drawn ones is a number drawn evenly (arXiv:2310.17623, in shards).
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

import numpy as np

from synth_dagster.parts.models.membership import Scored, scores_of
from synth_dagster.parts.streams import stream

VARIANTS = 3
SHARDS = 10
ORDERS = 20  # drawn ones of a shard
_NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.]*\d)")
_NAME = re.compile(r"(?<=[a-z,;] )[A-Z][a-z]{2,}\b")

Score: TypeAlias = Callable[[str], Scored]
Scores: TypeAlias = dict[tuple[int, int], dict[str, float]]  # by (number, variant)


@dataclass(frozen=True, slots=True)
class Probe:
    """A text to be scored: of which group, of which item or shard, and as it stands (0) or in which variant."""

    group: str  # benchmark, control or order
    number: int
    variant: int
    text: str


def probes(items: Sequence[str], control: Sequence[str] = (), *, seed: int = 0) -> Iterator[Probe]:
    """All that a model has to score. Items without a name or number to exchange have no variants and are left out."""
    names = sorted({name for item in (*items, *control) for name in _NAME.findall(item)})
    for group, texts in (("benchmark", items), ("control", control)):
        for number, item in enumerate(texts):
            others = [variant(item, names, stream(seed, group.encode(), number, place)) for place in range(VARIANTS)]
            if item not in others:
                for place, text in enumerate((item, *others)):
                    yield Probe(group, number, place, text)
    for number, shard in enumerate(_shards(items)):
        for place in range(ORDERS + 1):
            order = list(shard)
            if place:
                stream(seed, b"order", number, place).shuffle(order)
            yield Probe("order", number, place, "\n\n".join(order))


def variant(item: str, names: Sequence[str], draw: Random) -> str:
    """The item with other numbers of as many digits and other names, the same for the same throughout."""
    given: dict[str, str] = {}

    def another(found: re.Match[str]) -> str:
        old = found[0]
        if old not in given:
            taken = {*given.values(), *given, old}
            given[old] = _number(old, draw) if old.isdecimal() else _name(names, taken, draw) or old
        return given[old]

    return _NUMBER.sub(another, _NAME.sub(another, item))


def _number(old: str, draw: Random) -> str:
    low, high = (10 ** (len(old) - 1), 10 ** len(old) - 1) if len(old) > 1 else (2, 9)
    new = draw.randint(low, high)
    return str(new if str(new) != old else low + (new + 1 - low) % (high - low + 1))


def _name(names: Sequence[str], taken: set[str], draw: Random) -> str:
    left = [name for name in names if name not in taken]
    return draw.choice(left) if left else ""


def _shards(items: Sequence[str]) -> Iterator[Sequence[str]]:
    """At most ten runs of items, each of at least three: two have one other order only."""
    count = min(SHARDS, len(items) // 3)
    for number in range(count):
        yield items[len(items) * number // count : len(items) * (number + 1) // count]


def gains(scored: Mapping[tuple[int, int], Mapping[str, float]]) -> np.ndarray:
    """Of each item by how much it scores above the mean of its variants: by (item, variant), in nats or deviations."""
    known = next((name for name in ("min_k_plus", "min_k") if all(name in one for one in scored.values())), None)
    numbers = sorted({number for number, _ in scored}) if known else []
    found = []
    for number in numbers:
        others = [one[known] for (item, place), one in scored.items() if item == number and place and known]
        if (number, 0) in scored and others and known:
            found.append(scored[number, 0][known] - float(np.mean(others)))
    return np.array(found, float)


def order_p(totals: Mapping[tuple[int, int], float]) -> tuple[float, float]:
    """The mean place of the true order among all of its shard, 0 for the likeliest and 1 for the least, and how often
    it comes out so low by chance; by (shard, order), log-probabilities. Of n even draws the mean has a deviation of
    sqrt(1 / 12 n)."""
    places = []
    for shard in sorted({shard for shard, place in totals if place == 0}):
        others = np.array([one for (number, place), one in totals.items() if number == shard and place])
        if len(others):
            own = totals[shard, 0]
            above = (others > own).sum() + (others == own).sum() / 2
            places.append((above + 0.5) / (len(others) + 1))
    if not places:
        return 0.5, 1.0
    mean = float(np.mean(places))
    return mean, 0.5 * math.erfc((0.5 - mean) / math.sqrt(1 / 6 / len(places)))


def scored_all(score: Score, asked: Sequence[Probe]) -> dict[str, Scores]:
    """Group -> (number, variant) -> the scores, and `whole`, the log-probability of all."""
    found: dict[str, Scores] = {}
    for probe in asked:
        scores = scores_with_whole(probe.text, score(probe.text))
        found.setdefault(probe.group, {})[probe.number, probe.variant] = scores
    return found


def scores_with_whole(text: str, said: Scored) -> dict[str, float]:
    """The scores of membership, and `whole`, the log-probability of the text."""
    return scores_of(text, said) | {"whole": float(said.own.sum())}
