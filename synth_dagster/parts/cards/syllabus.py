"""What a question of a course is about: concepts of one session, or of two together (GLAN, arXiv:2402.13064).

How many concepts is drawn first, every number alike; then every set of that size alike. Of two sessions only sets that
use both count: of five concepts each there are 31 sets of one session, and 575 of up to five that need both.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

MOST = 5  # concepts of a question


@dataclass(frozen=True, slots=True)
class Session:
    """A meeting of a course, and what it is about."""

    name: str
    concepts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    """What a question is to be about."""

    sessions: tuple[str, ...]
    concepts: tuple[str, ...]


def one_session(sessions: Sequence[Session], rng: random.Random) -> Topic:
    """One to five concepts of one session."""
    session = rng.choice(sessions)
    size = rng.randint(1, min(MOST, len(session.concepts)))
    return Topic((session.name,), _in_order(session.concepts, rng.sample(session.concepts, size)))


def two_sessions(sessions: Sequence[Session], rng: random.Random) -> Topic | None:
    """Two to five concepts, some of each of two sessions. None if there are no two that differ."""
    if len(sessions) < 2:
        return None
    first, second = rng.sample(sessions, 2)
    others = tuple(concept for concept in second.concepts if concept not in first.concepts)
    if not others:
        return None
    both = (*first.concepts, *others)
    size = rng.randint(2, min(MOST, len(both)))
    while True:  # with one concept against n, at least two in n + 1 of the sets are mixed
        drawn = set(rng.sample(both, size))
        if not drawn.isdisjoint(first.concepts) and not drawn.isdisjoint(others):
            return Topic((first.name, second.name), _in_order(both, drawn))


def _in_order(concepts: Sequence[str], drawn: Sequence[str] | set[str]) -> tuple[str, ...]:
    return tuple(concept for concept in concepts if concept in drawn)
