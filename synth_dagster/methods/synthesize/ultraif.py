"""UltraIF: constraints taken out of people's queries are put into others, and answers are kept that keep them all.

Paper: arXiv:2502.04153. A model takes the constraints out of each query, one at a time, and asks a yes/no question
about each. A composer adds up to three to every query, five answers are written, and a judge answers the questions
about each. The paper trains the composer, a model of 8B; `compose_by: model` asks such a model. Without one,
`frequencies` draws constraints as often as the batch has them and puts them in as they stood, none of a type that a
query has already, so that no two contradict each other. The prompts are ours.

Bugs of the released code that are not repeated: a query none of whose answers passed is written with its last answer;
the list of questions loses step with the rounds when a round fails; a worked example of its prompt is wrong.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from synth_dagster.method import Family, PoolSynthesizer, Proof
from synth_dagster.parts.asking.calls import attempted, prompt, tagged, together, with_its_calls, written_by
from synth_dagster.parts.asking.checked_answers import EVALUATE, RESPOND, Evaluation, checked_answers
from synth_dagster.parts.asking.composing import (
    ConstraintType,
    Frequencies,
    added_sentence,
    has_residue,
    why_not_composed,
    with_sentence,
)
from synth_dagster.parts.asking.same_language import in_another_language
from synth_dagster.parts.cards.constraint_threads import Thread, threads_of
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.words import is_blank, normalised
from synth_dagster.records import Instruction, Json, Message
from synth_dagster.services import Drop, Reply, Sampling, Teacher, Unusable

__all__ = ["EVALUATE", "RESPOND", "Evaluation", "Ultraif"]  # what its teachers are told is part of the method

LABELLING = Sampling(temperature=0.0, max_tokens=2_048)
COMPOSING = Sampling(temperature=0.7, max_tokens=2_048)


class Part(BaseModel):
    type: ConstraintType = Field(description="What the constraint is about.")
    constraint: str = Field(description="The constraint alone, as a demand.")
    simplified_query: str = Field(description="The query without this one constraint, and otherwise unchanged.")


class Decomposed(Reply):
    basic_query: str = Field(description="The query without any constraint.")
    constraints: list[Part] = Field(description="Each constraint of the query; empty if it has none.")


class Questioned(Reply):
    eval_question: str = Field(description="The yes/no question; empty if the constraint cannot be asked about.")


class Composed(Reply):
    query: str = Field(description="The query with one constraint more, ready to be given to an assistant.")
    eval_question: str = Field(description="The yes/no question whether an answer keeps the new constraint.")


DECOMPOSE = prompt(
    system="You take apart what people ask of assistants: what they want, and how they want it.",
    user="""
{query}A constraint says how the answer has to be, beyond what it is about. It is of one of five types: content (what
has to be in it or left out), numerical (how many or how long), stylistic (tone, manner, point of view), format (its
form or layout), linguistic (language, grammar, choice of words). Facts and details that only say what the query is
about are no constraints. Name each constraint, at most <count>{count}</count>, and write the query without that one
constraint: every other word stays as it is. If there is no constraint, the list is empty and the basic query is the
query.
""",
    variables="query count",
)
QUESTION = prompt(
    system="You write questions by which an answer can be checked.",
    user="""
{query}{constraint}Write one question that is answered with yes if an answer to the query keeps this constraint, and
with no if it does not. It is about this constraint alone and can be understood without the query. If the constraint
means nothing, the question is empty.
""",
    variables="query constraint",
)
COMPOSE = prompt(
    system="You make queries harder by one constraint at a time.",
    user="""
{history}{query}Add one constraint to the query that a person could well have: about content, numbers, style, format or
language. It does not contradict what the query asks for already, and everything else stays as it is. The history shows
how the query came about. Then write the yes/no question whether an answer keeps the new constraint.
""",
    variables="history query",
)


class Ultraif(PoolSynthesizer[Instruction, Instruction]):
    """Round 0 takes queries apart, the next ones add a constraint each, the last one answers.

    What the rounds between leave behind is superseded: the triples of a query (reason `decomposed`), which are what a
    composer is trained on, and a query on its way (reason `composed`).
    """

    paper: ClassVar[str] = "arXiv:2502.04153"
    family: ClassVar[Family] = "general distillation"
    topics: ClassVar[tuple[str, ...]] = ("instruction following", "constraints", "IFEval", "complex instructions")
    proof: ClassVar[Proof] = Proof(
        "planted signal",
        "Round trip of composed constraints at least 95 % at 3 % wrong decompositions; at s = .8 and c = 3 one in five "
        "passes as often as 1-(1-s^c)^5 = .972 says; kept answers keep all by program, and fewer as c grows; by 27 "
        "stored judgements the released code takes the same answers. Composer: frequencies in place of a model.",
    )

    compose_by: Literal["frequencies", "model"] = Field(
        "frequencies", description="Who adds constraints: draws from those of the batch, or the model of `composer`."
    )
    rounds: int = Field(3, ge=1, le=10, description="Constraints that are added to a query at most.")
    responses: int = Field(5, ge=1, le=64, description="Answers to each composed query.")
    own_questions: bool = Field(
        True, description="Judge by a query's own constraints too; the paper asks about those that were added."
    )
    max_constraints: int = Field(10, ge=1, le=50, description="Constraints that are taken from one query at most.")
    max_words: int = Field(2_000, ge=10, description="Longer queries are left out; the paper cuts at 8,192 tokens.")
    temperature: float = Field(1.0, ge=0, le=2, description="Sampling temperature of answers.")
    top_p: float = Field(0.95, gt=0, le=1, description="Nucleus of answers.")
    max_tokens: int = Field(4_096, ge=16, description="Longest answer, in tokens.")
    seed: int = Field(0, ge=0, description="Seed of the draws of constraints.")

    async def round(
        self,
        pool: Sequence[Instruction],
        number: int,
        /,
        *,
        decomposer: Teacher,
        composer: Teacher,
        writer: Teacher,
        judge: Teacher,
    ) -> Sequence[Sequence[Instruction] | Drop]:
        if number == 0:
            return await together(*(with_its_calls(self._decomposed(query, decomposer)) for query in pool))
        threads = threads_of(pool)
        if number > self.rounds + 1 or not threads:
            return []
        if number <= self.rounds:
            return await self._composed(threads, number, composer) or [[]]  # an empty round does not end the method
        return await together(*(with_its_calls(self._answered(thread, writer, judge)) for thread in threads))

    # ------------------------------------------------------------------------------------------------ taking apart

    async def _decomposed(self, record: Instruction, decomposer: Teacher) -> Sequence[Instruction] | Drop:
        if reason := unfit(record, self.max_words):
            return Drop(reason)
        query = tagged("query", record.instruction)
        said = await attempted(
            decomposer.ask(DECOMPOSE, into=Decomposed, sampling=LABELLING, query=query, count=self.max_constraints)
        )
        if isinstance(said, Unusable):
            return Drop(f"decompose_{said.reason}", raw=said.raw, call=said.call)
        parts = usable(said.constraints[: self.max_constraints], record.instruction)
        asked = await together(
            *(
                attempted(
                    decomposer.ask(
                        QUESTION,
                        into=Questioned,
                        sampling=LABELLING,
                        query=query,
                        constraint=tagged("constraint", part.constraint),
                    )
                )
                for part in parts
            )
        )
        triples = [
            {**part.model_dump(), "eval_question": answer.eval_question.strip()}
            for part, answer in zip(parts, asked, strict=True)
            if isinstance(answer, Questioned) and not is_blank(answer.eval_question)
        ]
        attributes: dict[str, Json] = {
            "basic_query": said.basic_query.strip(),
            "triples": triples,
            "initial_query": record.instruction,
            "questions": [one["eval_question"] for one in triples if self.own_questions],
            "constraints": [one["constraint"] for one in triples if self.own_questions],
            "types": sorted({part.type for part in said.constraints}),
        }
        return [
            Instruction(
                messages=(Message("user", record.instruction),),
                parents=(record,),
                attributes=attributes,
                status="superseded",
                reason="decomposed",
                **written_by(said.call),
            )
        ]

    # --------------------------------------------------------------------------------------------------- composing

    async def _composed(
        self, threads: Sequence[Thread], number: int, composer: Teacher
    ) -> Sequence[Sequence[Instruction] | Drop]:
        if self.compose_by == "model":
            return await together(*(with_its_calls(self._by_model(thread, number, composer)) for thread in threads))
        frequencies = Frequencies(triple for thread in threads for triple in thread.triples())
        return [made for thread in threads if (made := self._by_frequencies(thread, number, frequencies))]

    def _by_frequencies(self, thread: Thread, number: int, frequencies: Frequencies[Instruction]) -> list[Instruction]:
        rng = stream(self.seed, thread.start.record_id, "constraint", number)
        triple = frequencies.drawn(thread.types, rng)
        if triple is None:
            return []
        text = with_sentence(thread.latest.instruction, triple.sentence)
        added = {"constraint": triple.sentence, "question": triple.question, "type": triple.kind}
        return [thread.with_more(text, number, added, beside=(triple.origin,))]

    async def _by_model(self, thread: Thread, number: int, composer: Teacher) -> Sequence[Instruction] | Drop:
        query = thread.latest.instruction
        said = await attempted(
            composer.ask(
                COMPOSE,
                into=Composed,
                sampling=COMPOSING,
                sample=number,  # after a failed round the same request must not bring the same failure back
                history="".join(tagged("history", earlier) for earlier in thread.history),
                query=tagged("query", query),
            )
        )
        if isinstance(said, Unusable):
            return Drop(f"compose_{said.reason}", raw=said.raw, call=said.call)
        reason = why_not_composed(said.query, query)
        if reason is None and (is_blank(said.eval_question) or has_residue(said.eval_question)):
            reason = "no_question"
        if reason is None and in_another_language([said.query], query)[0]:
            reason = "other_language"
        if reason:
            return Drop(f"compose_{reason}", raw=said.model_dump_json(), call=said.call)
        text = said.query.strip()
        added = {"constraint": added_sentence(query, text), "question": said.eval_question.strip()}
        return [thread.with_more(text, number, added, **written_by(said.call))]

    # --------------------------------------------------------------------------------------------------- answering

    async def _answered(self, thread: Thread, writer: Teacher, judge: Teacher) -> Sequence[Instruction] | Drop:
        query, about = thread.latest.instruction, thread.latest.attributes
        if thread.latest is thread.start:
            return Drop("not_composed", "No constraint could be added: the batch has none of a type that is free.")
        sampling = Sampling(temperature=self.temperature, top_p=self.top_p, max_tokens=self.max_tokens)
        answers = await checked_answers(query, thread.questions, self.responses, sampling, writer, judge)
        passed = [number for number, one in enumerate(answers) if one.passes]
        shown = answers[passed[0] if passed else 0]
        unjudged = not any(one.verdicts for one in answers)
        reason = None if passed else f"response_{shown.reason}" if unjudged else "none_passed"
        about = {**about, "passed": len(passed), "responses": len(answers)}
        return [
            Instruction.single(
                query,
                shown.text,
                parents=(thread.latest,),
                attributes=about,
                status="eliminated" if reason else "current",
                reason=reason,
                **written_by(shown.call),
            )
        ]


def unfit(record: Instruction, max_words: int) -> str | None:
    """Why a record is no query: it is blank, a conversation, or too long."""
    if is_blank(record.instruction):
        return "blank_instruction"
    if [message.role for message in record.messages] not in (["user"], ["user", "assistant"]):
        return "conversation"
    return "too_long" if len(record.instruction.split()) > max_words else None


def usable(parts: Sequence[Part], query: str) -> list[Part]:
    """The parts of a decomposition that say something, really take something out, and are in the query's language."""
    foreign = in_another_language([f"{part.simplified_query} {part.constraint}" for part in parts], query)
    return [
        part
        for part, is_foreign in zip(parts, foreign, strict=True)
        if not is_foreign
        and not is_blank(part.constraint)
        and not is_blank(part.simplified_query)
        and normalised(part.simplified_query) != normalised(query)
        and not has_residue(f"{part.constraint}\n{part.simplified_query}")
    ]
