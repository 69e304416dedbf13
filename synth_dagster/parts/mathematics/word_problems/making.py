"""New word problems, whose amounts are whole numbers all the way."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from random import Random

from synth_dagster.parts.mathematics.word_problems.facts import Asked, Fact, Problem
from synth_dagster.parts.mathematics.word_problems.solving import after_step
from synth_dagster.parts.mathematics.word_problems.writing import NAMES, THINGS


def make(rng: Random) -> Problem:
    """A new problem of two to four steps, all amounts whole and positive."""
    who, other = rng.sample(NAMES, 2)
    things = rng.choice(THINGS)
    while True:
        facts = [replace(fact, who=who, things=things, other=_taker(rng, fact, other)) for fact in _chain(rng)]
        if _is_sound(facts):
            break
    if rng.random() < 0.12:  # a number that nothing depends on
        facts.insert(rng.randrange(2), Fact("age", (Fraction(rng.randint(7, 14)),), who, things))
    ends: dict[str, Asked] = {"price": "dollars", "boxes": "boxes"}
    return Problem(tuple(facts), ends.get(facts[-1].kind, "things"))


def _taker(rng: Random, fact: Fact, other: str) -> str:
    """Who gets what goes away, if it is not lost."""
    return other if fact.kind in ("less", "percent", "half") and rng.random() < 0.7 else ""


def _chain(rng: Random) -> list[Fact]:
    begins = ("groups", (rng.randint(2, 9), rng.randint(3, 24))) if rng.random() < 0.3 else ("start", (_many(rng),))
    middle = [_drawn(rng, rng.choice(("more", "daily", "less", "percent", "half"))) for _ in range(rng.randint(1, 2))]
    end = [_drawn(rng, rng.choice(("price", "boxes")))] if rng.random() < 0.6 else []
    kinds = [begins, *middle, *end]
    return [Fact(kind, tuple(Fraction(number) for number in numbers)) for kind, numbers in kinds]


def _many(rng: Random) -> int:
    return rng.choice((rng.randint(4, 12), rng.randint(13, 99), rng.randint(100, 400), 10 * rng.randint(100, 300)))


def _drawn(rng: Random, kind: str) -> tuple[str, tuple[int, ...]]:
    numbers = {
        "more": (rng.randint(2, 60),),
        "daily": (rng.randint(2, 15), rng.randint(2, 12)),
        "less": (rng.randint(2, 60),),
        "percent": (rng.choice((10, 20, 25, 40, 50, 75)),),
        "half": (),
        "price": (rng.randint(2, 12),),
        "boxes": (rng.randint(2, 12),),
    }
    return kind, numbers[kind]


def _is_sound(facts: Sequence[Fact]) -> bool:
    """Whether every amount on the way is a whole number of at least two, and no two steps are of one kind."""
    kinds = [fact.kind for fact in facts]
    amount = Fraction(0)
    for fact in facts:
        amount, between = after_step(amount, fact)
        if amount.denominator != 1 or between.denominator != 1 or amount < 2:
            return False
    return len(set(kinds)) == len(kinds)
