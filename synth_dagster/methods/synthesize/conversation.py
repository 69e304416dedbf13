"""A conversation that stands in the corpus as a transcript becomes an instruction record again, word for word.

Ours: the way in for data that are instructions already, such as seed tasks in the form of Alpaca, which the readers
bring in as transcripts (`parts.transcript`). No model is asked. A preference pair gives its better side.
"""

from collections.abc import Sequence
from typing import ClassVar

from synth_dagster.method import Family, Proof, Synthesizer
from synth_dagster.parts.asking.transcript import parsed
from synth_dagster.parts.text.words import is_blank
from synth_dagster.records import Document, Instruction, Span
from synth_dagster.services import Drop

_OF_THE_DELIVERY = ("native_key", "chunk")


class Conversation(Synthesizer[Document, Instruction]):
    """Takes the turns of a transcript; a document that is none is dropped with the reason."""

    paper: ClassVar[str] = "interpretation"
    family: ClassVar[Family] = "reformation"
    topics: ClassVar[tuple[str, ...]] = ("seed tasks", "chat", "multi-turn", "dialogue", "Alpaca", "ShareGPT")
    proof: ClassVar[Proof] = Proof("equation by hand", "every turn of a transcript comes back letter by letter")

    async def synthesize(self, document: Document, /) -> Sequence[Instruction] | Drop:
        if is_blank(document.body):
            return Drop("blank_text")
        try:
            found = parsed(document.body)
        except ValueError:
            return Drop("no_transcript", "A conversation in the form of parts.transcript is expected.")
        turns = (*found.messages, *found.chosen)
        if turns[-1].role != "assistant":
            return Drop("no_answer", "The last turn must be the assistant's.")
        whole = Span(document.record_id, 0, len(document.body), document.body)
        told = {name: value for name, value in document.attributes.items() if name not in _OF_THE_DELIVERY}
        return [Instruction(messages=turns, parents=(document,), evidence=(whole,), attributes=told)]
