"""Persona Hub: from texts to the people who would read or write them, and from those to whom they have to do with.

Paper: arXiv:2406.20094. A persona is a document of a sentence or two, which `persona_instructions` and `persona_texts`
then write for. The curation is not released: steps and numbers are the paper's, the prompts are ours. A round asks who
stands close to the personas of the round before, six times; what says the same as a persona that is there goes, by
MinHash over words first and by meaning then, and names the nearest one that stayed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from pydantic import Field

from synth_dagster.method import Family, PoolSynthesizer, Proof
from synth_dagster.parts.asking.calls import attempted, prompt, recorded, tagged, together, written_by
from synth_dagster.parts.asking.same_language import in_another_language
from synth_dagster.parts.similarity.keepers import VectorKeeper, agreement, cosine, signatures_of
from synth_dagster.parts.similarity.short_texts import Near
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.rewriting import refuses, speaks_of_task, without_lead_in
from synth_dagster.parts.text.tokens import place_after
from synth_dagster.parts.text.words import is_blank, normalised, one_line, words
from synth_dagster.records import Document, Json
from synth_dagster.services import Answer, Drop, Embedder, Reply, Sampling, Teacher, Unusable

Verb: TypeAlias = Literal["read", "write", "like", "dislike"]
LONGEST_ANSWER = 512  # tokens
SHORTEST, LONGEST = 3, 120  # words of a persona: fewer describe nobody, more are a story

_SYSTEM = "You know all kinds of people and describe them in a sentence or two, by what they do, know and want."
TEXT_TO_PERSONA = {
    verb: prompt(
        system=_SYSTEM,
        user="""
{text}{question} Describe one such person as exactly as the text allows: what they work at, what they know, what they
are after. Give no name. Write the description and nothing else.""",
        variables="text question",
    ).filled(question=question)
    for verb, question in {
        "read": "Who is likely to read this text?",
        "write": "Who is likely to write such a text?",
        "like": "Who would be glad of this text?",
        "dislike": "Who would be annoyed by this text?",
    }.items()
}
PERSONA_TO_PERSONA = prompt(
    system=_SYSTEM,
    user="""
{persona}Who stands in a close relationship with this person, at work, in the family, as a neighbour, a customer or an
opponent? Choose one who is someone else and leads another life. Give no name.""",
    variables="persona",
)


class Related(Reply):
    relation: str = Field(description="What the new person is to the first one, in a few words.")
    persona: str = Field(description="The new person, described in a sentence or two so that the first is not needed.")


class PersonaHub(PoolSynthesizer[Document, Document]):
    """Round 0 goes from texts to personas, each further round from personas to those around them."""

    paper: ClassVar[str] = "arXiv:2406.20094"
    family: ClassVar[Family] = "general distillation"
    topics: ClassVar[tuple[str, ...]] = ("personas", "diversity", "perspectives")
    proof: ClassVar[Proof] = Proof(
        "equation by hand",
        "128 permutations tell Jaccard similarity within .05 on average; of copies at .95 at least 85 % go, at .6 at "
        "most 2 %; six rounds, no persona that is its own relation, each back to its text",
    )

    asked: tuple[Verb, ...] = Field(
        ("read", "write", "like", "dislike"), min_length=1, description="What a person may have to do with a text."
    )
    per_text: int = Field(1, ge=1, le=4, description="Personas of a text, each by another verb, drawn at random.")
    hops: int = Field(6, ge=0, le=6, description="Rounds from a persona to one around it; the paper has six.")
    relations: int = Field(1, ge=1, le=10, description="Personas that are asked for around each.")
    most_alike: float = Field(0.9, ge=0, le=1, description="Similarity of words from which two personas are the same.")
    most_near: float = Field(0.9, ge=0, le=1, description="Cosine of meaning from which two personas are the same.")
    permutations: int = Field(128, ge=16, le=1_024, description="Values of a MinHash signature.")
    text_tokens: int = Field(2_000, ge=50, description="Beginning of a text that is shown; a longer one is cut.")
    temperature: float = Field(
        0.7,
        ge=0,
        le=2,
        description="Sampling temperature; the released demos have 0.7 for an API and 0.6 for a machine.",
    )
    top_p: float = Field(1.0, gt=0, le=1, description="Nucleus of the samples; the demo for a machine has 0.95.")
    seed: int = Field(0, ge=0, description="Seed of the verbs.")

    async def round(
        self, pool: Sequence[Document], number: int, /, *, writer: Teacher, embedder: Embedder
    ) -> Sequence[Sequence[Document] | Drop]:
        known = [one for one in pool if one.method == self.slug]
        if number > self.hops:
            return []
        if number == 0:
            found, drops = await self._of_texts([one for one in pool if one.method != self.slug], writer)
        else:
            found, drops = await self._around([one for one in known if one.attributes.get("hop") == number - 1], writer)
        if not found:
            return drops
        kept = [one for one in known if one.status == "current"]
        return [*drops, await self._without_repeats(kept, found, number, embedder)]

    # ------------------------------------------------------------------------------------------------------- asking

    async def _of_texts(self, texts: Sequence[Document], writer: Teacher) -> tuple[list["_Found"], list[Drop]]:
        told = [one for one in texts if not is_blank(one.body)]
        asked = [(one, verb) for one in told for verb in self._verbs(one)]
        answers = await together(
            *(
                recorded(attempted(writer.tell(TEXT_TO_PERSONA[verb], sampling=self._sampling, text=self._shown(one))))
                for one, verb in asked
            )
        )
        found = [
            _Found.of(one, answer, {"asked": verb}, calls)
            for (one, verb), (answer, calls) in zip(asked, answers, strict=True)
        ]
        return found, [Drop("blank_text")] * (len(texts) - len(told))

    def _verbs(self, text: Document) -> list[Verb]:
        rng = stream(self.seed, text.record_id, "verbs")
        return rng.sample(self.asked, min(self.per_text, len(self.asked)))

    def _shown(self, text: Document) -> str:
        return tagged("text", text.body[: place_after(text.body, self.text_tokens)], title=text.title)

    @property
    def _sampling(self) -> Sampling:
        return Sampling(temperature=self.temperature, top_p=self.top_p, max_tokens=LONGEST_ANSWER)

    async def _around(self, personas: Sequence[Document], writer: Teacher) -> tuple[list["_Found"], list[Drop]]:
        asked = [(one, sample) for one in personas if one.status == "current" for sample in range(self.relations)]
        answers = await together(
            *(
                recorded(
                    attempted(
                        writer.ask(
                            PERSONA_TO_PERSONA,
                            into=Related,
                            sampling=self._sampling,
                            sample=sample,
                            persona=tagged("persona", one.body),
                        )
                    )
                )
                for one, sample in asked
            )
        )
        return [_Found.related(one, *answer) for (one, _), answer in zip(asked, answers, strict=True)], []

    # ------------------------------------------------------------------------------------------------------- keeping

    async def _without_repeats(
        self, kept: Sequence[Document], found: Sequence["_Found"], number: int, embedder: Embedder
    ) -> list[Document]:
        """The personas of a round; who says what one before it says is eliminated, and names it."""
        told = [*(one.body for one in kept), *(one.text for one in found)]
        keepers = {
            "near_duplicate": (
                VectorKeeper[Json](self.most_alike, agreement),
                signatures_of(told, permutations=self.permutations),
            ),
            "same_meaning": (VectorKeeper[Json](self.most_near, cosine), await embedder.embed(told)),
        }
        for place, one in enumerate(kept):
            _add(keepers, one.attributes.get("persona"), place)
        made = []
        for place, one in enumerate(found):
            key = f"{number}.{place}"
            reason, near = (one.reason or one.unfit(), None)
            if reason is None:
                reason, near = _refused(keepers, len(kept) + place)
            if reason is None:
                _add(keepers, key, len(kept) + place)
            made.append(one.record(key, number, reason, near))
        return made


Keepers: TypeAlias = dict[str, tuple[VectorKeeper[Json], np.ndarray]]


def _add(keepers: Keepers, key: Json, place: int) -> None:
    for keeper, vectors in keepers.values():
        keeper.add(key, vectors[place])


def _refused(keepers: Keepers, place: int) -> tuple[str | None, Near[Json] | None]:
    """The first keeper that refuses a text, by its reason, and the text that is too near."""
    for reason, (keeper, vectors) in keepers.items():
        if near := keeper.refused(vectors[place]):
            return reason, near
    return None, None


@dataclass(frozen=True)
class _Found:
    """A persona as it was described, of a text or around another one."""

    origin: Document
    text: str
    facts: dict[str, Json]
    written: dict[str, Any]
    reason: str | None

    @classmethod
    def of(cls, origin: Document, said: Answer | Unusable, facts: dict[str, Json], calls: Sequence[bytes]) -> "_Found":
        written = {**written_by(said.call), "calls": calls}
        if isinstance(said, Unusable):
            return cls(origin, said.raw, facts, written, said.reason)
        cut = "cut" if said.finish_reason == "length" else None
        return cls(origin, one_line(without_lead_in(said.text)), facts, written, cut)

    @classmethod
    def related(cls, origin: Document, said: Related | Unusable, calls: Sequence[bytes]) -> "_Found":
        written = {**written_by(said.call), "calls": calls}
        if isinstance(said, Unusable):
            return cls(origin, said.raw, {}, written, said.reason)
        facts: dict[str, Json] = {"relation": one_line(said.relation)}
        return cls(origin, one_line(said.persona), facts, written, None)

    def unfit(self) -> str | None:
        """The first reason why this describes nobody, or None."""
        checks = {
            "blank": is_blank(self.text),
            "refusal": refuses(self.text),
            "self_relation": normalised(self.text) == normalised(self.origin.body),
            "other_language": in_another_language([self.text], self.origin.body)[0],
            "meta_phrase": speaks_of_task(self.text),
            "too_short": len(words(self.text)) < SHORTEST,
            "too_long": len(words(self.text)) > LONGEST,
        }
        return next((reason for reason, fails in checks.items() if fails), None)

    def record(self, key: str, hop: int, reason: str | None, near: Near[Json] | None) -> Document:
        nearest: dict[str, Json] = {"nearest": [near.key, round(near.score, 6)]} if near else {}
        return Document(
            body=self.text,
            parents=(self.origin,),
            attributes={"persona": key, "hop": hop, **self.facts, **nearest},
            status="eliminated" if reason else "current",
            reason=reason,
            **self.written,
        )
