"""UltraIF's preference pairs: of several answers to one query, one that keeps every constraint and one that breaks one.

Paper: arXiv:2502.04153. Reads instructions that carry the yes/no questions about their constraints, as `ultraif` makes
them; of others the judge is asked for the questions first, in our own wording. It asks for the same answers and
judgements with the same requests as `ultraif`, so that after it, with the same models and settings, they are replayed
and cost nothing. As in the released code an answer that was not judged counts for neither side; that code takes the
last of each side, here the first ones are taken.
"""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from synth_dagster.method import Family, Proof, Synthesizer
from synth_dagster.parts.asking.calls import prompt, tagged, written_by
from synth_dagster.parts.asking.checked_answers import (
    EVALUATE,
    JUDGING,
    RESPOND,
    Checked,
    Evaluation,
    checked_answers,
    questions_of,
)
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Instruction, Message, Preference
from synth_dagster.services import Drop, Reply, Sampling, Teacher, Unusable

__all__ = ["EVALUATE", "RESPOND", "Evaluation", "UltraifPairs"]  # what its teachers are told is part of the method


class Asked(Reply):
    questions: list[str] = Field(description="One yes/no question for each constraint; empty if there is none.")


QUESTIONS = prompt(
    system="You write questions by which an answer can be checked.",
    user="""
{query}For each constraint in this query, that is each demand on how the answer has to be beyond what it is about, write
one question that is answered with yes if an answer keeps it, and with no if not. Each is about one constraint alone.
""",
    variables="query",
)


class UltraifPairs(Synthesizer[Instruction, Preference]):
    """A pair for each query that has an answer of either side; scores are shares of questions answered with YES."""

    paper: ClassVar[str] = "arXiv:2502.04153"
    family: ClassVar[Family] = "labelling"
    topics: ClassVar[tuple[str, ...]] = ("instruction following", "constraints", "DPO", "rejection sampling")
    proof: ClassVar[Proof] = Proof(
        "planted signal",
        "With an exact judge every chosen answer keeps all constraints by program and every rejected one breaks one, "
        "100 %; with a judge that errs, what is chosen is right as often as the closed form says; by 27 stored "
        "judgements the released code pairs the same queries.",
    )

    responses: int = Field(5, ge=2, le=64, description="Answers to each query.")
    temperature: float = Field(1.0, ge=0, le=2, description="Sampling temperature of answers.")
    top_p: float = Field(0.95, gt=0, le=1, description="Nucleus of answers.")
    max_tokens: int = Field(4_096, ge=16, description="Longest answer, in tokens.")

    async def synthesize(
        self, record: Instruction, /, *, writer: Teacher, judge: Teacher
    ) -> Sequence[Preference] | Drop:
        query = record.instruction
        if is_blank(query):
            return Drop("blank_instruction")
        if [message.role for message in record.messages] not in (["user"], ["user", "assistant"]):
            return Drop("conversation")
        questions = questions_of(record.attributes.get("questions")) or await self._asked(query, judge)
        if not questions:
            return Drop("no_questions", "The query has no constraint that an answer could break.")
        sampling = Sampling(temperature=self.temperature, top_p=self.top_p, max_tokens=self.max_tokens)
        answers = await checked_answers(query, questions, self.responses, sampling, writer, judge)
        judged = [one for one in answers if one.verdicts]
        if len(judged) < 2:
            (unjudged, *_) = (one for one in answers if not one.verdicts)
            raise Unusable(unjudged.reason or "unjudged", unjudged.text, unjudged.call)
        return [self._pair(record, questions, judged)]

    async def _asked(self, query: str, judge: Teacher) -> list[str]:
        said = await judge.ask(QUESTIONS, into=Asked, sampling=JUDGING, query=tagged("query", query))
        return questions_of([one for one in said.questions if not is_blank(one)])

    def _pair(self, record: Instruction, questions: Sequence[str], judged: Sequence[Checked]) -> Preference:
        """One of either side, the first; where all are of one side two of it, eliminated."""
        passing, failing = [one for one in judged if one.passes], [one for one in judged if one.fails]
        chosen, rejected = [*passing[:1], *failing[:1]] if passing and failing else judged[:2]
        reason = None if passing and failing else "all_passed" if passing else "none_passed"
        return Preference(
            prompt=(Message("user", record.instruction),),
            chosen=(Message("assistant", chosen.text),),
            rejected=(Message("assistant", rejected.text),),
            chosen_score=chosen.score,
            rejected_score=rejected.score,
            rationale=rejected.complaints() or None,
            parents=(record,),
            attributes={"questions": list(questions)},
            status="eliminated" if reason else "current",
            reason=reason,
            **written_by(chosen.call),
        )
