"""Embeddings without a model: hashed words, weighed by TF-IDF and brought to few dimensions by an SVD (LSA).

For machines with no endpoint. Texts that use the same words, or words that stand beside the same others, are near. The
weights and the directions are learnt from the texts of one call, so vectors of one call can be compared with each other
and not with those of another; nothing of them is kept. The same set of texts gives the same vectors, in any order.

Latent semantic analysis: Deerwester et al. 1990. The SVD is the randomised one of Halko, Martinsson and Tropp
(arXiv:0909.4061, algorithms 4.4 and 5.1), over hashed columns (arXiv:0902.2206), all in NumPy.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from synth_dagster.parts.text.hashed_words import hash_texts, normalise, offsets_of, words

COLUMNS = 1 << 14  # what words are hashed to
DIMENSIONS = 128
OVERSAMPLED = 16  # directions that the randomised SVD tries beyond those that are wanted
PASSES = 4  # over the matrix and back, until the directions hold still
MOST_FITTED = 20_000  # texts that the directions are learnt from; a larger set is sampled by hash
AT_ONCE = 1 << 14  # entries of the matrix that are multiplied at once, which bounds the memory
SEED = 20_260


class LexicalEmbedder:
    """`services.Embedder` in this process: no endpoint, no weights, no cost."""

    model = ""  # no two calls have the same directions

    async def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Shape (len(texts), 128), float32, rows of unit length; comparable within this call only."""
        import asyncio

        return await asyncio.to_thread(embedded, texts)


def embedded(texts: Sequence[str]) -> np.ndarray:
    """The vectors of texts: shape (len(texts), 128), float32, rows of unit length."""
    if not texts:
        return np.zeros((0, DIMENSIONS), dtype=np.float32)
    # sorted and each once, so that neither order nor repetition changes a bit
    different = sorted(set(texts))
    counted = _counted(pa.array([text.encode("utf-8", "replace").decode() for text in different], pa.string()))
    weighed = counted.weighed()
    directions = _directions(weighed.sample(MOST_FITTED))
    vectors = np.zeros((len(different), DIMENSIONS))
    vectors[:, : directions.shape[1]] = weighed.times(directions)
    places = {text: place for place, text in enumerate(different)}
    return _unit(vectors)[[places[text] for text in texts]].astype(np.float32)


@dataclass(frozen=True, slots=True)
class Sparse:
    """A matrix by rows: entries `offsets[i]:offsets[i + 1]` are those of row i."""

    columns: np.ndarray
    values: np.ndarray
    offsets: np.ndarray
    width: int  # columns that it has

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def weighed(self) -> "Sparse":
        """Counts as TF-IDF, (1 + log tf) * (log((1 + n) / (1 + df)) + 1), with rows of unit length."""
        seen = np.bincount(self.columns, minlength=self.width)
        idf = np.log((1 + len(self)) / (1 + seen)) + 1
        values = np.sign(self.values) * (1 + np.log(np.abs(self.values))) * idf[self.columns]
        owners = np.repeat(np.arange(len(self)), np.diff(self.offsets))
        length = np.sqrt(np.bincount(owners, values**2, minlength=len(self)))
        return Sparse(self.columns, values / length[owners], self.offsets, self.width)

    def sample(self, most: int) -> "Sparse":
        """So many of the rows, evenly over their order."""
        if len(self) <= most:
            return self
        chosen = np.linspace(0, len(self) - 1, most).astype(np.int64)
        counts = np.diff(self.offsets)[chosen]
        offsets = offsets_of(counts)
        places = np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts) + np.repeat(self.offsets[:-1][chosen], counts)
        return Sparse(self.columns[places], self.values[places], offsets, self.width)

    def turned(self) -> "Sparse":
        """The transposed matrix."""
        owners = np.repeat(np.arange(len(self)), np.diff(self.offsets))
        order = np.argsort(self.columns, kind="stable")
        counts = np.bincount(self.columns, minlength=self.width)
        return Sparse(owners[order], self.values[order], offsets_of(counts), len(self))

    def times(self, dense: np.ndarray) -> np.ndarray:
        """The product with a dense matrix, some rows at a time."""
        made = np.zeros((len(self), dense.shape[1]))
        first = 0
        while first < len(self):
            last = max(first + 1, int(np.searchsorted(self.offsets, self.offsets[first] + AT_ONCE, side="right")) - 1)
            there = slice(self.offsets[first], self.offsets[last])
            part = self.values[there, None] * dense[self.columns[there]]
            filled = np.flatnonzero(np.diff(self.offsets[first : last + 1]))
            if len(filled):
                made[first + filled] = np.add.reduceat(part, self.offsets[first + filled] - self.offsets[first], axis=0)
            first = last
        return made


def _counted(texts: pa.Array) -> Sparse:
    """How often each hashed word stands in each text, with a sign of its own; a text without words is its own word."""
    found = words(normalise(texts))
    whole = hash_texts(texts)
    bare = found.counts == 0
    owners = np.concatenate([found.owners, np.flatnonzero(bare)])
    hashes = np.concatenate([found.hashes, whole[bare]])
    hashed = (hashes % np.uint64(COLUMNS)).astype(np.int64)
    signs = np.where(hashes >> np.uint64(63), 1.0, -1.0)
    cells, places = np.unique(owners * COLUMNS + hashed, return_inverse=True)
    values = np.bincount(places, signs)
    kept = values != 0  # two words of one cell may cancel out
    rows = cells // COLUMNS
    lost = np.setdiff1d(np.arange(len(texts)), rows[kept])
    kept |= np.isin(rows, lost)
    values = np.where(values == 0, 1.0, values)
    counts = np.bincount(rows[kept], minlength=len(texts))
    # only columns that occur are kept: a small set of texts has few words
    used, columns = np.unique(cells[kept] % COLUMNS, return_inverse=True)
    return Sparse(columns, values[kept], offsets_of(counts), len(used))


def _directions(matrix: Sparse) -> np.ndarray:
    """The right singular vectors of the largest singular values: shape (columns, at most 128)."""
    across = matrix.turned()
    most = min(len(matrix), matrix.width)
    wanted, tried = min(DIMENSIONS, most), min(DIMENSIONS + OVERSAMPLED, most)
    start = np.random.default_rng(SEED).standard_normal((matrix.width, tried))
    rows = _orthogonal(matrix.times(start))
    for _ in range(PASSES):
        rows = _orthogonal(matrix.times(_orthogonal(across.times(rows))))
    left, _, _ = np.linalg.svd(across.times(rows), full_matrices=False)
    found = left[:, :wanted]
    strongest = np.abs(found).argmax(axis=0)
    return found * np.where(found[strongest, np.arange(wanted)] < 0, -1.0, 1.0)


def _orthogonal(matrix: np.ndarray) -> np.ndarray:
    return np.linalg.qr(matrix)[0]


def _unit(matrix: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return matrix / np.where(lengths > 0, lengths, 1)
