"""A method with several parents for each record: a question about each two passages that stand beside each other."""

from collections.abc import Sequence
from itertools import pairwise

from synth_dagster.method import PoolSynthesizer
from synth_dagster.parts.asking.calls import prompt, written_by
from synth_dagster.records import Document, Instruction
from synth_dagster.services import Drop, Teacher

ABOUT_BOTH = prompt(
    system="You ask about texts.",
    user="Ask what both texts share.\n<text>{first}</text>\n<text>{second}</text>",
    variables="first second",
)


class Neighbours(PoolSynthesizer[Document, Instruction]):
    """One round; the passages in the order of their texts, so that it does not matter where they came from."""

    paper = "interpretation"

    async def round(
        self, pool: Sequence[Document], number: int, /, *, writer: Teacher
    ) -> Sequence[Sequence[Instruction] | Drop]:
        passages = sorted((one for one in pool if isinstance(one, Document)), key=lambda one: one.body)
        return [] if number else [await self._about(*two, writer) for two in pairwise(passages)]

    async def _about(self, one: Document, other: Document, writer: Teacher) -> Sequence[Instruction]:
        said = await writer.tell(ABOUT_BOTH, first=one.body, second=other.body)
        return [Instruction.single("What do both share?", said.text, parents=[one, other], **written_by(said.call))]
