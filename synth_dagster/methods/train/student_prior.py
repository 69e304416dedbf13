"""A small transformer as a prior: it learns a language model of words from texts, in minutes on a CPU.

Ours, of the form of Llama (arXiv:2302.13971), in NumPy. `toedit` learns it on demand, with `model: transformer`, from
texts that you name; the same texts and settings are learnt once.
"""

import pyarrow as pa

from synth_dagster.method import Proof, Trainer
from synth_dagster.parts.models import student_prior
from synth_dagster.parts.models.student_prior import StudentPrior as Learnt
from synth_dagster.parts.models.student_prior import StudentSettings
from synth_dagster.records import Document


class StudentPrior(Trainer, StudentSettings):
    """Learns from column `text`."""

    paper = "interpretation"
    proof = Proof(
        "planted signal",
        "Days of a log that it did not read have a perplexity of 1.25 to it after 100 steps, of 1.30 to runs of five "
        "words, whichever third of the texts is left out. Of half of the words it is then sure to .99.",
    )
    version = student_prior.VERSION
    judges = (Document,)

    def train(self, flat: pa.Table, /) -> bytes:
        return Learnt.learnt(flat["text"].combine_chunks().fill_null("").to_pylist(), self).packed()
