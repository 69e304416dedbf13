"""NuminaMath TIR: solutions that alternate reasoning, Python and its output; those that end elsewhere than known go.

After the report and the released code of the first AIMO progress prize (project-numina/aimo-progress-prize). A writer
reasons and writes a program, the program is run, its output is appended, and so on, until an answer is boxed. Sampling
is repeated for what failed. The answer counts if it is the known one: exactly for integers, else a judge may say that
it is the same. Problems without a known answer can be settled by a vote of many solutions, as the prize's submission
did. In that code a ban on some imports only records a message and the program still runs; here a sandbox decides. No
prompt is published that continues a solution with a chat model: the wording is ours.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from pydantic import Field

from synth_dagster.method import Family, Proof, Synthesizer
from synth_dagster.parts.asking.calls import attempted, prompt, tagged, together, written_by
from synth_dagster.parts.mathematics.answers import final_answer, known_answer, number_of, same_answer
from synth_dagster.parts.mathematics.programs import with_last_value_shown
from synth_dagster.parts.mathematics.voting import vote
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Instruction, Json
from synth_dagster.services import Call, Drop, Limits, Ran, Reply, Sampling, Sandbox, Teacher, Unusable

OUTPUT = "```output"
_TAIL = 100  # characters at the end of a text in which an answer counts, as in the released code
_PROGRAM = re.compile(r"```python[ \t]*\n(.*?)(\n```|\Z)", re.DOTALL)


class Same(Reply):
    same: bool = Field(description="Whether both answers say the same.")


NEXT = prompt(
    system="You solve mathematics problems step by step, with Python for all that has to be calculated.",
    user="""
{problem}{so_far}Go on with the solution where it stands, or begin it. Do one of two things:

- Think aloud in a few sentences and then write one program in a ```python block that prints what you need next. It is
  complete in itself and has the standard library only. Stop behind it: its output will be shown to you.
- If the outputs so far settle the problem, say so in a sentence and box the final answer as LaTeX does, with \\boxed.

Write only what comes next, without repeating what is there.
""",
    variables="problem so_far",
)
SAME = prompt(
    user="""
{problem}{known}{answer}Do the two answers to this problem say the same, in another form at most?
""",
    variables="problem known answer",
)


class NuminamathTir(Synthesizer[Instruction, Instruction]):
    """Every solution stays: the right ones are current, the others eliminated with their reason."""

    paper: ClassVar[str] = "interpretation"
    family: ClassVar[Family] = "domain distillation"
    topics: ClassVar[tuple[str, ...]] = ("mathematics", "reasoning", "code", "tool use", "programs", "competition")
    proof: ClassVar[Proof] = Proof(
        "equation by hand",
        "Of problems failed at rate e, 1-e^r are kept after r rounds; eight scripted solutions end as they must; of "
        "stored texts the numbers, the votes and the ends are the released code's, but for differences that are named.",
    )

    rounds: int = Field(3, ge=1, le=50, description="Solutions tried of a problem until one is right.")
    generations: int = Field(4, ge=1, le=20, description="Texts that the writer may add to one solution.")
    no_answer: Literal["drop", "vote"] = Field(
        "drop", description="What becomes of a problem without a known answer: dropped, or settled by a vote."
    )
    samples: int = Field(48, ge=2, le=256, description="Solutions that vote.")
    modulo: int | None = Field(
        1_000, ge=2, description="Voted answers are taken modulo this, as the prize asked; null leaves them."
    )
    output_characters: int = Field(200, ge=20, description="Longest output that is shown, in characters.")
    symbolic: bool = Field(
        False, description="Compare answers that are formulas by what they are worth: 2(x+1) is 2x + 2."
    )
    temperature: float = Field(0.8, ge=0, le=2, description="Sampling temperature of the writer.")
    max_tokens: int = Field(2_048, ge=64, description="Longest text that the writer adds, in tokens.")
    cpu_s: int = Field(5, ge=1, le=60, description="Seconds of processor time that a program may take.")

    async def synthesize(
        self, problem: Instruction, /, *, writer: Teacher, judge: Teacher, sandbox: Sandbox
    ) -> Sequence[Instruction] | Drop:
        if is_blank(problem.instruction):
            return Drop("blank_instruction")
        known, work = known_answer(problem), _Work(self, problem, writer, judge, sandbox)
        if known is None and self.no_answer == "drop":
            return Drop("no_known_answer", "Set no_answer to vote, or give the answer of each problem.")
        solutions = await work.until_right(known) if known is not None else await work.voted()
        unusable = [solution.problem for solution in solutions if solution.problem]
        if len(unusable) == len(solutions):
            raise unusable[0]  # nothing came back: the record is a reject, to be tried again
        return [_record(solution, problem) for solution in solutions]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Solution:
    """A solution as far as it has come. `reason` says why it is not kept."""

    number: int
    text: str = ""
    programs: int = 0  # that were run
    answer: str | None = None
    votes: int | None = None
    reason: str | None = None
    call: Call | None = None
    problem: Unusable | None = None

    @property
    def has_ended(self) -> bool:
        return self.answer is not None or self.reason is not None

    def with_output(self, text: str, output: str) -> "_Solution":
        shown = f"{text.rstrip()}\n{OUTPUT}\n{output}\n```\n"
        return replace(self, text=self.text + shown, programs=self.programs + 1)

    def answered(self, text: str, answer: str) -> "_Solution":
        reason = None if self.programs else "answer_without_code"
        return replace(self, text=self.text + text.strip(), answer=answer, reason=reason)


@dataclass(frozen=True, slots=True)
class _Work:
    """What all solutions of one problem share."""

    method: NuminamathTir
    problem: Instruction
    writer: Teacher
    judge: Teacher
    sandbox: Sandbox

    async def until_right(self, known: str) -> list[_Solution]:
        solutions: list[_Solution] = []
        for number in range(self.method.rounds):
            solution = await self._solved(number)
            if solution.answer is not None and solution.reason is None:
                solution = replace(solution, reason=await self._why_wrong(solution.answer, known))
            solutions.append(solution)
            if solution.reason is None:
                break
        return solutions

    async def voted(self) -> list[_Solution]:
        """All solutions at once; those current that gave the answer of most."""
        solutions = await together(*(self._solved(number) for number in range(self.method.samples)))
        answers = [self._ballot(solution) for solution in solutions]
        winner = vote(answers, symbolic=self.method.symbolic)
        return [
            replace(
                one,
                reason=one.reason or _why_lost(answer, winner.answer, self.method.symbolic),
                answer=answer,
                votes=winner.votes,
            )
            for one, answer in zip(solutions, answers, strict=True)
        ]

    def _ballot(self, solution: _Solution) -> str | None:
        if solution.answer is None or solution.reason:
            return None
        number = counting_number(solution.answer, self.method.modulo)
        return str(number) if number is not None else None

    async def _solved(self, number: int) -> _Solution:
        """One solution: text, program, output, text, ..., and an answer."""
        solution = _Solution(number=number)
        for step in range(self.method.generations):
            solution = await self._continued(solution, step)
            if solution.has_ended:
                return solution
        return replace(solution, reason="no_answer" if solution.programs else "no_code")

    async def _continued(self, solution: _Solution, step: int) -> _Solution:
        said = await attempted(
            self.writer.tell(
                NEXT,
                sampling=self._sampling(),
                sample=solution.number * self.method.generations + step,  # a solution begun anew is another one
                problem=tagged("problem", self.problem.instruction),
                so_far=tagged("so_far", solution.text),
            )
        )
        if isinstance(said, Unusable):
            return replace(solution, reason=said.reason, call=said.call or solution.call, problem=said)
        solution, text = replace(solution, call=said.call), said.text.partition(OUTPUT)[0]
        found = list(_PROGRAM.finditer(text))
        if said.finish_reason == "length" and not (found and found[-1][2]):
            return replace(solution, text=solution.text + text, reason="cut")
        if found:
            output = await self._output(found[-1][1])
            return solution.with_output(_closed(text[: found[-1].end()], found[-1]), output)
        answer = final_answer(text.strip()[-_TAIL:])
        if answer is not None:
            return solution.answered(text, answer)
        return replace(solution, text="", programs=0)  # neither program nor answer: it begins anew

    async def _output(self, program: str) -> str:
        ran = await self.sandbox.run(with_last_value_shown(program), limits=Limits(cpu_s=self.method.cpu_s))
        return _shown(ran)[: self.method.output_characters].strip()

    async def _why_wrong(self, answer: str, known: str) -> str | None:
        if same_answer(answer, known, symbolic=self.method.symbolic):
            return None
        number = number_of(known)
        if number is not None and number.denominator == 1:
            return "wrong_answer"  # an integer is compared exactly
        said = await attempted(
            self.judge.ask(
                SAME,
                into=Same,
                problem=tagged("problem", self.problem.instruction),
                known=tagged("known", known),
                answer=tagged("answer", answer),
            )
        )
        if isinstance(said, Unusable):
            return "not_judged"
        return None if said.same else "wrong_answer"

    def _sampling(self) -> Sampling:
        return Sampling(temperature=self.method.temperature, max_tokens=self.method.max_tokens, stop=(OUTPUT,))


def counting_number(answer: str, modulo: int | None) -> int | None:
    """A voted answer as the prize asked for it: rounded, not negative, modulo 1000; None for anything else.

    As in the released code, whose test of how far the rounding goes never fires, 52.4 counts as 52. A fraction is none.
    """
    value = number_of(answer)
    if value is None or round(value) < 0 or "/" in answer or "frac" in answer:
        return None
    return round(value) % modulo if modulo else round(value)


def _why_lost(answer: str | None, winner: str | None, symbolic: bool) -> str | None:
    if answer is None or winner is None:
        return "no_counting_number"
    return None if same_answer(answer, winner, symbolic=symbolic) else "outvoted"


def _closed(text: str, found: "re.Match[str]") -> str:
    """The text with its last block closed: a stop sequence may have eaten the fence."""
    return text if found[2] else f"{text.rstrip()}\n```"


def _shown(ran: Ran) -> str:
    """What a program printed; of one that failed also the last line that Python says."""
    if ran.ending == "finished":
        return ran.output
    ends = {"time": "Time limit.", "memory": "Memory limit.", "output": "Output limit.", "killed": "Crashed."}
    last = next((line for line in reversed(ran.errors.splitlines()) if line.strip()), "")
    said = ends.get(ran.ending) or last or "It failed."
    return f"{ran.output.strip()}\n{said}" if ran.ending == "failed" else said


def _record(solution: _Solution, problem: Instruction) -> Instruction:
    attributes: dict[str, Json] = {"number": solution.number, "programs": solution.programs}
    attributes |= {"final_answer": solution.answer} if solution.answer is not None else {}
    attributes |= {"votes": solution.votes} if solution.votes is not None else {}
    return Instruction.single(
        problem.instruction,
        solution.text.strip(),
        parents=(problem,),
        attributes=attributes,
        status="eliminated" if solution.reason else "current",
        reason=solution.reason,
        **written_by(solution.call),
    )
