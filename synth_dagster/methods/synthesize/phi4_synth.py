"""phi-4's synthetic data: a passage becomes questions, an exercise, a discussion and reasoning, revised by a rubric.

Paper: arXiv:2412.08905, section 2.2. The report gives the principles of fifty kinds of data and no prompt: four
techniques and their wording are ours. From a passage a writer takes the key steps of its deductions as questions, or
writes it anew; a critic scores each piece for reasoning, accuracy and grounding and says what is wrong; the writer
improves it, and a revision stays if its score does not fall. Seeds are chosen by `phi4_seeds`, questions that are too
easy or too hard go with `phi4_plurality`, code comes of `phi4_reversal`, token pairs of `phi4_pivotal`. The report
warns that an error in a seed spoils all that is made of it, and that web text has to stay in the mixture.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, Field

from synth_dagster.method import Family, Lifecycle, Proof, Synthesizer
from synth_dagster.parts.asking.calls import attempted, prompt, tagged, together, written_by
from synth_dagster.parts.asking.revising import Judgment, Revised, revised
from synth_dagster.parts.text.grounding import span_of
from synth_dagster.parts.text.words import is_blank, normalised
from synth_dagster.prompt import Prompt
from synth_dagster.records import Document, Instruction, Json, Message, Span
from synth_dagster.services import Call, Drop, Reply, Sampling, Teacher, Unusable

Technique: TypeAlias = Literal["qa_extraction", "exercise", "discussion", "reasoning"]
HIGHEST = 5


class Turn(BaseModel):
    question: str = Field(description="What is asked, complete in itself.")
    answer: str = Field(description="The answer, with the reasons that lead to it.")


class Step(Turn):
    evidence: str = Field(description="The words of the passage that hold this step, copied without any change.")


class Steps(Reply):
    items: list[Step] = Field(description="The key steps, in the order of the passage.")


class Turns(Reply):
    turns: list[Turn] = Field(description="The questions and answers, in their order.")


class Scores(Reply):
    critique: str = Field(description="What is wrong, and how to make it better.")
    reasoning: int = Field(ge=1, le=HIGHEST, description="How well the answer reasons, from 1 to 5.")
    accuracy: int = Field(ge=1, le=HIGHEST, description="How right it is, from 1 to 5.")
    grounding: int = Field(ge=1, le=HIGHEST, description="How far it rests on the passage, from 1 to 5.")


_WRITER = "You write material from which advanced students learn to reason. Nothing in it speaks of a passage or text."
EXTRACT = prompt(
    system=_WRITER,
    user="""
{passage}Look for chains of deduction in this passage: how one thing follows from another, in steps. Turn up to so many
key steps into questions with answers: <count>{count}</count>

Each question can be answered without the passage by somebody who knows the subject, and each answer shows why.
""",
    variables="passage count",
)
REWRITE: Mapping[Technique, Prompt] = {
    "exercise": prompt(
        system=_WRITER,
        user="""
{passage}Make one exercise of what this passage teaches: a situation in which a student has to use it, with all that is
needed to solve it, and the solution in steps.
""",
        variables="passage",
    ),
    "discussion": prompt(
        system=_WRITER,
        user="""
{passage}Make a discussion of what this passage teaches: two to four questions, each of which goes deeper than the one
before it, as a student asks who wants to know why, and the answers of somebody who knows.
""",
        variables="passage",
    ),
    "reasoning": prompt(
        system=_WRITER,
        user="""
{passage}Make one question of the main conclusion of this passage, and answer it in structured reasoning: what is given,
what follows from it and why, step by step, and the conclusion.
""",
        variables="passage",
    ),
}
CRITIQUE = prompt(
    system="You are a strict reviewer of teaching material.",
    user="""
{passage}{piece}The material was made of the passage. Say what is wrong with it and how to make it better. Then score it
from 1 to 5 for reasoning (each step follows), accuracy (nothing is wrong) and grounding (it is about what the passage
teaches, neither trivial nor beyond it).
""",
    variables="passage piece",
)
REVISE = prompt(
    system=_WRITER,
    user="""
{passage}{piece}{critique}The material was made of the passage, and a reviewer has criticised it. Write it anew, with as
many questions as it has, so that the criticism no longer holds.
""",
    variables="passage piece critique",
)


class Phi4Synth(Synthesizer[Document, Instruction]):
    """Every piece stays: what the critic finds good enough is current, the others eliminated with their reason."""

    paper: ClassVar[str] = "arXiv:2412.08905"
    family: ClassVar[Family] = "general distillation"
    lifecycle: ClassVar[tuple[Lifecycle, ...]] = ("pretrain", "instruct")
    topics: ClassVar[tuple[str, ...]] = ("reasoning", "textbooks", "exercises", "self-revision", "knowledge")
    proof: ClassVar[Proof] = Proof(
        "planted signal",
        "Of planted flaws none is left after two revisions, no revision lowers a score, invented quotations go",
    )

    techniques: Annotated[tuple[Technique, ...], Field(min_length=1)] = Field(
        ("qa_extraction", "exercise", "discussion", "reasoning"), description="What a passage is made into."
    )
    questions: int = Field(3, ge=1, le=20, description="Most key steps that are taken of a passage.")
    revisions: int = Field(2, ge=0, le=5, description="Most rounds of criticism and improvement; no number is given.")
    enough: float = Field(4.5, ge=1, le=HIGHEST, description="Mean score with which a piece is not revised.")
    min_score: float = Field(4.0, ge=1, le=HIGHEST, description="Mean score that a piece must have in the end.")
    max_characters: int = Field(12_000, ge=100, description="Longer passages are dropped: cut them with `chunk`.")
    temperature: float = Field(0.7, ge=0, le=2, description="Sampling temperature of the writer; none is given.")
    max_tokens: int = Field(3_072, ge=128, description="Longest answer, in tokens.")

    async def synthesize(
        self, passage: Document, /, *, writer: Teacher, critic: Teacher
    ) -> Sequence[Instruction] | Drop:
        if is_blank(passage.body):
            return Drop("blank_passage")
        if len(passage.body) > self.max_characters:
            return Drop("too_long", "'max_characters' says how long a passage may be.")
        work = _Work(self, passage, writer, critic)
        drafts = [one for some in await together(*map(work.drafts, dict.fromkeys(self.techniques))) for one in some]
        problems = [one.problem for one in drafts if one.problem]
        if problems and len(problems) == len(drafts):
            raise problems[0]  # nothing came back: the passage is a reject, to be tried again
        if not drafts:
            return Drop("no_step", "The writer found no deduction in the passage.")
        return [_record(one, passage) for one in await together(*map(work.judged, without_repeats(drafts)))]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """Material on its way to a record; `reason` says why it goes no further."""

    technique: Technique
    turns: tuple[Turn, ...] = ()
    evidence: Span | None = None
    scores: Sequence[float] = ()
    revisions: int = 0
    reason: str | None = None
    call: Call | None = None
    problem: Unusable | None = None

    def shown(self) -> str:
        return "\n\n".join(f"Question: {turn.question.strip()}\nAnswer: {turn.answer.strip()}" for turn in self.turns)


@dataclass(frozen=True, slots=True)
class _Work:
    """What all pieces of a passage share."""

    method: Phi4Synth
    passage: Document
    writer: Teacher
    critic: Teacher

    async def drafts(self, technique: Technique) -> list[_Piece]:
        """The pieces that a technique gives: one, or a question for each key step."""
        if technique == "qa_extraction":
            return await self._extracted()
        said = await attempted(
            self.writer.ask(REWRITE[technique], into=Turns, sampling=self._sampling(), passage=self._shown())
        )
        if isinstance(said, Unusable):
            return [_Piece(technique=technique, reason=said.reason, call=said.call, problem=said)]
        whole = Span(self.passage.record_id, 0, len(self.passage.body), self.passage.body)
        piece = _Piece(technique=technique, turns=tuple(said.turns), evidence=whole, call=said.call)
        return [replace(piece, reason=self._why_not(piece))]

    async def _extracted(self) -> list[_Piece]:
        count = self.method.questions
        said = await attempted(
            self.writer.ask(EXTRACT, into=Steps, sampling=self._sampling(), passage=self._shown(), count=count)
        )
        if isinstance(said, Unusable):
            return [_Piece(technique="qa_extraction", reason=said.reason, call=said.call, problem=said)]
        found = []
        for item in said.items[:count]:
            span = span_of(item.evidence, self.passage.body, self.passage.record_id)
            turn = Turn(question=item.question, answer=item.answer)
            piece = _Piece(technique="qa_extraction", turns=(turn,), evidence=span, call=said.call)
            found.append(replace(piece, reason=self._why_not(piece)))
        return found

    def _why_not(self, piece: _Piece) -> str | None:
        if not piece.turns or any(is_blank(turn.question) or not turn.answer.strip() for turn in piece.turns):
            return "blank"
        if piece.evidence is None:
            return "evidence_not_found"
        copied = any(normalised(turn.answer) == normalised(self.passage.body) for turn in piece.turns)
        return "copy_of_passage" if copied else None

    # ---------------------------------------------------------------------------------------------- criticism, revision

    async def judged(self, piece: _Piece) -> _Piece:
        if piece.reason:
            return piece
        found = await revised(
            piece, self._criticised, self._rewritten, rounds=self.method.revisions, enough=self.method.enough
        )
        return replace(found.draft, scores=found.scores, reason=self._why_low(found))

    def _why_low(self, found: Revised[_Piece]) -> str | None:
        if found.judgment is None:
            return f"critique_{found.problem.reason}" if found.problem else "critique_missing"
        return "low_score" if found.judgment.score < self.method.min_score else None

    async def _criticised(self, piece: _Piece, number: int) -> Judgment:
        said = await self.critic.ask(
            CRITIQUE,
            into=Scores,
            sampling=Sampling(temperature=0.0, max_tokens=self.method.max_tokens),
            sample=number,
            passage=self._shown(),
            piece=tagged("material", piece.shown()),
        )
        return Judgment((said.reasoning + said.accuracy + said.grounding) / 3, said.critique, said.call)

    async def _rewritten(self, piece: _Piece, judgment: Judgment, number: int) -> _Piece:
        said = await self.writer.ask(
            REVISE,
            into=Turns,
            sampling=self._sampling(),
            sample=number,
            passage=self._shown(),
            piece=tagged("material", piece.shown()),
            critique=tagged("critique", judgment.critique),
        )
        again = replace(piece, turns=tuple(said.turns), revisions=piece.revisions + 1, call=said.call)
        if self._why_not(again) or len(again.turns) != len(piece.turns):
            raise Unusable("no_revision", said.model_dump_json(), said.call)
        return again

    def _shown(self) -> str:
        return tagged("passage", self.passage.body, title=self.passage.title)

    def _sampling(self) -> Sampling:
        return Sampling(temperature=self.method.temperature, max_tokens=self.method.max_tokens)


def without_repeats(pieces: Sequence[_Piece]) -> list[_Piece]:
    """A piece that begins with the question of an earlier one goes before a critic is paid for it."""
    seen: set[str] = set()
    found: list[_Piece] = []
    for piece in pieces:
        asked = normalised(piece.turns[0].question) if piece.turns else ""
        again = piece.reason is None and asked in seen
        seen |= {asked} if piece.reason is None else set()
        found.append(replace(piece, reason="repeated_question") if again else piece)
    return found


def _record(piece: _Piece, passage: Document) -> Instruction:
    attributes: dict[str, Json] = {"technique": piece.technique, "revisions": piece.revisions}
    attributes |= {"rubric_scores": [round(score, 3) for score in piece.scores]} if piece.scores else {}
    turns = [
        message
        for turn in piece.turns
        for message in (Message("user", turn.question.strip()), Message("assistant", turn.answer.strip()))
    ]
    return Instruction(
        messages=tuple(turns),
        parents=(passage,),
        evidence=(piece.evidence,) if piece.evidence else (),
        attributes=attributes,
        status="eliminated" if piece.reason else "current",
        reason=piece.reason,
        **written_by(piece.call),
    )
