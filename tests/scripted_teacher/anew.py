"""New problems from known ones: the seed's story goes on in another way; some are the seed, some lack their box."""

import re
from collections.abc import Mapping

from synth_dagster.parts.mathematics.word_problems.reading import read
from synth_dagster.parts.mathematics.word_problems.solving import solve
from tests.scripted_teacher.arithmetic import answer_of, choose
from tests.scripted_teacher.faults import drawn_fault
from tests.scripted_teacher.reading import Request

WHY = {"same": "copy", "unboxed": "no_boxed_answer", "blank": "blank_problem"}


class AnewWorld:
    def __init__(self, rates: Mapping[str, float] | None = None) -> None:
        self.rates = rates or {}
        self.planted: dict[tuple[str, int], str | None] = {}  # by the seed and the number of the problem

    def answer(self, request: Request) -> dict[str, str] | None:
        if request.task != "refine":
            return None
        seed = request.tag("problem")
        fault = self.planted[seed, request.sample] = drawn_fault(request.key, self.rates)
        problem = seed if fault == "same" else _harder(seed, request.sample)
        lines = _solved(problem)
        assert lines is not None, problem
        end = "So it is done." if fault == "unboxed" else f"So it is $\\boxed{{{answer_of(problem)}}}$."
        return {"problem": " " if fault == "blank" else problem, "solution": "\n".join([*lines, end])}


_START = re.compile(r"(\w+) (?:has|owns|starts with) [\d,]+ (\w+)\. ")


def _harder(seed: str, sample: int) -> str:
    """The seed with one step more behind its first sentence, or else with larger numbers."""
    more = _START.sub(lambda one: f"{one[0]}{one[1]} buys {12 + 6 * sample} more {one[2]}. ", seed, count=1)
    larger = (_larger(seed, factor) for factor in range(sample + 2, sample + 40))
    return next(one for one in (more, *larger) if one != seed and _solved(one) is not None)


def _larger(text: str, factor: int) -> str:
    return re.sub(r"\d[\d,]*", lambda one: f"{int(one[0].replace(',', '')) * factor:,}", text)


def _solved(problem: str) -> list[str] | None:
    told = read(problem)
    solution = solve(told, choose) if told else None
    return list(solution.lines) if solution else None
