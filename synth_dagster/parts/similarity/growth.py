"""What a set still gains where it grows: of nested samples, how much of what each one adds was said before.

The order of the texts decides what was before; in that of record ids, which are hashes, each sample is a random part of
the next. A text is told by its runs of five words, and is a near copy where more than half of them stand in texts
before it. Runs and not whole texts are compared, so that what was put together from several texts is a copy too. Of
very many runs only those are looked at whose hash divides by a number: equal runs are looked at wherever they stand.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from synth_dagster.parts.similarity.clusters import slices_of
from synth_dagster.parts.similarity.seen_pieces import together
from synth_dagster.parts.text.hashed_words import (
    Hashed,
    distinct,
    hash_texts,
    ngrams,
    normalise,
    offsets_of,
    words,
)
from synth_dagster.parts.threads import in_threads

SIZES = {"quarter": 4, "half": 2, "whole": 1}  # of a curve: name -> one part of so many
RUN = 5  # words; fewer are said everywhere
COPIED = 0.5  # the share of a near copy's runs in texts before it
_MOST_RUNS = 1 << 24
_BYTES_OF_A_RUN = 6  # of text: a word and a blank


@dataclass(frozen=True, slots=True)
class Growth:
    """Of each text, in order, how many runs it has and how many of them no text before it has."""

    runs: np.ndarray
    new_runs: np.ndarray

    @property
    def is_new(self) -> np.ndarray:
        """Which texts are no near copies of what stands before them; a text without a run is one of nothing."""
        return self.new_runs >= self.runs * (1 - COPIED)

    def different_runs(self, first: int) -> float | None:
        """The share of different runs among those of so many first texts; None without runs."""
        runs = int(self.runs[:first].sum())
        return float(self.new_runs[:first].sum() / runs) if runs else None


def growth_of(texts: pa.ChunkedArray, most_runs: int = _MOST_RUNS) -> Growth:
    """What each text adds to those before it."""
    every = 1 + texts.nbytes // (_BYTES_OF_A_RUN * most_runs)
    said = together(list(in_threads(partial(_runs, every=every), slices_of(texts))))
    _, first = np.unique(said.hashes, return_index=True)
    is_new = np.zeros(len(said.hashes), bool)
    is_new[first] = True
    return Growth(said.counts, np.bincount(said.owners, is_new, minlength=len(said)).astype(np.int64))


def _runs(texts: pa.Array, every: int) -> Hashed:
    """The different runs of each text; a text of fewer words is one run, and so is one of signs only."""
    runs = ngrams(words(normalise(texts)), RUN)
    none = runs.counts == 0
    whole = hash_texts(texts.fill_null("").filter(pa.array(none)))
    runs = runs.replaced(none, Hashed(whole, np.arange(len(whole) + 1)))
    chosen = runs.hashes % np.uint64(every) == 0
    return distinct(Hashed(runs.hashes[chosen], offsets_of(np.bincount(runs.owners[chosen], minlength=len(runs)))))
