"""OAK: from the name of a category to its topics, prompts about each in two ways, and texts by several models.

Paper: arXiv:2407.14371, of which the steps are known and neither prompts nor thresholds: those are ours. A document
names a category. A writer names its subcategories and their topics; half of the prompts come from templates with drawn
properties, half the writer makes up; every model of the role `generators` writes a text for each prompt, or they take
turns. Which model and which way made a text stands in its record, and every topic is covered by both. The licence of a
record holds the terms of the models that wrote it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from synth_dagster.method import Family, Lifecycle, Proof, Synthesizer
from synth_dagster.parts.asking.calls import attempted, insist, prompt, tagged, together, why_unusable, written_by
from synth_dagster.parts.asking.same_language import in_another_language
from synth_dagster.parts.similarity.short_texts import JaccardKeeper
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.rewriting import refuses, without_lead_in
from synth_dagster.parts.text.words import is_blank, normalised, one_line, words
from synth_dagster.prompt import Prompt
from synth_dagster.records import Document, Instruction, Json, Message
from synth_dagster.services import Answer, Call, Drop, Reply, Sampling, Teacher, Unusable

LISTING = Sampling(temperature=0.7, max_tokens=2_048)
LONGEST = 200  # characters: what is longer is a text and names no category, nor a topic


class Names(Reply):
    names: list[str] = Field(description="The names, each once and in a few words.")


SUBCATEGORIES = prompt(
    system="You plan an encyclopaedia. You name what belongs into a part of it, evenly and without overlaps.",
    user="{category}{count}Name so many subcategories of this category that together cover it.",
    variables="category count",
)
TOPICS = prompt(
    system="You plan an encyclopaedia. You name what belongs into a part of it, evenly and without overlaps.",
    user="{category}{subcategory}{count}Name so many topics of this subcategory, each fit for a text of its own.",
    variables="category subcategory count",
)
META = prompt(
    system="You write prompts that make language models write good texts. You improve a prompt until it is precise.",
    user="""
{category}{subcategory}{topic}Write one prompt that asks for a text on this topic. Say for whom the text is, in which
form and how long it is, and what must not be missing. Write the prompt and nothing else.""",
    variables="category subcategory topic",
)
ASKED = prompt(user="{prompt}", variables="prompt")

# What a programmatic prompt asks for: a form, and for whom. A prompt for each pair, so that its hash names both.
FORMS: Mapping[str, str] = {
    "article": "an article as in an encyclopaedia",
    "lesson": "a lesson as in a textbook",
    "dialogue": "a conversation between somebody who asks and somebody who knows",
    "story": "a short story with true facts",
    "guide": "a practical guide",
}
READERS: Mapping[str, str] = {
    "children": "children of about ten years",
    "everybody": "readers without previous knowledge",
    "experts": "people who studied the subject",
}
PROGRAMMATIC: Mapping[str, Prompt] = {
    f"{form}/{reader}": prompt(
        user='Write {form} about "{topic}", which belongs to {subcategory} in the field of {category}. It is for '
        "{reader} and has about {words} words. Write the text and nothing else.",
        variables="form reader topic subcategory category words",
    ).filled(form=FORMS[form], reader=READERS[reader])
    for form, reader in product(FORMS, READERS)
}


class Oak(Synthesizer[Document, Instruction]):
    """A prompt and a text for each topic, way and model; what is no good stays, with its reason."""

    paper: ClassVar[str] = "arXiv:2407.14371"
    family: ClassVar[Family] = "general distillation"
    lifecycle: ClassVar[tuple[Lifecycle, ...]] = ("pretrain", "instruct")
    topics: ClassVar[tuple[str, ...]] = ("taxonomy", "knowledge", "encyclopaedia", "several models", "open data")
    proof: ClassVar[Proof] = Proof(
        "planted signal",
        "Of 10 categories and 100 subcategories every cell is met, models and ways have equal shares, the lengths "
        "asked for are read off the texts, and of planted near copies at .8 all go",
    )

    subcategories: int = Field(10, ge=1, le=200, description="Subcategories of a category.")
    per_subcategory: int = Field(1, ge=1, le=200, description="Topics of a subcategory; the paper goes several levels.")
    ways: Annotated[tuple[Literal["programmatic", "meta"], ...], Field(min_length=1)] = Field(
        ("programmatic", "meta"), description="Prompts from templates, and prompts that the writer makes up."
    )
    lengths: Annotated[tuple[Annotated[int, Field(ge=10, le=5_000)], ...], Field(min_length=1)] = Field(
        (100, 200, 400), description="Words that a template may ask for; the paper's are not known."
    )
    writes: Literal["each", "in_turn"] = Field("each", description="Every model writes for a prompt, or one in turn.")
    most_off: float | None = Field(
        0.5, gt=0, description="How far a text may be from the words asked for, as a share of them; ours."
    )
    most_alike: float = Field(0.8, gt=0, le=1, description="Share of common words from which a text is a copy.")
    tries: int = Field(3, ge=1, le=10, description="Samples of a list, until one can be read.")
    temperature: float = Field(0.8, ge=0, le=2, description="Sampling temperature of prompts and texts; ours.")
    max_tokens: int = Field(2_048, ge=64, description="Longest text, in tokens.")
    seed: int = Field(0, ge=0, description="Seed of the drawn properties.")

    async def synthesize(
        self, category: Document, /, *, writer: Teacher, generators: Teacher
    ) -> Sequence[Instruction] | Drop:
        if is_blank(category.body):
            return Drop("blank_category")
        if len(category.body) > LONGEST:
            return Drop("no_category", f"A category is named in at most {LONGEST} characters; this is a text.")
        name = one_line(category.title or category.body)
        above = tagged("category", name)
        found = await self._names(writer, SUBCATEGORIES, self.subcategories, (name,), category=above)
        cells = await together(*(self._cell(writer, name, above, sub) for sub in found))
        planned = [one for number, cell in enumerate(cells) for one in self._planned(number, cell, category)]
        asked = await together(*(self._prompted(writer, one) for one in planned))
        texts = await together(
            *(
                self._written(generators, one, model)
                for one in asked
                for model in self._models(generators.models, one.turn)
            )
        )
        return [one.record(category) for one in self._distinct(texts)]

    async def _names(
        self, writer: Teacher, asked: Prompt, number: int, above: Sequence[str], **material: str
    ) -> list[str]:
        """So many names at most, each once and none of those above it. Raises Unusable after the last try."""
        taken = {normalised(one) for one in above}

        def new(reply: Names) -> list[str]:
            return [one_line(one) for one in reply.names if is_name(one) and normalised(one) not in taken]

        reply = await insist(
            lambda sample: writer.ask(
                asked, into=Names, sampling=LISTING, sample=sample, count=tagged("count", str(number)), **material
            ),
            tries=self.tries,
            fits=lambda reply: bool(new(reply)),
        )
        named = {normalised(one): one for one in reversed(new(reply))}
        return list(reversed(named.values()))[:number]

    async def _cell(self, writer: Teacher, name: str, above: str, subcategory: str) -> "Cell":
        told = tagged("subcategory", subcategory)
        named = await attempted(
            self._names(writer, TOPICS, self.per_subcategory, (name, subcategory), category=above, subcategory=told)
        )
        return Cell(name, subcategory, named)

    def _planned(self, number: int, cell: "Cell", category: Document) -> Iterator["Text"]:
        """What is to be asked about the topics of a subcategory, or that there are none."""
        if isinstance(cell.topics, Unusable):
            problem = cell.topics
            yield Text(cell.category, cell.subcategory, reason=f"topics_{problem.reason}", call=problem.call)
            return
        first = number * self.per_subcategory
        for (place, topic), (which, way) in product(enumerate(cell.topics), enumerate(self.ways)):
            draws = stream(self.seed, category.record_id, cell.subcategory, topic, way)
            form, length = draws.choice(sorted(PROGRAMMATIC)), draws.choice(self.lengths)
            # counted so that each model takes its turn in each way
            one = Text(cell.category, cell.subcategory, topic, way, turn=first + place + which)
            yield replace(one, form=form, length=length) if way == "programmatic" else one

    async def _prompted(self, writer: Teacher, one: "Text") -> "Text":
        """With its prompt: a filled template, or what the writer makes up."""
        if one.reason:
            return one
        if one.way == "programmatic":
            turns = PROGRAMMATIC[one.form].messages(one.named() | {"words": one.length})
            return replace(one, asked=turns[-1]["content"])
        said = await attempted(
            writer.tell(
                META,
                sampling=self._sampling(),
                category=tagged("category", one.category),
                subcategory=tagged("subcategory", one.subcategory),
                topic=tagged("topic", one.topic),
            )
        )
        return replace(one, asked=text_of(said), reason=_prefixed("prompt", why_unusable(said)), call=said.call)

    async def _written(self, generators: Teacher, one: "Text", model: str) -> "Text":
        if one.reason:
            return one
        said = await attempted(self._asked(generators, one, model))
        text = text_of(said)
        return replace(one, text=text, model=model, call=said.call, reason=why_unusable(said) or self._unfit(text, one))

    async def _asked(self, generators: Teacher, one: "Text", model: str) -> Answer:
        """By the template itself, so that the record names its wording."""
        if one.way == "meta":
            return await generators.tell(ASKED, sampling=self._sampling(), model=model, prompt=one.asked)
        return await generators.tell(
            PROGRAMMATIC[one.form],
            sampling=self._sampling(),
            model=model,
            category=one.category,
            subcategory=one.subcategory,
            topic=one.topic,
            words=one.length,
        )

    def _sampling(self) -> Sampling:
        return Sampling(temperature=self.temperature, max_tokens=self.max_tokens)

    def _unfit(self, text: str, one: "Text") -> str | None:
        off = abs(len(words(text)) - one.length) / one.length if one.length else 0.0
        checks = {
            "refusal": refuses(text),
            "copy": normalised(text) in normalised(one.asked),
            "wrong_length": self.most_off is not None and off > self.most_off,
        }
        reason = next((reason for reason, fails in checks.items() if fails), None)
        return reason or ("another_language" if in_another_language([text], one.asked)[0] else None)

    def _models(self, models: Sequence[str], turn: int) -> Sequence[str]:
        """Who writes for a prompt."""
        return models if self.writes == "each" else [models[turn % len(models)]]

    def _distinct(self, texts: Sequence["Text"]) -> Iterator["Text"]:
        """Of texts that are nearly the same the first stays; a reason that stands before the models is told once."""
        keeper: JaccardKeeper[int] = JaccardKeeper(self.most_alike)
        told: set[tuple[str, str, str]] = set()
        for number, one in enumerate(texts):
            if one.reason and not one.model:
                if (key := (one.subcategory, one.topic, one.way)) not in told:
                    told.add(key)
                    yield one
                continue
            near = None if one.reason else keeper.offer(number, one.text)
            yield replace(one, reason="near_copy", near=texts[near.key].place()) if near else one


@dataclass(frozen=True, slots=True)
class Cell:
    """A subcategory with its topics, or why it has none."""

    category: str
    subcategory: str
    topics: Sequence[str] | Unusable


@dataclass(frozen=True, slots=True)
class Text:
    """A text on its way: where it belongs, what is asked, who wrote it, or the reason why there is none."""

    category: str
    subcategory: str
    topic: str = ""
    way: str = ""
    form: str = ""  # of PROGRAMMATIC
    length: int = 0  # words that were asked for
    asked: str = ""
    text: str = ""
    model: str = ""
    near: str = ""
    turn: int = 0
    reason: str | None = None
    call: Call | None = None

    def named(self) -> dict[str, object]:
        return {"category": self.category, "subcategory": self.subcategory, "topic": self.topic}

    def place(self) -> str:
        return f"{self.subcategory} / {self.topic} / {self.way} / {self.model}"

    def record(self, category: Document) -> Instruction:
        facts: dict[str, Json] = {
            "category": self.category,
            "subcategory": self.subcategory,
            "topic": self.topic,
            "prompt_method": self.way,
            "generator": self.model,
        }
        if self.form:
            form, _, reader = self.form.partition("/")
            facts |= {"form": form, "reader": reader, "words_asked": self.length, "words": len(words(self.text))}
        turns = [Message("user", self.asked or self.topic or self.subcategory)]
        return Instruction(
            messages=(*turns, Message("assistant", self.text)) if self.text else tuple(turns),
            parents=(category,),
            attributes=facts | ({"near": self.near} if self.near else {}),
            status="eliminated" if self.reason else "current",
            reason=self.reason,
            **written_by(self.call),
        )


def is_name(text: str) -> bool:
    return not is_blank(text) and len(text) <= LONGEST


def text_of(said: Answer | Unusable) -> str:
    return said.raw if isinstance(said, Unusable) else without_lead_in(said.text)


def _prefixed(what: str, reason: str | None) -> str | None:
    return f"{what}_{reason}" if reason else None
