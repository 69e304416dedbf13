"""Substring duplicates: drops a record most of which are long runs of words that stand in records that are kept.

Paper: arXiv:2107.06499 (Lee et al., ExactSubstr): runs of 50 and more tokens that occur twice, found by a suffix array.
Here its pieces are words without case, accents and signs, and it is no deeper than the shortest run that counts: a
longer run that occurs twice consists of such runs. The paper cuts the runs out; here a record goes when at least
`threshold` of its words are in them.
"""

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Deduplicator, Proof
from synth_dagster.parts.similarity.clusters import clusters_by_keeper, precedence_of, slices_of
from synth_dagster.parts.similarity.seen_pieces import Share, Shared, keepers, together
from synth_dagster.parts.similarity.suffix_runs import repeated_runs, spans_of
from synth_dagster.parts.text.folded_words import folded_words
from synth_dagster.parts.text.hashed_words import Hashed
from synth_dagster.parts.threads import in_threads


class SubstringDedup(Deduplicator):
    """Drops, by priority, records of which enough was seen; a duplicate names who holds most of it."""

    paper = "arXiv:2107.06499"
    proof = Proof(
        "equation by hand",
        "Runs and verdicts are those of a search of every run in every text, and runs those of a whole suffix array.",
    )

    words: int = Field(50, ge=2, description="Words of the shortest run that counts.")
    threshold: float = Field(0.8, gt=0, le=1, description="Share of a record's words that lie in runs seen before.")

    def cluster(self, pool: pa.Table, /) -> pa.Table:
        words = together(list(in_threads(folded_words, slices_of(pool["text"]))))
        runs, precedence = repeated_runs(words, self.words), precedence_of(pool)
        owners = np.searchsorted(words.offsets, runs.places, side="right") - 1
        shared = Shared.of(runs.places, runs.numbers, owners, precedence)
        keeper = keepers(shared, precedence, covered(words, self.words), self.threshold)
        return clusters_by_keeper(pool, keeper)


def covered(words: Hashed, length: int) -> Share:
    """The share of each text's words that lie in runs which were seen elsewhere."""
    counts = np.maximum(words.counts, 1)

    def share(seen: np.ndarray) -> np.ndarray:
        spans = spans_of(words, np.sort(seen), length)
        return np.bincount(spans.owners, spans.lengths, minlength=len(words)) / counts

    return share
