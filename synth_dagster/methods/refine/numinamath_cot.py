"""NuminaMath CoT: a problem and its solution become English, step by step, with the final answer in a box.

After the report of the first AIMO progress prize (project-numina/aimo-progress-prize, numina_dataset.pdf): one pass of
a model translates, orders the solution into steps and boxes the answer. There nobody checked the outcome; here what is
boxed must be the answer that was known. `numinamath_extract` cuts problems out of pages and forums, `numinamath_synth`
writes new ones, `numinamath_tir` solutions with programs. The report gives no prompt: the wording is ours.
"""

from typing import ClassVar

from pydantic import Field

from synth_dagster.method import Proof, Refiner
from synth_dagster.parts.asking.calls import prompt, tagged, written_by
from synth_dagster.parts.mathematics.answers import known_answer, last_boxed, same_answer
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Instruction, Message
from synth_dagster.services import Drop, Reply, Sampling, Teacher


class Refined(Reply):
    problem: str = Field(description="The problem in English, complete and otherwise unchanged.")
    solution: str = Field(description="The solution in English, step by step, with its final answer in a box.")


STEPS = prompt(
    system="You edit mathematics problems and their solutions for a textbook. You change no fact and no number.",
    user="""
{problem}{solution}Give problem and solution in English.

- The problem says exactly what it said: nothing is left out, added or made easier.
- The solution keeps its idea and its result. Each step stands on its own line and follows from the ones before it; what
  was skipped is filled in, and remarks that do not belong to it are left out.
- Formulas are LaTeX. The final answer stands in \\boxed at the end; a proof has no box.
""",
    variables="problem solution",
)


class NuminamathCot(Refiner[Instruction]):
    """Replaces problem and solution; what ends elsewhere than before is dropped."""

    paper: ClassVar[str] = "interpretation"
    topics: ClassVar[tuple[str, ...]] = ("mathematics", "reasoning", "competition", "translation", "chain of thought")
    proof: ClassVar[Proof] = Proof(
        "planted signal",
        "Of planted solutions with another answer or without a box all are dropped with their reason, of others none.",
    )

    symbolic: bool = Field(
        False, description="Compare answers that are formulas by what they are worth: 2(x+1) is 2x + 2."
    )
    temperature: float = Field(0.0, ge=0, le=2, description="Sampling temperature of the writer.")
    max_tokens: int = Field(4_096, ge=256, description="Longest answer of the writer, in tokens.")

    async def refine(self, record: Instruction, /, *, writer: Teacher) -> Instruction | Drop:
        if is_blank(record.instruction):
            return Drop("blank_instruction")
        if is_blank(record.response):
            return Drop("no_solution", "There is nothing to refine; numinamath_tir and metamath write solutions.")
        refined = await writer.ask(
            STEPS,
            into=Refined,
            sampling=Sampling(temperature=self.temperature, max_tokens=self.max_tokens),
            problem=tagged("problem", record.instruction),
            solution=tagged("solution", record.response),
        )
        reason = _why_not(refined, known_answer(record), self.symbolic)
        if reason:
            return Drop(reason, raw=refined.model_dump_json(), call=refined.call)
        return _refined(record, refined)


def _why_not(refined: Refined, known: str | None, symbolic: bool) -> str | None:
    if is_blank(refined.problem):
        return "blank_problem"
    if is_blank(refined.solution):
        return "blank_solution"
    if known is None:
        return None  # a proof, for all that is known: nothing to box, nothing to compare
    boxed = last_boxed(refined.solution)
    if not boxed:
        return "no_boxed_answer"
    return None if same_answer(boxed, known, symbolic=symbolic) else "other_answer"


def _refined(record: Instruction, refined: Refined) -> Instruction:
    boxed = last_boxed(refined.solution)
    system = [message for message in record.messages if message.role == "system"]
    return record.but(
        messages=(*system, Message("user", refined.problem.strip()), Message("assistant", refined.solution.strip())),
        evidence=(),
        lang="en",
        attributes={**record.attributes, **({"final_answer": boxed} if boxed else {})},
        **written_by(refined.call),
    )
