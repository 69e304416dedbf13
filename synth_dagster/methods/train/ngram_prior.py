"""A language model by counting, as a prior: interpolated 5-grams of words, learnt in seconds on a CPU.

Ours, after Witten and Bell's smoothing. `toedit` learns it on demand from texts that you name; the same texts and
settings are learnt once.
"""

import pyarrow as pa

from synth_dagster.method import Proof, Trainer
from synth_dagster.parts.models import ngram_prior
from synth_dagster.parts.models.ngram_prior import NgramPrior as Learnt
from synth_dagster.parts.models.ngram_prior import PriorSettings
from synth_dagster.records import Document


class NgramPrior(Trainer, PriorSettings):
    """Learns from column `text`."""

    paper = "interpretation"
    proof = Proof(
        "equation by hand",
        "Probabilities of a text of seven words by hand; over all words they sum to 1, and the likeliest are exact.",
    )
    version = ngram_prior.VERSION
    judges = (Document,)

    def train(self, flat: pa.Table, /) -> bytes:
        return Learnt.learnt(flat["text"].combine_chunks().fill_null("").to_pylist(), self).packed()
