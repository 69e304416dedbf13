"""n-gram novelty: how much of what is said stands in reference texts in the same words, and in how long runs.

Paper: arXiv:2406.13069. The non-novel suffix length of a word is how many words that end with it stand in a row in the
corpus; from these lengths follows for every n which share of n-grams is new. The paper reads them off a compacted
suffix automaton; the suffix array here gives the same lengths. Words are compared in lower case and without marks.
Each text counts its own n-grams: the official plots flatten all texts and so take runs at the head of one for new.
Novelty is not creativity, and a short text is rarely new.
"""

import pyarrow as pa
from pydantic import Field

from synth_dagster.errors import MethodError
from synth_dagster.method import InputPath, Measure, Measurement, Proof
from synth_dagster.parts.hashed_words import normalise, words
from synth_dagster.parts.longest_matches import OtherTexts
from synth_dagster.services import References


class NgramNovelty(Measure):
    """novelty_1 ... novelty_10, the mean and the largest length, and the share of records with a long copy."""

    paper = "arXiv:2406.13069"
    proof = Proof(
        "equation by hand",
        'Lengths of "a b c" after "a b b" are 1 2 0, as in the official tests; the shares of n-grams for n to 10 equal '
        "those of sets on random texts, lengths and counts those of a suffix automaton.",
    )
    topics = ("memorisation", "copying", "plagiarism", "suffix automaton")

    against: InputPath = Field(
        "", description="File or folder of reference texts; without it each record is compared with all others."
    )
    column: str = Field("text", min_length=1, description="What is compared: text, instruction or response.")
    longest: int = Field(10, ge=1, le=100, description="Largest n of the curve.")
    long_copy: int = Field(50, ge=2, description="Words in a row from which a record counts as holding a copy.")

    def measure(  # pyright: ignore[reportIncompatibleMethodOverride]  # services after * are part of the contract
        self, flat: pa.Table, /, *, references: References
    ) -> Measurement:
        texts = words(normalise(self._column_of(flat)))
        corpus = words(normalise(pa.array(references.texts(self.against), pa.string()))) if self.against else None
        found = OtherTexts(texts, corpus).matches()
        curve = {n: found.novelty(n) for n in range(1, self.longest + 1)}
        numbers = {"words": float(len(found.lengths))}
        if len(found.lengths):
            longest = found.longest()
            numbers |= {
                "mean_length": float(found.lengths.mean()),
                "longest": float(longest.max()),
                "long_copies": float((longest >= self.long_copy).sum() / (texts.counts > 0).sum()),
            }
        known = {n: share for n, share in curve.items() if share is not None}
        numbers |= {f"novelty_{n}": share for n, share in known.items()}
        return Measurement(numbers, {str(n): share for n, share in known.items()})

    def _column_of(self, flat: pa.Table) -> pa.ChunkedArray:
        if self.column not in flat.column_names:
            allowed = ", ".join(name for name in flat.column_names if name != "record_id")
            raise MethodError(
                f"ngram_novelty: these records have no column '{self.column}'. Set 'column' to one of {allowed}."
            )
        return flat[self.column]
