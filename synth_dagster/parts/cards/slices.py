"""The two slices of Source2Synth (arXiv:2409.08239): a model learns from the first and filters the second.

A seed, which is the name that joins two articles or a table, is of one slice whatever else is in the batch. So no seed
is in both, in one release or in two: what the curator learnt is never what it filters.
"""

from collections.abc import Iterable
from typing import Literal, TypeAlias

from synth_dagster.parts.text.words import normalised, words
from synth_dagster.records import Json, digest

Slice: TypeAlias = Literal["whole", "first", "second"]
TOLD = (
    "The half of the seeds that questions are made of: the first is not curated, and is what a curator learns from; "
    "the second is filtered by that curator; whole makes all and filters all."
)


def is_of(part: Slice, seed: str) -> bool:
    return part == "whole" or (slice_of(seed) == 0) == (part == "first")


def slice_of(seed: str) -> int:
    """0 or 1, as likely as each other: by the words of the seed alone, so that copies are of the same."""
    return digest("source2synth", normalised(seed))[0] % 2


def curated_by(models: tuple[str, ...], writers: tuple[str, ...]) -> str:
    """Who curates, as a record says it: a model of its own by name, or the teacher that wrote the questions."""
    return "teacher" if set(models) <= set(writers) else models[0]


def told(part: Slice, seed: str, curator: str | None) -> dict[str, Json]:
    """What a record says of its slice and of who curated it."""
    facts: dict[str, Json] = {} if part == "whole" else {"slice": slice_of(seed)}
    return facts | ({"curator": curator} if curator else {})


class HeldOut:
    """Texts of a benchmark, asked whether they name a seed: what is made of it would be known to whoever is tested."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._told = "\n".join(f" {' '.join(words(text))} " for text in texts)

    def names(self, seed: str) -> bool:
        """Whether all words of a seed stand in one of the texts, one behind the other."""
        wanted = words(seed)
        return bool(wanted) and f" {' '.join(wanted)} " in self._told
