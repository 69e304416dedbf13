"""A linear head over vectors of texts, learnt in closed form from what a judge said of a sample.

Paper: arXiv:2406.17557 (FineWeb-Edu: one regression output over an encoder that stays as it is, learnt by gradient
descent). Here it is ridge regression over vectors of words, stems and pieces of words, which need no weights from
elsewhere, or over those of an embedding model. `fineweb_edu` learns it on demand; the same texts and settings are
learnt once.
"""

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Proof, Trainer
from synth_dagster.parts.models.linear_head import VERSION, HeadSettings, Target, TextHead
from synth_dagster.records import Document


class EmbeddingHead(Trainer, HeadSettings):
    """Learns from columns `text` and `label`."""

    paper = "arXiv:2406.17557"
    proof = Proof(
        "equation by hand",
        "Weights as the normal equations have them; errors on left-out texts as learning without each text gives them.",
    )
    version = VERSION
    judges = (Document,)

    target: Target = Field(
        "class", description="What a label is: a number, the name of a class, or a JSON object of class -> share."
    )

    model: str = Field(
        "", description="The model that gave the vectors in the column `vector`; empty learns over vectors of words."
    )

    def train(self, flat: pa.Table, /) -> bytes:
        if self.model:
            labels = flat["label"].to_pylist()
            return TextHead.over(self.model, _matrix(flat["vector"]), labels, self.target, self).packed()
        texts = flat["text"].combine_chunks().fill_null("")
        return TextHead.learnt(texts, flat["label"].to_pylist(), self.target, self).packed()


def _matrix(vectors: pa.ChunkedArray) -> np.ndarray:
    """Shape (rows, dimensions)."""
    column = vectors.combine_chunks()
    return column.flatten().to_numpy().reshape(len(column), -1)
