"""Chains of sums for a student, with one wrong step.

`pivotal` searches answers for the step that spoils them (phi-4, arXiv:2412.08905, section 4.3), by the student's own
log-probabilities and its own ways to go on.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from synth_dagster.parts.cards.pivotal_tokens import pivots
from synth_dagster.parts.models.student import Shape, Student
from synth_dagster.parts.models.training import Course, rows_of, train

MODULUS, STEPS = 10, 6


@dataclass(frozen=True, slots=True)
class Chain:
    """Sums modulo 10 from left to right: the prompt names them, the answer the running values."""

    prompt: Sequence[int]
    values: Sequence[int]


def chain(rng: Random, *, slips: float = 0.0) -> Chain:
    """A step is wrong with this chance, and what follows goes on from it. Symbols: 1 to 10 digits, 11 plus, 12 times,
    13 equals; a step of the prompt is as long as one of the answer."""
    value = rng.randrange(MODULUS)
    prompt, values = [value + 1], list[int]()
    for _ in range(STEPS):
        times, by = rng.random() < 0.3, rng.randrange(1, MODULUS)
        by = rng.choice((3, 7, 9)) if times else by  # what can be undone, so that a wrong value stays wrong
        value = (value * by if times else value + by) % MODULUS
        if rng.random() < slips:
            value = (value + rng.randrange(1, MODULUS)) % MODULUS
        prompt += [12 if times else 11, by + 1]
        values += [13, value + 1]
    return Chain(prompt, values)


def spoilt(one: Chain, place: int, rng: Random) -> list[int]:
    """The answer with a wrong value at a place, from which the rest goes on rightly."""
    shift = rng.randrange(1, MODULUS)
    values = list(one.values)
    for later in range(place, len(values), 2):
        values[later] = (values[later] - 1 + shift) % MODULUS + 1
        if later + 2 < len(values) and one.prompt[later + 2] == 12:  # the sign of the next step
            shift = shift * (one.prompt[later + 3] - 1) % MODULUS
    return values


def pivotal(
    seed: int, *, steps: int = 1_400, answers: int = 30, samples: int = 24, gap: float = 0.4
) -> dict[str, float]:
    """How often the search finds the planted wrong step, and what it asks; slips are in what the student has read."""
    rng = Random(seed)
    student = Student.new(Shape(14, context=32, width=64, layers=2, heads=2), seed=seed)
    train(
        student,
        lambda _: rows_of([(one.prompt, one.values) for one in (chain(rng, slips=0.05) for _ in range(24))]),
        Course(steps, rate=3e-3, seed=seed),
    )
    found = [_searched(student, rng, number, samples, gap) for number in range(answers)]
    mean = {name: float(np.mean([one[name] for one in found])) for name in found[0]}
    return {**mean, "right alone": _right(student, [chain(rng) for _ in range(200)])}


def _right(student: Student, some: Sequence[Chain]) -> float:
    written = student.generated([one.prompt for one in some], 2 * STEPS)
    return float(np.mean([answer[-1:] == [one.values[-1]] for answer, one in zip(written, some, strict=True)]))


def _searched(student: Student, rng: Random, number: int, samples: int, gap: float) -> Mapping[str, float]:
    one, place = chain(rng), 2 * rng.randrange(STEPS - 1) + 1
    answer, asked = spoilt(one, place, rng), list[int]()

    async def success(known: int) -> float:
        asked.append(known)
        prompts = [[*one.prompt, *answer[:known]]] * samples
        written = student.generated(prompts, 2 * STEPS - known, temperature=1.0, seed=1_000 * number + known)
        return float(np.mean([([*answer[:known], *rest])[-1] == one.values[-1] for rest in written]))

    surprise = -student.log_probabilities([[*one.prompt, *answer]])[0][len(one.prompt) :]
    pivot = [one.place for one in asyncio.run(pivots(surprise.tolist(), success, gap=gap))]
    return {
        "planted found": float(place in pivot),
        "others found": float(len(set(pivot) - {place})),
        "least likely token": float(int(np.argmax(surprise)) == place),
        "asked": float(len(asked)),
    }
