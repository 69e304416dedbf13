"""Remote-clique: the mean distance of all pairs of texts, 0 where all say the same, as UniGen reports it of its items.

Paper: arXiv:2406.18966, which sums the distances (L2) of all ordered pairs and divides by n^2. Vectors are those of
words and their parts, of unit length, so that no distance exceeds 2 and texts without a word in common are 1.41 apart;
the paper's are a model's, and its numbers are not to be compared with these, nor with those of another model that
`vectors: embedder` goes by. The number does not depend on the order of
a set, and hardly on its size.
"""

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Measure, Measurement, Proof
from synth_dagster.parts.similarity.chosen_vectors import VectorChoice, without
from synth_dagster.parts.similarity.spread import remote_clique
from synth_dagster.parts.similarity.word_vectors import WordVectors
from synth_dagster.parts.text.hashed_words import normalise, words
from synth_dagster.services import Vectors


class RemoteClique(Measure, VectorChoice):
    """`remote_clique`, and of how many `texts`: at most `most`, evenly over the records that have words.

    With `vectors: embedder` those of them that have a vector.
    """

    paper = "arXiv:2406.18966"
    proof = Proof("equation by hand", "Of (0,0), (3,4), (0,0) it is 20/9; a set twice over keeps its number.")
    topics = ("diversity", "pairwise distance", "embeddings")

    most: int = Field(2_000, ge=2, le=20_000, description="Texts that are compared with each other.")

    def measure(  # pyright: ignore[reportIncompatibleMethodOverride]  # services after * are part of the contract
        self, flat: pa.Table, /, *, vectors: Vectors
    ) -> Measurement:
        texts = flat["text"].combine_chunks() if isinstance(flat["text"], pa.ChunkedArray) else flat["text"]
        there = np.flatnonzero(words(normalise(texts)).counts)
        if not len(there):
            return Measurement({"texts": 0.0})
        chosen = there[np.linspace(0, len(there) - 1, min(self.most, len(there))).astype(np.int64)]
        drawn = texts.take(pa.array(chosen))
        known = self.chosen(vectors)
        rows = known.of(drawn) if known else WordVectors.learnt(drawn).of(drawn)
        rows = rows[~without(rows)]
        # sums over threads differ in their last digits, and a release is always measured alike
        found = {"remote_clique": round(remote_clique(rows), 4)} if len(rows) else {}
        return Measurement({"texts": float(len(rows)), **found})
