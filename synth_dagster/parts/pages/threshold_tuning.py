"""Finds the rules for pages of a language from reference texts in it and in English.

Paper: arXiv:2506.20920 (FineWeb2), section on thresholds. A threshold of English is carried over in one of five ways;
one that would drop more than three quarters of the reference, or nothing, is no use, and the next is taken. The paper
has Wikipedia as reference for words and lines and a crawl for repetition; here one reference serves both.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from synth_dagster.parts.pages.language_rules import ENGLISH, LanguageRules, measured, vocabulary
from synth_dagster.parts.text.languages import languages_of

USELESS = 0.75  # share of the reference that a threshold may drop at most
Way: TypeAlias = Callable[[np.ndarray, np.ndarray, float, str], float]
"""(values of the language, those of English, the English threshold, most or least) -> the threshold."""


def mean_std(values: np.ndarray, english: np.ndarray, limit: float, side: str) -> float:
    """As many standard deviations from the mean as the English one is from the English mean."""
    spread = english.std()
    return float(values.mean() + (limit - english.mean()) / spread * values.std()) if spread else limit


def quantile(values: np.ndarray, english: np.ndarray, limit: float, side: str) -> float:
    """Drops the same share as in English."""
    kept = float(np.mean(english <= limit)) if side == "most" else float(np.mean(english < limit))
    return float(np.quantile(values, kept))


def ten_tail(values: np.ndarray, english: np.ndarray, limit: float, side: str) -> float:
    """Drops a tenth."""
    return float(np.quantile(values, 0.9 if side == "most" else 0.1))


def median_ratio(values: np.ndarray, english: np.ndarray, limit: float, side: str) -> float:
    """As much larger as the median is."""
    return float(limit * np.median(values) / np.median(english)) if np.median(english) else limit


def as_in_english(values: np.ndarray, english: np.ndarray, limit: float, side: str) -> float:
    return limit


# What the paper chose for each group comes first.
_REPETITION: Sequence[Way] = (mean_std, quantile, ten_tail, median_ratio, as_in_english)
_WORDS: Sequence[Way] = (quantile, ten_tail, mean_std, median_ratio, as_in_english)
_LINES: Sequence[Way] = (ten_tail, quantile, mean_std, median_ratio, as_in_english)
WAYS: Mapping[str, Sequence[Way]] = {
    name: _LINES
    if name in ("terminal_punctuation", "newlines_per_word")
    else _WORDS
    if name in ("word_length", "long_word_length", "words_with_letters")
    else _REPETITION
    for name in ENGLISH
}


def threshold(name: str, values: np.ndarray, english: np.ndarray) -> float:
    """The first way that drops something and not too much; where none drops anything, the first of all."""
    side, limit = ENGLISH[name]
    ways = [(found := way(values, english, limit, side), dropped(values, found, side)) for way in WAYS[name]]
    useful = [found for found, share in ways if 0 < share <= USELESS] + [found for found, share in ways if not share]
    return _rounded(name, useful[0] if useful else float(values.max() if side == "most" else values.min()))


def _rounded(name: str, limit: float) -> float:
    """Lengths of words are whole numbers in the published settings, the laxer ones; others have three digits."""
    if name == "word_length":
        return float(np.floor(limit))
    return float(np.ceil(limit)) if name == "long_word_length" else round(limit, 3)


def dropped(values: np.ndarray, limit: float, side: str) -> float:
    """The share of the reference that a threshold drops."""
    return float(np.mean(values > limit if side == "most" else values < limit)) if len(values) else 0.0


def tuned(
    texts: pa.Array, labels: Sequence[str], *, english: str, never_stricter: bool, least: float, stop_words: int
) -> dict[str, LanguageRules]:
    """The rules of each language that texts are labelled with. `english` is the label of the English ones."""
    names = np.array(labels, object)
    values = measured(texts)
    values["long_word_length"] = values["word_length"]
    scores = languages_of(texts).scores.astype(float)
    counts = {lang: vocabulary(texts.filter(pa.array(names == lang))) for lang in sorted(set(labels))}
    everywhere = _added(counts.values())
    base = {name: _of(values[name], names == english) for name in ENGLISH}
    found = {}
    for lang, words in counts.items():
        limits = {name: threshold(name, _of(values[name], names == lang), base[name]) for name in ENGLISH}
        if never_stricter:
            limits = {name: _bounded(name, limit) for name, limit in limits.items()}
        found[lang] = LanguageRules(
            min_score=_score(scores[names == lang]),
            limits=limits,
            stop_words=frequent(words, least, stop_words),
            own_words=own(words, everywhere),
        )
    return found


def _of(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    chosen = values[where]
    chosen = chosen[np.isfinite(chosen)]
    return chosen if len(chosen) else np.zeros(1)


def _bounded(name: str, limit: float) -> float:
    """Not stricter than English: a clean reference has no page that would tell how bad pages may be."""
    side, english = ENGLISH[name]
    return max(limit, english) if side == "most" else min(limit, english)


def _score(scores: np.ndarray) -> float:
    """The median less a standard deviation, from .3 to .9."""
    return round(float(np.clip(np.median(scores) - scores.std(), 0.3, 0.9)), 3)


def frequent(words: Mapping[str, int], least: float, fewest: int) -> tuple[str, ...]:
    """The words in lower case that make up so much of the text, the commonest first, and as many at least."""
    total = sum(words.values())
    ordered = sorted((word for word in words if word == word.lower()), key=lambda word: (-words[word], word))
    return tuple(word for place, word in enumerate(ordered) if words[word] >= least * total or place < fewest)


def own(words: Mapping[str, int], everywhere: Mapping[str, int]) -> tuple[str, ...]:
    """The words as frequent as the 95th percentile and more of which 85 % stand in texts of this language."""
    if not words:
        return ()
    common = np.percentile(list(words.values()), 95)
    chosen = (word for word, count in words.items() if count >= common and count / everywhere[word] >= 0.85)
    return tuple(sorted(chosen, key=lambda word: (-words[word], word)))


def _added(counts: Iterable[Mapping[str, int]]) -> Mapping[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return total
