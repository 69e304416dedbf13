"""Marks by a rubric that can be counted: faithful to the source, complete, definite, and no longer than needed.

Every number is a function of one text alone, so the order in which texts are shown cannot matter.
"""

import re
from dataclasses import dataclass

from synth_dagster.parts.text.words import one_line
from synth_dagster.teacher.embedded.prompts import Request
from synth_dagster.teacher.embedded.reading import content_runs, overlap, terms, words
from synth_dagster.teacher.embedded.writing import asked_in, find

_HEDGE = re.compile(
    r"\b(?:maybe|perhaps|probably|possibly|might|could be|generally|usually|it depends|in many cases|"
    r"hard to say|along these"
    r" lines|several|sort of|kind of|I think|as one would expect|case to case)\b",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"\b(?:cannot (?:be answered|answer|give)|no source|I can(?:no|')t|unable to|sorry)\b", re.IGNORECASE
)
_NO_ASPECT = re.compile(r"\b(?:code style|translation)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Marks:
    """Shares between 0 and 1: of the text that the source holds, of what was wanted that the text holds, ..."""

    faithful: float
    complete: float
    relevant: float
    definite: float
    concise: float

    def overall(self, aspect: str = "") -> float:
        """One number for an aspect; each aspect looks at all marks, and most at its own."""
        weights = next((weights for sign, weights in _WEIGHTS if sign in aspect.lower()), _BALANCED)
        return sum(weight * mark for weight, mark in zip(weights, self.each(), strict=True)) / sum(weights)

    def each(self) -> tuple[float, ...]:
        return self.faithful, self.complete, self.relevant, self.definite, self.concise


_BALANCED = (3, 3, 2, 2, 1)
_WEIGHTS = (
    ("honest", (3, 1, 1, 4, 1)),
    ("truth", (6, 1, 1, 2, 0)),
    ("faithful", (6, 1, 1, 2, 0)),
    ("help", (2, 5, 2, 2, 0)),
    ("instruction", (2, 3, 5, 2, 1)),
    ("concis", (1, 1, 1, 1, 5)),
)


def marks(text: str, instruction: str, reference: str) -> Marks:
    """The five marks of one text."""
    said, asked = terms(text), terms(asked_in(instruction))
    wanted = _wanted(instruction, reference)
    source = terms(reference) | asked if reference else asked
    hedges = len(_HEDGE.findall(text)) + 2 * len(_REFUSAL.findall(text))
    size = len(words(text))
    return Marks(
        faithful=overlap(said, source) if reference else 0.5 + 0.5 * overlap(asked, said),
        complete=overlap(wanted, said),
        # a short answer repeats little of the question, and speaks to it when it is a piece of what answers; one that
        # also says what it answers does so more
        relevant=max(min(1.0, 1.6 * overlap(asked, said)), 0.8 * overlap(said, wanted)),
        definite=1 / (1 + hedges),
        concise=min(1.0, 80 / size) if size else 0.0,
    )


def _wanted(instruction: str, reference: str) -> frozenset[str]:
    """What a good answer speaks of: the sentence of the reference that answers the question."""
    found = find(instruction, reference) if reference else None
    return terms(found[1]) if found else (terms(reference) or terms(instruction))


def rate(request: Request) -> dict[str, list[dict[str, object]]]:
    """A mark from 1 to 5 for each text and what it rests on."""
    aspect = request.text("aspect").strip()
    return {"ratings": [_rating(one.text, request, aspect) for one in request.given["text"]]}


def _rating(text: str, request: Request, aspect: str) -> dict[str, object]:
    if not text.strip():
        return {"rating": None, "rationale": "There is no text to rate."}
    if _NO_ASPECT.search(aspect):
        return {"rating": None, "rationale": "The aspect does not apply to texts of this kind."}
    found = marks(text, request.text("instruction"), request.text("reference"))
    return {"rating": 1 + round(4 * found.overall(aspect)), "rationale": rationale(found)}


def rationale(found: Marks) -> str:
    """What stands out, good and bad, in one sentence."""
    good = [name for name, mark in zip(_GOOD, found.each(), strict=True) if mark >= 0.75]
    bad = [name for name, mark in zip(_BAD, found.each(), strict=True) if mark < 0.5]
    parts = [f"it {_listed(good)}" if good else "", f"it {_listed(bad)}" if bad else ""]
    text = ", but ".join(part for part in parts if part) or "it is acceptable in every respect and strong in none"
    return f"As an answer, {text}."


_GOOD = ("keeps to the source", "covers what was asked for", "speaks to the question", "is definite", "is to the point")
_BAD = (
    "says what the source does not hold",
    "leaves out much of what matters",
    "does not speak to the question",
    "hedges instead of answering",
    "is longer than it needs to be",
)


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def critique(request: Request) -> dict[str, object]:
    """What to improve, and a mark from 1 to 10 on the same scale as the ratings."""
    text, instruction, reference = request.text("text"), request.text("instruction"), request.text("reference")
    found = marks(text, instruction, reference)
    score = 1 + round(9 * found.overall()) if text.strip() else 1
    missing = _missing(text, instruction, reference)
    advice = f" It should also speak of {_listed(missing)}." if missing and found.complete < 0.75 else ""
    kept = " Nothing of substance is missing." if not missing and found.complete >= 0.75 else ""
    return {"critique": rationale(found) + advice + kept, "overall_score": score}


def _missing(text: str, instruction: str, reference: str) -> list[str]:
    """What a good answer names and this one does not, the longest first to be chosen, as they come."""
    said, wanted = terms(text), _wanted(instruction, reference)
    runs = dict.fromkeys(content_runs(reference or instruction))
    lacking = [run for run in runs if terms(run) and terms(run) <= wanted - said]
    longest = sorted(lacking, key=len, reverse=True)[:3]
    return [run for run in lacking if run in longest]


def equal(request: Request) -> dict[str, object]:
    """Whether two instructions ask the same, with the same constraints, depth and breadth."""
    first, second = request.text("first"), request.text("second")
    same = asks_the_same(first, second)
    why = "Both ask for the same with the same demands." if same else _difference(first, second)
    return {"equal": same, "reason": why}


def asks_the_same(first: str, second: str) -> bool:
    """Nearly the same content words, as many sentences, and the same numbers."""
    one, other = terms(first), terms(second)
    if one_line(first).lower() == one_line(second).lower():
        return True
    numbers = re.findall(r"\d+", first) == re.findall(r"\d+", second)
    negations = _negations(first) == _negations(second)
    return bool(one) and numbers and negations and len(one & other) >= 0.9 * len(one | other) and _alike(first, second)


def _alike(first: str, second: str) -> bool:
    long, short = sorted((len(words(first)), len(words(second))), reverse=True)
    return short >= 0.75 * long


def _negations(text: str) -> int:
    return len(re.findall(r"\b(?:not|no|never|without|except|unless)\b|n't\b", text.lower()))


def _difference(first: str, second: str) -> str:
    added = [word for word in words(second) if terms(word) & (terms(second) - terms(first))]
    dropped = [word for word in words(first) if terms(word) & (terms(first) - terms(second))]
    if added:
        return f"The second also speaks of {_listed(list(dict.fromkeys(added))[:3])}."
    if dropped:
        return f"The first also speaks of {_listed(list(dict.fromkeys(dropped))[:3])}."
    return "They differ in what they exclude, count or demand."
