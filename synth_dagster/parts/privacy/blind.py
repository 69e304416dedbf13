"""How well two groups of texts are told apart by whoever sees no model: by their words, their years, their length.

What an attack that asks a model finds is a sign of what the model learnt only where an attack that asks none finds
nothing (arXiv:2406.16201): texts of another topic or time are told apart by any score. Words are weighed by naive Bayes
over whether they occur, each text by what was counted in the other folds; years are the latest that a text names.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from synth_dagster.parts.models.membership import Told, told_apart
from synth_dagster.parts.text.hashed_words import hash_texts

FOLDS = 10
LEAST = 20  # texts of a group: fewer are told apart by chance
_WORD = re.compile(r"\w+")
_YEAR = re.compile(r"(?<!\d)(?:1[6-9]|20)\d\d(?!\d)")


def blind(members: Sequence[str], others: Sequence[str]) -> dict[str, Told]:
    """topic, time and length: how well each tells the two apart, where there is enough of both to say so.

    The area is that of members above others: far below a half is as telling as far above.
    """
    if min(len(members), len(others)) < LEAST:
        return {}
    pairs = {
        "topic": by_words(members, others),
        "time": ([*map(float, latest_years(members))], [*map(float, latest_years(others))]),
        "length": ([float(len(text)) for text in members], [float(len(text)) for text in others]),
    }
    enough = {name: pair for name, pair in pairs.items() if min(map(len, pair)) >= LEAST}
    return {name: told_apart(*(np.array(group, float) for group in pair)) for name, pair in enough.items()}


def by_words(members: Sequence[str], others: Sequence[str]) -> tuple[list[float], list[float]]:
    """The log-odds of each text's words, as counted in the texts of other folds; equal texts are in one fold."""
    texts = [*members, *others]
    words = [frozenset(_WORD.findall(text.lower())) for text in texts]
    folds = (hash_texts(pa.array(texts, pa.string())) % np.uint64(FOLDS)).astype(int)
    is_member = np.arange(len(texts)) < len(members)
    whole = {side: _counted(words, folds, is_member == side) for side in (True, False)}
    sizes = {side: np.bincount(folds[is_member == side], minlength=FOLDS) for side in (True, False)}
    scores = []
    for text, fold in zip(words, folds, strict=True):
        rest = {side: int(sizes[side].sum() - sizes[side][fold]) for side in (True, False)}
        here = {side: (whole[side], rest[side], int(fold)) for side in (True, False)}
        scores.append(sum(_share(word, *here[True]) - _share(word, *here[False]) for word in sorted(text)))
    return scores[: len(members)], scores[len(members) :]


def latest_years(texts: Iterable[str]) -> list[int]:
    """The latest year that each text names; texts that name none are left out."""
    return [max(map(int, years)) for text in texts if (years := _YEAR.findall(text))]


def _counted(words: Sequence[frozenset[str]], folds: np.ndarray, chosen: np.ndarray) -> Mapping[tuple[str, int], int]:
    """In how many texts of a fold a word occurs; fold -1 is all."""
    counts: Counter[tuple[str, int]] = Counter()
    for place in np.flatnonzero(chosen).tolist():
        fold = int(folds[place])
        counts.update((word, fold) for word in words[place])
        counts.update((word, -1) for word in words[place])
    return counts


def _share(word: str, counts: Mapping[tuple[str, int], int], texts: int, fold: int) -> float:
    """The log of the share of texts outside the fold that have the word, with half a text added to each side."""
    return float(np.log((counts.get((word, -1), 0) - counts.get((word, fold), 0) + 0.5) / (texts + 1)))
