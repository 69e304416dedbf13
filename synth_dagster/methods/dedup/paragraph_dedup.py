"""Paragraph duplicates: drops a record whose paragraphs stand, nearly all, in records that are kept.

The rule of DCLM (arXiv:2406.11794, its Bloom filter over paragraphs and documents) with sets in place of the filter: a
record goes when at least .8 of it was seen. Paragraphs, which blank lines separate, are compared by their words.
"""

import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Deduplicator, Proof
from synth_dagster.parts.similarity.text_pieces import clusters_of_pieces


class ParagraphDedup(Deduplicator):
    """Drops, by priority, records of which enough was seen; a duplicate names who holds most of it."""

    paper = "arXiv:2406.11794"
    proof = Proof(
        "equation by hand",
        "Hand-counted shares on both sides of the threshold; the same as reading record by record with a set of them.",
    )

    threshold: float = Field(0.8, gt=0, le=1, description="Share of a record's words in paragraphs seen before.")
    min_words: int = Field(5, ge=1, description="Paragraphs of fewer words are not looked at.")

    def cluster(self, pool: pa.Table, /) -> pa.Table:
        return clusters_of_pieces(pool, r"\r?\n\s*\n", min_words=self.min_words, threshold=self.threshold)
