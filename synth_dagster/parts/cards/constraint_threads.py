"""UltraIF's queries on their way (arXiv:2502.04153): what was taken out of each, and the forms that it was given since.

Rounds share nothing but the pool, so all of it stands in the attributes of records that a round left behind superseded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synth_dagster.parts.asking.composing import Triple
from synth_dagster.records import Instruction, Json, Message, Record


@dataclass
class Thread:
    """A query with what was taken from it, and the latest form that it was given."""

    start: Instruction
    latest: Instruction

    @property
    def questions(self) -> list[str]:
        return list(self.latest.attributes["questions"])  # type: ignore[arg-type]  # our own attribute

    @property
    def types(self) -> list[str]:
        """The types of constraint that the query has: its own, and those that were added."""
        return list(self.latest.attributes["types"])  # type: ignore[arg-type]  # our own attribute

    @property
    def history(self) -> list[str]:
        """The forms of the query before the latest, oldest first."""
        return list(self.latest.attributes.get("history", []))  # type: ignore[arg-type]  # our own attribute

    def triples(self) -> list[Triple[Instruction]]:
        told: Any = self.start.attributes["triples"]
        query = self.start.instruction
        return [
            Triple(one["type"], one["constraint"], one["simplified_query"], query, one["eval_question"], self.start)
            for one in told
        ]

    def with_more(
        self, text: str, number: int, added: Mapping[str, str], *, beside: Sequence[Record] = (), **more: Any
    ) -> Instruction:
        """The query in its next form, with the one constraint that was added to it and the question about that."""
        about: Any = self.latest.attributes
        attributes: dict[str, Json] = {
            "round": number,
            "initial_query": self.start.instruction,
            "history": [*self.history, self.latest.instruction],
            "questions": [*self.questions, added["question"]],
            "constraints": [*about["constraints"], added["constraint"]],
            "types": [*self.types, *([added["type"]] if "type" in added else [])],
        }
        return Instruction(
            messages=(Message("user", text),),
            parents=(self.latest, *beside),
            attributes=attributes,
            status="superseded",
            reason="composed",
            **more,
        )


def threads_of(pool: Sequence[Instruction]) -> list[Thread]:
    """What is under way, in the order of the queries. What rounds made is superseded, what they were given never."""
    threads: dict[bytes, Thread] = {}  # by the id of each form of a query
    started: list[Thread] = []
    for record in (one for one in pool if one.status == "superseded"):
        if "triples" in record.attributes:
            thread = Thread(record, record)
            started.append(thread)
        else:
            (before, *_) = record.parents
            thread = threads[before.record_id]
            thread.latest = record
        threads[record.record_id] = thread
    return started
