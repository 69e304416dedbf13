"""TinyGSM: new grade-school problems in the manner of a seed, each with a Python program that computes its answer.

Paper: arXiv:2312.09241. Three routes: problem and program in one answer, problems first and a program for each, and the
same with facts that do not matter (GSM-IC). Kept is what runs and leaves a `result`; as in the paper nobody checks that
it is right, since a teacher agrees with itself only on what is easy. The paper gives the prompts' content, the wording
is ours, and problems come as a structure instead of behind end markers. The filter `tinygsm_leaks` is its step against
test sets; students and verifiers are trained elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, Field

from synth_dagster.method import Family, Proof, Synthesizer
from synth_dagster.parts.asking.calls import attempted, prompt, tagged, together, written_by
from synth_dagster.parts.mathematics.programs import bare_program, in_fence, result_of
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Instruction, Json
from synth_dagster.services import Call, Drop, Limits, Reply, Sampling, Sandbox, Teacher, Unusable

Route: TypeAlias = Literal["one_step", "two_step", "ic"]


class Question(BaseModel):
    question: str = Field(description="One problem, complete in itself, with its numbers.")


class Pair(Question):
    program: str = Field(description="A complete Python program of several lines that assigns its answer to `result`.")


class Pairs(Reply):
    pairs: list[Pair] = Field(description="The new problems, each with its program.")


class Questions(Reply):
    problems: list[Question] = Field(description="The new problems.")


class Program(Reply):
    program: str = Field(description="A complete Python program of several lines that assigns the answer to `result`.")


_TEACHER = "You write mathematics problems for grade school, and Python programs that solve them."
ONE_STEP = prompt(
    system=_TEACHER,
    user="""
{problem}Write this many new problems that are similar to this one: <count>{count}</count>

- Vary the wording and the situation. Each takes several logical steps.
- After each problem write a complete Python program of several lines that works it out and assigns the answer to the
  variable `result`. Comments in it calculate nothing.
""",
    variables="problem count",
)
VARIANTS = prompt(
    system=_TEACHER,
    user="""
{problem}Write this many variants of this problem: <count>{count}</count>

- Each plays in another situation and is no easier.
- Each is complete in itself and gives no hint on how to solve it.
""",
    variables="problem count",
)
IRRELEVANT = prompt(
    system=_TEACHER,
    user="""
{problem}Write this many variants of this problem: <count>{count}</count>

- Each plays in another situation, is no easier, and is complete in itself.
- Each states at least one number or fact that has nothing to do with its answer.
""",
    variables="problem count",
)
PROGRAM = prompt(
    system=_TEACHER,
    user="""
{problem}Write a complete Python program of several lines that solves the problem and assigns the answer to the variable
`result`. Give every quantity a variable of its own. Only the standard library is there. Comments hold no numbers.
""",
    variables="problem",
)


class Tinygsm(Synthesizer[Instruction, Instruction]):
    """Every pair stays: what runs is current, the others eliminated with their reason."""

    paper: ClassVar[str] = "arXiv:2312.09241"
    family: ClassVar[Family] = "domain distillation"
    topics: ClassVar[tuple[str, ...]] = ("mathematics", "reasoning", "word problems", "code", "programs")
    proof: ClassVar[Proof] = Proof(
        "planted signal",
        "Of planted broken programs and numberless problems all are dropped with their reason, of sound ones none. Of "
        "48 planted candidates, .4 of them right, the best by a verifier of AUC .6 to .9 is right in .60 to .99 where "
        "a vote is in .08, since all wrong ones agree; where each stands alone the vote is. Of small students whose "
        "teacher errs in its own ways one candidate is right in .33, a vote in .33, the best by a verifier in .40 "
        "(`python -m benchmarks.students tinygsm`), with a label on every token of a candidate and on its last alone: "
        ".397 and .391, seeds 3 to 5 .583 and .551, where the last learns at twice the rate .401 and .538. In each of "
        "the six seeds every token tells a problem's candidates apart better, AUC .77 to .71. With 200 labelled "
        "problems in the place of 80 there was no difference.",
    )

    routes: Annotated[tuple[Route, ...], Field(min_length=1)] = Field(
        ("one_step", "two_step", "ic"),
        description="Which ways are taken; all three make a third of it irrelevant facts.",
    )
    problems: int = Field(10, ge=1, le=50, description="New problems asked of each route for a seed.")
    min_words: int = Field(8, ge=1, description="Shorter problems are dropped; the paper gives no number.")
    temperature: float = Field(1.0, ge=0, le=2, description="All variety comes from it; the paper gives no number.")
    max_tokens: int = Field(4_096, ge=256, description="Longest answer of the writer, in tokens.")
    cpu_s: int = Field(5, ge=1, le=60, description="Seconds of processor time that a program may take.")

    async def synthesize(
        self, seed: Instruction, /, *, writer: Teacher, sandbox: Sandbox
    ) -> Sequence[Instruction] | Drop:
        if is_blank(seed.instruction):
            return Drop("blank_instruction")
        ways = await together(*(self._way(route, seed, writer) for route in dict.fromkeys(self.routes)))
        pairs = [pair for way in ways for pair in way]
        unusable = [pair.problem for pair in pairs if pair.problem]
        if pairs and len(unusable) == len(pairs):
            raise unusable[0]  # nothing came back: the record is a reject, to be tried again
        if not pairs:
            return Drop("no_problems", "The writer gave no new problem.")
        return await together(*(self._made(pair, number, seed, sandbox) for number, pair in enumerate(pairs)))

    # ------------------------------------------------------------------------------------------------- problem, program

    async def _way(self, route: Route, seed: Instruction, writer: Teacher) -> list["_Pair"]:
        asked = ONE_STEP if route == "one_step" else VARIANTS if route == "two_step" else IRRELEVANT
        into = Pairs if route == "one_step" else Questions
        problem = tagged("problem", seed.instruction)
        said = await attempted(
            writer.ask(asked, into=into, sampling=self._sampling(), problem=problem, count=self.problems)
        )
        if isinstance(said, Unusable):
            return [_Pair(route=route, call=said.call, problem=said)]
        if isinstance(said, Pairs):
            found = said.pairs[: self.problems]
            return [_Pair(route=route, question=one.question, program=one.program, call=said.call) for one in found]
        return list(await together(*(self._programmed(route, one.question, writer) for one in said.problems)))

    async def _programmed(self, route: Route, question: str, writer: Teacher) -> "_Pair":
        if self._why_no_problem(question):
            return _Pair(route=route, question=question)  # not worth a program
        said = await attempted(
            writer.ask(PROGRAM, into=Program, sampling=self._sampling(), problem=tagged("problem", question))
        )
        if isinstance(said, Unusable):
            return _Pair(route=route, question=question, call=said.call, problem=said)
        return _Pair(route=route, question=question, program=said.program, call=said.call)

    def _sampling(self) -> Sampling:
        return Sampling(temperature=self.temperature, max_tokens=self.max_tokens)

    # ----------------------------------------------------------------------------------------------------- what is kept

    def _why_no_problem(self, question: str) -> str | None:
        if len(question.split()) < self.min_words:
            return "too_short"
        return None if any(character.isdigit() for character in question) else "no_number"

    async def _made(self, pair: "_Pair", number: int, seed: Instruction, sandbox: Sandbox) -> Instruction:
        program = bare_program(pair.program)
        reason = pair.problem.reason if pair.problem else self._why_no_problem(pair.question)
        result = None
        if reason is None:
            result, reason = await result_of(program, sandbox, Limits(cpu_s=self.cpu_s))
        attributes: dict[str, Json] = {"route": pair.route, "number": number, "exec_ok": reason is None}
        attributes |= {"result": result, "final_answer": result} if result is not None else {}
        return Instruction.single(
            pair.question,
            in_fence(program) if program else "",
            parents=(seed,),
            attributes=attributes,
            status="eliminated" if reason else "current",
            reason=reason,
            **written_by(pair.call),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """A problem and its program on the way to a record, or why the writer gave none."""

    route: Route
    question: str = ""
    program: str = ""
    call: Call | None = None
    problem: Unusable | None = None
