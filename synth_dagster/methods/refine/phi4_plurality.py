"""phi-4's plurality filter: questions that are neither too easy nor too hard, with the answer that most solutions give.

Paper: arXiv:2412.08905, section 2.2; the wording is ours. A question is answered several times, independently. Where
all answers agree, nothing is learnt; where all differ, it is too hard or ambiguous; both go. Else the answer of most
replaces the one that was there, with the first solution that ends with it; the old one stays as `declared_answer`.
"""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from synth_dagster.method import Family, Proof, Refiner
from synth_dagster.parts.asking.calls import attempted, prompt, tagged, together, written_by
from synth_dagster.parts.mathematics.answers import final_answer, known_answer, same_answer
from synth_dagster.parts.mathematics.voting import Vote, vote
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Instruction, Message
from synth_dagster.services import Answer, Drop, Sampling, Teacher, Unusable

SOLVE = prompt(
    system="You answer questions carefully, with the reasons first.",
    user="""
{problem}Work the answer out step by step. The last line is "The answer is: " with the answer alone, as short as it can
be.
""",
    variables="problem",
)


class Phi4Plurality(Refiner[Instruction]):
    """Replaces the answer of a question by that of most solutions, or drops the question."""

    paper: ClassVar[str] = "arXiv:2412.08905"
    family: ClassVar[Family] = "self-improvement"
    topics: ClassVar[tuple[str, ...]] = ("mathematics", "reasoning", "self-consistency", "difficulty", "voting")
    proof: ClassVar[Proof] = Proof(
        "equation by hand",
        "Votes 4x8 and eight different ones drop, 4,4,4,5,5,7,8,9 keep 4; answers right at rate q drop q^8 as easy.",
    )

    samples: int = Field(8, ge=2, le=64, description="Answers to a question; 8 is ours, the report gives no number.")
    temperature: float = Field(0.7, ge=0, le=2, description="Answers differ by it; the report gives no number.")
    max_tokens: int = Field(2_048, ge=64, description="Longest answer, in tokens.")
    max_words: int = Field(2_000, ge=1, description="Longer questions are dropped.")

    async def refine(self, record: Instruction, /, *, writer: Teacher) -> Instruction | Drop:
        if is_blank(record.instruction):
            return Drop("blank_instruction")
        if len(record.instruction.split()) > self.max_words:
            return Drop("too_long", "'max_words' says how long a question may be.")
        said = await together(*(attempted(self._answer(record, sample, writer)) for sample in range(self.samples)))
        problems = [one for one in said if isinstance(one, Unusable)]
        if len(problems) == len(said):
            raise problems[0]  # nothing came back: the record is a reject, to be tried again
        answers = [_answer_of(one) for one in said]
        found = vote(answers, symbolic=True)
        reason = why_not(found)
        if reason or found.answer is None:
            shares = f"{found.votes} of {found.asked} agree, {found.different} different answers."
            return Drop(reason or "no_final_answer", shares)
        return _with_answer(record, found, said, answers)

    async def _answer(self, record: Instruction, sample: int, writer: Teacher) -> Answer:
        return await writer.tell(
            SOLVE,
            sampling=Sampling(temperature=self.temperature, max_tokens=self.max_tokens),
            sample=sample,
            problem=tagged("problem", record.instruction),
        )


def why_not(found: Vote) -> str | None:
    """Why a question with these votes is not kept."""
    if found.answer is None:
        return "no_final_answer"
    if found.too_easy:
        return "too_easy"
    return "too_hard" if found.too_hard else None


def _answer_of(said: Answer | Unusable) -> str | None:
    return None if isinstance(said, Unusable) or said.finish_reason == "length" else final_answer(said.text)


def _with_answer(
    record: Instruction, found: Vote, said: Sequence[Answer | Unusable], answers: Sequence[str | None]
) -> Instruction:
    """The question with the first solution that ends with the answer of most."""
    assert found.answer is not None
    solution = said[answers.index(found.answer)]
    assert isinstance(solution, Answer)
    declared = known_answer(record)
    attributes = {
        **record.attributes,
        "final_answer": found.answer,
        "plurality": {"answer": found.answer, "share": float(found.share)},
    }
    if declared is not None:
        agrees = same_answer(declared, found.answer, symbolic=True)
        attributes |= {"declared_answer": declared, "agrees_with_declared": agrees}
    asked = max(place for place, turn in enumerate(record.messages) if turn.role == "user")
    return record.but(
        messages=(*record.messages[: asked + 1], Message("assistant", solution.text.strip())),
        evidence=(),
        attributes=attributes,
        **written_by(solution.call),
    )
