"""Keeps what a classifier that is learnt from your own labelled texts takes for good ones.

Paper: arXiv:1607.01759 (fastText), as arXiv:2505.05427 and arXiv:2412.03398 use it on web pages. The classifier is
learnt by `ngram_classifier` when it is first needed, and again when the texts or the settings of its training change.
A cut by share instead of probability needs all records at once: `preselect` does that.
"""

from collections.abc import Mapping

import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Filter, InputPath, Proof, Rules
from synth_dagster.parts.models.linear_text import VERSION, LinearText, TrainingSettings
from synth_dagster.services import Models


class LinearClassifier(Filter, TrainingSettings):
    """The probability of the wanted label."""

    paper = "arXiv:1607.01759"
    proof = Proof(
        "planted signal",
        "Of planted pages at .5 over 90 % of the good are kept and under 10 % of the others.",
    )
    version = VERSION

    examples: InputPath = Field(description="Labelled texts: .jsonl with text and label, or a folder for each label.")
    label: str = Field("good", min_length=1, description="The label of what is to be kept.")
    min_probability: float = Field(0.5, ge=0, le=1, description="A record must be this probable.")

    def threshold_settings(self) -> frozenset[str]:
        return frozenset({"min_probability"})

    def measure(  # pyright: ignore[reportIncompatibleMethodOverride]  # services after * are part of the contract
        self, flat: pa.Table, /, *, models: Models
    ) -> Mapping[str, pa.Array]:
        examples = models.examples(self.examples, label=self.label)
        model = LinearText.unpacked(models.trained("ngram_classifier", self.training(), examples))
        text = flat["text"].combine_chunks()
        unread = text.is_null().to_numpy(zero_copy_only=False)
        found = model.probabilities(text)[:, model.labels.index(self.label)]
        return {"probability": pa.array(found, pa.float64(), mask=unread)}

    def rules(self) -> Rules:
        return {"improbable": f"probability < {self.min_probability}"}
