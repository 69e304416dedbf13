"""Word problems that are solved by programs, with an exact solver and programs that are broken on purpose."""

import re
from collections.abc import Mapping
from random import Random
from typing import Any

from synth_dagster.parts.mathematics.answers import number_of
from synth_dagster.parts.mathematics.word_problems.facts import Pick, in_digits
from synth_dagster.parts.mathematics.word_problems.making import make
from synth_dagster.parts.mathematics.word_problems.reading import read
from synth_dagster.parts.mathematics.word_problems.solving import solve
from synth_dagster.parts.mathematics.word_problems.writing import say
from synth_dagster.records import Instruction, digest
from tests.scripted_teacher.faults import drawn_fault
from tests.scripted_teacher.reading import Request

_CALCULATION = re.compile(r"([\d,./*+\- ]*\d [*/+-] [\d,./*+\- ]*?) = ([\d,]+)")

# What a broken answer is, and why it has to go.
BROKEN: Mapping[str, str] = {
    "syntax": "syntax_error",
    "endless": "time_out",
    "raises": "program_failed",
    "no_result": "no_result",
    "exits": "no_result",
    "no_digits": "no_number",
    "short": "too_short",
}


def choose(_: str, choices: Any) -> Any:
    return choices[0]


def problem_text(rng: Random) -> str:
    """A problem of this world in words."""
    pick: Pick = lambda _, choices: rng.choice(choices)  # noqa: E731
    return say(make(rng), pick)


def answer_of(text: str) -> str:
    """The exact answer of a problem of this world."""
    problem = read(text)
    solution = problem and solve(problem, choose)
    assert solution, "no problem of this world"
    return in_digits(solution.answer)


def program_of(text: str) -> str:
    """A program that works a problem out step by step, as the solver does."""
    lines = solve(read(text), choose).lines  # type: ignore[arg-type, union-attr]
    steps = [found[0].replace(",", "") for line in lines for found in _CALCULATION.findall(line)]
    names = [f"step_{number}" for number in range(1, len(steps) + 1)]
    last = names[-1] if names else answer_of(text).replace(",", "")
    return "\n".join(
        [*(f"{name} = {step.strip()}" for name, step in zip(names, steps, strict=True)), f"result = {last}"]
    )


def seeds(count: int) -> list[Instruction]:
    """Problems with their answers, as a corpus of them holds."""
    texts = [problem_text(Random(seed)) for seed in range(count)]
    return [
        Instruction.single(
            text, f"The answer is: {answer_of(text)}", record_id=digest("seed", place), source="arithmetic"
        )
        for place, text in enumerate(texts)
    ]


class ProgramWorld:
    """Writes problems and programs; `broken` is the rate of each way in which a pair is broken."""

    def __init__(self, broken: Mapping[str, float] | None = None) -> None:
        self.broken = broken or {}

    def answer(self, request: Request) -> dict[str, Any] | None:
        if request.task == "pairs":
            return {"pairs": [self._pair(request, place) for place in range(int(request.tag("count")))]}
        if request.task == "variants":
            return {"problems": [{"question": self._question(request, n)} for n in range(int(request.tag("count")))]}
        if request.task == "program":
            return {"program": self._program(request.tag("problem"))}
        return None

    def planted(self, question: str) -> str | None:
        """How the pair of a question is broken; a question of this world says so by itself."""
        if not any(character.isdigit() for character in question):
            return "no_digits"
        return "short" if len(question.split()) < 8 else drawn_fault(digest("pair", question), self._of_programs())

    def _of_programs(self) -> dict[str, float]:
        return {fault: rate for fault, rate in self.broken.items() if fault not in ("no_digits", "short")}

    def _question(self, request: Request, place: int) -> str:
        key = digest(request.key, place)
        fault = drawn_fault(key, {name: self.broken.get(name, 0) for name in ("no_digits", "short")})
        if fault:
            return "Is it 7?" if fault == "short" else "How many legs do all of the cats in this village have together?"
        drawn = (problem_text(Random(digest(key, number))) for number in range(100))
        return next(text for text in drawn if any(character.isdigit() for character in text))

    def _pair(self, request: Request, place: int) -> dict[str, str]:
        question = self._question(request, place)
        return {"question": question, "program": self._program(question)}

    def _program(self, question: str) -> str:
        fault = self.planted(question)
        if fault in ("no_digits", "short"):
            return "result = 4"
        sound = program_of(question)
        return {
            "syntax": sound + "\nresult = (",
            "endless": "while True:\n    pass\n" + sound,
            "raises": "1 / 0\n" + sound,
            "no_result": sound.replace("result", "answer"),
            "exits": "import sys\nsys.exit()\n" + sound,
        }.get(fault or "", f"```python\n{sound}\n```")


def same_number(one: str, other: str) -> bool:
    """Whether two texts say one number: a program divides 8 by 2 and prints 4.0."""
    return number_of(one) == number_of(other) is not None
