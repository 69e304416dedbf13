"""A world of eight topics: word problems whose steps are topics, each with key points; written, scored and solved.

Topics go together when a problem can hold them both. In a world of `families` they do so within a family alone, as
subjects do; a writer who is shown no key points meets those that are wanted by `luck`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from random import Random
from typing import Any

from synth_dagster.parts.mathematics.answers import number_of
from synth_dagster.parts.mathematics.word_problems.facts import Problem, in_digits
from synth_dagster.parts.mathematics.word_problems.making import make
from synth_dagster.parts.mathematics.word_problems.reading import read
from synth_dagster.parts.mathematics.word_problems.solving import solve
from synth_dagster.parts.mathematics.word_problems.writing import say
from synth_dagster.records import Instruction, digest
from tests.scripted_teacher.arithmetic import choose
from tests.scripted_teacher.faults import share
from tests.scripted_teacher.reading import Request

TOPICS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "more": ("Arithmetic - addition", ("A sum counts what was there and what is added.",)),
    "less": ("Arithmetic - subtraction", ("A difference is what remains when some is taken away.",)),
    "daily": ("Multiplication - repeated sums", ("Equal parts on several days are one part times the days.",)),
    "half": ("Fractions - halves", ("Half of a number is the number divided by two.",)),
    "percent": ("Percentages - parts", ("So many percent are so many hundredths of the whole.",)),
    "price": ("Money - prices", ("What all cost is the price of one times how many there are.",)),
    "boxes": ("Division - equal groups", ("How many groups there are is the whole divided by the size of one.",)),
    "groups": ("Multiplication - equal groups", ("Equal groups together hold the size of one times their number.",)),
}
FAMILIES = (frozenset({"more", "less", "daily", "price"}), frozenset({"half", "percent", "boxes", "groups"}))
_KIND_OF = {point: kind for kind, (_, points) in TOPICS.items() for point in points}


def kinds_of(problem: Problem) -> frozenset[str]:
    return frozenset(step.kind for step in problem.steps if step.kind in TOPICS)


@cache
def _by_kinds() -> Mapping[frozenset[str], list[Problem]]:
    """Problems by what they are about, so that one that is wanted need not be sought."""
    found: defaultdict[frozenset[str], list[Problem]] = defaultdict(list)
    for seed in range(1_500):
        problem = make(Random(seed))
        found[kinds_of(problem)].append(problem)
    return found


def seeds(count: int, *, families: Sequence[frozenset[str]] = ()) -> list[Instruction]:
    """Solved problems, of at least two topics, in a world of families each within one."""
    made: list[Instruction] = []
    number = 0
    while len(made) < count:
        rng = Random(10_000 + number)
        number += 1
        problem = make(rng)
        kinds = kinds_of(problem)
        if len(kinds) < 2 or (families and not any(kinds <= family for family in families)):
            continue
        text = say(problem, lambda _, choices, rng=rng: rng.choice(choices))
        solution = solve(problem, choose)
        assert solution
        answer = "\n".join([*solution.lines, f"The answer is: {in_digits(solution.answer)}"])
        made.append(Instruction.single(text, answer, record_id=digest("seed", number), source="world"))
    return made


class KeyPointWorld:
    """Rates: `wrong` and `slips` of solutions with another answer and with a wrong calculation, `vague` of problems
    that are written for one key point alone."""

    def __init__(
        self,
        *,
        families: Sequence[frozenset[str]] = (),
        luck: float = 1.0,
        wrong: float = 0.0,
        slips: float = 0.0,
        vague: float = 0.0,
    ) -> None:
        self.families, self.luck, self.wrong, self.slips, self.vague = families, luck, wrong, slips, vague
        self.spoiled: dict[bytes, str] = {}  # request -> what is wrong with its solution

    def answer(self, request: Request) -> dict[str, Any] | str | None:
        if request.task == "topics":
            return {"topics": self._topics(request.tag("problem"))}
        if request.task == "rephrase":
            return {"question": self._written(request)}
        if request.task == "quality":
            return {"score": self._score(request)}
        return self._solved(request) if request.task == "completion" else None

    @staticmethod
    def _topics(text: str) -> list[dict[str, Any]]:
        problem = read(text)
        kinds = sorted(kinds_of(problem)) if problem else []
        return [{"topic": TOPICS[kind][0], "key_points": list(TOPICS[kind][1])} for kind in kinds]

    def _written(self, request: Request) -> str:
        points = request.tag("key_points").splitlines()
        kinds = {_KIND_OF[point] for point in points}
        kinds = set(sorted(kinds)[:1]) if share(request.key, "vague") < self.vague else kinds
        if not points:
            examples = [read(text) for text in request.tags("example")]
            kinds = {kind for one in examples if one for kind in kinds_of(one)}
            kinds = kinds if share(request.key, "luck") < self.luck else set(sorted(kinds)[:1])
        fitting = [one for known in _by_kinds() if kinds <= known for one in _by_kinds()[known]]
        within = not self.families or any(kinds <= family for family in self.families)
        if not fitting or not within:
            return f"How do these depend on each other: {', '.join(sorted(kinds))}? (Case {request.key.hex()[:8]}.)"
        rng = Random(request.key)
        return say(rng.choice(fitting), lambda _, choices: rng.choice(choices))

    @staticmethod
    def _score(request: Request) -> float:
        problem = read(request.tag("problem"))
        if problem is None or solve(problem, choose) is None:
            return 0.0
        wanted = {_KIND_OF[point] for point in request.tag("key_points").splitlines()}
        return len(wanted & kinds_of(problem)) / len(wanted)

    def _solved(self, request: Request) -> str:
        problem = read(request.tag("problem"))
        rng = Random(request.key)
        solution = problem and solve(problem, lambda _, choices: rng.choice(choices))
        if not solution:
            return "The problem does not say."
        number, lines = solution.answer, list(solution.lines)
        if share(request.key, "wrong") < self.wrong:
            self.spoiled[request.key] = "not_agreed"
            number += 1 + int(5 * share(request.key, "by"))
        elif share(request.key, "slip") < self.slips:
            self.spoiled[request.key] = "wrong_calculation"
            lines.append("And 2 + 2 = 5, by the way.")
        return "\n".join([*lines, f"The answer is: {in_digits(number)}"])


def is_right(record: Instruction) -> bool:
    """Whether a record's answer is the one that the solver finds."""
    problem = read(record.instruction)
    solution = problem and solve(problem, choose)
    return bool(solution) and number_of(str(record.attributes["final_answer"])) == solution.answer
