"""Worlds of sums for students: expressions for word problems and a verifier, chains of sums with one wrong step.

`verifiers` is TinyGSM's student in small (arXiv:2312.09241): it writes an expression, which is executed, and a
verifier, the same body with a head, chooses among 48 of them. `pivotal` searches answers for the step that spoils them
(phi-4, arXiv:2412.08905, section 4.3), by the student's own log-probabilities and its own ways to go on.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from synth_dagster.parts.cards.pivotal_tokens import pivots
from synth_dagster.parts.mathematics.expressions import value_of
from synth_dagster.parts.models.student import Shape, Student
from synth_dagster.parts.models.training import (
    Course,
    next_symbol,
    right_or_wrong,
    rows_of,
    train,
    verdicts,
    with_verdict,
)
from synth_dagster.parts.models.vocabulary import Words

# ------------------------------------------------------------------------------------- word problems, and a verifier


@dataclass(frozen=True, slots=True)
class Problem:
    question: str
    expression: str
    answer: int


CANDIDATES = 48  # of a question, as in the paper
_GAINS = ("finds {a} more", "is given {a}", "buys {a}")
_LOSSES = ("loses {a}", "gives away {a}", "eats {a}")
_PACKS = ("buys {a} bags of {b}", "is given {a} boxes of {b}")
_DOUBT = "Her brother is {a} years old."  # a fact that does not matter, as in a third of the paper's problems


def problem(rng: Random) -> Problem:
    """What somebody has after two or three things have happened."""
    first = rng.randint(2, 9)
    said, expression, total = [f"Anna has {first} apples."], str(first), first
    for _ in range(rng.choice((2, 3))):
        a, b, kind = rng.randint(2, 9), rng.randint(2, 9), rng.choice("+-*")
        if kind == "+":
            said.append(f"She {rng.choice(_GAINS)}.")
            expression, total = f"{expression} + {a}", total + a
        elif kind == "-":
            said.append(f"She {rng.choice(_LOSSES)}.")
            expression, total = f"{expression} - {a}", total - a
        else:
            said.append(f"She {rng.choice(_PACKS)}.")
            expression, total = f"{expression} + {a} * {b}", total + a * b
        said[-1] = said[-1].format(a=a, b=b)
    if rng.random() < 1 / 3:
        said.insert(rng.randint(1, len(said)), _DOUBT.format(a=rng.randint(2, 9)))
    return Problem(f"{' '.join(said)} How many?", f" {expression}", total)


def executed(expression: str) -> int | None:
    """What an expression comes to; None where it is none."""
    found = value_of(expression)
    return None if found is None or found.denominator != 1 else int(found)


def sampled(student: Student, words: Words, asked: Sequence[Problem], count: int, seed: int) -> list[list[str]]:
    """So many candidates of each question, at the two temperatures of the paper."""
    prompts = [words.symbols(one.question) for one in asked for _ in range(count // 2)]
    found: list[list[str]] = [[] for _ in asked]
    for number, temperature in enumerate((0.5, 0.7)):
        written = student.generated(prompts, 16, temperature=temperature, seed=2 * seed + number)
        for place, symbols in enumerate(written):
            found[place // (count // 2)].append(words.text(symbols))
    return found


def judged(judge: Student, words: Words, asked: Sequence[Problem], found: Sequence[Sequence[str]]) -> np.ndarray:
    """The verdict on each candidate: (questions, candidates)."""
    texts = [[*words.symbols(one.question + text), 0] for one, some in zip(asked, found, strict=True) for text in some]
    return verdicts(judge, texts).reshape(len(asked), -1)


def verifier(
    student: Student,
    words: Words,
    asked: Sequence[Problem],
    found: Sequence[Sequence[str]],
    *,
    every_token: bool,
    seed: int,
    steps: int,
) -> Student:
    """The student's body with a head; every token of question and answer has the label, or the last alone."""
    pairs = [
        (words.symbols(one.question), words.symbols(text), float(executed(text) == one.answer))
        for one, some in zip(asked, found, strict=True)
        for text in some
    ]
    judge = with_verdict(student)

    def drawn(rng: np.random.Generator):
        some = [pairs[place] for place in rng.integers(len(pairs), size=32)]
        batch = rows_of([(given, [*answer, 0]) for given, answer, _ in some], [label for *_, label in some], both=True)
        ends = batch.weights.sum(axis=1).astype(int) - 1
        if not every_token:
            batch.weights[...] = 0
            batch.weights[np.arange(len(some)), ends] = 1
        return batch

    train(judge, drawn, Course(steps, rate=2e-3, seed=seed), objective=right_or_wrong)
    return judge


def verifiers(
    seed: int, *, steps: int = 300, taught: int = 400, asked: int = 80, judge_steps: int = 500
) -> dict[str, float]:
    """Accuracy of one candidate, of the commonest answer, and of the best by a verifier of either supervision."""
    rng = Random(seed)
    pairs = [problem(rng) for _ in range(5_000)]
    words = Words.of(one.question + one.expression for one in pairs)
    rows = [(words.symbols(one.question), words.symbols(one.expression)) for one in pairs]
    student = Student.new(Shape(words.size, context=64, width=64, layers=2, heads=2), seed=seed)
    train(
        student,
        lambda draws: rows_of([rows[place] for place in draws.integers(len(rows), size=32)]),
        Course(steps, rate=4e-3, seed=seed),
        objective=next_symbol,
    )
    shown, held_out = pairs[:taught], [problem(rng) for _ in range(asked)]
    for_judge = sampled(student, words, shown, CANDIDATES // 4, seed)
    found = sampled(student, words, held_out, CANDIDATES, seed)
    right = np.array(
        [[executed(text) == one.answer for text in some] for one, some in zip(held_out, found, strict=True)]
    )
    answers = [[executed(text) for text in some] for some in found]
    common = [Counter(one for one in some if one is not None).most_common(1) for some in answers]
    scores = {"single": float(right.mean()), "any of 48": float(right.any(axis=1).mean())}
    scores["majority"] = float(
        np.mean([bool(c) and c[0][0] == p.answer for c, p in zip(common, held_out, strict=True)])
    )
    for name, every in (("every token", True), ("last token", False)):
        judge = verifier(student, words, shown, for_judge, every_token=every, seed=seed, steps=judge_steps)
        told = judged(judge, words, held_out, found)
        scores[f"best by verifier, {name}"] = float(right[np.arange(len(right)), told.argmax(axis=1)].mean())
        scores[f"AUC, {name}"] = auc(told.ravel(), right.ravel())
    return scores


def auc(scores: np.ndarray, labels: np.ndarray) -> float:
    """How often a right one is scored above a wrong one, ties half."""
    good, bad = scores[labels], scores[~labels]
    if not len(good) or not len(bad):
        return 0.5
    ranked = np.sort(bad)
    below = np.searchsorted(ranked, good, "left") + np.searchsorted(ranked, good, "right")
    return float(below.mean() / (2 * len(bad)))


# ---------------------------------------------------------------------------------------- chains with one wrong step

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
