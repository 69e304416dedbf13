"""The thresholds, stop words and own words of each language, found from reference texts in it.

Paper: arXiv:2506.20920 (FineWeb2). Labels are the codes of languages; English has to be among them, for its thresholds
are carried over. `fineweb2` asks for it, with reference texts of the project.
"""

import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Proof, Trainer
from synth_dagster.parts.pages.language_rules import packed
from synth_dagster.parts.pages.threshold_tuning import tuned
from synth_dagster.records import Document


class LanguageRules(Trainer):
    """Learns from columns `text`, a page, and `label`, its language."""

    paper = "arXiv:2506.20920"
    proof = Proof(
        "equation by hand",
        "Each of the five ways by hand; a tenth of a reference is dropped by the tail, within half a hundredth.",
    )
    judges = (Document,)

    english: str = Field("en", description="The label of the English texts.")
    never_stricter: bool = Field(
        False, description="Keep the English threshold where another would drop more: for a small or clean reference."
    )
    frequency: float = Field(0.008, gt=0, lt=1, description="A word that makes up so much of the text is a stop word.")
    fewest_stop_words: int = Field(8, ge=1, le=100, description="As many of the commonest are stop words in any case.")

    def train(self, flat: pa.Table, /) -> bytes:
        return packed(
            tuned(
                flat["text"].combine_chunks().fill_null(""),
                flat["label"].to_pylist(),
                english=self.english,
                never_stricter=self.never_stricter,
                least=self.frequency,
                stop_words=self.fewest_stop_words,
            )
        )
