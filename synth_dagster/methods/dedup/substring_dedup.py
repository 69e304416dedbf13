"""Substring duplicates: drops a record most of which are long runs of words that stand in records that are kept.

Paper: arXiv:2107.06499 (Lee et al., ExactSubstr): runs of 50 and more tokens that occur twice, found there by a suffix
array. Here each run of 50 words is one rolling hash, and equal hashes are found by one sort: the same runs, since a
longer run that occurs twice consists of such runs, and no index over bytes is kept. The paper cuts the runs out; here a
record goes when at least `threshold` of its words are in them.
"""

from functools import partial

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Deduplicator, Proof
from synth_dagster.parts.similarity.clusters import clusters_by_keeper, precedence_of, slices_of
from synth_dagster.parts.similarity.seen_pieces import Share, keepers, together
from synth_dagster.parts.text.folded_words import folded_words
from synth_dagster.parts.text.hashed_words import Hashed, ngrams
from synth_dagster.parts.threads import in_threads


class SubstringDedup(Deduplicator):
    """Drops, by priority, records of which enough was seen; a duplicate names who holds most of it."""

    paper = "arXiv:2107.06499"
    proof = Proof(
        "equation by hand",
        "The words in repeated runs are those that a search of every run in every text finds; planted copies go.",
    )

    words: int = Field(50, ge=2, description="Words of the shortest run that counts.")
    threshold: float = Field(0.8, gt=0, le=1, description="Share of a record's words that lie in runs seen before.")

    def cluster(self, pool: pa.Table, /) -> pa.Table:
        texts = list(in_threads(folded_words, slices_of(pool["text"])))
        runs = together(list(in_threads(partial(ngrams, n=self.words), texts)))
        share = covered(runs, together(texts), self.words)
        return clusters_by_keeper(pool, keepers(runs, precedence_of(pool), share, self.threshold))


def covered(runs: Hashed, words: Hashed, length: int) -> Share:
    """The share of each text's words that lie in runs which were seen elsewhere."""
    starts = np.repeat(words.offsets[:-1] - runs.offsets[:-1], runs.counts) + np.arange(len(runs.hashes))
    counts = np.maximum(words.counts, 1)

    def share(seen: np.ndarray) -> np.ndarray:
        """Every run covers `length` words from its first one."""
        steps = np.zeros(len(words.hashes) + 1, np.int32)
        np.add.at(steps, starts[seen], 1)
        np.subtract.at(steps, starts[seen] + length, 1)
        inside = np.append(0, np.cumsum(np.cumsum(steps)[:-1] > 0))
        return (inside[words.offsets[1:]] - inside[words.offsets[:-1]]) / counts

    return share
