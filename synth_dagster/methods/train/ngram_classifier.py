"""A linear classifier over hashed n-grams of words, learnt from labelled texts in seconds and without a GPU.

Paper: arXiv:1607.01759 (fastText), without its hidden layer. `linear_classifier` and `preselect` learn it on demand;
the same texts and settings are learnt once.
"""

import pyarrow as pa

from synth_dagster.method import Proof, Trainer
from synth_dagster.parts.models.linear_text import VERSION, LinearText, TrainingSettings
from synth_dagster.records import Document


class NgramClassifier(Trainer, TrainingSettings):
    """Learns from columns `text` and `label`."""

    paper = "arXiv:1607.01759"
    proof = Proof(
        "planted signal",
        "Planted clean texts among shuffled ones: AUC above .95, above .9 where 10 % of labels are wrong.",
    )
    version = VERSION
    judges = (Document,)

    def train(self, flat: pa.Table, /) -> bytes:
        texts = flat["text"].combine_chunks().fill_null("")
        return LinearText.learnt(texts, flat["label"].to_pylist(), self).packed()
