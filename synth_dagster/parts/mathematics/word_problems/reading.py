"""A text of the language of word problems, read back into its facts."""

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Literal

from synth_dagster.parts.mathematics.answers import number_of
from synth_dagster.parts.mathematics.word_problems.facts import WORDINGS, Fact, Problem

_SLOTS = {
    "who": r"(?P<who>[A-Z][a-z]+|[Ss]he|[Hh]e)",
    "other": r"(?P<other>[A-Z][a-z]+)",
    "things": r"(?P<things>[a-z]+)",
    "n": r"(?P<n>x|[a-z]+|[\d,./]*\d)",
    "m": r"(?P<m>x|[a-z]+|[\d,./]*\d)",
}
_SENTENCE = re.compile(r"(?<=[.?])\s+")
_CONDITION = re.compile(r"^If (.+), (.+[.?])$")
_NOBODY = ("", "she", "he")


def read(text: str) -> Problem | None:
    """The problem that a text tells, or None when any of its sentences is not of this language."""
    sentences = [fact_of(sentence) for sentence in _sentences(text)]
    facts = [found[0] for found in sentences if found]
    if not facts or None in sentences:
        return None
    known = [_named(fact, facts) for fact in facts]
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


def fact_of(sentence: str) -> tuple[Fact, int] | None:
    """The fact that a sentence tells, and which wording of its kind this is; None for one of another language."""
    for kind, place, pattern in _patterns():
        found = pattern.fullmatch(sentence)
        if not found:
            continue
        slots = found.groupdict()
        numbers = [_number(slots[name]) for name in ("n", "m") if slots.get(name)]
        if all(isinstance(number, Fraction) or number is None for number in numbers):
            named = {name: slots.get(name) or "" for name in ("who", "things", "other")}
            return Fact(kind, tuple(numbers), **named), place  # type: ignore[arg-type]  # looked at above
    return None


def _number(word: str) -> Fraction | Literal["unread"] | None:
    if word == "x":
        return None
    number = number_of(word)
    return "unread" if number is None else number


@cache
def _patterns() -> tuple[tuple[str, int, re.Pattern[str]], ...]:
    """Kind of fact, place among its wordings, and what a sentence of this wording matches."""
    return tuple(
        (kind, place, _pattern(wording))
        for kind, wordings in WORDINGS.items()
        for place, wording in enumerate(wordings)
    )


def _pattern(wording: str) -> re.Pattern[str]:
    pieces = re.split(r"\{(\w+)\}", wording)
    return re.compile("".join(_SLOTS[piece] if place % 2 else re.escape(piece) for place, piece in enumerate(pieces)))


def _named(fact: Fact, facts: Sequence[Fact]) -> Fact:
    """A fact with the person and the things that the text is about, where it only points at them."""
    who = next((one.who for one in facts if one.who.lower() not in _NOBODY), "")
    things = next((one.things for one in facts if one.things), "")
    return replace(fact, who=who if fact.who.lower() in _NOBODY else fact.who, things=fact.things or things)
