"""NuminaMath's synthetic part: from a known problem a new one in its manner, with a solution and a boxed answer.

After the report of the first AIMO progress prize (project-numina/aimo-progress-prize, numina_dataset.pdf), where the
seeds are problems of MATH and of AMC contests: one call at temperature 0.8 writes problem and solution, and the
solution is used as it is, without a second pass. So nobody has checked it: `numinamath_tir` and `phi4_plurality` do,
and `decontaminate` keeps out what comes too near to a benchmark. The report gives no prompt: the wording is ours, and
so are the reasons to drop.
"""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from synth_dagster.method import Family, Proof, Synthesizer
from synth_dagster.parts.asking.calls import attempted, prompt, tagged, together, written_by
from synth_dagster.parts.asking.same_language import in_another_language
from synth_dagster.parts.mathematics.answers import last_boxed
from synth_dagster.parts.text.rewriting import refuses
from synth_dagster.parts.text.words import is_blank, normalised
from synth_dagster.records import Instruction, Json
from synth_dagster.services import Drop, Reply, Sampling, Teacher, Unusable


class Written(Reply):
    problem: str = Field(description="The new problem, complete in itself.")
    solution: str = Field(description="Its solution, step by step, with the final answer in a box.")


NEW = prompt(
    system="You write problems for a contest in mathematics, and solve them with care.",
    user="""
{problem}{solution}Write one new problem in the manner of this one: of its field and at least as hard, but with another
question, not the same one with other names or numbers. It has exactly one answer. Then solve it step by step; formulas
are LaTeX, and the final answer stands in \\boxed at the end.
""",
    variables="problem solution",
)


class NuminamathSynth(Synthesizer[Instruction, Instruction]):
    """Every problem stays; what has no boxed answer, or is the seed again, is eliminated with its reason."""

    paper: ClassVar[str] = "interpretation"
    family: ClassVar[Family] = "domain distillation"
    topics: ClassVar[tuple[str, ...]] = ("mathematics", "reasoning", "competition", "new problems")
    proof: ClassVar[Proof] = Proof(
        "planted signal",
        "Planted copies and solutions without a box all go, no others; of 100 planted leaks 10-grams find all verbatim "
        "ones, likeness at least 90 % of all, and at most 1 % of 1,000 others.",
    )

    problems: int = Field(1, ge=1, le=50, description="New problems from one seed.")
    temperature: float = Field(0.8, ge=0, le=2, description="Sampling temperature of the writer; the report's.")
    max_tokens: int = Field(4_096, ge=256, description="Longest answer of the writer, in tokens.")

    async def synthesize(self, seed: Instruction, /, *, writer: Teacher) -> Sequence[Instruction] | Drop:
        if is_blank(seed.instruction):
            return Drop("blank_instruction")
        said = await together(*(attempted(self._asked(seed, writer, number)) for number in range(self.problems)))
        unusable = [one for one in said if isinstance(one, Unusable)]
        if len(unusable) == len(said):
            raise unusable[0]  # nothing came back: the seed is a reject, to be tried again
        known = {normalised(seed.instruction)}
        return [_record(seed, number, one, known) for number, one in enumerate(said)]

    async def _asked(self, seed: Instruction, writer: Teacher, number: int) -> Written:
        return await writer.ask(
            NEW,
            into=Written,
            sampling=Sampling(temperature=self.temperature, max_tokens=self.max_tokens),
            sample=number,
            problem=tagged("problem", seed.instruction),
            solution=tagged("solution", seed.response),
        )


def _record(seed: Instruction, number: int, said: Written | Unusable, known: set[str]) -> Instruction:
    """What came of one call. Its problem joins the known ones, so that the next one cannot be the same."""
    problem, solution = ("", "") if isinstance(said, Unusable) else (said.problem.strip(), said.solution.strip())
    reason = said.reason if isinstance(said, Unusable) else _why_not(seed, problem, solution, known)
    known |= {normalised(problem)}
    boxed = last_boxed(solution)
    facts: dict[str, Json] = {"number": number, **({"final_answer": boxed} if boxed else {})}
    return Instruction.single(
        problem,
        solution,
        parents=(seed,),
        attributes=facts,
        status="eliminated" if reason else "current",
        reason=reason,
        **written_by(said.call),
    )


def _why_not(seed: Instruction, problem: str, solution: str, known: set[str]) -> str | None:
    checks = {
        "blank_problem": is_blank(problem),
        "blank_solution": is_blank(solution),
        "refusal": refuses(problem) or refuses(solution),
        "copy": normalised(problem) == normalised(seed.instruction),
        "repeated_problem": normalised(problem) in known,
        "no_boxed_answer": is_blank(last_boxed(solution) or ""),
        "other_language": in_another_language([problem], seed.instruction)[0],
    }
    return next((reason for reason, fails in checks.items() if fails), None)
