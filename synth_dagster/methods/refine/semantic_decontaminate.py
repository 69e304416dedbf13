"""Drops what asks the same as a benchmark item, by the vectors of an embedding model and a judge where they are unsure

Paper: arXiv:2311.04850, the decontaminator that finds rephrased items; its prompt is not used, ours. A question is
compared with all items by the vectors of the role `embedder`. From `certain` on it is dropped; from `near` on the role
`judge` is asked about each of the nearest items whether both are the same problem. So a translation is found too, which
the words alone that `decontaminate` compares do not show.

It is a step of a stage and asks before anything is made of a record; `decontaminate` stands in the mix and asks nobody.
Without an endpoint for vectors those of the words are used, which is slow here and finds no more than `decontaminate`.
"""

import asyncio
from typing import ClassVar
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Family, InputPath, Proof, Refiner
from synth_dagster.parts.asking.calls import prompt, tagged, together
from synth_dagster.parts.text.hashed_words import normalise, words
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Instruction
from synth_dagster.services import Drop, Embedder, References, Reply, Sampling, Teacher

SAME = prompt(
    system="You compare problems of benchmarks with questions of training data.",
    user="{item}{question}Is the question the same problem as the item, perhaps in other words or in another language? "
    "It is the same if whoever knows the answer to one knows the answer to the other. Other numbers or names that "
    "change the answer make another problem.",
    variables="item question",
)
JUDGING = Sampling(temperature=0.0, max_tokens=64)


class Verdict(Reply):
    same: bool = Field(description="Whether both are the same problem.")


class SemanticDecontaminate(Refiner[Instruction]):
    paper = "arXiv:2311.04850"
    family: ClassVar[Family] = "curation"
    topics: ClassVar[tuple[str, ...]] = ("benchmark", "contamination", "rephrased", "translated benchmark")
    proof = Proof(
        "planted signal",
        "Of 100 items told in words without one in common all are found with the vectors of a model that knows them, "
        "and no other question; the judge is asked only between both limits.",
    )

    against: InputPath = Field(description="File or folder with the benchmarks' questions.")
    certain: float = Field(0.95, ge=0, le=1, description="Cosine from which a question is dropped without a judge.")
    near: float = Field(0.7, ge=0, le=1, description="Cosine from which the judge is asked; models differ in theirs.")
    nearest: int = Field(3, ge=1, le=10, description="Items that the judge is asked about at most.")
    min_item_words: int = Field(4, ge=1, description="Shorter items are no evidence and are left out.")

    async def refine(
        self, record: Instruction, /, *, embedder: Embedder, judge: Teacher, references: References
    ) -> Instruction | Drop:
        items = _items(references, self.against, self.min_item_words)
        asked = "\n\n".join(turn.content for turn in record.messages if turn.role == "user")
        if is_blank(asked) or not items:
            return record
        likeness = await _likeness(embedder, asked, items)
        nearest = [int(place) for place in np.argsort(-likeness, kind="stable")[: self.nearest]]
        if likeness[nearest[0]] >= self.certain:
            return Drop("contaminated", f"cosine {likeness[nearest[0]]:.3f} to item {nearest[0] + 1}")
        unsure = [place for place in nearest if likeness[place] >= self.near]
        verdicts = await together(*(self._asked(judge, items[place], asked) for place in unsure))
        same = [place for place, verdict in zip(unsure, verdicts, strict=True) if verdict.same]
        return Drop("rephrased", f"the judge, cosine {likeness[same[0]]:.3f} to item {same[0] + 1}") if same else record

    async def _asked(self, judge: Teacher, item: str, question: str) -> Verdict:
        shown, asked = tagged("item", item), tagged("question", question)
        return await judge.ask(SAME, into=Verdict, sampling=JUDGING, item=shown, question=asked)


_known_items: "WeakKeyDictionary[References, dict[tuple[str, int], tuple[str, ...]]]" = WeakKeyDictionary()
_known_vectors: "WeakKeyDictionary[Embedder, dict[tuple[str, ...], asyncio.Task[np.ndarray]]]" = WeakKeyDictionary()


def _items(references: References, path: str, least: int) -> tuple[str, ...]:
    """The items of a path, read once for all records of a step."""
    known = _known_items.setdefault(references, {})
    if (path, least) not in known:
        texts = references.texts(path)
        long_enough = words(normalise(pa.array(texts, pa.string()))).counts >= least
        known[path, least] = tuple(text for text, kept in zip(texts, long_enough, strict=True) if kept)
    return known[path, least]


async def _likeness(embedder: Embedder, text: str, items: tuple[str, ...]) -> np.ndarray:
    """The cosine of a text with each item. The items' vectors are asked for once in a step.

    Vectors that were learnt from the texts of one call can be compared in that call only: an item that comes out
    another way beside another text shows that, and then all are asked for together.
    """
    there = await _vectors_of(embedder, items)
    own, first = await embedder.embed([text, items[0]])
    if len(first) == there.shape[1] and np.allclose(first, there[0], atol=1e-4):
        return there @ own
    together_now = await embedder.embed([text, *items])
    return together_now[1:] @ together_now[0]


async def _vectors_of(embedder: Embedder, items: tuple[str, ...]) -> np.ndarray:
    known = _known_vectors.setdefault(embedder, {})
    if items not in known:
        known[items] = asyncio.ensure_future(embedder.embed(items))
    return await asyncio.shield(known[items])
