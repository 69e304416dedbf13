"""Cuts later copies of long runs of words out of a page: of what it says twice in 50 words and more, the first stays.

Paper: arXiv:2409.18164 (Data Prep Kit, its transform of this name, first step of GneissWeb, after arXiv:2107.06499).
There copies across a whole corpus are cut; here a page is compared with itself, and `substring_dedup` drops pages that
consist of runs of others.
"""

import re
from typing import ClassVar

import numpy as np
from pydantic import Field

from synth_dagster.method import Proof, Refiner
from synth_dagster.parts.similarity.suffix_runs import repeated_runs
from synth_dagster.parts.text.hashed_words import Hashed, mixed
from synth_dagster.records import Document

_WORD = re.compile(r"\S+\s*")


class RepetitionRemoval(Refiner[Document]):
    """A page without its later copies; one that has none stays as it is."""

    paper = "arXiv:2409.18164"
    proof = Proof("planted signal", "The second copy of a planted run of 60 words goes, that of 49 words stays.")
    topics: ClassVar[tuple[str, ...]] = ("repetition", "exact substring", "GneissWeb")

    words: int = Field(50, ge=2, description="Words of the shortest run that is cut.")

    async def refine(self, record: Document, /) -> Document:
        kept = without_copies(record.body, self.words)
        return record if kept == record.body else record.but(body=kept)


def without_copies(text: str, length: int) -> str:
    """The text without words that lie in a run of so many words which stood before, apart from it."""
    pieces = _WORD.findall(text)
    if len(pieces) < 2 * length:
        return text
    _, numbers = np.unique(np.array([piece.rstrip() for piece in pieces], object), return_inverse=True)
    runs = repeated_runs(Hashed(mixed(numbers.astype(np.uint64)), np.array([0, len(pieces)])), length)
    copies = runs.places[runs.places - runs.firsts() >= length]
    if not len(copies):
        return text
    edges = np.bincount(copies, minlength=len(pieces) + 1) - np.bincount(copies + length, minlength=len(pieces) + 1)
    goes = (np.cumsum(edges)[:-1] > 0).tolist()
    head = text[: len(text) - len(text.lstrip())]
    kept = "".join(piece for piece, gone in zip(pieces, goes, strict=True) if not gone)
    return (head + kept).rstrip()
