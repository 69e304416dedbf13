"""A small language of arithmetic word problems: written from facts, read back into facts, solved exactly.

One table holds the wordings of each fact, and both directions use it: what can be said can be read. A problem is a
chain of facts about one person's things, each a step on the amount so far. A number may be the unknown `x` where the
final amount is told, and is found by going forward to it from the start and backward to it from the end. A text that
holds anything else is not read at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, Protocol, TypeAlias

Asked: TypeAlias = Literal["things", "dollars", "boxes"]


class Pick(Protocol):
    """A choice among wordings, named by what it is about."""

    def __call__(self, purpose: str, choices: Sequence[Any], /) -> Any: ...


# Kind of fact -> its wordings. {n} and {m} are numbers or x, {who} is a name or a pronoun.
STEPS: Mapping[str, tuple[str, ...]] = {  # what changes the amount
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
}
WORDINGS: Mapping[str, tuple[str, ...]] = {
    **STEPS,
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
        return tuple(fact for fact in self.facts if fact.kind in STEPS)


def in_digits(number: Fraction) -> str:
    """17, 1,200, 2.5, or 1/3 where no short decimal says it."""
    if number.denominator == 1:
        return f"{number.numerator:,}"
    is_short = 10_000 % number.denominator == 0
    return f"{float(number):,.4f}".rstrip("0") if is_short else f"{number.numerator}/{number.denominator}"
