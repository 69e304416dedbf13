"""FineWeb-Edu: keeps the pages that teach, by a linear head learnt from what a judge said of a sample.

Paper: arXiv:2406.17557, section 4. `edu_rubric` has the judge score a sample; its labels are a file of the project; the
head is learnt from them when it is first needed, and scores every page without another call. The paper's encoder
(Snowflake-arctic-embed-m) has to be downloaded or served; without one the vectors are those of words, stems and pieces
of words. With `vectors: embedder` they are those of the model that a step `embed` has asked.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Filter, LabelsPath, Proof, Rules
from synth_dagster.parts.models.learnt_heads import head_of
from synth_dagster.parts.models.linear_head import VERSION, HeadSettings
from synth_dagster.parts.pages.edu_labels import labelled, points, relied_on
from synth_dagster.parts.similarity.chosen_vectors import VectorChoice
from synth_dagster.records import Document
from synth_dagster.services import Models, Vectors


class FinewebEdu(Filter, HeadSettings, VectorChoice):
    """The score, and the whole points that it is rounded to."""

    paper = "arXiv:2406.17557"
    proof = Proof(
        "planted signal",
        "Macro-F1 at cut 3 above .75 on planted pages; scores rounded as the official code does; a planted shift of "
        "topics, which such a score brings about, stands in the report of the release.",
    )
    version = VERSION
    judges = (Document,)

    labels: LabelsPath = Field(
        description="Judged texts as .jsonl or .json: text and label, or records as 'synth show --json' writes them."
    )
    min_score: int = Field(3, ge=0, le=5, description="Fewest points of a page that is kept.")
    min_f1: float = Field(
        0.6,
        ge=0,
        le=1,
        description="Refuse to go by a head whose macro-F1 at min_score is lower on texts it has not seen; .82 there.",
    )

    def threshold_settings(self) -> frozenset[str]:
        return frozenset({"min_score"})

    def measure(  # pyright: ignore[reportIncompatibleMethodOverride]  # services after * are part of the contract
        self, flat: pa.Table, /, *, models: Models, vectors: Vectors
    ) -> Mapping[str, pa.Array]:
        examples = labelled(models.rows(self.labels), self.labels)
        settings = {"target": "number", **self.training()}
        head = head_of(models, settings, examples, self.chosen(vectors), self.labels)
        relied_on(head, self.min_score, self.min_f1, self.labels)
        text = flat["text"].combine_chunks()
        score = head.scores(text)[:, 0]
        unread = text.is_null().to_numpy(zero_copy_only=False) | np.isnan(score)
        return {
            "score": pa.array(score, pa.float64(), mask=unread),
            "int_score": pa.array(points(np.nan_to_num(score)), pa.int64(), mask=unread),
        }

    def rules(self) -> Rules:
        unembedded = {"no_vector": "score is null"} if self.vectors == "embedder" else {}
        return {**unembedded, "teaches_little": f"int_score < {self.min_score}"}
