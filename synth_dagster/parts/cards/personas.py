"""What the steps of Persona Hub (arXiv:2406.20094) that write for a persona share: settings, openings, and examples.

Every task has a text begin with words of its own, so that what is no such text, or announces it, is seen. Examples come
from a file of the project, one object a line: `text`, and `persona` where the example was written for one.
"""

import re
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, Field

from synth_dagster.method import LabelsPath
from synth_dagster.parts.asking.calls import tagged
from synth_dagster.parts.streams import stream
from synth_dagster.records import Document
from synth_dagster.services import References, Sampling


class ForPersonas(BaseModel):
    """The settings of a step that writes for a persona."""

    per_persona: int = Field(1, ge=1, le=20, description="Independent samples for each persona.")
    examples: LabelsPath = Field("", description="File with examples, text and perhaps persona; none is zero-shot.")
    shown: int = Field(3, ge=1, le=20, description="Examples of a request, drawn for each persona.")
    example_personas: bool = Field(True, description="Show the persona of an example; no is plain few-shot.")
    temperature: float = Field(
        0.7,
        ge=0,
        le=2,
        description="Sampling temperature; the released demos have 0.7 for an API and 0.6 for a machine.",
    )
    top_p: float = Field(1.0, gt=0, le=1, description="Nucleus of the samples; the demo for a machine has 0.95.")
    seed: int = Field(0, ge=0, description="Seed of the examples.")

    def sampling(self, longest: int) -> Sampling:
        """How the writer is asked, for an answer of at most so many tokens."""
        return Sampling(temperature=self.temperature, top_p=self.top_p, max_tokens=longest)

    def examples_for(self, persona: Document, references: References) -> str:
        """The examples that are shown with a persona, as a teacher sees them."""
        rows = references.rows(self.examples) if self.examples else []
        drawn = stream(self.seed, persona.record_id, "examples").sample(rows, min(self.shown, len(rows)))
        return shown_examples(drawn, with_personas=self.example_personas)


def without_opening(text: str, opening: str) -> str | None:
    """The text behind its opening words, whatever marks stand around them; None where it begins otherwise."""
    found = re.match(rf"\W*{re.escape(opening.rstrip(':'))}[*_\s]*:?[*_\s]*", text, re.IGNORECASE)
    return text[found.end() :].strip() if found else None


def shown_examples(rows: Sequence[Mapping[str, object]], *, with_personas: bool) -> str:
    """Examples as a teacher sees them, each with its own persona where that is wanted and known."""
    return "".join(
        tagged("example", str(row.get("text", "")), persona=str(row.get("persona") or "") if with_personas else None)
        for row in rows
    )
