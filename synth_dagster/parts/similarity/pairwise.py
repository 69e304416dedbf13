"""How much the texts of a set share in pairs: ROUGE by hashed n-grams, over all pairs at once."""

import numpy as np

from synth_dagster.parts.text.hashed_words import Hashed, ngrams


def mean_rouge(said: Hashed, n: int = 2) -> float | None:
    """The mean F-measure of shared n-grams of all pairs of texts, each n-gram as often as both have it (ROUGE-N).

    0 for a pair of which one has no n-gram; None where there is no pair. Texts times different n-grams are in memory.
    """
    count = len(said)
    if count < 2:
        return None
    grams = ngrams(said, n)
    _, columns = np.unique(grams.hashes, return_inverse=True)
    width = int(columns.max(initial=-1)) + 1
    often = np.bincount(grams.owners * width + columns, minlength=count * width).reshape(count, width).astype(np.int16)
    lengths = often.sum(axis=1, dtype=np.int64)
    total = 0.0
    for place in range(count - 1):
        own = np.flatnonzero(often[place])
        shared = np.minimum(often[place + 1 :, own], often[place, own]).sum(axis=1, dtype=np.int64)
        total += float((2 * shared / np.maximum(lengths[place + 1 :] + lengths[place], 1)).sum())
    return total / (count * (count - 1) / 2)
