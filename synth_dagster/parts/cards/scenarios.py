"""Scenarios: who wants to know something, and which collection of documents holds it (CHASE, arXiv:2502.14678)."""

from collections.abc import Iterable
from dataclasses import dataclass

from synth_dagster.parts.similarity.short_texts import jaccard
from synth_dagster.records import Document


@dataclass(frozen=True, slots=True)
class Scenario:
    persona: str
    collection: str

    @classmethod
    def read(cls, document: Document) -> "Scenario | None":
        """The scenario of a document: its first line is the persona, the next one the collection; else None."""
        lines = [line.strip() for line in document.body.splitlines() if any(map(str.isalnum, line))]
        return cls(lines[0], lines[1]) if len(lines) > 1 else None

    def written(self) -> str:
        return f"{self.persona}\n{self.collection}"

    def likeness(self, other: "Scenario") -> float:
        """The mean of the words that both personas and both collections share, by all words: 0 to 1."""
        return (jaccard(self.persona, other.persona) + jaccard(self.collection, other.collection)) / 2

    def nearest(self, others: Iterable["Scenario"]) -> float:
        """How like the most alike of others is; 0 without any."""
        return max(map(self.likeness, others), default=0.0)
