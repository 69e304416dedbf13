"""EntiGraph: from a document the entities in it, and from every pair and triple of them a text on how they relate.

Paper: arXiv:2409.07431, synthetic continued pretraining: a small corpus, said again in as many ways as its entities can
be combined. Steps and numbers are those of the released code, the prompts are ours. Its slips are not repeated: a list
of entities that never parses ends after `tries`, and nothing is asked twice when a run goes on, since each set of
entities is one request of the answer cache. Holding a text to the entities, names and numbers of its document is ours,
and so are the limits: a long document is cut, and relations stay within a piece.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random
from typing import ClassVar

from pydantic import BaseModel, Field

from synth_dagster.method import Family, Proof, Synthesizer
from synth_dagster.parts.asking.calls import attempted, insist, prompt, tagged, together, written_by
from synth_dagster.parts.asking.same_language import in_another_language
from synth_dagster.parts.mixing.combinations import drawn
from synth_dagster.parts.text.grounding import find_verbatim, support
from synth_dagster.parts.text.rewriting import KnownFacts, pieces, refuses, speaks_of_task, without_lead_in
from synth_dagster.parts.text.words import is_blank, normalised, one_line
from synth_dagster.records import Document, Json
from synth_dagster.services import Answer, Call, Drop, Reply, Sampling, Teacher, Unusable


class Entity(BaseModel):
    name: str = Field(description="The entity, as the text calls it.")


class Entities(Reply):
    summary: str = Field(description="What the text says, in one paragraph that can be read without it.")
    entities: list[Entity] = Field(description="Every entity that matters in the text, the weightiest first.")


ENTITIES = prompt(
    system="You read texts closely and miss nothing that they are about.",
    user="""
{text}Summarise this text in one paragraph. Then list everything in it that matters: people, places, organisations,
objects, events and concepts. Name each once and as the text does, and leave none out.""",
    variables="text",
)
_SYSTEM = """You explain texts to students, from one side after the other. You say what the text says or what follows
from it, you name no person, place or number that it does not name, and you write the sections and nothing else."""
RELATIONS = {
    2: prompt(
        system=_SYSTEM,
        user="""
{text}{entities}Write three sections, each under a heading of its own that begins with "## " and names what it is about
and the title of the text:
- the content of the text again, told with the first entity in its centre;
- the content of the text again, told with the second entity in its centre;
- how the two entities act on each other, in the light of the text.""",
        variables="text entities",
    ),
    3: prompt(
        system=_SYSTEM,
        user="""
{text}{entities}Write four sections, each under a heading of its own that begins with "## " and names what it is about
and the title of the text:
- the content of the text again, told with the first entity in its centre;
- the content of the text again, told with the second entity in its centre;
- the content of the text again, told with the third entity in its centre;
- how the three entities act on each other, in the light of the text.""",
        variables="text entities",
    ),
}
KINDS = {2: "pair", 3: "triple"}
_HEADING = re.compile(r"(?m)^\s*#{1,6}[^\S\n]+\S[^\n]*$")


class Entigraph(Synthesizer[Document, Document]):
    """One document for the summary of each piece, and one for each pair and triple of its entities."""

    paper: ClassVar[str] = "arXiv:2409.07431"
    family: ClassVar[Family] = "domain distillation"
    topics: ClassVar[tuple[str, ...]] = ("continued pretraining", "knowledge", "entities", "small corpus")
    proof: ClassVar[Proof] = Proof(
        "equation by hand",
        "20 entities give 190 pairs and 1140 triples, each asked once though the run is broken off, and of stored "
        "lists the sets are the released code's; on random graphs of 3 edges a node what is known rises to .870 of "
        "pairs, where theory has .8845; planted faults all go. Small students answer .65 of questions on what they "
        "read so, .36 after rephrasings, .05 after the articles; "
        "asked from the other end rephrasings teach more, .43 to .30 (`python -m benchmarks.students entigraph`).",
    )

    triples: int = Field(
        1_140,
        ge=0,
        description="Triples of a piece in random order, after all of its pairs; the paper goes on while it has money.",
    )
    most_entities: int = Field(
        50, ge=2, le=500, description="Entities of a piece that are combined, the first named; the paper has no limit."
    )
    piece_tokens: int = Field(8_000, ge=50, description="Longest piece that is read as one; the paper cuts nothing.")
    tries: int = Field(5, ge=1, le=10, description="Samples of the list of entities, until one can be read.")
    keep_facts: bool = Field(
        True, description="Drop a text with a name or number that its document lacks; the paper does not check."
    )
    temperature: float = Field(1.0, ge=0, le=2, description="Sampling temperature of the texts.")
    max_tokens: int = Field(2_048, ge=64, description="Longest text of the writer, in tokens.")
    seed: int = Field(42, ge=0, description="Seed of the order of triples; the released code has 42.")

    async def synthesize(self, document: Document, /, *, writer: Teacher) -> Sequence[Document] | Drop:
        texts = [text for text in pieces(document.body, self.piece_tokens) if not is_blank(text)]
        if not texts:
            return Drop("blank_document")
        known = KnownFacts.of(f"{document.title or ''}\n{document.body}")
        parts = [_Piece(document, known, place, text) for place, text in enumerate(texts)]
        lists = await together(*(attempted(self._listed(piece, writer)) for piece in parts))
        problems = [one for one in lists if isinstance(one, Unusable)]
        if len(problems) == len(lists):
            raise problems[0]  # nothing came back: the document is a reject, to be tried again
        made = await together(*(self._piece(piece, one, writer) for piece, one in zip(parts, lists, strict=True)))
        return [record for records in made for record in records]

    async def _piece(self, piece: "_Piece", listed: Entities | Unusable, writer: Teacher) -> list[Document]:
        if isinstance(listed, Unusable):
            return [piece.record(listed.raw, {"kind": "summary"}, f"entities_{listed.reason}", listed.call)]
        names = named_in(f"{piece.document.title or ''}\n{piece.text}", listed.entities)
        sets = [[names[place] for place in one] for one in self.planned(min(len(names), self.most_entities))]
        answers = await together(*(attempted(self._related(piece, one, writer)) for one in sets))
        summary = listed.summary.strip()
        texts = [text_of(answer) for answer in answers]
        foreign = in_another_language([summary, *texts], piece.text)
        facts: dict[str, Json] = {"kind": "summary", "entities": names, "left_out": len(listed.entities) - len(names)}
        return [
            piece.record(summary, facts, self._unfit(piece, summary, (), foreign=foreign[0]), listed.call),
            *(
                self._judged(piece, one, text, answer, foreign=strange)
                for one, text, answer, strange in zip(sets, texts, answers, foreign[1:], strict=True)
            ),
        ]

    async def _listed(self, piece: "_Piece", writer: Teacher) -> Entities:
        return await insist(
            lambda attempt: writer.ask(
                ENTITIES,
                into=Entities,
                sampling=Sampling(temperature=self.temperature, max_tokens=self.max_tokens),
                sample=attempt,
                text=piece.shown,
            ),
            tries=self.tries,
            fits=lambda reply: bool(reply.entities),
        )

    def planned(self, count: int) -> Sequence[tuple[int, ...]]:
        """The sets of so many entities that are asked about: every pair, then triples. More triples add to the end."""
        triples = drawn(count, 3, self.triples, Random(self.seed)) if self.triples else ()
        return [*combinations(range(count), 2), *triples]

    async def _related(self, piece: "_Piece", names: Sequence[str], writer: Teacher) -> Answer:
        return await writer.tell(
            RELATIONS[len(names)],
            sampling=Sampling(temperature=self.temperature, max_tokens=self.max_tokens),
            text=piece.shown,
            entities="".join(tagged("entity", name) for name in names),
        )

    # ------------------------------------------------------------------------------------------------------ verdicts

    def _judged(
        self, piece: "_Piece", names: list[str], text: str, answer: Answer | Unusable, *, foreign: bool
    ) -> Document:
        if isinstance(answer, Unusable):
            reason = answer.reason
        elif answer.finish_reason == "length":
            reason = "cut"
        else:
            reason = self._unfit(piece, text, names, foreign=foreign)
        return piece.record(text, {"kind": KINDS[len(names)], "entities": names}, reason, answer.call)

    def _unfit(self, piece: "_Piece", text: str, names: Sequence[str], *, foreign: bool) -> str | None:
        """The first reason to eliminate a text about these entities, or None. What the document names is known."""
        checks = {
            "blank": is_blank(text),
            "refusal": refuses(text),
            "other_language": foreign,
            "meta_phrase": speaks_of_task(text) and not speaks_of_task(piece.text),
            "copy": normalised(_HEADING.sub("", text)) == normalised(piece.text),
            "wrong_form": bool(names) and len(_HEADING.findall(text)) != len(names) + 1,
            "entity_missing": any(find_verbatim(name, text, ignore_case=True) is None for name in names),
            "invented_fact": self.keep_facts and bool(piece.known.lacking(_HEADING.sub("", text))),
        }
        return next((reason for reason, fails in checks.items() if fails), None)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a document that is read as one."""

    document: Document
    known: KnownFacts  # of the whole document: what it names elsewhere is not made up
    place: int
    text: str

    @property
    def shown(self) -> str:
        return tagged("text", self.text, title=self.document.title)

    def record(self, text: str, facts: Mapping[str, Json], reason: str | None, call: Call | None) -> Document:
        return Document(
            body=text,
            title=self.document.title,
            url=self.document.url,
            parents=(self.document,),
            attributes={**facts, "piece": self.place},
            status="eliminated" if reason else "current",
            reason=reason,
            **written_by(call),
        )


def text_of(answer: Answer | Unusable) -> str:
    return answer.raw if isinstance(answer, Unusable) else without_lead_in(answer.text)


def named_in(text: str, entities: Sequence[Entity]) -> list[str]:
    """The names of entities that a text holds, each once: word by word, or every word of them somewhere in it."""
    found: dict[str, str] = {}
    for name in (one_line(entity.name) for entity in entities):
        if is_blank(name) or normalised(name) in found:
            continue
        if find_verbatim(name, text, ignore_case=True) or support(name, text) == 1:
            found[normalised(name)] = name
    return list(found.values())
