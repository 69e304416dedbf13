"""Source2Synth over articles: questions that need two of them, joined by a name; what is not found again goes.

Paper: arXiv:2409.08239, its task of multi-hop question answering. A writer lists the names in an article; one that
another article has, too, is the bridge. It asks one question that the first article answers by the bridge, one about
the bridge that the second answers, and puts the two together. A curator must find the answer in k tries from both
articles, then rebuilds the first question without having seen it, and the whole one with it, which is answered once
more. In the paper the curator is the base model, fine-tuned on the other half of the questions: train on one release
and name that model as `curator` of the next. With the writer as curator the filter is weaker, and the records say so.

Interpretation: prompts are in our own wording, articles are linked where they have a name in common, and answers agree
by soft exact match. Ours, too, is that a question goes which names its bridge or answer, or whose answer the first
article has: it would need no second hop.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from random import Random
from typing import ClassVar, TypeVar

from pydantic import Field

from synth_dagster.method import Family, PoolSynthesizer, Proof
from synth_dagster.parts.asking.asking import attempted, prompt, tagged, together, written_by
from synth_dagster.parts.asking.same_language import in_another_language
from synth_dagster.parts.mathematics.answers import last_number, number_of, same_answer
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.grounding import find_verbatim, is_inside
from synth_dagster.parts.text.rewriting import refuses
from synth_dagster.parts.text.tokens import count
from synth_dagster.parts.text.words import is_blank, normalised, one_line, words
from synth_dagster.records import Document, Instruction, Json, Span
from synth_dagster.services import Call, Drop, Prompt, Reply, Sampling, Teacher, Unusable

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
MORE_WORDS = 5  # that an answer may have around the right one


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
        "of others at most 15 %; every kept one fails without either article.",
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
    max_article_tokens: int = Field(2_000, ge=50, description="Longer articles are left out: they are read whole.")
    temperature: float = Field(0.7, ge=0, le=2, description="Tries differ by it; the paper gives no number.")
    max_tokens: int = Field(512, ge=64, description="Longest answer of writer and curator, in tokens.")
    seed: int = Field(0, ge=0, description="Seed of which names and articles are joined.")

    async def round(
        self, pool: Sequence[Document], number: int, /, *, writer: Teacher, curator: Teacher
    ) -> Sequence[Sequence[Instruction] | Drop]:
        if number or not pool:
            return []
        articles = await together(*(self._read(one, writer) for one in pool))
        index = _Index([one.document for one in articles if one.reason is None])
        planned = [replace(one, hops=one.drawn(self, index)) for one in articles]
        work = _Work(self, writer, curator)
        items = await together(*(work.written(item) for item in _numbered(planned)))
        judged = await together(*(work.curated(item) for item in _without_repeats(items)))
        whose = "teacher" if set(curator.models) <= set(writer.models) else curator.models[0]
        alone = [[one.record()] for one in planned if not one.hops]
        return [*alone, *([_record(item, whose)] for item in judged)]

    async def _read(self, document: Document, writer: Teacher) -> "_Article":
        """The article with its names."""
        if is_blank(document.body):
            return _Article(document, reason="blank_article")
        if count(document.body) > self.max_article_tokens:
            return _Article(document, reason="article_too_long")
        said = await attempted(writer.ask(NAMES, into=Names, sampling=self.sampling(), passage=_shown(document)))
        if isinstance(said, Unusable):
            return _Article(document, reason=said.reason, call=said.call)
        names = {normalised(name): one_line(name) for name in said.entities if not is_blank(name)}
        there = tuple(name for name in names.values() if find_verbatim(name, document.body))
        return _Article(document, names=there, reason=None if there else "no_name", call=said.call)

    def sampling(self) -> Sampling:
        return Sampling(temperature=self.temperature, max_tokens=self.max_tokens)


# ------------------------------------------------------------------------------------------------- which two articles


@dataclass(frozen=True, slots=True)
class _Item:
    """A question on its way to a record; `reason` says why it goes no further."""

    first: Document
    second: Document
    bridge: str
    calls: tuple[bytes, ...]
    samples: tuple[int, int] = (0, 0)  # how often either article was asked about this name before
    q1: str = ""
    q2: str = ""
    answer: str = ""
    question: str = ""
    tries: int = 0
    imputed: bool = False
    reason: str | None = None
    call: Call | None = None

    def paid(self, *calls: Call | None) -> "_Item":
        return replace(self, calls=(*self.calls, *(call.call_id for call in calls if call)))


@dataclass(frozen=True, slots=True)
class _Article:
    """A text of the batch with the names that it has; `reason` says why no question begins at it."""

    document: Document
    names: tuple[str, ...] = ()
    reason: str | None = None
    call: Call | None = None
    hops: tuple[_Item, ...] = ()

    def drawn(self, method: Source2synthHops, index: "_Index") -> tuple[_Item, ...]:
        """The hops from here to other articles: each name once in random order, then each again to another article."""
        draws = stream(method.seed, self.document.record_id, "source2synth_hops")
        ways = [index.linked(name, self.document, draws) for name in draws.sample(self.names, len(self.names))]
        paid = (self.call.call_id,) if self.call else ()
        hops = chain.from_iterable(zip_longest(*ways))
        found = [_Item(self.document, hop[0], hop[1], paid) for hop in hops if hop]
        return tuple(found[: method.questions])

    def record(self) -> Instruction:
        """What stands for an article at which no question begins."""
        return Instruction.single(
            "",
            "",
            parents=(self.document,),
            status="eliminated",
            reason=self.reason or "no_linked_article",
            calls=(self.call.call_id,) if self.call else (),
            **written_by(self.call),
        )


class _Index:
    """Which articles have a name: those that have all of its words, then those that have it as it is written."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.documents = documents
        self.places: Mapping[str, set[int]] = defaultdict(set)
        for place, document in enumerate(documents):
            for word in words(document.body):
                self.places[word].add(place)

    def linked(self, name: str, first: Document, draws: Random) -> list[tuple[Document, str]]:
        """The other articles that have the name, in random order. A copy of the first is none of them."""
        sets = [self.places.get(word, set()) for word in words(name)]
        places = sorted(set.intersection(*sets)) if sets else []
        others = [self.documents[place] for place in draws.sample(places, len(places))]
        return [(one, name) for one in others if one.body != first.body and find_verbatim(name, one.body)]


def _numbered(articles: Sequence[_Article]) -> list[_Item]:
    """All hops. What is asked of one article about one name for several of them is asked anew for each."""
    asked: Counter[tuple[bool, bytes, str]] = Counter()
    found: list[_Item] = []
    for item in chain.from_iterable(one.hops for one in articles):
        ends = ((True, item.first.record_id, item.bridge), (False, item.second.record_id, item.bridge))
        found.append(replace(item, samples=(asked[ends[0]], asked[ends[1]])))
        asked.update(ends)
    return found


# ------------------------------------------------------------------------------------------------ questions, and tries


@dataclass(frozen=True, slots=True)
class _Work:
    """What all questions of a batch share."""

    method: Source2synthHops
    writer: Teacher
    curator: Teacher

    async def written(self, item: _Item) -> _Item:
        """Both questions and the one that joins them: three calls, two where either is no good."""
        first, second = await together(
            attempted(self._asked(FIRST, Question, item.first, item.bridge, item.samples[0])),
            attempted(self._asked(SECOND, Answered, item.second, item.bridge, item.samples[1])),
        )
        item = item.paid(first.call, second.call)
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
        reason = _why_no_hops(item)
        return replace(item, reason=reason) if reason else await self._merged(item)

    async def _asked(self, asked: Prompt, into: type[R], article: Document, bridge: str, sample: int) -> R:
        return await self.writer.ask(
            asked,
            into=into,
            sampling=self.method.sampling(),
            sample=sample,
            passage=_shown(article),
            bridge=tagged("bridge", bridge),
        )

    async def _merged(self, item: _Item) -> _Item:
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
        item = replace(item.paid(said.call), call=said.call)
        if isinstance(said, Unusable):
            return replace(item, reason=said.reason)
        item = replace(item, question=said.question.strip())
        return replace(item, reason=_why_no_question(item))

    async def curated(self, item: _Item) -> _Item:
        """The question with the try that found its answer, rebuilt; or eliminated after the last try."""
        if item.reason:
            return item
        for sample in range(self.method.tries):
            item, is_right = await self._tried(item, sample)
            if is_right:
                item = replace(item, tries=sample + 1)
                return await self._imputed(item) if self.method.impute else item
        return replace(item, tries=self.method.tries, reason="not_answered")

    async def _tried(self, item: _Item, sample: int) -> tuple[_Item, bool]:
        said = await attempted(
            self.curator.ask(
                ANSWER,
                into=Found,
                sampling=self.method.sampling(),
                sample=sample,
                passages="".join(_shown(one) for one in _in_any_order(item)),
                question=tagged("question", item.question),
            )
        )
        return item.paid(said.call), isinstance(said, Found) and agrees(item.answer, said.answer)

    async def _imputed(self, item: _Item) -> _Item:
        """With the rebuilt question where that has the same answer; what was answered before needs no second look."""
        said = await attempted(
            self.curator.ask(
                REBUILT,
                into=Rebuilt,
                sampling=self.method.sampling(),
                passage=_shown(item.first),
                bridge=tagged("bridge", item.bridge),
                second_question=tagged("second_question", item.q2),
                question=tagged("question", item.question),
            )
        )
        item = item.paid(said.call)
        if isinstance(said, Rebuilt):
            if normalised(said.question) == normalised(item.question):
                return item
            anew = replace(
                item, q1=said.first_question.strip(), question=said.question.strip(), imputed=True, call=said.call
            )
            if not (_why_no_hops(anew) or _why_no_question(anew)):
                anew, is_right = await self._tried(anew, 0)
                if is_right:
                    return anew
                item = replace(item, calls=anew.calls)
        return item if self.method.keep_original else replace(item, reason="imputation_failed")


def agrees(answer: str, said: str) -> bool:
    """Soft exact match: numbers by value, else the answer stands in what was said with at most five words around it."""
    if same_answer(answer, said):
        return True
    if number_of(answer) is not None:
        return same_answer(answer, last_number(said) or "")
    return len(said.split()) <= len(answer.split()) + MORE_WORDS and is_inside(answer, said)


def _why_no_hops(item: _Item) -> str | None:
    """What is wrong with the two questions, or None."""
    checks = {
        "blank_question": is_blank(item.q1) or is_blank(item.q2) or is_blank(item.answer),
        "refusal": refuses(item.q1) or refuses(item.q2),
        "bridge_in_first_question": _has(item.q1, item.bridge),
        "bridge_not_in_second_question": not _has(item.q2, item.bridge),
        "answer_is_bridge": normalised(item.answer) == normalised(item.bridge),
        "answer_in_first_article": _has(item.first.body, item.answer),
    }
    return next((reason for reason, fails in checks.items() if fails), None)


def _why_no_question(item: _Item) -> str | None:
    """What is wrong with the question that joins the two, or None."""
    checks = {
        "blank_question": is_blank(item.question),
        "refusal": refuses(item.question),
        "bridge_in_question": _has(item.question, item.bridge),
        "answer_in_question": _has(item.question, item.answer),
        "one_hop": normalised(item.question) in (normalised(item.q1), normalised(item.q2)),
        "other_language": in_another_language([item.question], item.first.body)[0],
    }
    return next((reason for reason, fails in checks.items() if fails), None)


def _has(text: str, piece: str) -> bool:
    return is_inside(piece, text)


def _without_repeats(items: Sequence[_Item]) -> list[_Item]:
    """A question that was asked before is eliminated before the curator is paid for it."""
    asked: set[str] = set()
    found: list[_Item] = []
    for item in items:
        again = item.reason is None and normalised(item.question) in asked
        found.append(replace(item, reason="repeated_question") if again else item)
        asked |= {normalised(item.question)} if item.reason is None else set()
    return found


def _shown(document: Document) -> str:
    return tagged("passage", document.body, title=document.title)


def _in_any_order(item: _Item) -> list[Document]:
    """By id: were the first hop always shown first, a model would learn that."""
    return sorted((item.first, item.second), key=lambda one: one.record_id)


def _record(item: _Item, curator: str) -> Instruction:
    """The question and both articles, and for an answer the chain that leads to it: what the paper trains on."""
    attributes: dict[str, Json] = {
        "q1": item.q1,
        "entity": item.bridge,
        "q2": item.q2,
        "final_answer": item.answer,
        "imputed": item.imputed,
    }
    attributes |= {"tries": item.tries, "curator": curator} if item.tries else {}
    steps = f"{item.q1} {item.bridge}.\n{item.q2} {item.answer}.\n\nThe answer is: {item.answer}"
    shown = [part for one in _in_any_order(item) for part in (one.title, one.body.strip()) if part]
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
