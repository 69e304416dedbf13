"""Compression ratio: bytes of the texts to bytes of their gzip form; higher is more redundant.

Paper: arXiv:2407.06645, whose entropy law ties this ratio to what a model learns from the set. It grows with the size
of a set up to the 32 KB that gzip looks back, so that small sets cannot be compared by it: `ratio_segment` is the mean
over equally long pieces and can.
"""

import zlib
from collections.abc import Iterator

import pyarrow as pa
from pydantic import Field

from synth_dagster.method import Measure, Measurement, Proof

_GZIP = 31  # zlib's window bits for the gzip format, without a time in its header
_LEVEL = 9
_ROWS_AT_ONCE = 1_000


class CompressionRatio(Measure):
    """The ratio of all texts, one a line, and of pieces of fixed length; left out where there are none."""

    paper = "arXiv:2407.06645"
    proof = Proof(
        "equation by hand", "Equals gzip of the whole; a set twice over within the window has a higher ratio."
    )

    segment: int = Field(16_384, ge=64, description="Bytes of a piece.")

    def measure(self, flat: pa.Table, /) -> Measurement:
        whole, pieces = Packed(), Pieces(self.segment)
        for block in blocks(flat["text"]):
            whole.add(block)
            pieces.add(block)
        ratios = {"ratio": whole.ratio(), "ratio_segment": pieces.mean()}
        known = {name: ratio for name, ratio in ratios.items() if ratio is not None}
        return Measurement({"bytes": float(whole.plain)} | known)


class Packed:
    """Compresses as it goes, so that the texts never stand in memory together."""

    def __init__(self) -> None:
        self.plain, self._size = 0, 0
        self._compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)

    def add(self, block: bytes) -> None:
        self.plain += len(block)
        self._size += len(self._compressor.compress(block))

    def ratio(self) -> float | None:
        packed = self._size + len(self._compressor.flush())
        return self.plain / packed if self.plain else None


class Pieces:
    """The mean ratio of whole pieces of the same length."""

    def __init__(self, length: int) -> None:
        self._length, self._left, self._sum, self._count = length, b"", 0.0, 0

    def add(self, block: bytes) -> None:
        self._left += block
        while len(self._left) >= self._length:
            piece, self._left = self._left[: self._length], self._left[self._length :]
            self._sum += len(piece) / len(zlib.compress(piece, _LEVEL, _GZIP))
            self._count += 1

    def mean(self) -> float | None:
        return self._sum / self._count if self._count else None


def blocks(texts: pa.ChunkedArray) -> Iterator[bytes]:
    """The texts that are there, each ending with a line break, a thousand at a time."""
    for start in range(0, len(texts), _ROWS_AT_ONCE):
        rows = texts.slice(start, _ROWS_AT_ONCE).drop_null().to_pylist()
        yield "".join(f"{text}\n" for text in rows).encode("utf-8", "surrogatepass")
