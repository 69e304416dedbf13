"""FineWeb line rules: drop pages made of menus, lists and repeated lines.

Paper: arXiv:2406.17557, section 3.6, counted as datatrove does. Blank lines are neither short lines nor duplicates:
counting them dropped good pages in an early version of the official code. Where paper and official code differ, the
setting names both.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Filter, Proof, Rules
from synth_dagster.parts.pages.page_lines import line_shares, newlines
from synth_dagster.parts.text.code_points import strings_of
from synth_dagster.parts.text.english_words import words_of
from synth_dagster.records import Document

_SHORT = 30  # characters


class FinewebQuality(Filter):
    """Four shares of a page's lines, each with its threshold."""

    paper = "arXiv:2406.17557"
    proof = Proof(
        "official parity",
        "datatrove's decisions and reasons on 999 of 1,000 pages near the limits; blank lines are free.",
    )
    judges = (Document,)

    min_terminal_punctuation: float = Field(
        0.12, ge=0, le=1, description="Share of lines whose last character ends a sentence in any script."
    )
    max_short_lines: float = Field(0.67, ge=0, le=1, description="Share of lines of at most 30 characters.")
    max_duplicate_characters: float = Field(
        0.01, ge=0, le=1, description="Share of characters in repeated lines; 0.01 in the code, 0.10 in the paper."
    )
    max_newlines_per_word: float = Field(0.3, ge=0, description="Line breaks per word: lists and menus have many.")

    def measure(self, flat: pa.Table, /) -> Mapping[str, pa.Array]:
        missing = flat["text"].combine_chunks().is_null().to_numpy(zero_copy_only=False)
        texts = strings_of(flat["text"])
        columns: dict[str, list[np.ndarray]] = {name: [np.zeros(0)] for name in _COLUMNS}
        for run in words_of(texts):
            some = pa.array(texts[run.texts.start : run.texts.stop], pa.string())
            with np.errstate(invalid="ignore", divide="ignore"):  # without words there is no share
                shares = line_shares(some, _SHORT) | {"newlines_per_word": newlines(some) / run.words.counts}
            for name, values in shares.items():
                columns[name].append(values)
        joined = {name: np.concatenate(parts) for name, parts in columns.items()}
        return {
            name: pa.array(values, pa.float64(), mask=missing | ~np.isfinite(values)) for name, values in joined.items()
        }

    def rules(self) -> Rules:
        return {
            "few_sentences": f"terminal_punctuation < {self.min_terminal_punctuation}",
            "short_lines": f"short_lines > {self.max_short_lines}",
            "duplicate_lines": f"duplicate_characters > {self.max_duplicate_characters}",
            "list_like": f"newlines_per_word > {self.max_newlines_per_word}",
        }


_COLUMNS = ("terminal_punctuation", "short_lines", "duplicate_characters", "newlines_per_word")
