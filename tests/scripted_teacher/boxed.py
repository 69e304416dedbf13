"""Solutions that are put into steps with a boxed answer: of some the answer is another one, some have no box."""

from collections.abc import Mapping

from synth_dagster.parts.mathematics.word_problems.reading import read
from synth_dagster.parts.mathematics.word_problems.solving import solve
from tests.scripted_teacher.arithmetic import answer_of, choose
from tests.scripted_teacher.faults import drawn_fault
from tests.scripted_teacher.reading import Request

ABROAD = "Aufgabe: "  # stands before a problem that is to be translated
WHY = {"wrong": "other_answer", "unboxed": "no_boxed_answer"}


class BoxedWorld:
    def __init__(self, rates: Mapping[str, float] | None = None) -> None:
        self.rates = rates or {}
        self.planted: dict[str, str | None] = {}  # by the problem as it was given

    def answer(self, request: Request) -> dict[str, str] | None:
        if request.task != "refine":
            return None
        given = request.tag("problem")
        problem = given.removeprefix(ABROAD)
        fault = self.planted[given] = drawn_fault(request.key, self.rates)
        solution = solve(read(problem), choose)  # type: ignore[arg-type]
        assert solution is not None
        steps = "\n".join(solution.lines)
        answer = f"{answer_of(problem)}1" if fault == "wrong" else answer_of(problem)
        end = f"So it is {answer}." if fault == "unboxed" else f"So it is $\\boxed{{{answer}}}$."
        return {"problem": problem, "solution": f"{steps}\n{end}"}
