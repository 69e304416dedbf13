"""Readability and tokens: drops what a reader stumbles through, and what falls into too many or too few tokens.

Paper: arXiv:2409.18164 (Data Prep Kit, its transforms for readability and for extreme tokenisation). McAlpine's EFLAW
counts words and small words for each sentence: up to 20 is easy, above 29 hard. Long sentences of lists, tables and
codes read as hard as they are. Languages without blanks between words have few words and many tokens.
"""

from collections.abc import Mapping

import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Filter, Proof, Rules, Signals
from synth_dagster.parts.pages.page_shape import TOKENS_PER_CHARACTER, eflaw
from synth_dagster.records import Document


class Readability(Filter):
    """EFLAW, and tokens per character."""

    paper = "arXiv:2409.18164"
    proof = Proof("equation by hand", "12 words, 4 of them small, in 2 sentences: EFLAW 8.")
    judges = (Document,)

    max_eflaw: float = Field(70, gt=0, description="Largest EFLAW: GneissWeb's limit inside its topics; 30 outside.")
    min_tokens: float = Field(0.1, ge=0, description="Fewest tokens per character.")
    max_tokens: float = Field(0.5, gt=0, description="Most tokens per character.")

    def measure(self, flat: pa.Table, /) -> Mapping[str, pa.Array]:
        text = flat["text"].combine_chunks()
        unread = text.is_null().to_numpy(zero_copy_only=False)
        return {"eflaw": pa.array(eflaw(text), pa.float64(), mask=unread)}

    def signals(self) -> Signals:
        return {"tokens_per_character": TOKENS_PER_CHARACTER}

    def rules(self) -> Rules:
        return {
            "hard_to_read": f"eflaw > {self.max_eflaw}",
            "few_tokens": f"tokens_per_character <= {self.min_tokens}",
            "many_tokens": f"tokens_per_character >= {self.max_tokens}",
        }
