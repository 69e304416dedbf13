"""CHASE for questions over documents: an answer in points that several documents hold, among documents that mislead.

Paper: arXiv:2502.14678. For a scenario (`chase_scenarios`) a writer makes a question, its answer in points, and says
which document holds which point; then similar questions whose documents must not answer the first. A point that
answers another question of the group goes. Documents are written, then checked: a verifier answers from each alone and
compares; what is missing is added, what is too much is taken out, of misleading documents everything that answers.
Order and numbers are those of the released code, prompts are ours. There nobody looks again after the repair; here what
is still wrong in a relevant document drops the question, and a misleading document that still answers is left out.
Points are looked at together and not one by one: that is fewer calls.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from pydantic import BaseModel, Field

from synth_dagster.method import Family, Lifecycle, Proof, Synthesizer
from synth_dagster.parts.asking.calls import attempted, prompt, tagged, together, written_by
from synth_dagster.parts.asking.same_language import in_another_language
from synth_dagster.parts.cards.document_checks import (
    ANSWER,
    CHECKING,
    COMPARE,
    REPAIR,
    Compared,
    DocumentChecks,
    Draft,
    Found,
    Repaired,
    numbered,
    question_of,
)
from synth_dagster.parts.cards.scenarios import Scenario
from synth_dagster.parts.similarity.short_texts import jaccard
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.words import is_blank, normalised, one_line
from synth_dagster.records import Document, Instruction, Json
from synth_dagster.services import Drop, Reply, Sampling, Teacher, Unusable

# what its teachers are told is part of the method
__all__ = ["ANSWER", "COMPARE", "REPAIR", "ChaseQa", "Compared", "Found", "Repaired"]


class Holds(BaseModel):
    points: list[str] = Field(description="The points of the answer that this document holds, one sentence each.")


class Asked(Reply):
    question: str = Field(description="One question that no single document answers.")
    documents: list[Holds] = Field(description="The documents that answer it together, each with points of its own.")


class Crossing(Reply):
    relevant: list[int] = Field(description="The numbers of the points that belong to an answer to the question.")


class Written(Reply):
    texts: list[str] = Field(description="The documents in their order, each a text of several paragraphs.")


ASK = prompt(
    system="You write questions that take several documents to answer.",
    user="""
{persona}{collection}{others}Write a question that this person has, and that this collection answers only when two or
three of its documents are taken together. Say which document holds which points of the answer; no point stands in two.

If questions are given, yours is similar to them and misleads whoever confuses them, but nothing that answers yours
answers one of them. Otherwise it is of its own kind.
""",
    variables="persona collection others",
)
CROSS = prompt(
    user="""
{question}{points}Which of these points belong to an answer to the question?
""",
    variables="question points",
)
WRITE = prompt(
    system="You write documents of a collection, as long and as plain as they are in life.",
    user="""
{persona}{collection}{question}{documents}{others}Write each document. It holds its points, worked into the text, and
much else that has nothing to do with the question. It says nothing more that answers the question, and nothing that
answers the other questions.
""",
    variables="persona collection question documents others",
)
# How a record begins; the documents follow.
HEAD = prompt(
    "{persona} asks: {question}\n\nAnswer in points, from these documents alone ({collection}).",
    variables="persona question collection",
)


class ChaseQa(Synthesizer[Document, Instruction]):
    """Each question of a scenario is a record, with all its documents; a bad one is eliminated with the reason."""

    paper: ClassVar[str] = "arXiv:2502.14678"
    family: ClassVar[Family] = "domain distillation"
    lifecycle: ClassVar[tuple[Lifecycle, ...]] = ("instruct", "eval")
    topics: ClassVar[tuple[str, ...]] = ("question answering", "long context", "retrieval", "benchmark", "distractors")
    proof: ClassVar[Proof] = Proof(
        "planted signal",
        "Of planted leaks, omissions and extra points none is left: no point of a kept answer stands in a misleading "
        "document, each stands in its own, and nothing else answers.",
    )

    questions: int = Field(3, ge=1, le=50, description="Questions asked for a scenario.")
    most_alike: float = Field(0.6, gt=0, le=1, description="A question that shares so many words with another goes.")
    adversarial: int = Field(3, ge=0, le=20, description="Similar questions whose documents mislead.")
    temperature: float = Field(1.0, ge=0, le=2, description="Sampling temperature of the writer.")
    max_tokens: int = Field(4_096, ge=256, description="Longest answer of the writer, in tokens.")
    seed: int = Field(0, ge=0, description="Another seed puts the documents in another order.")

    async def synthesize(
        self, document: Document, /, *, writer: Teacher, verifier: Teacher
    ) -> Sequence[Instruction] | Drop:
        scenario = Scenario.read(document)
        if scenario is None:
            return Drop("no_scenario", "A scenario is two lines: who asks, and the collection of documents.")
        work = _Work(self, document, scenario, writer, verifier)
        asked = await together(*(attempted(work.ask((), sample)) for sample in range(self.questions)))
        drafts = [one for one in asked if not isinstance(one, Unusable)]
        if not drafts:
            raise next(one for one in asked if isinstance(one, Unusable))
        return await together(*(work.record(draft, place) for place, draft in enumerate(self._judged(drafts))))

    def _judged(self, drafts: Sequence[Draft]) -> list[Draft]:
        """The questions; one that is too like an earlier one, or holds nothing, with the reason."""
        kept: list[str] = []
        judged: list[Draft] = []
        for one in drafts:
            alike = max((jaccard(one.question, other) for other in kept), default=0.0) >= self.most_alike
            reason = one.why_nothing() or ("too_alike" if alike else None)
            kept += [] if reason else [one.question]
            judged.append(replace(one, reason=reason))
        return judged


@dataclass(frozen=True)
class _Work:
    """One scenario, and who works on it."""

    method: ChaseQa
    source: Document
    scenario: Scenario
    writer: Teacher
    verifier: Teacher

    @property
    def _checks(self) -> DocumentChecks:
        return DocumentChecks(self.writer, self.verifier)

    async def record(self, draft: Draft, place: int) -> Instruction:
        if draft.reason:
            return self._made(draft, (), place)
        try:
            group = await self._without_crossings([draft, *await self._misleading(draft)])
            if not group[0].points:
                return self._made(replace(draft, reason="points_answer_another"), (), place)
            main, *others = await together(*(self._written(one, group) for one in group if one.points))
            if main.reason:
                return self._made(main, (), place)
            if any(in_another_language(main.texts, f"{self.scenario.written()} {main.question}")):
                return self._made(replace(main, reason="other_language"), (), place)
            checked = await together(*(self._checks.relevant(main, place) for place in range(len(main.texts))))
            texts = [text for other in others if not other.reason for text in other.texts]
            clean = await together(*(self._checks.harmless(main, text) for text in texts))
        except Unusable as problem:
            return self._made(replace(draft, reason=problem.reason), (), place)
        reason = next((why for _, why in checked if why), None)
        main = replace(main, texts=tuple(text for text, _ in checked), reason=reason)
        return self._made(main, tuple(text for text in clean if text), place)

    # -------------------------------------------------------------------------------------------- questions and points

    async def ask(self, others: Sequence[Draft], sample: int) -> Draft:
        said = await self.writer.ask(
            ASK,
            into=Asked,
            sampling=self._writing(),
            sample=sample,
            persona=tagged("persona", self.scenario.persona),
            collection=tagged("collection", self.scenario.collection),
            others="".join(tagged("question", one.question) for one in others),
        )
        seen: set[str] = set()
        points = [tuple(_new(held.points, seen)) for held in said.documents]
        return Draft(one_line(said.question), tuple(held for held in points if held), said.call)

    async def _misleading(self, draft: Draft) -> list[Draft]:
        """Similar questions, one after the other, each told of those before it. One that is lost is left out."""
        group = [draft]
        for number in range(self.method.adversarial):
            said = await attempted(self.ask(group, number))
            if not isinstance(said, Unusable) and not said.why_nothing():
                group.append(said)
        return group[1:]

    async def _without_crossings(self, group: Sequence[Draft]) -> list[Draft]:
        """The questions without the points that answer another question of the group."""
        found = await together(*(self._crossing(one, [two for two in group if two is not one]) for one in group))
        crossing = frozenset(point for points in found for point in points)
        return [one.without(crossing) for one in group]

    async def _crossing(self, draft: Draft, others: Sequence[Draft]) -> list[str]:
        points = [point for other in others for point in other.all_points]
        if not points:
            return []
        said = await self.verifier.ask(
            CROSS, into=Crossing, sampling=CHECKING, question=question_of(draft), points=numbered(points)
        )
        return [points[number - 1] for number in said.relevant if 1 <= number <= len(points)]

    # ------------------------------------------------------------------------------------------------------- documents

    async def _written(self, draft: Draft, group: Sequence[Draft]) -> Draft:
        """The question with its documents; without the right number of texts a reason."""
        said = await attempted(
            self.writer.ask(
                WRITE,
                into=Written,
                sampling=self._writing(),
                persona=tagged("persona", self.scenario.persona),
                collection=tagged("collection", self.scenario.collection),
                question=question_of(draft),
                documents="".join(tagged("document", "\n".join(points)) for points in draft.points),
                others="".join(tagged("other_question", one.question) for one in group if one is not draft),
            )
        )
        if isinstance(said, Unusable):
            return replace(draft, reason=said.reason)
        is_whole = len(said.texts) == len(draft.points) and not any(map(is_blank, said.texts))
        return replace(draft, texts=tuple(said.texts), reason=None if is_whole else "documents_missing")

    def _writing(self) -> Sampling:
        return Sampling(temperature=self.method.temperature, max_tokens=self.method.max_tokens)

    # --------------------------------------------------------------------------------------------------------- record

    def _made(self, draft: Draft, misleading: Sequence[str], place: int) -> Instruction:
        texts = [*draft.texts, *misleading]
        stream(self.method.seed, self.source.record_id, "order", place).shuffle(texts)
        shown = [f"Document {number}\n\n{text}" for number, text in enumerate(texts, 1)]
        given = {
            "persona": self.scenario.persona,
            "question": draft.question,
            "collection": self.scenario.collection,
        }
        head = HEAD.messages(given)[0]["content"]
        attributes: dict[str, Json] = {
            **given,
            "answer_points": [list(points) for points in draft.points],
            "relevant_docs": list(draft.texts),
            "adversarial_docs": list(misleading),
        }
        return Instruction.single(
            "\n\n".join([head, *shown]),
            "\n".join(f"- {point}" for point in draft.all_points),
            parents=(self.source,),
            attributes=attributes,
            status="eliminated" if draft.reason else "current",
            reason=draft.reason,
            **written_by(draft.call),
        )


def _new(points: Sequence[str], seen: set[str]) -> list[str]:
    """The points that were not said before, which are then."""
    found = [one_line(point) for point in points if not is_blank(point) and normalised(point) not in seen]
    seen |= {normalised(point) for point in found}
    return found
