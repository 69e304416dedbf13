"""GneissWeb's ensemble: keeps pages of quality whose readability or tokens fit, with wider limits inside four topics.

Paper: arXiv:2409.18164 (Data Prep Kit, whose recipe it is). Keep if (dclm > .002 OR cosmo > .03) AND (readability OR
tokens are right). The two quality classifiers and those of the topics are fastText models there; here they are linear
models over hashed n-grams, learnt from your labelled texts, so that thresholds of probability are yours to set again:
the defaults are those published. Tokens are those of the project's counter, and their limits a tokenizer's: likewise.
"""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Filter, LabelsPath, Proof, Rules, Signals
from synth_dagster.parts.models.linear_text import VERSION, LinearText, TrainingSettings
from synth_dagster.parts.pages.page_shape import TOKENS_PER_CHARACTER, eflaw
from synth_dagster.records import Document
from synth_dagster.services import Models

TOPICS = ("medical", "education", "technology", "science")


class Gneissweb(Filter, TrainingSettings):
    """Two probabilities of quality, that of the likeliest of four topics, EFLAW, and tokens per character."""

    paper = "arXiv:2409.18164"
    proof = Proof(
        "equation by hand",
        "The truth table of 16 rows, inside a topic and outside; EFLAW of 12 words, 4 of them small, in 2 sentences "
        "is 8.",
    )
    version = VERSION
    judges = (Document,)
    topics: ClassVar[tuple[str, ...]] = ("data-prep-kit", "ensemble", "readability", "EFLAW")

    quality: LabelsPath = Field(
        description="Texts that tell quality (.jsonl with text and label): the first classifier."
    )
    other_quality: LabelsPath = Field("", description="Texts for the second; without them it has no say.")
    topic_texts: LabelsPath = Field("", description="Texts labelled medical, education, technology, science, or other.")
    good: str = Field("good", min_length=1, description="The label of good texts in both files.")
    min_dclm: float = Field(0.002, ge=0, le=1, description="Probability of quality above which the first says yes.")
    min_cosmo: float = Field(0.03, ge=0, le=1, description="The same of the second.")
    min_topic: float = Field(0.5, ge=0, le=1, description="Probability above which a page is inside a topic; ours.")
    max_eflaw: float = Field(30, gt=0, description="EFLAW below which a page outside the topics is readable.")
    max_eflaw_inside: float = Field(70, gt=0, description="The same inside a topic.")
    tokens: tuple[float, float] = Field((0.22, 0.28), description="Tokens per character must lie between, outside.")
    tokens_inside: tuple[float, float] = Field((0.1, 0.5), description="The same inside a topic.")

    def threshold_settings(self) -> frozenset[str]:
        return frozenset(type(self).model_fields) - {
            "quality",
            "other_quality",
            "topic_texts",
            "good",
            *self.training(),
        }

    def measure(  # pyright: ignore[reportIncompatibleMethodOverride]  # services after * are part of the contract
        self, flat: pa.Table, /, *, models: Models
    ) -> Mapping[str, pa.Array]:
        text = flat["text"].combine_chunks()
        found = {
            "dclm": self._probability(self.quality, (self.good,), text, models),
            "cosmo": self._probability(self.other_quality, (self.good,), text, models),
            "topic": self._probability(self.topic_texts, TOPICS, text, models),
            "eflaw": eflaw(text),
        }
        unread = text.is_null().to_numpy(zero_copy_only=False)
        return {name: pa.array(values, pa.float64(), mask=unread) for name, values in found.items()}

    def signals(self) -> Signals:
        return {"tokens_per_character": TOKENS_PER_CHARACTER}

    def rules(self) -> Rules:
        inside = f"topic > {self.min_topic}"
        readable = f"eflaw < (case when {inside} then {self.max_eflaw_inside} else {self.max_eflaw} end)"
        near, wide = (
            f"(tokens_per_character > {low} and tokens_per_character < {high})"
            for low, high in (self.tokens, self.tokens_inside)
        )
        return {
            "no_words": "eflaw = 0",
            "low_quality": f"not (dclm > {self.min_dclm} or cosmo > {self.min_cosmo})",
            "unreadable": f"not ({readable} or (case when {inside} then {wide} else {near} end))",
        }

    def _probability(self, path: str, labels: tuple[str, ...], text: pa.Array, models: Models) -> np.ndarray:
        """How probable the likeliest of the labels is; 0 without texts to learn from."""
        if not path:
            return np.zeros(len(text))
        examples = models.examples(path)
        model = LinearText.unpacked(models.trained("ngram_classifier", self.training(), examples))
        places = [model.labels.index(label) for label in labels if label in model.labels]
        if not places:
            models.examples(path, label=labels[0])  # which says what labels there are
        return model.probabilities(text)[:, places].max(axis=1) if len(text) else np.zeros(0)
