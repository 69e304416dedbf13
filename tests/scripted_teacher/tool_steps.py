"""Solutions in steps: text and program, then the answer that its output says; wrong or only guessed at set rates."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from synth_dagster.parts.mathematics.answers import number_of
from synth_dagster.services import Limits, Queried, Ran, Table
from tests.scripted_teacher.arithmetic import answer_of, program_of
from tests.scripted_teacher.faults import share
from tests.scripted_teacher.reading import Request

_OUTPUT = re.compile(r"```output\n(.*?)\n```", re.DOTALL)


class StepWorld:
    """`wrong` is the share of solutions whose program computes one too many, `codeless` of those that only guess."""

    def __init__(self, *, wrong: float = 0.0, codeless: float = 0.0) -> None:
        self.wrong, self.codeless = wrong, codeless
        self.prints: dict[str, str] = {}  # what each program prints, without running it

    def answer(self, request: Request) -> str | None:
        problem = request.tag("problem")
        if request.task != "completion" or not problem:
            return None
        outputs = _OUTPUT.findall(request.tag("so_far"))
        if outputs:
            return f"So the answer is \\boxed{{{outputs[-1]}}}."
        if share(request.key, "codeless") < self.codeless:
            return "That is simple. The answer is \\boxed{7}."
        return f"I calculate it step by step.\n\n```python\n{self._program(problem, request)}\n```"

    def _program(self, problem: str, request: Request) -> str:
        more = int(share(request.key, "wrong") < self.wrong)
        program = f"{program_of(problem)}\nprint(result + {more})"
        value = number_of(answer_of(problem))
        assert value is not None
        self.prints[program] = str(value + more)
        return program


class Script:
    """One solution after a script: the text for each number of a sample, the last for all that follow."""

    def __init__(self, texts: Sequence[str], **fields: Any) -> None:
        self.texts, self.fields = texts, fields

    def answer(self, request: Request) -> str | dict[str, Any]:
        return self.fields if request.fields else self.texts[min(request.sample, len(self.texts) - 1)]


class KnownPrograms:
    """A sandbox for programs whose output is known."""

    isolation = "none"

    def __init__(self, world: StepWorld) -> None:
        self.world, self.ran = world, 0

    async def run(self, program: str, /, *, limits: Limits = Limits()) -> Ran:
        self.ran += 1
        return Ran("finished", f"{self.world.prints[program]}\n")

    async def query(self, statement: str, /, *, tables: Mapping[str, Table], limits: Limits = Limits()) -> Queried:
        raise AssertionError("this world has no tables")
