"""Sets of so many things out of some: all of them, or some in a random order that stays when more are wanted.

A set has a rank, its place in lexicographic order, so that a few of a billion sets are drawn without listing the rest.
Each comes once. The first hundred of a thousand are the first hundred of a hundred: whoever raises a number pays for
what is new only.
"""

import random
from collections.abc import Iterator
from math import comb


def drawn(count: int, size: int, most: int, rng: random.Random) -> Iterator[tuple[int, ...]]:
    """Up to `most` different sets of `size` of the numbers below `count`, each ascending, in random order."""
    total = comb(count, size)
    moved: dict[int, int] = {}  # Fisher and Yates's shuffle, of which only what has moved is kept
    for place in range(min(most, total)):
        other = rng.randrange(place, total)
        yield unranked(moved.get(other, other), count, size)
        moved[other] = moved.pop(place, place)


def unranked(rank: int, count: int, size: int) -> tuple[int, ...]:
    """The set at a place, from 0, among all sets of `size` of the numbers below `count` in lexicographic order."""
    chosen: list[int] = []
    first = 0
    for left in range(size, 0, -1):
        while rank >= (beginning_here := comb(count - first - 1, left - 1)):
            rank -= beginning_here
            first += 1
        chosen.append(first)
        first += 1
    return tuple(chosen)
