"""CRAFT: a few examples of a task find texts in a corpus that suit it, and each text becomes a task in their manner.

Paper: arXiv:2409.02098. Of the whole corpus, all batches of it, what is nearest to the examples is retrieved
(`parts.similarity.nearest_texts`), a writer is shown three examples and a text and answers in a fixed form, what is
malformed or too like another sample goes, and as many as are wanted are drawn. Steps and numbers are those of the
released code, the prompts are ours. Its slips are not repeated: exact duplicates go too, an answer is a letter and not
any word that begins with one, and the last draw has a seed. It adds the examples to the result; here they come in by
`conversation`, with their own licence. Each batch makes the tasks of its own texts and draws its part of all that are
wanted; near copies are looked for within a batch, those of two batches go with `minhash` in the mix.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import pyarrow as pa
from pydantic import Field

from synth_dagster.errors import SynthError
from synth_dagster.method import Family, LabelsPath, PoolSynthesizer, Proof
from synth_dagster.parts.asking.calls import attempted, prompt, recorded, tagged, together, written_by
from synth_dagster.parts.asking.same_language import in_another_language
from synth_dagster.parts.asking.task_forms import Choice, Formed, Recipe, Summary, TaskName, formed
from synth_dagster.parts.similarity.chosen_vectors import VectorChoice
from synth_dagster.parts.similarity.nearest_texts import NearestTexts
from synth_dagster.parts.similarity.short_texts import TokenSetKeeper
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.tokens import count
from synth_dagster.parts.text.words import normalised
from synth_dagster.records import Document, Instruction, Json, Message, Span
from synth_dagster.services import Call, Corpus, Drop, Embedder, References, Reply, Sampling, Teacher, Unusable

_MANNER = """You make tasks from texts. The examples show the manner and the difficulty that are wanted; what a task is
about comes from the text alone, and nothing is asked that the text does not say."""
_CHOICE = "{examples}{text}Ask one question about this text, with four possible answers of which exactly one is right."
_YES_NO = "{examples}{text}Ask one question about this text that is answered by yes or no. The options are Yes and No."
_CLAIM = (
    "{examples}{text}Make one statement about this text that is right or wrong, as the question. The options are Yes, "
    "for a right one, and No."
)
_RECIPE = "{examples}{text}Ask for the dish that this text is about, in one short sentence, and give its recipe."
_SUMMARY = "{examples}{text}Ask for a summary of this text, give the summary, and then the text itself, cleaned."
PROMPTS = {
    "multiple_choice": (prompt(_CHOICE, system=_MANNER, variables="examples text"),),
    "yes_no": tuple(prompt(asked, system=_MANNER, variables="examples text") for asked in (_YES_NO, _CLAIM)),
    "recipe": (prompt(_RECIPE, system=_MANNER, variables="examples text"),),
    "summary": (prompt(_SUMMARY, system=_MANNER, variables="examples text"),),
}
FORMS: Mapping[TaskName, type[Reply]] = {
    "multiple_choice": Choice,
    "yes_no": Choice,
    "recipe": Recipe,
    "summary": Summary,
}


class Craft(PoolSynthesizer[Document, Instruction], VectorChoice):
    """One task for each text that was retrieved from the corpus; what is no good stays, with its reason."""

    paper: ClassVar[str] = "arXiv:2409.02098"
    version: ClassVar[str] = "2"
    family: ClassVar[Family] = "domain distillation"
    topics: ClassVar[tuple[str, ...]] = ("retrieval", "few examples", "question answering", "summarisation", "domain")
    proof: ClassVar[Proof] = Proof(
        "planted signal",
        "Retrieval is brute force's, and the released code's on stored vectors: 937 of 30,000 by each of 32 examples; "
        "of a topic that is a tenth of the texts at least 80 % of what is retrieved; 30 malformed answers each have "
        "their reason, 41 stored ones are read as the released code reads them, but for what is named",
    )

    few_shots: LabelsPath = Field(description="8 to 32 examples as .jsonl: Text, Instruction and Output on each line.")
    task: TaskName = Field("multiple_choice", description="What is made of a text.")
    retrieve: int = Field(50_000, ge=2, description="Texts that are wanted of the corpus: twice as many as tasks.")
    tasks: int = Field(25_000, ge=1, description="Tasks of all batches together; of more, so many are drawn.")
    top_share: float = Field(
        0.05, gt=0, le=1, description="p of the paper: share of a shard that is looked at; 1 for a small corpus."
    )
    shard: int = Field(350_000, ge=1, description="Texts that are compared with the examples at once.")
    shown: int = Field(3, ge=1, le=10, description="Examples that the writer is shown, drawn for each text.")
    shortest: int = Field(200, ge=1, description="Characters of the shortest text that is embedded.")
    longest: int = Field(25_000, ge=1, description="Characters of the longest.")
    max_prompt_tokens: int = Field(4_096, ge=100, description="A longer prompt is not sent.")
    most_alike: float = Field(
        0.85, gt=0, le=1, description="Token-set ratio with an example or an earlier task from which a task goes."
    )
    temperature: float = Field(0.7, ge=0, le=2, description="Sampling temperature of the writer.")
    max_tokens: int = Field(1_536, ge=64, description="Longest answer of the writer, in tokens.")
    seed: int = Field(0, ge=0, description="Seed of the examples that are shown and of the last draw.")

    async def round(
        self,
        pool: Sequence[Document],
        number: int,
        /,
        *,
        writer: Teacher,
        embedder: Embedder,
        corpus: Corpus,
        references: References,
    ) -> Sequence[Sequence[Instruction] | Drop]:
        if number or not pool:
            return []
        examples = examples_of(references.rows(self.few_shots), self.few_shots, at_least=self.shown)
        found = await self._retrieved(corpus, examples, embedder)
        if not len(found):
            return [Drop("no_text", f"No text has {self.shortest:,} to {self.longest:,} characters.")]
        hits = hits_among(pool, found)
        told = await together(*(recorded(self._sample(hit, examples, writer)) for hit in hits))
        samples = [replace(sample, calls=calls) for sample, calls in told]
        wanted = part_of(self.tasks, [hit.place for hit in hits], of=len(found))
        return [[one.record(self)] for one in self._drawn(self._distinct(samples, examples), wanted)]

    async def _retrieved(self, corpus: Corpus, examples: Sequence["Example"], embedder: Embedder) -> pa.Table:
        """The examples are asked for in each batch, so that its records say the same whichever batch looked first."""
        texts = [one.whole() for one in examples]
        vectors = await embedder.embed(texts) if self.chosen(corpus.vectors) else None
        nearest = NearestTexts(
            share=self.top_share,
            most=self.retrieve,
            shard=self.shard,
            shortest=self.shortest,
            longest=self.longest,
        )
        return nearest.found(corpus, texts, vectors)

    async def _sample(self, hit: "Hit", examples: Sequence["Example"], writer: Teacher) -> "Sample":
        text = hit.text
        draws = stream(self.seed, text.record_id, "craft")
        shown = draws.sample(range(len(examples)), self.shown)
        asked = draws.choice(PROMPTS[self.task])
        told, material = (
            "".join(examples[number].told() for number in shown),
            tagged("text", text.body, title=text.title),
        )
        sample = Sample(hit, tuple(shown))
        if count(told) + count(material) > self.max_prompt_tokens:
            return replace(sample, reason="prompt_too_long")
        said = await attempted(
            writer.ask(
                asked,
                into=FORMS[self.task],
                sampling=Sampling(temperature=self.temperature, top_p=0.9, max_tokens=self.max_tokens),
                examples=told,
                text=material,
            )
        )
        if isinstance(said, Unusable):
            return replace(sample, reason=said.reason, question=said.raw, call=said.call)
        return _written(formed(said, self.task), replace(sample, call=said.call))

    def _distinct(self, samples: Sequence["Sample"], examples: Sequence["Example"]) -> list["Sample"]:
        """Those that are like an example go, then those that are like an earlier one; each says which."""
        human: TokenSetKeeper[int] = TokenSetKeeper(self.most_alike)
        for number, example in enumerate(examples):
            human.add(number, f"{example.instruction}\n{example.output}")
        kept: TokenSetKeeper[str] = TokenSetKeeper(self.most_alike)
        return [one if one.reason else _compared(one, human, kept) for one in samples]

    def _drawn(self, samples: Sequence["Sample"], wanted: int) -> list["Sample"]:
        """As many as are wanted, at random."""
        good = [number for number, one in enumerate(samples) if one.reason is None]
        if len(good) <= wanted:
            return list(samples)
        seed = samples[0].text.record_id
        left = set(good) - set(stream(self.seed, seed, "tasks").sample(good, wanted))
        return [replace(one, reason="not_drawn") if number in left else one for number, one in enumerate(samples)]


@dataclass(frozen=True, slots=True)
class Example:
    """A task that a person made from a text."""

    text: str
    instruction: str
    output: str

    def whole(self) -> str:
        """What is embedded."""
        return f"{self.text}\n{self.instruction}\n{self.output}"

    def told(self) -> str:
        """What the writer is shown."""
        parts = tagged("text", self.text) + tagged("instruction", self.instruction) + tagged("output", self.output)
        return tagged("example", parts.strip())


@dataclass(frozen=True, slots=True)
class Hit:
    """A text of the batch that was retrieved: its place among all, how near it is, and which examples chose it."""

    text: Document
    place: int
    similarity: float
    examples: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """What came of one text: a question with its answer, or the reason why not."""

    hit: Hit
    shown: tuple[int, ...]
    question: str = ""
    answer: str = ""
    facts: Mapping[str, Json] | None = None
    near: Mapping[str, Json] | None = None
    reason: str | None = None
    call: Call | None = None
    calls: Sequence[bytes] = ()

    @property
    def text(self) -> Document:
        return self.hit.text

    def record(self, method: Craft) -> Instruction:
        turns = [Message("user", self.question or self.text.title or "")]
        turns += [Message("assistant", self.answer)] if self.answer else []
        facts: dict[str, Json] = {
            "task": method.task,
            "similarity": self.hit.similarity,
            "nearest_to": list(self.hit.examples),
            "shown": list(self.shown),
            **(self.facts or {}),
            **({"near": dict(self.near)} if self.near else {}),
        }
        return Instruction(
            messages=tuple(turns),
            parents=(self.text,),
            evidence=(Span(self.text.record_id, 0, len(self.text.body), self.text.body),),
            attributes=facts,
            status="eliminated" if self.reason else "current",
            reason=self.reason,
            calls=self.calls,
            **written_by(self.call),
        )


def hits_among(pool: Sequence[Document], found: pa.Table) -> list[Hit]:
    """The texts of a batch that were retrieved, as they stand in it; `found` has those of all batches."""
    rows = {
        row["record_id"]: Hit(pool[0], place, row["similarity"], tuple(row["examples"]))
        for place, row in enumerate(found.to_pylist())
    }
    return [replace(rows[one.record_id], text=one) for one in pool if one.record_id in rows]


def part_of(wanted: int, places: Sequence[int], *, of: int) -> int:
    """How many of what is wanted fall to these places of so many: over all batches it is exactly what is wanted."""
    return sum(wanted * (place + 1) // of - wanted * place // of for place in places)


def _written(form: Formed, sample: Sample) -> Sample:
    """The sample with what the writer made, and what is wrong with that."""
    made = replace(sample, question=form.question, answer=form.answer, facts=form.facts, reason=form.reason)
    if made.reason is None and normalised(form.question.partition("\n")[0]) == normalised(sample.text.body):
        return replace(made, reason="copy")
    if made.reason is None and in_another_language([f"{form.question}\n{form.answer}"], sample.text.body)[0]:
        return replace(made, reason="another_language")
    return made


def _compared(one: Sample, human: TokenSetKeeper[int], kept: TokenSetKeeper[str]) -> Sample:
    """The sample, taken in; or why not, with what it is like."""
    said = f"{one.question}\n{one.answer}"
    if near := human.nearest(said):
        return replace(one, reason="like_an_example", near={"example": near.key, "ratio": round(near.score, 6)})
    if earlier := kept.nearest(said):
        return replace(one, reason="near_copy", near={"of_text": earlier.key, "ratio": round(earlier.score, 6)})
    kept.add(one.text.record_id.hex(), said)
    return one


def examples_of(rows: Sequence[Mapping[str, object]], path: str, *, at_least: int) -> list[Example]:
    """The examples of a file. Raises SynthError when one lacks a field, or there are too few."""
    named = [{name.casefold(): value for name, value in row.items()} for row in rows]
    found = [[row.get(name) for name in ("text", "instruction", "output")] for row in named]
    if len(found) < at_least or not all(isinstance(part, str) and part.strip() for one in found for part in one):
        raise SynthError(
            f"'{path}' must hold at least {at_least} examples and has {len(found)} lines. Write one a line, such as "
            '{"Text": "...", "Instruction": "...", "Output": "..."}, each field with words in it.'
        )
    return [Example(*(str(part).strip() for part in one)) for one in found]
