"""FANNO: from documents alone to instructions, each more demanding than three that are there and like none of them.

Paper: arXiv:2408.01323. Steps, numbers and filters are those of the released code, the prompts are ours. Of documents
that say the same one stays, the longest come first. The first few give 96 seeds each: 4 characteristics, 12 kinds of
task, 2 forms. Each other document is then shown with three instructions that an upper confidence bound draws, scored by
the length of their answers, and gives one that differs. Not repeated: key words are words and not parts of them, fewer
than 60 seeds give three all the same, a document without a neighbour is not lost, showing an instruction does not cut
it for good, and none stays that is near to one of before. An instruction is one line: what stands below its first one,
which that code calls its input, is a part of it. `fanno_screen` comes before.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from pydantic import Field

from synth_dagster.method import Family, PoolSynthesizer, Proof
from synth_dagster.parts.asking.calls import attempted, prompt, recorded, tagged, together, written_by
from synth_dagster.parts.asking.same_language import in_another_language
from synth_dagster.parts.cards.unseen_paragraphs import unfit_alone
from synth_dagster.parts.mixing.bandits import UpperConfidence, spread
from synth_dagster.parts.similarity.communities import communities
from synth_dagster.parts.similarity.keepers import VectorKeeper, cosine
from synth_dagster.parts.similarity.short_texts import Near
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.rewriting import refuses, without_lead_in
from synth_dagster.parts.text.tokens import count, place_after
from synth_dagster.parts.text.words import is_blank, one_line
from synth_dagster.prompt import Prompt
from synth_dagster.records import Document, Instruction, Json, Message
from synth_dagster.services import Answer, Call, Drop, Embedder, Sampling, Teacher, Unusable

SAMPLING = Sampling(temperature=0.0, top_p=0.9, max_tokens=2_048)
SHOWN, SHOWN_WORDS = 3, 100  # instructions that a request is to differ from, and how much of each

CHARACTERISTICS = {
    "reasoning": "It is complex, and takes several steps of reasoning.",
    "critical": "It takes critical thinking: several views and several solutions have to be weighed.",
    "creative": "It takes a creative mind that leaves the usual ways.",
    "interdisciplinary": "It takes knowledge of several disciplines at once.",
}
TASKS = {
    "inference": "It asks whether evidence supports a conclusion.",
    "commonsense": "It asks what will happen, by what everybody knows of daily life.",
    "sentiment": "It asks what somebody feels in a situation.",
    "paraphrase": "It asks to say a statement in other words; the statement is part of it.",
    "closed_book": "It asks for facts that an expert knows by heart.",
    "structure_to_text": "It asks to describe a process or an idea in prose.",
    "summary": "It asks for the main points of a large subject.",
    "translation": "It asks to translate something into another language; what is to be translated is part of it.",
    "implicit_reasoning": "It asks for the reasons behind something that people usually do.",
    "categorisation": "It asks by what a kind of writing is known.",
    "code": "It asks for a small program, as an easy task of a programming contest.",
    "mathematics": "It is a problem of arithmetic for elementary school.",
}
FORMS = {
    "command": "It is a command, as in 'Write ...' or 'Describe ...'.",
    "question": "It is a question, as in 'What ...?' or 'How ...?'.",
}
_SYSTEM = """You write instructions for people and assistants that do not see what you read. An instruction stands
alone: it never points at a source, and says nothing that only makes sense to somebody who has read it."""
_SEED = prompt(
    system=_SYSTEM,
    user="""
{paragraph}Write one instruction that this paragraph makes you think of.
- {characteristic}
- {form}
- {task}
Write the instruction and nothing else.""",
    variables="paragraph characteristic form task",
)
SEEDS = {
    (characteristic, task, form): _SEED.filled(
        characteristic=CHARACTERISTICS[characteristic], task=TASKS[task], form=FORMS[form]
    )
    for characteristic in CHARACTERISTICS
    for task in TASKS
    for form in FORMS
}
_DIFFERENT = prompt(
    system=_SYSTEM,
    user="""
{paragraph}{shown}Write one instruction on the subject of this paragraph that is different from these in kind and more
complex than they are. It leaves out names, dates and other details of the paragraph, and does not begin with the first
four words of any of them. {form} Write the instruction and nothing else.""",
    variables="paragraph shown form",
)
DIFFERENT = {form: _DIFFERENT.filled(form=how) for form, how in FORMS.items()}
ANSWER = prompt(user="{instruction}", variables="instruction")


class Fanno(PoolSynthesizer[Document, Instruction]):
    """Round 0 makes the seeds, each further round goes through a window of documents."""

    paper: ClassVar[str] = "arXiv:2408.01323"
    family: ClassVar[Family] = "general distillation"
    topics: ClassVar[tuple[str, ...]] = ("instruction tuning", "unlabelled documents", "open models", "bootstrapping")
    proof: ClassVar[Proof] = Proof(
        "equation by hand",
        "96 prompts a document; of 60 unseen seeds each has a bonus of 8.585, and 6.106 once drawn, and all are drawn "
        "before one comes a third time; draws, filter and communities are those of the released code on stored inputs, "
        "and what it does otherwise is named there; planted near-copies all go",
    )

    seed_documents: int = Field(10, ge=1, le=1_000, description="Documents that give 96 seeds each.")
    window: int = Field(200, ge=1, le=5_000, description="Documents of a round after the first.")
    limit: int = Field(1_000, ge=1, description="Instructions after which no further round begins.")
    document_likeness: float = Field(0.7, ge=0, le=1, description="Cosine from which documents are of one community.")
    min_community: int = Field(
        1,
        ge=1,
        description="Documents of a community that is used; the released code has 2 and loses what stands alone.",
    )
    most_alike: float = Field(0.9, ge=0, le=1, description="Cosine from which instructions say the same.")
    best: float = Field(0.05, gt=0, le=1, description="Share of the pool, by its bound, that three are drawn from.")
    width: float = Field(3.0, ge=0, description="Weight of the bonus for what was seldom drawn.")
    shown_tokens: int = Field(2_000, ge=50, description="Beginning of a document that is shown; a longer one is cut.")
    official_compat: bool = Field(False, description="Refuse key words inside other words, as the released code does.")
    ascii_only: bool = Field(True, description="Refuse instructions with other characters; no for other languages.")
    seed: int = Field(42, ge=0, description="Seed of what is drawn; the released code has 42.")

    async def round(
        self, pool: Sequence[Document | Instruction], number: int, /, *, writer: Teacher, embedder: Embedder
    ) -> Sequence[Sequence[Instruction] | Drop]:
        documents = [one for one in pool if isinstance(one, Document)]
        known = _Known.of([one for one in pool if isinstance(one, Instruction)])
        if number and (not known.kept or len(known.kept) > self.limit):
            return []
        told = [one for one in documents if not is_blank(one.body)]
        used = await self._used(told, embedder)
        drops = self._drops(len(documents) - len(told), len(told) - len(used)) if number == 0 else []
        asked = self._seeds(used) if number == 0 else self._different(used, known, number)
        if not asked:
            return drops
        return [*drops, await self._made(asked, known, number, writer, embedder)]

    async def _used(self, documents: Sequence[Document], embedder: Embedder) -> list[Document]:
        """One document of each community, the longest first."""
        vectors = await embedder.embed([self._beginning(one) for one in documents])
        groups = communities(vectors, threshold=self.document_likeness, least=self.min_community)
        centres = sorted(group[0] for group in groups)
        return sorted((documents[place] for place in centres), key=lambda one: -len(one.body))

    def _drops(self, blank: int, alike: int) -> list[Drop]:
        reason = Drop("like_another_document", "It is of a community that another stands for, or of one too small.")
        return [*[Drop("blank_document")] * blank, *[reason] * alike]

    def _beginning(self, document: Document) -> str:
        return document.body[: place_after(document.body, self.shown_tokens)]

    # ------------------------------------------------------------------------------------------------------- requests

    def _seeds(self, documents: Sequence[Document]) -> list["_Asked"]:
        chosen = [(document, self._shown(document)) for document in documents[: self.seed_documents]]
        return [
            _Asked(document, made, shown, {"characteristic": characteristic, "task": task, "form": form})
            for document, shown in chosen
            for (characteristic, task, form), made in SEEDS.items()
        ]

    def _different(self, documents: Sequence[Document], known: "_Known", number: int) -> list["_Asked"]:
        first = self.seed_documents + (number - 1) * self.window
        lengths = {key: float(count(one.response)) for key, one in known.kept.items()}
        bounds = UpperConfidence(spread(lengths), known.drawn, width=self.width)
        return [self._after(document, bounds, known) for document in documents[first : first + self.window]]

    def _after(self, document: Document, bounds: UpperConfidence[str], known: "_Known") -> "_Asked":
        rng = stream(self.seed, document.record_id, "different")
        form = rng.choice(list(FORMS))
        values = dict(zip(bounds.keys, bounds.values.tolist(), strict=True))
        keys = bounds.draw(SHOWN, rng, best=self.best)
        facts: dict[str, Json] = {"form": form, "shown": keys, "ucb": [round(values[key], 6) for key in keys]}
        shown = [known.kept[key] for key in keys]
        given = "".join(tagged("instruction", _beginning_of(one.instruction)) for one in shown)
        return _Asked(document, DIFFERENT[form], self._shown(document), facts, tuple(shown), given)

    def _shown(self, document: Document) -> str:
        return tagged("paragraph", self._beginning(document), title=document.title)

    # ------------------------------------------------------------------------------------------------------- verdicts

    async def _made(
        self, asked: Sequence["_Asked"], known: "_Known", number: int, writer: Teacher, embedder: Embedder
    ) -> Sequence[Instruction]:
        told = await together(*(recorded(attempted(one.told(writer))) for one in asked))
        drafts = [
            replace(self._draft(one, f"{number}.{place}", said), calls=calls)
            for place, (one, (said, calls)) in enumerate(zip(asked, told, strict=True))
        ]
        drafts = await self._different_ones(drafts, known, embedder)
        return await together(*(self._answered(draft, writer) for draft in drafts))

    def _draft(self, asked: "_Asked", key: str, said: Answer | Unusable) -> "_Draft":
        if isinstance(said, Unusable):
            return _Draft(asked, key, said.raw, said.reason, said.call)
        text = instruction_of(said.text)
        reason = unfit_alone(text, official=self.official_compat, ascii_only=self.ascii_only)
        cut = "cut" if said.finish_reason == "length" else "refusal" if refuses(text) else None
        return _Draft(asked, key, text, cut or reason, said.call)

    async def _different_ones(self, drafts: Sequence["_Draft"], known: "_Known", embedder: Embedder) -> list["_Draft"]:
        """The drafts; of a community one stays, and none that is near to what the pool holds."""
        new = [draft for draft in drafts if draft.reason is None]
        texts = [*(draft.text for draft in new), *(one.instruction for one in known.kept.values())]
        vectors = await embedder.embed(texts)
        groups = communities(vectors, threshold=self.most_alike)
        first = {group[0] for group in groups if max(group) < len(new)}
        keeper = VectorKeeper[str](self.most_alike, cosine)
        for key, vector in zip(known.kept, vectors[len(new) :], strict=True):
            keeper.add(key, vector)
        fate = {
            draft.key: draft if place in first else draft.gone("near_copy", keeper.nearest(vectors[place]))
            for place, draft in enumerate(new)
        }
        for place in sorted(first):  # a first member may still be near to an old one that is of another community
            if near := keeper.refused(vectors[place]):
                fate[new[place].key] = new[place].gone("near_copy", near)
        return [fate.get(draft.key, draft) for draft in drafts]

    async def _answered(self, draft: "_Draft", writer: Teacher) -> Instruction:
        if draft.reason:
            return draft.record()
        said, calls = await recorded(attempted(writer.tell(ANSWER, sampling=SAMPLING, instruction=draft.text)))
        draft = replace(draft, calls=(*draft.calls, *calls))
        if isinstance(said, Unusable):
            return replace(draft, reason=f"answer_{said.reason}", call=said.call).record()
        checks = {
            "answer_cut": said.finish_reason == "length",
            "answer_blank": is_blank(said.text),
            "answer_refusal": refuses(said.text),
            "answer_other_language": in_another_language([said.text], draft.text)[0],
        }
        reason = next((reason for reason, fails in checks.items() if fails), None)
        return replace(draft, reason=reason, call=said.call).record(said.text.strip())


@dataclass(frozen=True)
class _Known:
    """The instructions of the pool by their keys, and how often each was shown."""

    kept: Mapping[str, Instruction]
    drawn: Mapping[str, int]

    @classmethod
    def of(cls, made: Sequence[Instruction]) -> "_Known":
        kept = {str(one.attributes.get("item")): one for one in made if one.status == "current"}
        drawn: Counter[str] = Counter()
        for one in made:
            shown = one.attributes.get("shown", ())
            drawn.update(str(key) for key in (shown if isinstance(shown, list | tuple) else ()))
        return cls(kept, drawn)


@dataclass(frozen=True)
class _Asked:
    """A request for an instruction, and what it is made from."""

    document: Document
    prompt: Prompt
    paragraph: str
    facts: Mapping[str, Json]
    shown: tuple[Instruction, ...] = ()
    counter_examples: str = ""

    async def told(self, writer: Teacher) -> Answer:
        if not self.shown:
            return await writer.tell(self.prompt, sampling=SAMPLING, paragraph=self.paragraph)
        return await writer.tell(self.prompt, sampling=SAMPLING, paragraph=self.paragraph, shown=self.counter_examples)


@dataclass(frozen=True)
class _Draft:
    """An instruction before it is answered, or why it is not."""

    asked: _Asked
    key: str
    text: str
    reason: str | None
    call: Call | None
    nearest: tuple[str, float] | None = None
    calls: Sequence[bytes] = ()

    def gone(self, reason: str, near: Near[str] | None) -> "_Draft":
        return replace(self, reason=reason, nearest=(near.key, round(near.score, 6)) if near else None)

    def record(self, answer: str | None = None) -> Instruction:
        facts: dict[str, Json] = {"item": self.key, **self.asked.facts}
        turns = (Message("user", self.text), *((Message("assistant", answer),) if answer else ()))
        return Instruction(
            messages=turns,
            parents=(self.asked.document, *self.asked.shown),
            attributes=facts | ({"nearest": list(self.nearest)} if self.nearest else {}),
            status="eliminated" if self.reason else "current",
            reason=self.reason,
            calls=self.calls,
            **written_by(self.call),
        )


def _beginning_of(instruction: str) -> str:
    return " ".join(instruction.split()[:SHOWN_WORDS])


def instruction_of(text: str) -> str:
    """What was written, on one line and without the label that models put in front."""
    bare = one_line(without_lead_in(text)).strip("\"'*# ")
    for label in ("Instruction:", "Question:", "Command:"):
        bare = bare.removeprefix(label).lstrip("* ")
    return bare
