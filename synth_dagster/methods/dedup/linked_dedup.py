"""Linked duplicates: records that are alike, and those that are like these, are one; who is first of them stays.

Paper: arXiv:2501.08197 (OpenCSG, Smoltalk in Chinese): a graph over embeddings, an edge above .7 for single questions
(.85 for longer dialogues, .6 for those about a document), and of each connected part the first record. A chain of like
records is one part, however unlike its ends are: it takes more than `semantic_dedup`, and takes it for sure. All pairs
are compared. The embeddings are vectors of words, which need no model.
"""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Deduplicator, Proof
from synth_dagster.parts.similarity.clusters import clusters_of, first_of_bucket, joined_by, slices_of
from synth_dagster.parts.similarity.meanings import vectors_of
from synth_dagster.parts.text.hashed_words import hash_texts

_AT_ONCE = 256  # rows that are compared with all others at once, which bounds the memory


class LinkedDedup(Deduplicator):
    """Ten thousand records are fifty million pairs and some seconds; a million are too many: use `semantic_dedup`."""

    paper = "arXiv:2501.08197"
    topics: ClassVar[tuple[str, ...]] = ("similarity graph", "connected components", "SmolTalk", "embedding")
    proof = Proof("equation by hand", "Of edges .72, .71 and .69 in a row the first two join at .7: parts of 3 and 1.")

    threshold: float = Field(0.7, gt=0, le=1, description="Cosine above which two records are joined.")

    def cluster(self, pool: pa.Table, /) -> pa.Table:
        texts = pa.chunked_array(slices_of(pool["text"]), pool["text"].type).combine_chunks().fill_null("")
        first, again = first_of_bucket(hash_texts(texts))  # equal texts are joined without being compared
        alone = np.setdiff1d(np.arange(len(texts)), again)
        vectors = vectors_of(texts).astype(np.float32)
        return clusters_of(pool, joined_by(len(texts), self._pairs(vectors, alone, again, first)))

    def _pairs(
        self, vectors: np.ndarray, alone: np.ndarray, again: np.ndarray, first: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield again, first
        for one, other in linked(vectors[alone], self.threshold):
            yield alone[one], alone[other]


def linked(vectors: np.ndarray, threshold: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The pairs of rows whose cosine is above the threshold, some rows at a time."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(lengths > 0, lengths, 1)
    for start in range(0, len(unit), _AT_ONCE):
        like = unit[start : start + _AT_ONCE] @ unit[start:].T
        one, other = np.nonzero(np.triu(like > threshold + 1e-6, k=1))
        yield start + one, start + other
