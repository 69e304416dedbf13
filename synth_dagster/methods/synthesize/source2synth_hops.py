"""Source2Synth over articles: questions that need two of them, joined by a name; what is not found again goes.

Paper: arXiv:2409.08239, its task of multi-hop question answering. A writer lists the names in an article; one that
another article has, too, is the bridge. It asks one question that the first article answers by the bridge, one about
the bridge that the second answers, and puts the two together. A curator must find the answer in k tries from both
articles, then rebuilds the first question without having seen it, and the whole one with it, which is answered once
more. In the paper the curator is the base model, fine-tuned on one half of the questions, and filters the other: make
`slice: first`, train on that release, and name the model as `curator` of `slice: second`. No name joins articles of
both. With the writer as curator the filter is weaker; each record says who curated it.

Interpretation: prompts are in our own wording, articles are linked where they have a name in common, and answers agree
by soft exact match. Ours, too, is that a question goes which names its bridge or answer, or whose answer the first
article has: it would need no second hop.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, TypeVar

from pydantic import Field

from synth_dagster.method import Family, InputPath, PoolSynthesizer, Proof
from synth_dagster.parts.asking.calls import attempted, prompt, recorded, tagged, together, written_by
from synth_dagster.parts.cards.hops import Hops, LinkedArticles, agrees, numbered, shown, without_repeats
from synth_dagster.parts.cards.slices import TOLD, HeldOut, Slice, curated_by, is_of, told
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.grounding import find_verbatim
from synth_dagster.parts.text.tokens import count
from synth_dagster.parts.text.words import is_blank, normalised, one_line
from synth_dagster.prompt import Prompt
from synth_dagster.records import Document, Instruction, Json, Span
from synth_dagster.services import Call, Drop, References, Reply, Sampling, Teacher, Unusable

R = TypeVar("R", bound=Reply)


class Names(Reply):
    entities: list[str] = Field(description="Names that stand in the article, as it writes them.")


class Question(Reply):
    question: str = Field(description="One question, complete in itself.")


class Answered(Reply):
    question: str = Field(description="One question, complete in itself.")
    answer: str = Field(description="Its answer, in as few words as the article allows.")


class Found(Reply):
    answer: str = Field(description="The answer alone, in a few words.")


class Rebuilt(Reply):
    first_question: str = Field(description="The question that was lost.")
    question: str = Field(description="The question that is put together from both.")


NAMES = prompt(
    user="""
{passage}List the people, places, organisations and works that this article names and tells something about, each once
and as the article writes it.
""",
    variables="passage",
)
FIRST = prompt(
    user="""
{passage}{bridge}Write one question about this article whose only answer is the bridge, by what the article tells about
it. Do not write the bridge itself.
""",
    variables="passage bridge",
)
SECOND = prompt(
    user="""
{passage}{bridge}Write one question about what this article tells of the bridge, with the bridge in it by name, and its
short answer, which must stand in the article.
""",
    variables="passage bridge",
)
MERGED = prompt(
    user="""
{bridge}{first_question}{second_question}The bridge is the answer to the first question and stands in the second. Put
both together: ask the second question, but say what the first one asks for in place of the bridge. Write one natural
question that does not name the bridge.
""",
    variables="bridge first_question second_question",
)
ANSWER = prompt(
    user="""
{passages}{question}Answer this question from the two articles. It takes a fact of each.
""",
    variables="passages question",
)
REBUILT = prompt(
    user="""
{passage}{bridge}{second_question}{question}This question was put together from two. The second is there, the first,
which the article answers by the bridge, is lost. Write the first question anew, then put it together with the second:
one natural question that does not name the bridge.
""",
    variables="passage bridge second_question question",
)


class Source2synthHops(PoolSynthesizer[Document, Instruction]):
    """Every question stays, made from its two articles: what the curator found is current, the rest has its reason."""

    paper: ClassVar[str] = "arXiv:2409.08239"
    family: ClassVar[Family] = "domain distillation"
    topics: ClassVar[tuple[str, ...]] = (
        "multi-hop",
        "question answering",
        "several documents",
        "reasoning",
        "grounded",
    )
    proof: ClassVar[Proof] = Proof(
        "equation by hand",
        "A curator right at rate q keeps 1-(1-q)^3 of the questions; of planted unanswerable ones at least 85 % go and "
        "of others at most 15 %; every kept one fails without either article. A small student that learnt from one "
        "slice, in which three answers in ten are wrong, drops all wrong ones of the other and .10 of the right ones "
        "(`python -m benchmarks.students source2synth`).",
    )

    questions: int = Field(
        25, ge=1, le=1_000, description="Most questions that begin at one article; the paper has 1,250 of 50 articles."
    )
    tries: int = Field(
        3, ge=1, le=10, description="k of the paper: in how many tries the curator must find the answer."
    )
    impute: bool = Field(True, description="Have the curator rebuild the first question of those that it answered.")
    keep_original: bool = Field(
        True, description="Where the rebuilt question has another answer, keep it as it was; if false, drop it."
    )
    slice: Slice = Field("whole", description=TOLD)
    held_out: InputPath = Field("", description="Texts of a benchmark; a question goes whose seed one of them names.")
    max_article_tokens: int = Field(2_000, ge=50, description="Longer articles are left out: they are read whole.")
    temperature: float = Field(0.7, ge=0, le=2, description="Tries differ by it; the paper gives no number.")
    max_tokens: int = Field(512, ge=64, description="Longest answer of writer and curator, in tokens.")
    seed: int = Field(0, ge=0, description="Seed of which names and articles are joined.")

    async def round(
        self, pool: Sequence[Document], number: int, /, *, writer: Teacher, curator: Teacher, references: References
    ) -> Sequence[Sequence[Instruction] | Drop]:
        if number or not pool:
            return []
        read = await together(*(recorded(self._read(one, writer)) for one in pool))
        articles = [replace(one, calls=calls) for one, calls in read]
        linked = LinkedArticles([one.document for one in articles if one.reason is None])
        planned = [one.drawn(self, linked) for one in articles]
        work = _Work(self, writer, curator)
        hops = numbered(item for one in planned for item in one.hops)
        written = [item.paid(calls) for item, calls in await together(*(recorded(work.written(one)) for one in hops))]
        held_out = HeldOut(references.texts(self.held_out) if self.held_out else ())
        known = [_unless(held_out, item) for item in without_repeats(written)]
        judged = [item.paid(calls) for item, calls in await together(*(recorded(work.curated(one)) for one in known))]
        whose = curated_by(curator.models, writer.models)
        alone = [[one.record()] for one in planned if not one.hops]
        return [*alone, *([_record(self, item, whose)] for item in judged)]

    async def _read(self, document: Document, writer: Teacher) -> "_Article":
        """The article with its names."""
        if is_blank(document.body):
            return _Article(document, reason="blank_article")
        if count(document.body) > self.max_article_tokens:
            return _Article(document, reason="article_too_long")
        said = await attempted(writer.ask(NAMES, into=Names, sampling=self.sampling(), passage=shown(document)))
        if isinstance(said, Unusable):
            return _Article(document, reason=said.reason, call=said.call)
        names = {normalised(name): one_line(name) for name in said.entities if not is_blank(name)}
        there = tuple(name for name in names.values() if find_verbatim(name, document.body))
        return _Article(document, names=there, reason=None if there else "no_name", call=said.call)

    def sampling(self) -> Sampling:
        return Sampling(temperature=self.temperature, max_tokens=self.max_tokens)


@dataclass(frozen=True, slots=True)
class _Article:
    """A text of the batch with the names that it has; `reason` says why no question begins at it."""

    document: Document
    names: tuple[str, ...] = ()
    reason: str | None = None
    call: Call | None = None
    calls: tuple[bytes, ...] = ()
    hops: tuple[Hops, ...] = ()

    def drawn(self, method: Source2synthHops, linked: LinkedArticles) -> "_Article":
        draws = stream(method.seed, self.document.record_id, "source2synth_hops")
        names = [name for name in self.names if is_of(method.slice, name)]
        hops = linked.hops(self.document, names, method.questions, draws)
        reason = self.reason or (None if hops else "no_linked_article" if names else "no_name_of_slice")
        return replace(self, reason=reason, hops=tuple(one.paid(self.calls) for one in hops))

    def record(self) -> Instruction:
        """What stands for an article at which no question begins."""
        return Instruction.single(
            "",
            "",
            parents=(self.document,),
            status="eliminated",
            reason=self.reason,
            calls=self.calls,
            **written_by(self.call),
        )


# ------------------------------------------------------------------------------------------------ questions, and tries


@dataclass(frozen=True, slots=True)
class _Work:
    """What all questions of a batch share."""

    method: Source2synthHops
    writer: Teacher
    curator: Teacher

    async def written(self, item: Hops) -> Hops:
        """Both questions and the one that joins them: three calls, two where either is no good."""
        first, second = await together(
            attempted(self._asked(FIRST, Question, item.first, item.bridge, item.samples[0])),
            attempted(self._asked(SECOND, Answered, item.second, item.bridge, item.samples[1])),
        )
        for said in (first, second):
            if isinstance(said, Unusable):
                return replace(item, reason=said.reason, call=said.call)
        assert isinstance(first, Question) and isinstance(second, Answered)
        item = replace(
            item,
            q1=first.question.strip(),
            q2=second.question.strip(),
            answer=second.answer.strip(),
            call=second.call,
        )
        reason = item.why_no_hops()
        return replace(item, reason=reason) if reason else await self._merged(item)

    async def _asked(self, asked: Prompt, into: type[R], article: Document, bridge: str, sample: int) -> R:
        return await self.writer.ask(
            asked,
            into=into,
            sampling=self.method.sampling(),
            sample=sample,
            passage=shown(article),
            bridge=tagged("bridge", bridge),
        )

    async def _merged(self, item: Hops) -> Hops:
        said = await attempted(
            self.writer.ask(
                MERGED,
                into=Question,
                sampling=self.method.sampling(),
                bridge=tagged("bridge", item.bridge),
                first_question=tagged("first_question", item.q1),
                second_question=tagged("second_question", item.q2),
            )
        )
        item = replace(item, call=said.call)
        if isinstance(said, Unusable):
            return replace(item, reason=said.reason)
        item = replace(item, question=said.question.strip())
        return replace(item, reason=item.why_no_question())

    async def curated(self, item: Hops) -> Hops:
        """The question with the try that found its answer, rebuilt; or eliminated after the last try."""
        if item.reason or self.method.slice == "first":
            return item
        for sample in range(self.method.tries):
            if await self._is_found(item, sample):
                item = replace(item, tries=sample + 1)
                return await self._imputed(item) if self.method.impute else item
        return replace(item, tries=self.method.tries, reason="not_answered")

    async def _is_found(self, item: Hops, sample: int) -> bool:
        said = await attempted(
            self.curator.ask(
                ANSWER,
                into=Found,
                sampling=self.method.sampling(),
                sample=sample,
                passages="".join(shown(one) for one in item.in_any_order()),
                question=tagged("question", item.question),
            )
        )
        return isinstance(said, Found) and agrees(item.answer, said.answer)

    async def _imputed(self, item: Hops) -> Hops:
        """With the rebuilt question where that has the same answer; what was answered before needs no second look."""
        said = await attempted(
            self.curator.ask(
                REBUILT,
                into=Rebuilt,
                sampling=self.method.sampling(),
                passage=shown(item.first),
                bridge=tagged("bridge", item.bridge),
                second_question=tagged("second_question", item.q2),
                question=tagged("question", item.question),
            )
        )
        if isinstance(said, Rebuilt):
            if normalised(said.question) == normalised(item.question):
                return item
            anew = replace(
                item, q1=said.first_question.strip(), question=said.question.strip(), imputed=True, call=said.call
            )
            if not (anew.why_no_hops() or anew.why_no_question()) and await self._is_found(anew, 0):
                return anew
        return item if self.method.keep_original else replace(item, reason="imputation_failed")


def _unless(held_out: HeldOut, item: Hops) -> Hops:
    """A question whose seed is named by a held-out text goes before the curator is paid for it."""
    return replace(item, reason="seed_held_out") if item.reason is None and held_out.names(item.bridge) else item


def _record(method: Source2synthHops, item: Hops, curator: str) -> Instruction:
    """The question and both articles, and for an answer the chain that leads to it: what the paper trains on."""
    attributes: dict[str, Json] = {
        "q1": item.q1,
        "entity": item.bridge,
        "q2": item.q2,
        "final_answer": item.answer,
        "imputed": item.imputed,
    }
    attributes |= told(method.slice, item.bridge, curator if item.tries else None)
    attributes |= {"tries": item.tries} if item.tries else {}
    steps = f"{item.q1} {item.bridge}.\n{item.q2} {item.answer}.\n\nThe answer is: {item.answer}"
    shown = [part for one in item.in_any_order() for part in (one.title, one.body.strip()) if part]
    return Instruction.single(
        "\n\n".join([item.question, *shown]) if item.question else "",
        steps if item.question else "",
        parents=(item.first, item.second),
        evidence=tuple(Span(one.record_id, 0, len(one.body), one.body) for one in (item.first, item.second)),
        attributes=attributes,
        status="eliminated" if item.reason else "current",
        reason=item.reason,
        calls=item.calls,
        **written_by(item.call),
    )
