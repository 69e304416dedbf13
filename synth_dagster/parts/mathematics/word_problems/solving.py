"""The answer to a word problem with its calculation, forwards from the start and backwards from a told end."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from synth_dagster.parts.mathematics.word_problems.facts import Fact, Pick, Problem, in_digits


@dataclass(frozen=True, slots=True)
class Solution:
    """The answer, and the sentences that lead to it."""

    answer: Fraction
    lines: Sequence[str] = field(default=())


@dataclass(frozen=True, slots=True)
class _Step:
    """What a fact does to the amount: from before to after, back again, and to its own unknown number.

    Each gives the new value and a sentence. {v} and {w} are the amounts before and after, {p} what lies between.
    """

    forward: Callable[..., tuple[Fraction, Fraction]]  # (v, *numbers) -> w, p
    backward: Callable[..., tuple[Fraction, Fraction]]  # (w, *numbers) -> v, p
    unknown: Callable[..., tuple[Fraction, Fraction]]  # (v, w, the other number) -> x, p
    says: tuple[str, ...]
    says_back: str
    says_x: str


_STEPS: Mapping[str, _Step] = {
    "start": _Step(
        lambda v, n: (n, n),
        lambda w, n: (n, n),
        lambda v, w, _: (w, w),
        ("{who} has {w} {things} at first.", "At the beginning there are {w} {things}."),
        "",
        "This is what {who} has at first, so x = {x}.",
    ),
    "groups": _Step(
        lambda v, n, m: (n * m, n),
        lambda w, n, m: (w, n),
        lambda v, w, other: (w / other, other),
        ("The bags hold {n} * {m} = {w} {things}.", "At first there are {n} * {m} = {w} {things} in the bags."),
        "",
        "All the bags hold {w} {things}, so x = {w} / {p} = {x}.",
    ),
    "more": _Step(
        lambda v, n: (v + n, n),
        lambda w, n: (w - n, n),
        lambda v, w, _: (w - v, v),
        ("Then there are {v} + {n} = {w} {things}.", "With {n} more, {who} has {v} + {n} = {w} {things}."),
        "Before the {n} more, there were {w} - {n} = {v} {things}.",
        "The amount grew from {v} to {w}, so x = {w} - {v} = {x}.",
    ),
    "daily": _Step(
        lambda v, n, m: (v + n * m, n * m),
        lambda w, n, m: (w - n * m, n * m),
        lambda v, w, other: ((w - v) / other, w - v),
        (
            "The {m} days bring {n} * {m} = {p} more, so there are {v} + {p} = {w} {things}.",
            "{who} collects {n} * {m} = {p} {things} in these days. That makes {v} + {p} = {w} {things}.",
        ),
        "The {m} days brought {n} * {m} = {p}, so before them there were {w} - {p} = {v} {things}.",
        "The days brought {w} - {v} = {p} {things}, so x = {p} / {o} = {x}.",
    ),
    "less": _Step(
        lambda v, n: (v - n, n),
        lambda w, n: (w + n, n),
        lambda v, w, _: (v - w, v),
        ("After that, {v} - {n} = {w} {things} are left.", "{who} keeps {v} - {n} = {w} {things}."),
        "Before these {n} were gone, there were {w} + {n} = {v} {things}.",
        "The amount fell from {v} to {w}, so x = {v} - {w} = {x}.",
    ),
    "percent": _Step(
        lambda v, n: (v - v * n / 100, v * n / 100),
        lambda w, n: (w * 100 / (100 - n), 100 - n),
        lambda v, w, _: ((v - w) * 100 / v, v - w),
        (
            "{n}% of {v} is {v} * {n} / 100 = {p}, so {v} - {p} = {w} {things} are left.",
            "Of {v} {things}, {v} * {n} / 100 = {p} go. There remain {v} - {p} = {w}.",
        ),
        "{p}% of the {things} were left, so before there were {w} * 100 / {p} = {v}.",
        "{v} - {w} = {p} of the {v} {things} were gone, so x = {p} * 100 / {v} = {x}.",
    ),
    "half": _Step(
        lambda v: (v / 2, v / 2),
        lambda w: (w * 2, w),
        lambda v, w, _: (Fraction(1, 2), v),
        ("Half of {v} is {v} / 2 = {w}, and as many are left.", "There remain {v} / 2 = {w} {things}."),
        "Half of them were left, so before there were {w} * 2 = {v} {things}.",
        "",
    ),
    "price": _Step(
        lambda v, n: (v * n, n),
        lambda w, n: (w / n, n),
        lambda v, w, _: (w / v, v),
        ("They bring {v} * {n} = {w} dollars.", "At {n} dollars each, {v} {things} earn {v} * {n} = {w} dollars."),
        "{w} dollars at {n} dollars each come from {w} / {n} = {v} {things}.",
        "{v} {things} brought {w} dollars, so each cost x = {w} / {v} = {x} dollars.",
    ),
    "boxes": _Step(
        lambda v, n: (v / n, n),
        lambda w, n: (w * n, n),
        lambda v, w, _: (v / w, v),
        ("With {n} in a box, that makes {v} / {n} = {w} boxes.", "They fill {v} / {n} = {w} boxes."),
        "{w} boxes of {n} hold {w} * {n} = {v} {things}.",
        "{v} {things} fill {w} boxes, so each box holds x = {v} / {w} = {x}.",
    ),
}
_BEGINS = ("start", "groups")
_BACK = (
    "In the end there are {w} {unit}, so we go back from there.",
    "We work backwards from the {w} {unit} at the end.",
    "The end is known, {w} {unit}, and we undo the steps from there.",
)


def solve(problem: Problem, pick: Pick) -> Solution | None:
    """The answer with its calculation, or None where the text does not determine it."""
    steps = problem.steps
    unknown = [place for place, step in enumerate(steps) if None in step.numbers]
    hidden = sum(fact.numbers.count(None) for fact in problem.facts)
    if not steps or steps[0].kind not in _BEGINS or any(step.kind in _BEGINS for step in steps[1:]):
        return None
    try:
        if hidden == 0 and problem.told is None and problem.asked:
            amount, lines = _forward(steps, problem, pick)
            return Solution(amount, lines)
        if hidden == 1 and len(unknown) == 1 and problem.told is not None:
            return _backward(problem, unknown[0], problem.told, pick)
    except ZeroDivisionError:
        pass  # nothing is left to divide: no number fits
    return None


def after_step(amount: Fraction, fact: Fact) -> tuple[Fraction, Fraction]:
    """The amount after a step whose numbers are known, and what lies between."""
    return _STEPS[fact.kind].forward(amount, *fact.numbers)


def _forward(steps: Sequence[Fact], problem: Problem, pick: Pick) -> tuple[Fraction, list[str]]:
    amount, lines = Fraction(0), []
    for place, fact in enumerate(steps):
        after, between = after_step(amount, fact)
        wording = pick(f"says {place}", _STEPS[fact.kind].says)
        lines.append(_line(wording, problem, fact, v=amount, w=after, p=between))
        amount = after
    return amount, lines


def _backward(problem: Problem, place: int, told: Fraction, pick: Pick) -> Solution:
    """From both ends to the unknown."""
    before, lines = _forward(problem.steps[:place], problem, pick)
    after, back = told, [pick("back", _BACK).format(w=in_digits(told), unit=_unit(problem))]
    for fact in reversed(problem.steps[place + 1 :]):
        step = _STEPS[fact.kind]
        earlier, between = step.backward(after, *fact.numbers)
        back.append(_line(step.says_back, problem, fact, v=earlier, w=after, p=between))
        after = earlier
    fact = problem.steps[place]
    other = next((number for number in fact.numbers if number is not None), Fraction(1))
    x, between = _STEPS[fact.kind].unknown(before, after, other)
    last = _line(_STEPS[fact.kind].says_x, problem, fact, v=before, w=after, p=between, x=x, o=other)
    return Solution(x, [*lines, *back, last])


def _unit(problem: Problem) -> str:
    last = problem.steps[-1].kind
    return {"price": "dollars", "boxes": "boxes"}.get(last, problem.things)


def _line(wording: str, problem: Problem, fact: Fact, **amounts: Fraction) -> str:
    numbers = {name: in_digits(n) for name, n in zip("nm", fact.numbers, strict=False) if n is not None}
    shown = {name: in_digits(amount) for name, amount in amounts.items()}
    return wording.format(who=problem.who, things=problem.things, **numbers, **shown)
