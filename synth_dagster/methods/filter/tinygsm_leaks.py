"""TinyGSM's step against test sets: a shared run of 13 words, punctuation and numbers apart, is a leak.

Paper: arXiv:2312.09241. Numbers go before the comparison, so that a test problem with other numbers is found too. The
paper met 22 such records in 11 million. A paraphrase is not seen.
"""

# pyarrow.compute makes its functions when it is imported, so a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from synth_dagster.method import Filter, InputPath, Proof, Rules
from synth_dagster.parts.text.hashed_words import ngrams, normalise, words
from synth_dagster.records import Document, Instruction
from synth_dagster.services import References


class TinygsmLeaks(Filter):
    """How many different n-grams of words a record shares with the test items."""

    paper = "arXiv:2312.09241"
    proof = Proof("planted signal", "Of 50 planted test questions with other numbers all are found, of others none.")
    judges = (Document, Instruction)

    against: InputPath = Field(description="File or folder with the questions of the test sets.")
    n: int = Field(13, ge=2, le=50, description="Words of a run: 13 in the paper, where 8 met 0.35 % of all records.")

    def threshold_settings(self) -> frozenset[str]:
        return frozenset()

    def measure(  # pyright: ignore[reportIncompatibleMethodOverride]  # services after * are part of the contract
        self, flat: pa.Table, /, *, references: References
    ) -> Mapping[str, pa.Array]:
        column = flat["instruction" if "instruction" in flat.column_names else "text"].combine_chunks()
        tests = ngrams(words(without_numbers(pa.array(references.texts(self.against), pa.string()))), self.n)
        own = ngrams(words(without_numbers(column)), self.n)
        hits = own.owners[np.isin(own.hashes, tests.hashes)]
        unread = column.is_null().to_numpy(zero_copy_only=False)
        return {"shared_runs": pa.array(np.bincount(hits, minlength=len(column)), pa.int64(), mask=unread)}

    def rules(self) -> Rules:
        return {"leak": "shared_runs > 0"}


def without_numbers(texts: pa.Array) -> pa.Array:
    """Words alone: a number goes with the marks inside it and the currency before it."""
    return normalise(pc.replace_substring_regex(texts, r"[$€£]?\d[\d,.]*%?", " "))
