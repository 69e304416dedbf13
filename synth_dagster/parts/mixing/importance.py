"""How much more a text is like what is wanted than like what there is: importance weights over hashed n-grams (DSIR).

Paper: arXiv:2302.03169, as arXiv:2407.06380 uses it. Target and raw texts are bags of hashed words and pairs of words;
the log of a text's weight is the sum over its n-grams of log p - log q. With Gumbel noise the best k are a draw without
replacement in proportion to the weights.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from synth_dagster.parts.text.hashed_words import Hashed, ngrams, normalise, offsets_of, words
from synth_dagster.records import digest

_TEXTS_AT_ONCE = 4_096  # bounds memory


@dataclass(frozen=True, slots=True)
class Buckets:
    """How texts become bags: runs of 1 to `longest` words, hashed into so many buckets."""

    count: int = 10_000
    longest: int = 2

    def of(self, texts: pa.Array | pa.ChunkedArray) -> Hashed:
        """The bucket of each n-gram of each text, those of single words first."""
        single = words(normalise(texts))
        runs = [single, *(ngrams(single, n) for n in range(2, self.longest + 1))]
        owners = np.concatenate([run.owners for run in runs])
        order = np.argsort(owners, kind="stable")
        hashes = np.concatenate([run.hashes + np.uint64(n) for n, run in enumerate(runs)])[order]
        counts = np.sum([run.counts for run in runs], axis=0)
        return Hashed((hashes % np.uint64(self.count)).astype(np.int64), offsets_of(counts))

    def counted(self, texts: pa.Array | pa.ChunkedArray) -> np.ndarray:
        """How often each bucket occurs in all texts together."""
        found = np.zeros(self.count, np.int64)
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            found += np.bincount(self.of(texts.slice(start, _TEXTS_AT_ONCE)).hashes, minlength=self.count)
        return found


def log_ratio(wanted: np.ndarray, there: np.ndarray, smoothing: float) -> np.ndarray:
    """log p - log q of each bucket, from counts that each get `smoothing` more."""
    p, q = (np.log(counts + smoothing) - np.log((counts + smoothing).sum()) for counts in (wanted, there))
    return p - q


def log_weights(texts: pa.Array | pa.ChunkedArray, ratio: np.ndarray, buckets: Buckets) -> np.ndarray:
    """The log of the importance weight of each text; 0 of a text without words."""
    parts: list[np.ndarray] = [np.zeros(0)]
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        found = buckets.of(texts.slice(start, _TEXTS_AT_ONCE))
        parts.append(np.bincount(found.owners, ratio[found.hashes], minlength=len(found)))
    return np.concatenate(parts)


def gumbel(record_ids: pa.ChunkedArray | pa.Array, seed: int) -> np.ndarray:
    """Noise of each record that depends on nothing but its id and the seed."""
    drawn = (digest("gumbel", seed, one.hex())[:6] for one in record_ids.to_pylist())
    chances = np.array([(int.from_bytes(one, "big") + 0.5) / 2**48 for one in drawn], float)
    return -np.log(-np.log(chances))
