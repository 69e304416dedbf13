"""Gopher repetition rules: drop pages that repeat their lines, paragraphs or runs of words.

Paper: arXiv:2112.11446, table A1; counted as datatrove does for FineWeb (arXiv:2406.17557), first failure wins. Shares
of characters are of all characters of the page. Words are those of English text: a script without blanks has few.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Filter, Proof, Rules
from synth_dagster.parts.pages.page_measures import repeated_shares
from synth_dagster.parts.text.code_points import strings_of
from synth_dagster.parts.text.english_words import words_of
from synth_dagster.parts.text.repetition import REPEATED, TOP, repeated_runs
from synth_dagster.records import Document


class GopherRepetition(Filter):
    """Thirteen shares of what stands on a page more than once, each with its threshold."""

    paper = "arXiv:2112.11446"
    proof = Proof(
        "official parity",
        "datatrove's decisions and reasons on 999 of 1,000 pages near the limits; one page a rule by hand.",
    )
    judges = (Document,)

    max_repeated_paragraphs: float = Field(0.3, ge=0, le=1, description="Share of paragraphs that stood before.")
    max_characters_in_repeated_paragraphs: float = Field(0.2, ge=0, le=1, description="The same, by characters.")
    max_repeated_lines: float = Field(0.3, ge=0, le=1, description="Share of lines that stood before.")
    max_characters_in_repeated_lines: float = Field(0.2, ge=0, le=1, description="The same, by characters.")
    max_top_2: float = Field(0.2, ge=0, description="Characters of all places of the commonest pair of words.")
    max_top_3: float = Field(0.18, ge=0, description="The same for runs of three words.")
    max_top_4: float = Field(0.16, ge=0, description="The same for runs of four words.")
    max_repeated_5: float = Field(0.15, ge=0, description="Characters in runs of five words that stood before.")
    max_repeated_6: float = Field(0.14, ge=0, description="The same for six words.")
    max_repeated_7: float = Field(0.13, ge=0, description="The same for seven words.")
    max_repeated_8: float = Field(0.12, ge=0, description="The same for eight words.")
    max_repeated_9: float = Field(0.11, ge=0, description="The same for nine words.")
    max_repeated_10: float = Field(0.10, ge=0, description="The same for ten words.")

    def measure(self, flat: pa.Table, /) -> Mapping[str, pa.Array]:
        missing = flat["text"].combine_chunks().is_null().to_numpy(zero_copy_only=False)
        texts = strings_of(flat["text"])
        columns: dict[str, list[np.ndarray]] = {name: [] for name in _COLUMNS}
        for run in words_of(texts):
            some = pa.array(texts[run.texts.start : run.texts.stop], pa.string())
            for name, values in repeated_shares(some, repeated_runs(run.words)).items():
                columns[name].append(values)
        joined = {name: np.concatenate([np.zeros(0), *parts]) for name, parts in columns.items()}
        return {
            name: pa.array(values, pa.float64(), mask=missing | np.isnan(values)) for name, values in joined.items()
        }

    def rules(self) -> Rules:
        limits = self.model_dump()
        return {"empty": "characters = 0"} | {name: f"{name} > {limits['max_' + name]}" for name in _COLUMNS[1:]}


_COLUMNS = (
    "characters",
    "repeated_paragraphs",
    "characters_in_repeated_paragraphs",
    "repeated_lines",
    "characters_in_repeated_lines",
    *(f"top_{n}" for n in TOP),
    *(f"repeated_{n}" for n in REPEATED),
)
