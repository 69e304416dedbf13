"""An embedder that costs nothing: counts of hashed words, of unit length. Texts of the same words are the same."""

import numpy as np

from synth_dagster.parts.text.words import words
from synth_dagster.records import digest_of

DIMENSIONS = 512


class BagOfWords:
    model = "bag-of-words"

    async def embed(self, texts):
        vectors = np.zeros((len(texts), DIMENSIONS), np.float32)
        for row, text in enumerate(texts):
            for word in words(text):
                vectors[row, int.from_bytes(digest_of(word)[:4]) % DIMENSIONS] += 1
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.where(lengths > 0, lengths, 1)
