"""KPMath: new problems from key points of topics that occur together, solved ten times, kept where solutions agree.

Paper: arXiv:2403.02333. Topics and key points of each seed problem are named by a model, topics that say the same are
merged, and their co-occurrence decides which two or three a new problem takes together. A judge scores it, ten
solutions are written, those with a wrong calculation go, and of the others those stay that agree with most. The paper
gives what its prompts ask for, the wording is ours. It runs the calculations in Python; here they are worked out
exactly, and nothing runs. As in the paper, agreement on one part of a question is enough. Its near-duplicates go with
`minhash` and test sets with `decontaminate`, in the mix. What it embeds are key points, which are no record's text, so
a step `embed` has no vector of them; one that was embedded once is not paid again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field

from synth_dagster.method import Family, PoolSynthesizer, Proof
from synth_dagster.parts.asking.calls import attempted, prompt, recorded, tagged, together, with_its_calls, written_by
from synth_dagster.parts.cards.key_points import Idea, Ideas, LabelledProblem
from synth_dagster.parts.cards.topic_matrix import merged, topics_of
from synth_dagster.parts.mathematics.answers import final_answers
from synth_dagster.parts.mathematics.calculations import wrong_calculations
from synth_dagster.parts.mathematics.solution_votes import Solution, voted
from synth_dagster.parts.text.words import is_blank, normalised
from synth_dagster.records import Instruction, Json, Message
from synth_dagster.services import Answer, Call, Drop, Embedder, Reply, Sampling, Teacher, Unusable

LABELLING = Sampling(temperature=0.0, max_tokens=1_024)
JUDGING = Sampling(temperature=0.0, max_tokens=256)


class NamedTopic(BaseModel):
    topic: str = Field(description="The topic, as in: Algebra - linear equations.")
    key_points: list[str] = Field(description="What one has to know of it for this problem, each in a sentence.")


class Labels(Reply):
    topics: list[NamedTopic] = Field(description="The topics of the problem, none twice.")


class Problem(Reply):
    question: str = Field(description="The new problem alone, complete in itself.")


class Quality(Reply):
    score: float = Field(ge=0, le=1, description="How good the problem is, from 0 to 1.")


LABEL = prompt(
    system="You are a specialist in teaching mathematics.",
    user="""
{problem}{solution}Name the topics of mathematics that this problem is about, each as the subject and the part of it,
such as "Algebra - linear equations". Knowledge from elsewhere goes under "Others", such as "Others - calendar". For
each topic name the key points that one has to know to solve the problem. Say nothing twice.
""",
    variables="problem solution",
)
WRITE = prompt(
    system="You are a teacher of mathematics who writes problems.",
    user="""
{key_points}{examples}Write one new problem that nobody can solve without all of these key points together. The examples
each show some of them. It is not one of the examples in other words, has everything that is needed in it, and can be
solved.
""",
    variables="key_points examples",
)
WRITE_LIKE = prompt(
    system="You are a teacher of mathematics who writes problems.",
    user="""
{examples}Write one new problem in the manner of these examples. It is not one of them in other words, has everything
that is needed in it, and can be solved.
""",
    variables="examples",
)
SCORE = prompt(
    system="You check problems of mathematics before they are given to students.",
    user="""
{key_points}{problem}Give this problem a score from 0 to 1. It is 1 when every key point is needed for it and it has no
error of logic or fact; each key point that is missing and each error lowers it; what cannot be solved gets 0.
""",
    variables="key_points problem",
)
SOLVE = prompt(
    system="You solve problems of mathematics step by step, with every calculation written out as an equation.",
    user="""
{examples}{problem}Solve the problem as the examples do. The last line is "The answer is: " with the answer alone. Where
several things are asked, give the answers in that order, with a semicolon between them.
""",
    variables="examples problem",
)


class Kpdds(PoolSynthesizer[Instruction, Instruction]):
    """Every problem and solution stays: what is kept is current, the others eliminated with their reason."""

    paper: ClassVar[str] = "arXiv:2403.02333"
    family: ClassVar[Family] = "domain distillation"
    topics: ClassVar[tuple[str, ...]] = ("mathematics", "reasoning", "word problems", "key points", "self-consistency")
    proof: ClassVar[Proof] = Proof(
        "equation by hand",
        "Matrix, draws and consensus as by hand; kept are most with key points and matrix, fewest with neither.",
    )

    per_seed: int = Field(4, ge=1, le=200, description="New problems for each seed; the paper gives no number.")
    draw: Literal["matrix", "random"] = Field("matrix", description="How topics are drawn; random to compare with.")
    with_key_points: bool = Field(True, description="Show the writer key points; without them examples alone.")
    three_topics: float = Field(
        0.5, ge=0, le=1, description="Share of problems of three topics, the others have two; no number is given."
    )
    same_topic: float = Field(
        0.9, ge=0, le=1, description="Cosine from which two topics are one; not given, and another for each embedder."
    )
    min_quality: float = Field(0.85, ge=0, le=1, description="Score that a problem must have.")
    solutions: int = Field(10, ge=2, le=100, description="Solutions of a problem, which vote.")
    max_questions: int = Field(3, ge=1, le=20, description="Problems that ask for more things go.")
    max_digits: int = Field(12, ge=1, le=100, description="Longest number of a problem or an answer; not given.")
    max_words: int = Field(1_000, ge=10, description="Longer seeds are no problems and are left out.")
    temperature: float = Field(0.75, ge=0, le=2, description="Sampling temperature of problems and solutions.")
    top_p: float = Field(0.95, gt=0, le=1, description="Nucleus of problems and solutions.")
    max_tokens: int = Field(1_024, ge=64, description="Longest problem or solution, in tokens.")
    seed: int = Field(0, ge=0, description="Seed of topics and examples.")

    async def round(
        self, pool: Sequence[Instruction], number: int, /, *, writer: Teacher, judge: Teacher, embed: Embedder
    ) -> Sequence[Sequence[Instruction] | Drop]:
        if number > 0 or not pool:
            return []
        labelled = await together(*(recorded(self._labelled(record, writer)) for record in pool))
        drops = [replace(one, calls=calls) for one, calls in labelled if isinstance(one, Drop)]
        told = [replace(one, calls=calls) for one, calls in labelled if isinstance(one, LabelledProblem)]
        seeds = await self._merged(told, embed)
        if not seeds:
            return drops
        work = _Work(self, writer, judge)
        ideas = Ideas(self.seed, self.three_topics, by_matrix=self.draw == "matrix").of(seeds, self.per_seed)
        written = await together(*(recorded(work.written(idea)) for idea in ideas))
        items = [replace(item, calls=(*item.calls, *calls)) for item, calls in written]
        failed = [item for item in items if isinstance(item, Drop)]
        problems = without_repeats([item for item in items if isinstance(item, _Item)])
        finished = await together(*(with_its_calls(work.finished(item)) for item in problems))
        return [*drops, *failed, *finished]

    async def _labelled(self, record: Instruction, writer: Teacher) -> LabelledProblem | Drop:
        if is_blank(record.instruction):
            return Drop("blank_instruction")
        if len(f"{record.instruction} {record.response}".split()) > self.max_words:
            return Drop("too_long", "A seed is a problem; 'max_words' says how long it may be.")
        known = topics_of(record.attributes.get("topics"))
        if known:
            return LabelledProblem(record, known)
        said = await attempted(
            writer.ask(
                LABEL,
                into=Labels,
                sampling=LABELLING,
                problem=tagged("problem", record.instruction),
                solution=tagged("solution", record.response),
            )
        )
        if isinstance(said, Unusable):
            return Drop(f"topics_{said.reason}", raw=said.raw, call=said.call)
        topics = topics_of([topic.model_dump() for topic in said.topics])
        return (
            LabelledProblem(record, topics) if topics else Drop("no_topic", raw=said.model_dump_json(), call=said.call)
        )

    async def _merged(self, seeds: Sequence[LabelledProblem], embed: Embedder) -> list[LabelledProblem]:
        points = [point for seed in seeds for topic in seed.topics for point in topic.points]
        if not points:
            return []
        documents = merged([seed.topics for seed in seeds], await embed.embed(points), self.same_topic)
        return [replace(seed, topics=topics) for seed, topics in zip(seeds, documents, strict=True)]

    def sampling(self) -> Sampling:
        return Sampling(temperature=self.temperature, top_p=self.top_p, max_tokens=self.max_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """A problem on its way to records."""

    idea: Idea
    question: str
    call: Call | None
    quality: float | None = None
    reason: str | None = None
    calls: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class _Work:
    """What all new problems of a batch share."""

    method: Kpdds
    writer: Teacher
    judge: Teacher

    # ----------------------------------------------------------------------------------------------------- the problem

    async def written(self, idea: Idea) -> _Item | Drop:
        examples = idea.shown(solved=False)
        # the same topics and seeds may come again: the number tells the requests apart
        given: dict[str, Any] = {"into": Problem, "sampling": self.method.sampling(), "sample": idea.number}
        points = tagged("key_points", "\n".join(idea.points))
        asked = (
            self.writer.ask(WRITE, key_points=points, examples=examples, **given)
            if self.method.with_key_points
            else self.writer.ask(WRITE_LIKE, examples=examples, **given)
        )
        said = await attempted(asked)
        if isinstance(said, Unusable):
            return Drop(f"problem_{said.reason}", raw=said.raw, call=said.call, calls=idea.calls)
        question, reason = said.question.strip(), self._why_no_problem(said.question.strip(), idea)
        return _Item(idea=idea, question=question, call=said.call, reason=reason, calls=idea.calls)

    def _why_no_problem(self, question: str, idea: Idea) -> str | None:
        if is_blank(question):
            return "blank_problem"
        if any(normalised(question) == normalised(parent.instruction) for parent in idea.parents):
            return "copy_of_seed"
        return "long_number" if self._has_long_number(question) else None

    def _has_long_number(self, text: str) -> bool:
        return any(sum(map(str.isdigit, word)) > self.method.max_digits for word in text.split())

    async def finished(self, item: _Item) -> list[Instruction]:
        """The records of a problem: one for each solution, or one that says why it was not solved."""
        item = await self._scored(item) if item.reason is None else item
        if item.reason is not None:
            return [self._record(item, Solution("", item.call, reason=item.reason))]
        solutions = await together(*(self._solved(item, sample) for sample in range(self.method.solutions)))
        return [
            self._record(item, one, share) for one, share in voted(solutions, max_questions=self.method.max_questions)
        ]

    async def _scored(self, item: _Item) -> _Item:
        said = await attempted(
            self.judge.ask(
                SCORE,
                into=Quality,
                sampling=JUDGING,
                key_points=tagged("key_points", "\n".join(item.idea.points)),
                problem=tagged("problem", item.question),
            )
        )
        if isinstance(said, Unusable):
            return replace(item, reason=f"score_{said.reason}")
        return replace(item, quality=said.score, reason="low_quality" if said.score < self.method.min_quality else None)

    # --------------------------------------------------------------------------------------------------- the solutions

    async def _solved(self, item: _Item, sample: int) -> Solution:
        said = await attempted(
            self.writer.tell(
                SOLVE,
                sampling=self.method.sampling(),
                sample=sample,
                examples=item.idea.shown(solved=True),
                problem=tagged("problem", item.question),
            )
        )
        if isinstance(said, Unusable):
            return Solution(said.raw, said.call, reason=f"solution_{said.reason}")
        answers = final_answers(said.text)
        return Solution(said.text.strip(), said.call, answers, self._why_no_vote(said, answers))

    def _why_no_vote(self, said: Answer, answers: list[str]) -> str | None:
        checks = {
            "solution_cut": said.finish_reason == "length",
            "no_final_answer": not answers,
            "wrong_calculation": bool(wrong_calculations(said.text)),
            "long_number": any(self._has_long_number(answer) for answer in answers),
        }
        return next((reason for reason, fails in checks.items() if fails), None)

    def _record(self, item: _Item, solution: Solution, share: float | None = None) -> Instruction:
        attributes: dict[str, Json] = {
            "number": item.idea.number,
            "topics": list(item.idea.topics),
            "key_points": item.idea.points,
        }
        attributes |= {"quality": item.quality} if item.quality is not None else {}
        attributes |= {"consensus": share} if share is not None else {}
        attributes |= {"final_answer": "; ".join(solution.answers)} if solution.answers else {}
        answer = (Message("assistant", solution.text),) if solution.text else ()
        return Instruction(
            messages=(Message("user", item.question), *answer),
            parents=item.idea.parents,
            attributes=attributes,
            status="eliminated" if solution.reason else "current",
            reason=solution.reason,
            calls=item.calls,
            **written_by(solution.call),
        )


def without_repeats(items: Sequence[_Item]) -> list[_Item]:
    """A problem that an earlier one asks word for word goes before anybody is paid for its solutions."""
    seen: set[str] = set()
    found: list[_Item] = []
    for item in items:
        again = item.reason is None and normalised(item.question) in seen
        seen |= {normalised(item.question)} if item.reason is None else set()
        found.append(replace(item, reason="repeated_problem") if again else item)
    return found
