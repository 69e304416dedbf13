"""Language: keeps texts that are surely in the wanted languages, and tells their script and whether they are mixed.

Paper: arXiv:2406.17557 (FineWeb keeps English above .65), arXiv:2506.20920 (FineWeb2: one for each language). Both use
models that are downloaded; ours is that of py3langid, which is shipped, and its scores are its own: at the same
threshold it keeps other borderline pages. `identify_language` writes what is found into the records themselves.
"""

from collections.abc import Mapping

import pyarrow as pa
from pydantic import Field, model_validator

from synth_dagster.method import Filter, Proof, Rules
from synth_dagster.parts.sql import literal
from synth_dagster.parts.text.language_codes import Tellable, told
from synth_dagster.parts.text.languages import languages_of, scripts_of


class Language(Filter, Tellable):
    """The language, how sure it is, the script, and the share of the text in another language."""

    paper = "arXiv:2406.17557"
    proof = Proof(
        "planted signal",
        "Passages in 55 languages that it can name: of 53 at least 95 % are right; each window as its package has it.",
    )

    keep: tuple[str, ...] = Field(
        ("en",), description="Languages to keep, as ISO 639-1 has them, else 639-3; none: every language that is sure."
    )
    scripts: tuple[str, ...] = Field((), description="Scripts to keep, as ISO 15924 has them; none: all.")
    min_score: float = Field(0.65, ge=0, le=1, description="A language must be surer than this.")
    min_scores: dict[str, float] = Field(
        {}, description="Language -> its own threshold in place of min_score, as FineWeb2 has them."
    )
    max_mixed: float = Field(1, ge=0, le=1, description="Largest share of a text in another language.")

    def threshold_settings(self) -> frozenset[str]:
        return super().threshold_settings() - {"counted_as"}

    @model_validator(mode="after")
    def _names_what_is_told(self) -> "Language":
        told([*self.keep, *self.min_scores], self.counted_as.values())
        return self

    def measure(self, flat: pa.Table, /) -> Mapping[str, pa.Array]:
        text = flat["text"].combine_chunks()
        unread = text.is_null().to_numpy(zero_copy_only=False)
        found, (scripts, _) = languages_of(text, self.counted_as), scripts_of(text)
        return {
            "lang": pa.array(found.names, pa.string(), mask=unread),
            "score": pa.array(found.scores, pa.float64(), mask=unread),
            "mixed": pa.array(found.mixed, pa.float64(), mask=unread),
            "script": pa.array(scripts, pa.string(), mask=unread),
        }

    def rules(self) -> Rules:
        own = " ".join(f"when {literal(lang)} then {score}" for lang, score in sorted(self.min_scores.items()))
        threshold = f"case lang {own} else {self.min_score} end" if own else str(self.min_score)
        kept = {"other_language": f"lang not in ({_listed(self.keep)})"} if self.keep else {}
        written = {"other_script": f"script not in ({_listed(self.scripts)})"} if self.scripts else {}
        return {**kept, "unsure": f"score <= {threshold}", **written, "mixed": f"mixed > {self.max_mixed}"}


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(literal(name) for name in names)
