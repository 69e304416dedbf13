"""OpenCSG's educational filter for Chinese: keeps the pages that teach, by what a judge said of a sample.

Paper: arXiv:2501.08197 (Chinese FineWeb-Edu). `edu_rubric` with `rubric: opencsg_chinese` has the judge score pages cut
at 2,000 characters; a regression on the label divided by five is learnt from them; .6 and .8 are the buckets 3+ and 4+.
The released script writes the two to each other's folder; here `bucket` says which it is. The paper's student is
bge-reranker-base, which has to be downloaded; here the vectors are those of characters and runs of them, or those of
the model that a step `embed` has asked. Exact texts go by `exact`, which names what a text duplicates; the Bloom filter
of the release cannot, and takes some wrongly.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Filter, LabelsPath, Proof, Rules
from synth_dagster.parts.asking.rubrics import HIGHEST
from synth_dagster.parts.models.learnt_heads import head_of
from synth_dagster.parts.models.linear_head import VERSION, HeadSettings
from synth_dagster.parts.pages.edu_labels import labelled, relied_on
from synth_dagster.parts.similarity.chosen_vectors import VectorChoice
from synth_dagster.records import Document
from synth_dagster.services import Models, Vectors

BUCKETS = ((0.8, "4+"), (0.6, "3+"))


class OpencsgEdu(Filter, HeadSettings, VectorChoice):
    """The score from 0 to 1, and its bucket."""

    paper = "arXiv:2501.08197"
    topics = ("Chinese", "Fineweb-Edu-Chinese", "educational value")
    proof = Proof(
        "planted signal",
        "With 30 % planted junk the scores have a Spearman correlation above .7 with the labels; junk has an AUC "
        "above .9.",
    )
    version = VERSION
    judges = (Document,)

    labels: LabelsPath = Field(
        description="Judged texts as .jsonl or .json: text and label, or records as 'synth show --json' writes them."
    )
    min_score: float = Field(0.6, ge=0, le=1, description="Least score of a page; 0.6 is three points, 0.8 four.")
    characters: int = Field(2_000, ge=100, description="So much of a page is read, from its beginning.")
    min_f1: float = Field(
        0.6, ge=0, le=1, description="Refuse a head with a lower macro-F1 at three points on texts it has not seen."
    )

    def threshold_settings(self) -> frozenset[str]:
        return frozenset({"min_score"})

    def measure(  # pyright: ignore[reportIncompatibleMethodOverride]  # services after * are part of the contract
        self, flat: pa.Table, /, *, models: Models, vectors: Vectors
    ) -> Mapping[str, pa.Array]:
        examples = labelled(models.rows(self.labels), self.labels)
        examples = examples.set_column(0, "text", self._read(examples["text"].combine_chunks()))
        settings = {"target": "number", **self.training()}
        head = head_of(models, settings, examples, self.chosen(vectors), self.labels)
        relied_on(head, 3, self.min_f1, self.labels)
        text = flat["text"].combine_chunks()
        score = np.clip(head.scores(self._read(text))[:, 0] / HIGHEST, 0, 1).round(6)
        unread = text.is_null().to_numpy(zero_copy_only=False) | np.isnan(score)
        buckets = [next((name for least, name in BUCKETS if one >= least), "") for one in score]
        return {
            "score": pa.array(score, pa.float64(), mask=unread),
            "bucket": pa.array(buckets, pa.string(), mask=unread),
        }

    def _read(self, texts: pa.Array) -> pa.Array:
        """What of each page is read; of one that a model embeds, what the step `embed` says."""
        if self.vectors == "embedder":
            return texts
        return pa.array([text and text[: self.characters] for text in texts.to_pylist()], pa.string())

    def rules(self) -> Rules:
        unembedded = {"no_vector": "score is null"} if self.vectors == "embedder" else {}
        return {**unembedded, "teaches_little": f"score < {self.min_score}"}
