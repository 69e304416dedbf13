"""A small language model that counts: what follows the last bytes, backing off to fewer of them where little was seen.

It stands for a model that somebody will train on a set, and says which texts such a model would know by heart. Each
order has a table of as many rows as the model is given memory; a context is hashed into one of them, so contexts share
rows as facts share the weights of a network: what was seen once drowns among others, what was seen often stands out.
The orders are mixed as Witten and Bell do (1991). Bytes, so that it needs no tokeniser and knows every language; the
whole distribution is at hand, which an endpoint does not give.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from synth_dagster.parts.text.hashed_words import mixed

SYMBOLS = 256
LONGEST = 8  # bytes of a context: as many as fit into a number of 64 bits
_AT_ONCE = 4_096  # positions, which bounds the memory
_BYTES_A_ROW = 128


@dataclass(frozen=True, slots=True)
class ByteModel:
    """`counts[k]` has a row for each hash of k + 1 bytes and a column for each byte that followed."""

    first: np.ndarray  # how often each byte stands anywhere
    counts: np.ndarray  # (orders, rows, 256)

    @classmethod
    def learnt(cls, texts: Sequence[bytes], *, context: int = 5, rows: int | None = None) -> "ByteModel":
        """From texts, each by itself. `rows` is a power of two: the memory of each order."""
        rows = rows or rows_for(sum(map(len, texts)))
        first, counts = np.zeros(SYMBOLS), np.zeros((context, rows * SYMBOLS), np.uint32)
        for data, contexts in _positions(texts, context):
            first += np.bincount(data, minlength=SYMBOLS)
            for order, row in enumerate(_rows(contexts, context, rows)):
                cells, times = np.unique(row * SYMBOLS + data, return_counts=True)
                counts[order, cells] += times.astype(np.uint32)
        return cls(first, counts.reshape(context, rows, SYMBOLS))

    def following(self, contexts: np.ndarray) -> np.ndarray:
        """Shape (contexts, 256), float32: how likely each byte is after each context, a number of its last bytes."""
        found = np.full((len(contexts), SYMBOLS), 1 / SYMBOLS, np.float32)
        context, rows, _ = self.counts.shape
        _mixed_in(found, np.broadcast_to(self.first.astype(np.float32), found.shape))
        for order, row in enumerate(_rows(contexts, context, rows)):
            _mixed_in(found, self.counts[order, row].astype(np.float32))
        return found

    def scored(self, text: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each byte of a text its log-probability, and the mean and deviation of those of all bytes there."""
        parts = [(np.zeros(0),) * 3]
        for data, contexts in _positions([text], self.counts.shape[0]):
            logs = np.log(likely := self.following(contexts))
            mean = (likely * logs).sum(axis=1)
            spread = np.sqrt(np.maximum((likely * logs**2).sum(axis=1) - mean**2, 0))
            parts.append((logs[np.arange(len(data)), data], mean, spread))
        own, mean, spread = (np.concatenate(column).astype(float) for column in zip(*parts, strict=True))
        return own, mean, spread


def some_bytes(texts: Sequence[str | None], most: int) -> list[bytes]:
    """The texts of a set as bytes, about so many, chosen by what they say: what is there often stays in proportion."""
    found = sorted(text.encode("utf-8", "surrogatepass") for text in texts if text)
    return found[:: max(1, -(-sum(map(len, found)) // most))]


def rows_for(size: int) -> int:
    """The memory of an order for so many bytes of text, as a power of two: so little that once is not remembered."""
    return 1 << int(np.clip(np.ceil(np.log2(max(size, 1) / _BYTES_A_ROW)), 6, 15))


def _mixed_in(found: np.ndarray, counts: np.ndarray) -> None:
    """Witten-Bell: what was seen weighs its count, the shorter context as much as different bytes were seen."""
    kinds = (counts > 0).sum(axis=1, keepdims=True, dtype=np.float32)
    total = counts.sum(axis=1, keepdims=True)
    seen = total[:, 0] > 0
    found[seen] = (counts[seen] + kinds[seen] * found[seen]) / (total + kinds)[seen]


def _positions(texts: Sequence[bytes], context: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The bytes of texts, and the last bytes before each as a number; some thousands at a time."""
    for text in texts:
        padded = np.frombuffer(bytes(context) + text, np.uint8)
        for start in range(0, len(text), _AT_ONCE):
            piece = padded[start : start + context + min(_AT_ONCE, len(text) - start)]
            windows = np.lib.stride_tricks.sliding_window_view(piece[:-1], context).astype(np.uint64)
            places = np.uint64(8) * np.arange(context - 1, -1, -1, dtype=np.uint64)
            yield piece[context:].astype(np.int64), (windows << places).sum(axis=1, dtype=np.uint64)


def _rows(contexts: np.ndarray, longest: int, rows: int) -> Iterator[np.ndarray]:
    """For each order the row of each context, from one byte to the longest."""
    for order in range(1, longest + 1):
        last = contexts & np.uint64((1 << 8 * order) - 1)
        yield (mixed(last + np.uint64(order)) & np.uint64(rows - 1)).astype(np.int64)
