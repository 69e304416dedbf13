"""n-gram novelty: how much of what is said stands in reference texts in the same words, and in how long runs.

Paper: arXiv:2406.13069. The non-novel suffix length of a word is how many words that end with it stand in a row in the
corpus; from these lengths follows for every n which share of n-grams is new. The paper reads them off a compacted
suffix automaton; the suffix array here gives the same lengths. Words are compared in lower case and without marks.
Each text counts its own n-grams: the official plots flatten all texts and so take runs at the head of one for new.
Novelty is not creativity, and a short text is rarely new.
"""

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.errors import MethodError
from synth_dagster.method import InputPath, Measure, Measurement, Proof
from synth_dagster.parts.similarity.longest_matches import OtherTexts
from synth_dagster.parts.similarity.seen_pieces import together
from synth_dagster.parts.text.hashed_words import Hashed, normalise, offsets_of, words
from synth_dagster.services import References

_TEXTS_AT_ONCE = 256  # so that little is read beyond the words that are compared


class NgramNovelty(Measure):
    """novelty_1 ... novelty_10, the mean and the largest length, and the share of records with a long copy.

    With `entropy` also the mean over words of how open their longest match leaves what comes next: near 0 for copies.
    """

    paper = "arXiv:2406.13069"
    proof = Proof(
        "equation by hand",
        'Lengths of "a b c" after "a b b" are 1 2 0, as in the official tests; the shares of n-grams for n to 10 equal '
        "those of sets on random texts, lengths and counts those of a suffix automaton, entropies those of reading on.",
    )
    topics = ("memorisation", "copying", "plagiarism", "suffix automaton")

    against: InputPath = Field(
        "", description="File or folder of reference texts; without it each record is compared with all others."
    )
    column: str = Field("text", min_length=1, description="What is compared: text, instruction or response.")
    longest: int = Field(10, ge=1, le=100, description="Largest n of the curve.")
    long_copy: int = Field(50, ge=2, description="Words in a row from which a record counts as holding a copy.")
    entropy: bool = Field(
        False, description="Also tell how open it is, in bits, what follows the longest match of a word; takes longer."
    )
    most_words: int = Field(
        2_000_000, ge=1, description="Words of the records that are compared, and of the references: the first of each."
    )

    def measure(  # pyright: ignore[reportIncompatibleMethodOverride]  # services after * are part of the contract
        self, flat: pa.Table, /, *, references: References
    ) -> Measurement:
        texts = self._words(self._column_of(flat))
        corpus = self._words(pa.array(references.texts(self.against), pa.string())) if self.against else None
        others = OtherTexts(texts, corpus)
        found = others.matches()
        curve = {n: found.novelty(n) for n in range(1, self.longest + 1)}
        numbers = {"words": float(len(found.lengths))}
        if len(found.lengths):
            longest = found.longest()
            numbers |= {
                "mean_length": float(found.lengths.mean()),
                "longest": float(longest.max()),
                "long_copies": float((longest >= self.long_copy).sum() / (texts.counts > 0).sum()),
            }
            if self.entropy and found.lengths.any():
                numbers["next_word_entropy"] = float(np.nanmean(others.entropies(found)))
        known = {n: share for n, share in curve.items() if share is not None}
        numbers |= {f"novelty_{n}": share for n, share in known.items()}
        return Measurement(numbers, {str(n): share for n, share in known.items()})

    def _words(self, column: pa.Array | pa.ChunkedArray) -> Hashed:
        """The first words of a column; the text that holds the last of them is cut."""
        parts, left = [], self.most_words
        for start in range(0, len(column), _TEXTS_AT_ONCE):
            if left <= 0:
                break
            parts.append(first(words(normalise(column.slice(start, _TEXTS_AT_ONCE))), left))
            left -= len(parts[-1].hashes)
        return together(parts)

    def _column_of(self, flat: pa.Table) -> pa.ChunkedArray:
        if self.column not in flat.column_names:
            allowed = ", ".join(name for name in flat.column_names if name != "record_id")
            raise MethodError(
                f"ngram_novelty: these records have no column '{self.column}'. Set 'column' to one of {allowed}."
            )
        return flat[self.column]


def first(found: Hashed, most: int) -> Hashed:
    """The first so many words of texts; texts behind them have none."""
    ends = np.minimum(found.offsets, most)
    return Hashed(found.hashes[: ends[-1]], offsets_of(np.diff(ends)))
