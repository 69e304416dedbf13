"""Gopher quality rules: drop pages that do not read like prose, with the numbers that FineWeb uses.

Paper: arXiv:2112.11446, appendix A1.1; numbers as in arXiv:2406.17557, counted as datatrove does. Marks are words of
their own: they count where a rule says "per word", and not for the number and the length of words. The rules fit
languages with blanks between words, the stop words English; another language needs its own.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Filter, Proof, Rules
from synth_dagster.parts.pages.page_measures import different, word_measures
from synth_dagster.parts.text.code_points import strings_of
from synth_dagster.parts.text.english_words import words_of
from synth_dagster.records import Document


class GopherQuality(Filter):
    """The eight rules; a page without words fails the first."""

    paper = "arXiv:2112.11446"
    proof = Proof(
        "official parity",
        "datatrove's decisions and reasons on 998 of 1,000 pages near the limits; one page a rule by hand.",
    )
    judges = (Document,)

    min_words: int = Field(50, ge=0, description="Fewest words of a page.")
    max_words: int = Field(100_000, ge=1, description="Most words of a page.")
    min_word_length: float = Field(3, ge=0, description="Shortest mean length of a word, in characters.")
    max_word_length: float = Field(10, ge=1, description="Longest mean length of a word, in characters.")
    max_hashes: float = Field(0.1, ge=0, description="Hash signs per word.")
    max_ellipses: float = Field(0.1, ge=0, description="Ellipses (... or …) per word.")
    max_bullet_lines: float = Field(0.9, ge=0, le=1, description="Share of lines that begin with a bullet or a dash.")
    max_ellipsis_lines: float = Field(0.3, ge=0, le=1, description="Share of lines that end with an ellipsis.")
    min_words_with_letters: float = Field(0.8, ge=0, le=1, description="Share of words that hold a letter.")
    min_stop_words: int = Field(2, ge=0, description="How many of the stop words must occur.")
    stop_words: tuple[str, ...] = Field(
        ("the", "be", "to", "of", "and", "that", "have", "with"),
        min_length=1,
        description="Words that prose of the language cannot do without, in lower case.",
    )

    def measure(self, flat: pa.Table, /) -> Mapping[str, pa.Array]:
        missing = flat["text"].combine_chunks().is_null().to_numpy(zero_copy_only=False)
        texts = strings_of(flat["text"])
        columns: dict[str, list[np.ndarray]] = {name: [np.zeros(0)] for name in _COLUMNS}
        for run in words_of(texts):
            some = pa.array(texts[run.texts.start : run.texts.stop], pa.string())
            measures = word_measures(some, run) | {"stop_words": different(run.words, self.stop_words)}
            for name, values in measures.items():
                columns[name].append(values)
        joined = {name: np.concatenate(parts) for name, parts in columns.items()}
        return {name: _column(name, values, missing) for name, values in joined.items()}

    def rules(self) -> Rules:
        return {
            "too_few_words": f"words < {self.min_words}",
            "too_many_words": f"words > {self.max_words}",
            "short_words": f"word_length < {self.min_word_length}",
            "long_words": f"word_length > {self.max_word_length}",
            "hashes": f"hashes > {self.max_hashes}",
            "ellipses": f"ellipses > {self.max_ellipses}",
            "bullet_lines": f"bullet_lines > {self.max_bullet_lines}",
            "ellipsis_lines": f"ellipsis_lines > {self.max_ellipsis_lines}",
            "few_words_with_letters": f"words_with_letters < {self.min_words_with_letters}",
            "few_stop_words": f"stop_words < {self.min_stop_words}",
        }

    def threshold_settings(self) -> frozenset[str]:
        return super().threshold_settings() - {"stop_words"}


_COUNTS = ("words", "stop_words")
_COLUMNS = (
    *("words", "word_length", "hashes", "ellipses", "bullet_lines", "ellipsis_lines"),
    *("words_with_letters", "stop_words"),
)


def _column(name: str, values: np.ndarray, missing: np.ndarray) -> pa.Array:
    kind = pa.int64() if name in _COUNTS else pa.float64()
    return pa.array(values.astype(kind.to_pandas_dtype()), kind, mask=missing | ~np.isfinite(values))
