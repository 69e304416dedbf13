"""Requests for more items of a set: which examples each shows, and the keywords that guide it.

As UniGen asks (arXiv:2406.18966); the wording is ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, TypeAlias

import numpy as np
from pydantic import BaseModel, Field

from synth_dagster.parts.asking.calls import attempted, prompt, recorded, tagged, together
from synth_dagster.parts.cards.item_checks import CHECKING
from synth_dagster.parts.similarity.spread import one_of_each, one_of_each_group, varied, ward
from synth_dagster.parts.streams import stream
from synth_dagster.parts.text.words import is_blank, one_line
from synth_dagster.records import Instruction
from synth_dagster.services import Embedder, Reply, Teacher, Unusable

Choice: TypeAlias = Literal["embedding", "kmeans", "agglomerative", "random"]


class Written(BaseModel):
    text: str = Field(description="The question or task, complete in itself.")
    label: str = Field(description="Its answer.")


class WrittenItems(Reply):
    items: list[Written] = Field(description="The new items.")


class Keywords(Reply):
    keywords: list[str] = Field(description="A few words, each in one or two words.")


TAG = prompt(
    user="""
{item}Say what this item is about in a few keywords: its subject, its kind, and the skill that it takes.
""",
    variables="item",
)
WRITE = prompt(
    system="You write items for a data set. They are harder than usual, and stay true to what the set is for.",
    user="""
{description}{examples}{constraints}{attributes}Write this many new items for the set: <count>{count}</count>

They have the form of the examples and are none of them in other words. They keep to every constraint, without
exception. Where attributes are given, each item is about one of them.
""",
    variables="description examples constraints attributes count",
)


@dataclass(frozen=True, slots=True)
class Request:
    """A call for new items: the examples that are shown, the keywords that guide it, and who told these."""

    number: int
    count: int
    examples: tuple[Instruction, ...]
    attributes: tuple[str, ...] = ()
    calls: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Asking:
    """How items are asked for."""

    items: int  # in all
    batch: int
    choice: Choice
    examples: int
    tags: bool
    seed: int


async def requests_for(base: Sequence[Instruction], how: Asking, writer: Teacher, embed: Embedder) -> list[Request]:
    """The requests, in order. Costs a call for each item of the set where it is tagged."""
    chooser = await _Chooser.of(base, how, embed)
    tags = await _tags_of(base, writer) if how.tags else [Tags()] * len(base)
    return [
        _request(number, min(how.batch, how.items - first), chooser, tags)
        for number, first in enumerate(range(0, how.items, how.batch))
    ]


@dataclass(frozen=True, slots=True)
class Tags:
    """The keywords of an item, and the calls that told them."""

    words: tuple[str, ...] = ()
    calls: tuple[bytes, ...] = ()


async def _tags_of(base: Sequence[Instruction], writer: Teacher) -> list[Tags]:
    return [Tags(*told) for told in await together(*(recorded(_keywords(one, writer)) for one in base))]


async def _keywords(record: Instruction, writer: Teacher) -> tuple[str, ...]:
    """The keywords of an item; none where nobody could tell them."""
    said = await attempted(writer.ask(TAG, into=Keywords, sampling=CHECKING, item=tagged("item", record.text())))
    words = [] if isinstance(said, Unusable) else [one_line(word) for word in said.keywords]
    return tuple(dict.fromkeys(word for word in words if not is_blank(word)))


@dataclass(frozen=True)
class _Chooser:
    """The examples of a set, drawn anew for each request."""

    base: Sequence[Instruction]
    how: Asking
    vectors: np.ndarray
    groups: np.ndarray  # of each item, where they do not change from request to request

    @classmethod
    async def of(cls, base: Sequence[Instruction], how: Asking, embed: Embedder) -> "_Chooser":
        none = np.zeros((len(base), 0))
        vectors = await embed.embed([one.text() for one in base]) if how.choice != "random" else none
        count = min(how.examples, len(base))
        return cls(base, how, vectors, ward(vectors, count) if how.choice == "agglomerative" else none)

    def stream(self, number: int) -> Random:
        return stream(self.how.seed, self.base[0].record_id, "examples", number)

    def places(self, rng: Random) -> list[int]:
        count = min(self.how.examples, len(self.base))
        if self.how.choice == "embedding":
            return varied(self.vectors, count, rng)
        if self.how.choice == "kmeans":
            return one_of_each(self.vectors, count, rng)
        if self.how.choice == "agglomerative":
            return one_of_each_group(self.groups, rng)
        return rng.sample(range(len(self.base)), count)


def _request(number: int, count: int, chooser: _Chooser, tags: Sequence[Tags]) -> Request:
    rng = chooser.stream(number)
    places = chooser.places(rng)
    about = tuple(dict.fromkeys(word for place in places for word in tags[place].words))
    return Request(
        number,
        count,
        tuple(chooser.base[place] for place in places),
        tuple(rng.sample(about, min(count, len(about)))),
        tuple(call for place in places for call in tags[place].calls),
    )
