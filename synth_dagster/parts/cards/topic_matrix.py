"""Which topics occur together in problems, and topics for new problems that are drawn by it (KPMath, arXiv:2403.02333).

Each document names its topics, each with its key points. Topics that say nearly the same are merged; the matrix counts
pairs of topics in a document, and a topic with itself where it has more than five key points there, as log10(x + 1).
A first topic is drawn by the sums of the rows, a second by the first one's row, a third by the product of both rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from random import Random

import numpy as np

from synth_dagster.parts.text.words import is_blank, normalised, one_line
from synth_dagster.records import Json

MANY_POINTS = 5  # a topic with more of them in one document goes with itself
REDRAWN = 10  # times that topics are drawn anew where no third one goes with two


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of a document, and what one has to know of it there."""

    name: str
    points: tuple[str, ...]


def topics_of(said: Json) -> list[Topic]:
    """The topics that have key points, from a list of `topic` and `key_points`; each name and each point once."""
    found: dict[str, list[str]] = {}
    for one in said if isinstance(said, list) else []:
        name, points = (one.get("topic"), one.get("key_points")) if isinstance(one, dict) else (None, None)
        if isinstance(name, str) and isinstance(points, list) and not is_blank(name):
            found.setdefault(one_line(name), []).extend(one_line(str(point)) for point in points)
    topics = [Topic(name, tuple(dict.fromkeys(p for p in points if not is_blank(p)))) for name, points in found.items()]
    return [topic for topic in topics if topic.points]


def merged(documents: Sequence[Sequence[Topic]], points: np.ndarray, threshold: float) -> list[list[Topic]]:
    """The documents with one name for topics whose vectors have at least this cosine: the name that came first.

    `points`, shape (key points of all documents in order, dimensions), rows of unit length. A topic's vector is the
    mean of its key points'. Two topics of a document that become one share their key points.
    """
    names = _first_like_it(documents, points, threshold)
    return [_joined([Topic(names[normalised(topic.name)], topic.points) for topic in topics]) for topics in documents]


def _first_like_it(documents: Sequence[Sequence[Topic]], points: np.ndarray, threshold: float) -> dict[str, str]:
    """Normalised name -> the name of the first topic that is near enough."""
    shown: dict[str, str] = {}
    sums: dict[str, np.ndarray] = {}
    at = 0
    for topic in (topic for topics in documents for topic in topics):
        key = normalised(topic.name)
        shown.setdefault(key, topic.name)
        sums[key] = sums.get(key, 0) + points[at : at + len(topic.points)].sum(axis=0)
        at += len(topic.points)
    kept: list[str] = []
    vectors = np.zeros((len(sums), points.shape[1]))
    found: dict[str, str] = {}
    for key, total in sums.items():
        vector = total / (np.linalg.norm(total) or 1.0)
        near = vectors[: len(kept)] @ vector
        best = int(np.argmax(near)) if kept else -1
        if best >= 0 and near[best] >= threshold:
            found[key] = shown[kept[best]]
            continue
        vectors[len(kept)] = vector
        kept.append(key)
        found[key] = shown[key]
    return found


def _joined(topics: Sequence[Topic]) -> list[Topic]:
    points: dict[str, dict[str, None]] = {}
    for topic in topics:
        points.setdefault(topic.name, {}).update(dict.fromkeys(topic.points))
    return [Topic(name, tuple(of)) for name, of in points.items()]


@dataclass(frozen=True)
class TopicMatrix:
    """The co-occurrence of topics; `weights` is symmetric, a row and a column for each name."""

    names: tuple[str, ...]
    weights: np.ndarray

    @classmethod
    def of(cls, documents: Sequence[Sequence[Topic]]) -> "TopicMatrix":
        names = tuple(dict.fromkeys(topic.name for topics in documents for topic in topics))
        place = {name: at for at, name in enumerate(names)}
        counts = np.zeros((len(names), len(names)))
        for topics in documents:
            for one, other in combinations(topics, 2):
                counts[place[one.name], place[other.name]] += 1
                counts[place[other.name], place[one.name]] += 1
            for topic in topics:
                counts[place[topic.name], place[topic.name]] += len(topic.points) > MANY_POINTS
        return cls(names, np.log10(counts + 1))

    @cached_property
    def first(self) -> np.ndarray:
        return self.weights.sum(axis=1)

    def second(self, one: int) -> np.ndarray:
        return self.weights[one]

    def third(self, one: int, other: int) -> np.ndarray:
        return self.weights[one] * self.weights[other]

    def drawn(self, number: int, rng: Random) -> tuple[str, ...]:
        """Two or three topics that go together, the same one twice where it goes with itself.

        Where no third one goes with two, both are drawn again, up to ten times; then two must do. A topic that goes
        with none stands alone.
        """
        found: tuple[int, ...] = ()
        for _ in range(REDRAWN):
            found = self._drawn_once(number, rng)
            if len(found) == number:
                break
        return tuple(self.names[place] for place in found)

    def _drawn_once(self, number: int, rng: Random) -> tuple[int, ...]:
        one = _by_weight(self.first, rng)
        if one is None:
            return (rng.randrange(len(self.names)),)
        other = _by_weight(self.second(one), rng)
        if other is None or number == 2:
            return (one,) if other is None else (one, other)
        last = _by_weight(self.third(one, other), rng)
        return (one, other) if last is None else (one, other, last)

    def at_random(self, number: int, rng: Random) -> tuple[str, ...]:
        """Different topics, each as likely: the paper's comparison."""
        return tuple(rng.sample(self.names, min(number, len(self.names))))


def _by_weight(weights: np.ndarray, rng: Random) -> int | None:
    """A place drawn by its weight; None where all are zero."""
    total = float(weights.sum())
    return rng.choices(range(len(weights)), weights.tolist())[0] if total > 0 else None
