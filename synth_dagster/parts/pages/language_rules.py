"""The rules for pages of each language as data: thresholds, stop words and the words that are the language's own.

Paper: arXiv:2506.20920 (FineWeb2). `threshold_tuning` finds them from reference texts; `reference_rules.json` beside
this module holds those that it found from the Universal Declaration of Human Rights, a small and clean reference.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any
from unicodedata import category

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.errors import MethodError
from synth_dagster.parts.pages.page_lines import line_shares, newlines
from synth_dagster.parts.pages.page_measures import repeated_shares, word_measures
from synth_dagster.parts.text.code_points import strings_of
from synth_dagster.parts.text.english_words import Run, hash_of, words_of
from synth_dagster.parts.text.repetition import REPEATED, TOP, repeated_runs

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

SHIPPED = "reference_rules.json"
SHIPPED_VERSION = "844ffb75"  # the first digits of its SHA-256: part of the version of what goes by it

# Measure -> the English threshold (arXiv:2406.17557). What is larger is dropped, or smaller, by the first word.
ENGLISH: Mapping[str, tuple[str, float]] = {
    "repeated_lines": ("most", 0.3),
    **{f"top_{n}": ("most", limit) for n, limit in zip(TOP, (0.2, 0.18, 0.16), strict=True)},
    **{
        f"repeated_{n}": ("most", limit) for n, limit in zip(REPEATED, (0.15, 0.14, 0.13, 0.12, 0.11, 0.1), strict=True)
    },
    "word_length": ("least", 3.0),
    "long_word_length": ("most", 10.0),
    "words_with_letters": ("least", 0.8),
    "terminal_punctuation": ("least", 0.12),
    "newlines_per_word": ("most", 0.3),
}
FIXED = ("words", "hashes", "ellipses", "bullet_lines", "ellipsis_lines", "duplicate_characters")
MEASURES = (*(name for name in ENGLISH if name != "long_word_length"), *FIXED)


@dataclass(frozen=True, slots=True)
class LanguageRules:
    """What is asked of a page of one language."""

    min_score: float  # of the language identification
    limits: Mapping[str, float]  # by the names of ENGLISH
    stop_words: Sequence[str]
    own_words: Sequence[str]  # frequent in it, and rare in the others


def packed(rules: Mapping[str, LanguageRules]) -> bytes:
    """As JSON, a language a line, so that a change of one is a change of a line."""
    lines = [
        f"{json.dumps(lang)}: {json.dumps(asdict(one), ensure_ascii=False, sort_keys=True)}"
        for lang, one in sorted(rules.items())
    ]
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def unpacked(data: bytes) -> dict[str, LanguageRules]:
    """Raises MethodError for bytes that are no such rules."""
    try:
        return {lang: _rules(one) for lang, one in json.loads(data).items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise MethodError("The rules of languages cannot be read: their bytes are cut or of another kind.") from None


def _rules(given: Mapping[str, Any]) -> LanguageRules:
    rules = LanguageRules(**given)
    if set(rules.limits) != set(ENGLISH):
        raise KeyError
    return rules


@cache
def shipped() -> Mapping[str, LanguageRules]:
    return unpacked(files("synth_dagster.parts.pages").joinpath(SHIPPED).read_bytes())


# ------------------------------------------------------------------------------------------------------------ measures

# A letter of a script that is written without blanks, with its vowel signs, is a word; elsewhere a sign parts words.
_UNSPACED = r"([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}][\p{Mn}\p{Mc}]*)"
_PARTS_WORDS = "[\u0f0b\u1361]"  # tsheg of Tibetan, wordspace of Ethiopic


def spaced(texts: pa.Array) -> pa.Array:
    """The texts with blanks between words in the scripts that have none."""
    return pc.replace_substring_regex(pc.replace_substring_regex(texts, _UNSPACED, r" \1 "), _PARTS_WORDS, " ")


def measured(
    texts: pa.Array, languages: Sequence[str] = (), rules: Mapping[str, LanguageRules] | None = None
) -> dict[str, np.ndarray]:
    """All MEASURES of pages, NaN where there is none; with languages and rules the stop words and own words, too."""
    rules = {lang: one for lang, one in (rules or {}).items() if lang in set(languages)}
    known = [lang if lang in rules else "" for lang in languages or [""] * len(texts)]
    stop = _table({lang: one.stop_words for lang, one in rules.items()})
    own = _table({lang: one.own_words for lang, one in rules.items()})
    columns: dict[str, list[np.ndarray]] = {name: [np.zeros(0)] for name in (*MEASURES, "stop_words", "own_words")}
    for run in words_of(strings_of(spaced(texts))):
        rows = slice(run.texts.start, run.texts.stop)
        found = _of(texts[rows], run)
        salts = np.array([_salt(lang) for lang in known[rows]], np.uint64)
        found["stop_words"], found["own_words"] = _held(run, salts, stop), _held(run, salts, own)
        for name, parts in columns.items():
            parts.append(found[name].astype(float))
    return {name: np.concatenate(parts) for name, parts in columns.items()}


def _of(texts: pa.Array, run: Run) -> dict[str, np.ndarray]:
    texts = pa.array(strings_of(texts), pa.string())
    with np.errstate(invalid="ignore", divide="ignore"):  # without words there is no share
        return (
            word_measures(texts, run)
            | repeated_shares(texts, repeated_runs(run.words))
            | line_shares(_line_ends(texts), 30)
            | {"newlines_per_word": newlines(texts) / run.words.counts}
        )


def _line_ends(texts: pa.Array) -> pa.Array:
    """The texts without blanks at the ends of lines, which would hide what ends a sentence."""
    return pc.utf8_rtrim_whitespace(pc.replace_substring_regex(texts, r"[\pZ\t\r]+\n", "\n"))


def _table(words: Mapping[str, Sequence[str]]) -> np.ndarray:
    """Word hashes of all languages, each mixed with its language, ascending."""
    return np.unique(
        np.array([hash_of(word) ^ _salt(lang) for lang, some in words.items() for word in some], np.uint64)
    )


@cache
def _salt(lang: str) -> np.uint64:
    return hash_of(f"language {lang}") if lang else np.uint64(0)


def _held(run: Run, salts: np.ndarray, table: np.ndarray) -> np.ndarray:
    """How many different words of the table of its language each text holds."""
    if not len(table) or not len(run.words.hashes):
        return np.zeros(len(salts))
    words = run.words.hashes ^ salts[run.words.owners]
    place = np.minimum(np.searchsorted(table, words), len(table) - 1)
    there = table[place] == words
    pairs = np.unique(run.words.owners[there] * np.int64(len(table)) + place[there])
    return np.bincount(pairs // len(table), minlength=len(salts))


def vocabulary(texts: pa.Array) -> Mapping[str, int]:
    """The words that consist of letters, with how often they occur, as the rules will find them."""
    spoken = Counter(word for text in strings_of(spaced(texts)) for word in re.findall(r"\S+", text))
    pieces: Counter[str] = Counter()
    for word, count in spoken.items():
        bare = word.strip(".,;:!?()[]{}\"'«»„“”‘’…·،؛؟।၊။、。「」『』（）：；，！？-–—")
        if bare and all(letter.isalpha() or _is_mark(letter) or letter in "'’-" for letter in bare):
            pieces[bare] += count
    return pieces


def _is_mark(letter: str) -> bool:
    return category(letter).startswith("M")
