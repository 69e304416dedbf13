"""Semantic duplicates: drops a record that says what another one says, in other words.

Paper: arXiv:2303.09540 (SemDeDup): k-means over embeddings, and comparison within a cluster, where a record goes when
one before it has at least a cosine of 1 - epsilon with it. There the record farthest from the centre comes first, here
the recipe's policy says who; there the one before it may have gone itself, here it stays, so that whoever goes is like
the record that it names. The embeddings are vectors of words, which need no model: they see other word order,
inflection and some other words, and no synonym by itself. With `vectors: embedder` they are those of the model that a
step `embed` has asked; a record without one stays. With another number a question is another question.
"""

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from synth_dagster.method import Deduplicator, Proof
from synth_dagster.parts.similarity.chosen_vectors import VectorChoice
from synth_dagster.parts.similarity.clusters import clusters_by_keeper, precedence_of, slices_of
from synth_dagster.parts.similarity.kmeans import kmeans
from synth_dagster.parts.similarity.meanings import keepers_of, numbers_of, vectors_by, vectors_of
from synth_dagster.services import Vectors


class SemanticDedup(Deduplicator, VectorChoice):
    """Drops, by priority, records that say the same; a duplicate names the one that it is most like."""

    paper = "arXiv:2303.09540"
    topics: ClassVar[tuple[str, ...]] = ("embedding", "k-means", "cosine", "paraphrase")
    proof = Proof(
        "planted signal",
        "A threshold calibrated on 21 sentences that we retold finds over .75 of 21 others and takes under .06 "
        "wrongly, as its size lets expect; who goes is who a comparison of all pairs by hand says.",
    )

    threshold: float = Field(
        0.75,
        gt=0,
        le=1,
        description="Least cosine of records that say the same: `calibrated` finds it for your texts and vectors.",
    )
    same_numbers: bool = Field(True, description="Records of other numbers are other records.")
    per_cluster: int = Field(
        8_800, ge=1, description="Records of a cluster on average; the paper has 440 million in 50,000 clusters."
    )
    rounds: int = Field(10, ge=1, le=1_000, description="Rounds of k-means at most.")
    seed: int = Field(0, ge=0, lt=2**31, description="Chooses the first centres.")

    def cluster(self, pool: pa.Table, /, *, vectors: Vectors) -> pa.Table:
        by_id = pc.sort_indices(pool["record_id"])  # so that k-means begins with the same records in whatever order
        texts = pa.chunked_array(slices_of(pool["text"]), pool["text"].type).take(by_id).combine_chunks()
        known, rows = self.chosen(vectors), by_id.to_numpy()
        found = vectors_by(known, texts) if known else vectors_of(texts)
        cluster = kmeans(found, -(-len(rows) // self.per_cluster), rounds=self.rounds, seed=self.seed)
        numbers = numbers_of(texts) if self.same_numbers else np.zeros(len(rows), np.int64)
        keeper = np.empty(len(rows), np.int64)
        keeper[rows] = rows[keepers_of(found, cluster, precedence_of(pool)[rows], numbers, self.threshold)]
        return clusters_by_keeper(pool, keeper)
