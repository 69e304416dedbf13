"""FineWeb2: the rules of FineWeb and Gopher for any language, with the thresholds and stop words of each.

Paper: arXiv:2506.20920. A page's language is told by its text, and each language has its own threshold for that; then
repeated lines and runs of words, words, lines and stop words are held against the language's settings. They are data:
those that come along were found from the Universal Declaration of Human Rights in 57 languages, and `reference` names
better texts of yours, from which `language_rules` finds them. Left out: the repair of broken encodings (the package
that it uses is not installed), and lines of "|". `pii`, `minhash` and `rehydration` are steps of their own.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from pydantic import Field, model_validator

from synth_dagster.method import Filter, LabelsPath, Proof, Rules
from synth_dagster.parts.pages.language_addresses import speaks_for
from synth_dagster.parts.pages.language_rules import (
    ENGLISH,
    MEASURES,
    SHIPPED_VERSION,
    LanguageRules,
    measured,
    shipped,
    unpacked,
)
from synth_dagster.parts.sql import literal
from synth_dagster.parts.text.language_codes import Tellable, told
from synth_dagster.parts.text.languages import languages_of
from synth_dagster.records import Document
from synth_dagster.services import Models


class Fineweb2(Filter, Tellable):
    """Signals are what was measured and, as `limit_...`, what it is held against in the page's language."""

    paper = "arXiv:2506.20920"
    proof = Proof(
        "planted signal",
        "Each of 57 languages keeps at least two thirds of the pages of its own declaration, 47 of them 88 %; of "
        "pages of a sister language more than 90 % go, and less than 5 % of true ones",
    )
    version = f"1-{SHIPPED_VERSION}"
    judges = (Document,)

    reference: LabelsPath = Field(
        "", description="Texts to find the settings from: a folder for each language, or .jsonl with text and label."
    )
    keep: tuple[str, ...] = Field((), description="Languages to keep; none: all that there are settings for.")
    language: str = Field("", description="The language of all pages, for one that cannot be told from texts.")
    precise: tuple[str, ...] = Field(
        (), description="Languages whose pages must hold a word of their own or say so in their address: rare ones."
    )
    min_words: int = Field(50, ge=0, description="Fewest words of a page, in any language.")
    max_words: int = Field(100_000, ge=1, description="Most words of a page.")
    max_hashes: float = Field(0.1, ge=0, description="Hash signs per word.")
    max_ellipses: float = Field(0.1, ge=0, description="Ellipses per word.")
    max_bullet_lines: float = Field(0.9, ge=0, le=1, description="Share of lines that begin with a bullet or a dash.")
    max_ellipsis_lines: float = Field(0.3, ge=0, le=1, description="Share of lines that end with an ellipsis.")
    max_duplicate_characters: float = Field(0.1, ge=0, le=1, description="Share of characters in repeated lines.")
    min_stop_words: int = Field(2, ge=0, description="How many of the language's stop words must occur.")

    def threshold_settings(self) -> frozenset[str]:
        return super().threshold_settings() - {"reference", "language", "counted_as"}

    @model_validator(mode="after")
    def _names_what_is_told(self) -> "Fineweb2":
        told([*self.keep, *self.precise], [self.language, *self.counted_as.values()])
        return self

    def measure(  # pyright: ignore[reportIncompatibleMethodOverride]  # services after * are part of the contract
        self, flat: pa.Table, /, *, models: Models
    ) -> Mapping[str, pa.Array]:
        text = flat["text"].combine_chunks()
        unread = text.is_null().to_numpy(zero_copy_only=False)
        rules = self._rules(models)
        names, scores = self._languages(text)
        found = measured(text.fill_null(""), names, rules)
        columns = {name: _numbers(found[name], unread) for name in (*MEASURES, "stop_words", "own_words")}
        return {
            "lang": pa.array(names, pa.string(), mask=unread),
            "score": _numbers(scores, unread),
            "has_settings": pa.array([name in rules for name in names], pa.bool_(), mask=unread),
            "in_address": pa.array(list(map(speaks_for, flat["url"].to_pylist(), names)), pa.bool_(), mask=unread),
            **columns,
            "limit_score": _limits(names, {lang: one.min_score for lang, one in rules.items()}, unread),
            **{
                f"limit_{name}": _limits(names, {lang: one.limits[name] for lang, one in rules.items()}, unread)
                for name in ENGLISH
            },
        }

    def _rules(self, models: Models) -> Mapping[str, LanguageRules]:
        if not self.reference:
            return shipped()
        return unpacked(models.trained("language_rules", {}, models.examples(self.reference, label="en")))

    def _languages(self, text: pa.Array) -> tuple[list[str], np.ndarray]:
        if self.language:
            return [self.language] * len(text), np.ones(len(text))
        found = languages_of(text, self.counted_as)
        return [str(name) for name in found.names], found.scores.astype(float)

    def rules(self) -> Rules:
        kept = {"other_language": f"lang not in ({_listed(self.keep)})"} if self.keep else {}
        rare = (
            {"no_own_words": f"lang in ({_listed(self.precise)}) and own_words = 0 and not in_address"}
            if self.precise
            else {}
        )
        return {
            **kept,
            "no_settings": "not has_settings",
            "unsure": "score < limit_score",
            **{name: f"{name} > limit_{name}" for name in ENGLISH if name.startswith(("repeated", "top"))},
            "too_few_words": f"words < {self.min_words}",
            "too_many_words": f"words > {self.max_words}",
            "short_words": "word_length < limit_word_length",
            "long_words": "word_length > limit_long_word_length",
            "hashes": f"hashes > {self.max_hashes}",
            "ellipses": f"ellipses > {self.max_ellipses}",
            "bullet_lines": f"bullet_lines > {self.max_bullet_lines}",
            "ellipsis_lines": f"ellipsis_lines > {self.max_ellipsis_lines}",
            "few_words_with_letters": "words_with_letters < limit_words_with_letters",
            "few_stop_words": f"stop_words < {self.min_stop_words}",
            "few_sentences": "terminal_punctuation < limit_terminal_punctuation",
            "duplicate_lines": f"duplicate_characters > {self.max_duplicate_characters}",
            "list_like": "newlines_per_word > limit_newlines_per_word",
            **rare,
        }


def _numbers(values: np.ndarray, unread: np.ndarray) -> pa.Array:
    return pa.array(values, pa.float64(), mask=unread | ~np.isfinite(values))


def _limits(names: list[str], known: Mapping[str, float], unread: np.ndarray) -> pa.Array:
    return _numbers(np.array([known.get(name, np.nan) for name in names], float), unread)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(literal(name) for name in names)
