"""distinct-n: the share of n-grams that are different, for n from 1; low where a set says the same over and over.

Paper: arXiv:1510.03055. The share falls as a set grows, so that sets of different size cannot be compared by it: the
`segment` numbers are the mean over segments of equally many n-grams and can.
"""

import numpy as np
import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Measure, Measurement, Proof
from synth_dagster.parts.text.hashed_words import ngrams, normalise, words


class DistinctN(Measure):
    """distinct_1 ... distinct_4, and the same per segment; left out where there is none."""

    paper = "arXiv:1510.03055"
    proof = Proof("equation by hand", 'distinct-2 of "a b a b" is 2/3; a set twice over has half the share.')

    longest: int = Field(4, ge=1, le=10, description="Largest n.")
    segment: int = Field(1_000, ge=2, description="N-grams of a segment, in the order of the records.")

    def measure(self, flat: pa.Table, /) -> Measurement:
        found = words(normalise(flat["text"]))
        numbers: dict[str, float | None] = {"words": float(len(found.hashes))}
        for n in range(1, self.longest + 1):
            grams = ngrams(found, n).hashes
            numbers[f"distinct_{n}"] = distinct_share(grams)
            numbers[f"distinct_{n}_segment"] = mean_segment_share(grams, self.segment)
        return Measurement({name: number for name, number in numbers.items() if number is not None})


def distinct_share(grams: np.ndarray) -> float | None:
    """Different grams to all grams; None for none."""
    return len(np.unique(grams)) / len(grams) if len(grams) else None


def mean_segment_share(grams: np.ndarray, size: int) -> float | None:
    """The mean distinct share of whole segments of `size` grams, what is left over at the end left out."""
    segments = np.sort(grams[: len(grams) // size * size].reshape(-1, size), axis=1)
    different = 1 + (segments[:, 1:] != segments[:, :-1]).sum(axis=1)
    return float(different.mean() / size) if len(segments) else None
