"""Line duplicates: drops a record whose lines stand, all but a few, in records that are kept.

The unit of CCNet (arXiv:1911.00359, there paragraphs that end with a line break, normalised and hashed with 64 bits);
the rule is that of DCLM (arXiv:2406.11794): a record goes when at least .8 of it was seen. Lines are compared by their
words, without case, accents and signs. Texts are not changed: to take single lines out is a refiner's work.
"""

import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Deduplicator, Proof
from synth_dagster.parts.similarity.text_pieces import clusters_of_pieces


class LineDedup(Deduplicator):
    """Drops, by priority, records of which enough was seen; a duplicate names who holds most of it."""

    paper = "arXiv:1911.00359"
    proof = Proof(
        "equation by hand",
        "Hand-counted shares on both sides of the threshold; the same as reading record by record with a set of lines.",
    )

    threshold: float = Field(0.8, gt=0, le=1, description="Share of a record's words that stand in lines seen before.")
    min_words: int = Field(2, ge=1, description="Lines of fewer words are not looked at.")

    def cluster(self, pool: pa.Table, /) -> pa.Table:
        return clusters_of_pieces(pool, r"\r\n|\r|\n", min_words=self.min_words, threshold=self.threshold)
