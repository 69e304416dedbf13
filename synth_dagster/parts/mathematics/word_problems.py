"""A small language of arithmetic word problems: written from facts, read back into facts, solved exactly.

One table holds the wordings of each fact, and both directions use it: what can be said can be read. A problem is a
chain of facts about one person's things, each a step on the amount so far. A number may be the unknown `x` where the
final amount is told, and is found by going forward to it from the start and backward to it from the end. A text that
holds anything else is not read at all.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache
from random import Random
from typing import Any, Literal, Protocol, TypeAlias

from synth_dagster.parts.mathematics.answers import number_of

Asked: TypeAlias = Literal["things", "dollars", "boxes"]


class Pick(Protocol):
    """A choice among wordings, named by what it is about."""

    def __call__(self, purpose: str, choices: Sequence[Any], /) -> Any: ...


# Kind of fact -> its wordings. {n} and {m} are numbers or x, {who} is a name or a pronoun.
WORDINGS: Mapping[str, tuple[str, ...]] = {
    "start": ("{who} has {n} {things}.", "{who} starts with {n} {things}.", "{who} owns {n} {things}."),
    "groups": (
        "{who} has {n} bags with {m} {things} in each bag.",
        "{who} owns {n} bags, and each bag holds {m} {things}.",
    ),
    "more": (
        "{who} buys {n} more {things}.",
        "{who} finds another {n} {things}.",
        "Then {who} gets {n} more {things}.",
    ),
    "daily": (
        "{who} collects {n} more {things} on each of the next {m} days.",
        "For the next {m} days, {who} collects {n} more {things} every day.",
    ),
    "half": ("{who} gives half of the {things} to {other}.", "Then half of the {things} get lost."),
    "less": (
        "{who} gives {n} {things} to {other}.",
        "{who} hands {n} of the {things} over to {other}.",
        "{who} gives {n} of the {things} to {other}.",
        "Then {n} of the {things} get lost.",
    ),
    "percent": (
        "{who} gives {n}% of the {things} to {other}.",
        "Then {n}% of the {things} get lost.",
    ),
    "price": (
        "{who} sells the {things} for ${n} each.",
        "{who} then sells all of the {things} at a price of ${n} each.",
    ),
    "boxes": (
        "{who} packs the {things} into boxes of {n}.",
        "{who} puts all of the {things} into boxes that hold {n} each.",
    ),
    "age": ("{who} is {n} years old.",),
    # what may be told about the end, and what may be asked
    "told things": ("{who} has {n} {things} now.", "{who} has {n} {things} in the end."),
    "told dollars": ("{who} earns {n} dollars.", "{who} makes {n} dollars."),
    "told boxes": ("{who} fills {n} boxes.", "{who} needs {n} boxes."),
    "told": ("Suppose the answer to this question is {n}.",),
    "asked things": ("How many {things} does {who} have now?", "How many {things} does {who} have in the end?"),
    "asked dollars": ("How many dollars does {who} earn?", "How many dollars does {who} make?"),
    "asked boxes": ("How many boxes does {who} fill?", "How many boxes does {who} need?"),
    "asked x": ("What is the value of x?",),
}
BEFORE_A_QUESTION = ("price", "boxes")  # may stand in front of the question: "If ..., how many ...?"

_SLOTS = {
    "who": r"(?P<who>[A-Z][a-z]+|[Ss]he|[Hh]e)",
    "other": r"(?P<other>[A-Z][a-z]+)",
    "things": r"(?P<things>[a-z]+)",
    "n": r"(?P<n>x|[a-z]+|[\d,./]*\d)",
    "m": r"(?P<m>x|[a-z]+|[\d,./]*\d)",
}
_SENTENCE = re.compile(r"(?<=[.?])\s+")
_CONDITION = re.compile(r"^If (.+), (.+[.?])$")


@dataclass(frozen=True, slots=True)
class Fact:
    """One sentence: its kind, its numbers (None is the unknown), and whom and what it is about."""

    kind: str
    numbers: tuple[Fraction | None, ...] = ()
    who: str = ""
    things: str = ""
    other: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Facts in order. `told` is the final amount where the text says it, `asked` what it asks for."""

    facts: tuple[Fact, ...]
    asked: Asked | None = None
    told: Fraction | None = None

    @property
    def who(self) -> str:
        return next((fact.who for fact in self.facts if fact.who), "")

    @property
    def things(self) -> str:
        return next((fact.things for fact in self.facts if fact.things), "things")

    @property
    def steps(self) -> tuple[Fact, ...]:
        return tuple(fact for fact in self.facts if fact.kind in _STEPS)


@dataclass(frozen=True, slots=True)
class Solution:
    """The answer, and the sentences that lead to it."""

    answer: Fraction
    lines: Sequence[str] = field(default=())


# ------------------------------------------------------------------------------------------------------------- reading


def read(text: str) -> Problem | None:
    """The problem that a text tells, or None when any of its sentences is not of this language."""
    facts = [_fact(sentence) for sentence in _sentences(text)]
    if not facts or None in facts:
        return None
    known = [_named(fact, facts) for fact in facts if fact]
    told = [fact.numbers[0] for fact in known if fact.kind.startswith("told")]
    asked = [fact.kind.removeprefix("asked ") for fact in known if fact.kind.startswith("asked")]
    ends = [kind for kind in asked if kind != "x"]
    steps = tuple(fact for fact in known if not fact.kind.startswith(("told", "asked")))
    if len(told) > 1 or len(ends) > 1 or not steps:
        return None
    return Problem(steps, ends[0] if ends else None, told[0] if told else None)  # type: ignore[arg-type]  # of WORDINGS


def _sentences(text: str) -> list[str]:
    """The sentences; a condition in front of a question or statement is one of its own."""
    found: list[str] = []
    for sentence in _SENTENCE.split(" ".join(text.split())):
        if condition := _CONDITION.match(sentence):
            found += [f"{condition[1]}.", condition[2][:1].upper() + condition[2][1:]]
        else:
            found.append(sentence)
    return found


def _fact(sentence: str) -> Fact | None:
    for kind, pattern in _patterns():
        found = pattern.fullmatch(sentence)
        if not found:
            continue
        slots = found.groupdict()
        numbers = [_number(slots[name]) for name in ("n", "m") if slots.get(name)]
        if all(isinstance(number, Fraction) or number is None for number in numbers):
            named = {name: slots.get(name) or "" for name in ("who", "things", "other")}
            return Fact(kind, tuple(numbers), **named)  # type: ignore[arg-type]  # looked at above
    return None


def _number(word: str) -> Fraction | Literal["unread"] | None:
    if word == "x":
        return None
    number = number_of(word)
    return "unread" if number is None else number


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((kind, _pattern(wording)) for kind, wordings in WORDINGS.items() for wording in wordings)


def _pattern(wording: str) -> re.Pattern[str]:
    pieces = re.split(r"\{(\w+)\}", wording)
    return re.compile("".join(_SLOTS[piece] if place % 2 else re.escape(piece) for place, piece in enumerate(pieces)))


_NOBODY = ("", "she", "he")


def _named(fact: Fact, facts: Sequence[Fact | None]) -> Fact:
    """A fact with the person and the things that the text is about, where it only points at them."""
    who = next((one.who for one in facts if one and one.who.lower() not in _NOBODY), "")
    things = next((one.things for one in facts if one and one.things), "")
    return replace(fact, who=who if fact.who.lower() in _NOBODY else fact.who, things=fact.things or things)


# ------------------------------------------------------------------------------------------------------------- writing

_SHE = ("Mia", "Lena", "Ruth", "Aisha", "Grace", "Noor", "Elif", "Petra")
_HE = ("Tom", "Ben", "Omar", "Felix", "Hugo", "Ivan", "Jonas", "Milo")
NAMES = (*_SHE, *_HE)
THINGS = ("marbles", "stickers", "pencils", "shells", "postcards", "stamps", "beads", "buttons", "candles", "apples")
_SMALL = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def say(problem: Problem, pick: Pick) -> str:
    """The problem in words; another choice of wordings says the same problem."""
    sentences = [_said(fact, problem, pick, place) for place, fact in enumerate(problem.facts)]
    asks = Fact(f"asked {problem.asked}", (), problem.who, problem.things)
    question = _said(asks, problem, pick, len(sentences))
    if problem.facts[-1].kind in BEFORE_A_QUESTION and pick("condition", (True, False)):
        condition = sentences.pop().removesuffix(".")
        condition = condition if condition.startswith(problem.who) else condition[:1].lower() + condition[1:]
        question = f"If {condition}, {question[:1].lower()}{question[1:]}"
    return " ".join([*sentences, question])


def _said(fact: Fact, problem: Problem, pick: Pick, place: int) -> str:
    wordings = [one for one in WORDINGS[fact.kind] if ("{other}" in one) == bool(fact.other)]
    wording = pick(f"wording {place}", wordings)
    numbers = {name: _in_words(n, pick, place, name) for name, n in zip("nm", fact.numbers, strict=False)}
    if "${n}" in wording or "{n}%" in wording:
        numbers["n"] = in_digits(fact.numbers[0]) if fact.numbers[0] is not None else "x"
    who = _called(fact.who or problem.who, pick, place)
    who = who[:1].upper() + who[1:] if wording.startswith("{who}") else who
    return wording.format(who=who, things=fact.things or problem.things, other=fact.other, **numbers)


def _called(name: str, pick: Pick, place: int) -> str:
    """The name in the first sentence, later the name or the pronoun."""
    pronoun = "she" if name in _SHE else "he" if name in _HE else name
    return name if place == 0 else pick(f"name {place}", (name, pronoun))


def _in_words(number: Fraction | None, pick: Pick, place: int, slot: str) -> str:
    if number is None:
        return "x"
    small = number.denominator == 1 and 1 <= number <= len(_SMALL)
    return pick(f"number {place}{slot}", (in_digits(number), _SMALL[int(number) - 1])) if small else in_digits(number)


def in_digits(number: Fraction) -> str:
    """17, 1,200, 2.5, or 1/3 where no short decimal says it."""
    if number.denominator == 1:
        return f"{number.numerator:,}"
    is_short = 10_000 % number.denominator == 0
    return f"{float(number):,.4f}".rstrip("0") if is_short else f"{number.numerator}/{number.denominator}"


def state(question: str, answer: str) -> str | None:
    """The question with its answer as a statement, or None for a question of another language."""
    text = question[:1].upper() + question[1:]
    fact, number = _fact(text.strip()), number_of(answer)
    if fact is None or number is None or not fact.kind.startswith("asked ") or fact.kind == "asked x":
        return None
    kind = fact.kind.replace("asked", "told")
    place = WORDINGS[fact.kind].index(next(w for w in WORDINGS[fact.kind] if _pattern(w).fullmatch(text.strip())))
    statement = WORDINGS[kind][place].format(who=fact.who, things=fact.things, n=in_digits(number))
    begins = statement[:1].upper() if question[:1].isupper() else statement[:1]
    return begins + statement[1:]


# ------------------------------------------------------------------------------------------------------------- solving


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


def _forward(steps: Sequence[Fact], problem: Problem, pick: Pick) -> tuple[Fraction, list[str]]:
    amount, lines = Fraction(0), []
    for place, fact in enumerate(steps):
        step = _STEPS[fact.kind]
        after, between = step.forward(amount, *fact.numbers)
        wording = pick(f"says {place}", step.says)
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


# ------------------------------------------------------------------------------------------------------------- making


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
        amount, between = _STEPS[fact.kind].forward(amount, *fact.numbers)
        if amount.denominator != 1 or between.denominator != 1 or amount < 2:
            return False
    return len(set(kinds)) == len(kinds)
