"""Word problems as items of a set: some labels are wrong, some items have a flaw, some programs fail at first."""

from random import Random
from typing import Any

from synth_dagster.parts.mathematics.answers import number_of
from synth_dagster.parts.mathematics.word_problems.reading import read
from synth_dagster.parts.mathematics.word_problems.solving import solve
from synth_dagster.records import Instruction, digest
from synth_dagster.services import Limits, Ran
from tests.scripted_teacher.arithmetic import answer_of, choose, problem_text, program_of, seeds
from tests.scripted_teacher.faults import share
from tests.scripted_teacher.reading import Request

FLAW = " As everybody knows, that is easy."
_LIMITS = Limits()


def base(count: int) -> list[Instruction]:
    """The set: problems, each with its answer alone."""
    return [
        Instruction.single(one.instruction, answer_of(one.instruction), record_id=one.record_id, source="set")
        for one in seeds(count)
    ]


class ItemWorld:
    """Rates: `wrong` labels, `flawed` items, `skill` of rewritings that take a flaw out, `broken` first programs.

    `planted` says which texts have a wrong label. Programs are right; `prints` says what each leaves.
    """

    def __init__(self, *, wrong: float = 0.0, flawed: float = 0.0, skill: float = 1.0, broken: float = 0.0) -> None:
        self.wrong, self.flawed, self.skill, self.broken = wrong, flawed, skill, broken
        self.planted: dict[str, str] = {}
        self.prints: dict[str, str] = {}

    def answer(self, request: Request) -> dict[str, Any] | None:
        if request.task == "questions":
            return {"items": [self._item(request, place) for place in range(int(request.tag("count")))]}
        text, _, label = request.tag("item").rpartition("\n\n")
        if request.task == "keywords":
            problem = read(text)
            return {"keywords": sorted({step.kind for step in problem.steps}) if problem else []}
        if request.task == "reflect":
            flawed = FLAW in text
            return {"reflection": "Take out the last sentence." if flawed else "Good.", "is_good": not flawed}
        if request.task == "improve":
            better = text.replace(FLAW, "") if share(request.key, "skill") < self.skill else text
            return {"text": better, "label": label}
        if request.task == "harden":
            return {"way": "distraction", "text": f"The shop is open until nine. {text}"}
        if request.task == "program":
            return {"program": self._program(request)}
        return {"same": False} if request.task == "same" else None

    def _item(self, request: Request, place: int) -> dict[str, str]:
        key = digest(request.key, place)
        text = problem_text(Random(key))
        label = answer_of(text)
        if share(key, "wrong") < self.wrong:
            value = number_of(label)
            assert value is not None
            label = str(value + 1)
            self.planted[text] = label
        if any("The answer is" in example for example in request.tags("example")):
            label = _worked_out(text, label)
        return {"text": text + (FLAW if share(key, "flaw") < self.flawed else ""), "label": label}

    def _program(self, request: Request) -> str:
        text = request.tag("problem").replace(FLAW, "")
        if share(request.key, "broken") < self.broken:
            return "result = 1 / 0"
        program = program_of(text)
        self.prints[program] = answer_of(text)
        return program


def _worked_out(text: str, label: str) -> str:
    """A whole solution, whatever it ends with, where the examples have one."""
    problem = read(text)
    solution = problem and solve(problem, choose)
    assert solution
    return "\n".join([*solution.lines, f"The answer is: {label}"])


class KnownPrograms:
    """A sandbox for the programs of this world, whose results are known without running them."""

    isolation = "none"

    def __init__(self, world: ItemWorld) -> None:
        self.world = world

    async def run(self, program: str, /, *, limits: Limits = _LIMITS) -> Ran:
        own = program.partition("\n\nprint(")[0]
        if own not in self.world.prints:
            return Ran("failed", "", "ZeroDivisionError: division by zero")
        return Ran("finished", f"\nthe result is: {self.world.prints[own]}\n")

    async def query(self, statement: str, /, **_: Any) -> Any:
        raise AssertionError("this world has no tables")
