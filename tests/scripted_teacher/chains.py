"""A world in which problems grow by one operation at a time, with an exact solver and steps that are bad on purpose.

A step's fault and a verifier's error depend on what they are asked. A wrong step is off by 7, and so is a
verifier who errs: two that err on a wrong step agree with it, which is the worst that independent errors can do.
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from random import Random
from typing import Any

from synth_dagster.parts.mathematics.answers import number_of
from synth_dagster.parts.mathematics.word_problems.facts import Fact, Problem, in_digits
from synth_dagster.parts.mathematics.word_problems.reading import read
from synth_dagster.parts.mathematics.word_problems.solving import solve
from synth_dagster.records import Instruction, digest
from tests.scripted_teacher.arithmetic import choose, problem_text
from tests.scripted_teacher.faults import drawn_fault, share
from tests.scripted_teacher.reading import Request

OFF = 7

# How a step may be bad, and what is said of it when nothing else is tried.
BAD: Mapping[str, str] = {
    "wrong": "not_confirmed",
    "unused": "answer_before_not_used",
    "unstated": "answer_before_not_stated",
    "no_number": "answer_is_no_number",
    "copy": "nothing_new",
    "foreign": "other_language",
    "incomplete": "incomplete",
}

# Sentences that the solver's language does not have: what is left of a leak, and one that points at the beginning. In
# the last three steps the beginning is the answer before them, in the whole chain it is the seed's.
_LEAK = "Some say that by then {who} has {n} {things} or so."
_LEFT = re.compile(r"\s*Some say that by then \w+ has \w+ or so\.")
_BACK = "Then {who} finds as many {things} as there were at first."
_POINTS_BACK = re.compile(r"Then (\w+) finds as many (\w+) as there were at first\.")

_WORDINGS: Mapping[str, tuple[str, ...]] = {
    "more": (
        "{who} buys {n} more {things}.",
        "Then {who} gets {n} more {things}.",
        "{who} finds another {n} {things}.",
    ),
    "less": ("Then {n} of the {things} get lost.", "{who} gives {n} of the {things} to Otto."),
    "daily": ("For the next {m} days, {who} collects {n} more {things} every day.",),
    "half": ("Then half of the {things} get lost.",),
}


class ChainWorld:
    """Writes steps, mends contexts and solves. `bad` is the rate of each way in which a step is bad."""

    def __init__(self, bad: Mapping[str, float] | None = None, *, errs: float = 0.0, mends_badly: float = 0.0) -> None:
        self.bad, self.errs, self.mends_badly = bad or {}, errs, mends_badly
        self._answers: dict[str, tuple[Fraction, ...]] = {}  # of a problem that was written here: those before it

    def answer(self, request: Request) -> dict[str, Any] | str | None:
        if request.task == "extend":
            return self._step(request)
        if request.task == "mend":
            changes = share(request.key, "mends") < self.mends_badly
            return {"contexts": [re.sub(r"\d+", "99", one) if changes else one for one in request.tags("context")]}
        return self._solved(request) if request.task == "completion" and request.tag("problem") else None

    def _solved(self, request: Request) -> str:
        try:
            value = value_of(request.tag("problem"))
        except NoProblem:
            return "This cannot be solved."
        value += OFF if share(request.key, "errs") < self.errs else 0
        return f"The steps lead to the end. The answer is: {in_digits(value)}"

    def _step(self, request: Request) -> dict[str, str]:
        text = request.tag("problem")
        problem, before = parsed(text), number_of(request.tag("answer"))
        assert before is not None
        fault = drawn_fault(request.key, self.bad)
        context, sum_, after = _operation(problem, before, Random(request.key))
        answers = (*self._answers.get(text, ()), before)
        if fault == "back" and len(answers) >= 3:
            context = _BACK.format(who=problem.who, things=problem.things)
            sum_, after = f"{in_digits(before)} + {in_digits(answers[-3])}", before + answers[-3]
        made = {
            "statement": f"{problem.who} has {in_digits(before)} {problem.things}.",
            "new_context": context,
            "question": f"How many {problem.things} does {problem.who} have now?",
            "reasoning": f"That makes {sum_} = {in_digits(after)} {problem.things}.",
            "answer": in_digits(after),
        }
        self._answers[" ".join([made["statement"], context, made["question"]])] = answers
        if "context" in request.fields:
            made["context"] = text.rpartition(". ")[0] + "."
        return made | self._spoilt(fault, made, problem, before, after)

    def _spoilt(
        self, fault: str | None, made: dict[str, str], problem: Problem, before: Fraction, after: Fraction
    ) -> dict[str, str]:
        named = {"who": problem.who, "things": problem.things, "n": in_digits(before)}
        told = made.get("context", "")
        changes: Mapping[str, dict[str, str]] = {
            "wrong": {"answer": in_digits(after + OFF)},
            "unused": {"reasoning": "That is how many there are."},
            "unstated": {"statement": f"{problem.who} has many {problem.things}."},
            "no_number": {"answer": "more than before"},
            "copy": {"new_context": ""},
            "foreign": {
                "new_context": "Danach verliert er leider auf dem Weg nach Hause noch drei von allen seinen Sachen.",
                "question": "Wie viele von diesen Sachen hat er nun noch, wenn er zu Hause ankommt?",
            },
            "incomplete": {"question": " "},
            "leak": {"new_context": f"{_LEAK.format(**named)} {made['new_context']}"},
            "repeats": {"new_context": f"{told} {made['new_context']}"},
        }
        return changes.get(fault or "", {})


def _operation(problem: Problem, before: Fraction, rng: Random) -> tuple[str, str, Fraction]:
    """A sentence, its calculation and the amount after it; no number of it is the amount before."""
    kinds = ["more", "daily", *(["less"] if before > 12 else []), *(["half"] if before % 2 == 0 and before > 3 else [])]
    last = problem.steps[-1].kind
    kind, n, m = rng.choice([one for one in kinds if one != last]), rng.randint(3, 11), rng.randint(3, 6)
    n, m = (n + 1 if n == before else n), (m + 1 if m == before else m)
    after = {"more": before + n, "daily": before + n * m, "less": before - n, "half": before / 2}[kind]
    sums = {"more": f" + {n}", "daily": f" + {n} * {m}", "less": f" - {n}", "half": " / 2"}
    said = rng.choice(_WORDINGS[kind]).format(who=problem.who, things=problem.things, n=n, m=m)
    return said, in_digits(before) + sums[kind], after


class NoProblem(ValueError):
    """A text that is not of this world."""


def parsed(text: str) -> Problem:
    """The problem that a text of this world tells. Raises NoProblem."""
    plain = _LEFT.sub("", text).strip()
    if back := _POINTS_BACK.search(plain):
        first = read(plain[: back.start()].strip())
        if first is None:
            raise NoProblem(text)
        amount = in_digits(_value(first.steps[:1]))
        plain = _POINTS_BACK.sub(lambda found: f"{found[1]} finds another {amount} {found[2]}.", plain)
    problem = read(plain)
    if problem is None:
        raise NoProblem(text)
    return problem


def value_of(text: str) -> Fraction:
    """The exact answer of a problem of this world. Raises NoProblem."""
    return _value(parsed(text).steps)


def _value(facts: tuple[Fact, ...]) -> Fraction:
    solution = solve(Problem(facts, "things"), choose)
    if solution is None:
        raise NoProblem
    return solution.answer


def seeds(count: int) -> list[Instruction]:
    """Problems about how many things there are, with their answers."""
    found: list[Instruction] = []
    number = 0
    while len(found) < count:
        text = problem_text(Random(5_000 + number))
        problem = read(text)
        number += 1
        if problem and problem.asked == "things":
            answer = in_digits(value_of(text))
            found.append(
                Instruction.single(
                    text,
                    f"It is {answer}.\nThe answer is: {answer}",
                    record_id=digest("chain", number),
                    source="chains",
                )
            )
    return found
