"""Writes into each document which language it is in, so that everything after it can go by languages.

Paper: arXiv:2506.20920 (FineWeb2), which tells languages and scripts before anything else. A language that the source
declares stays, unless it is to be found out all the same. `attributes["language"]` has score, script and mixed share.
"""

import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Proof, Refiner
from synth_dagster.parts.text.language_codes import Tellable
from synth_dagster.parts.text.languages import UNKNOWN, languages_of, scripts_of
from synth_dagster.records import Document


class IdentifyLanguage(Refiner[Document], Tellable):
    """Fills in `lang`; a document whose language is not sure stays as it is."""

    paper = "arXiv:2506.20920"
    proof = Proof(
        "planted signal",
        "What the filter `language` finds is written down and kept by the runner; what is declared stays.",
    )

    min_score: float = Field(0.3, ge=0, le=1, description="A language must be surer than this to be written down.")
    override: bool = Field(False, description="Whether a language that is declared is found out all the same.")

    async def refine(self, record: Document, /) -> Document:
        if record.lang != UNKNOWN and not self.override:
            return record
        text = pa.array([record.body], pa.string())
        found, (scripts, _) = languages_of(text, self.counted_as), scripts_of(text)
        lang, score = str(found.names[0]), float(found.scores[0])
        if lang == UNKNOWN or score <= self.min_score:
            return record
        about = {"score": score, "script": str(scripts[0]), "mixed": float(found.mixed[0])}
        return record.but(lang=lang, attributes={**record.attributes, "language": about})
