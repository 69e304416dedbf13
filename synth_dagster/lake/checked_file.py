"""Files of arrays of which a few pieces are read and each piece is checked when it is read first.

The bytes are followed by the CRC-32 of each block, as pages of Parquet have it. Whoever names the file keeps the
SHA-256 of those, so a reader of one block looks at that block and at a thousandth of the file.
"""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

import numpy as np

from synth_dagster.lake.array_file import Damaged

BLOCK = 4_096  # bytes
_SUM = np.dtype("<u4")


def write_checked(file: BinaryIO, arrays: Iterable[np.ndarray]) -> str:
    """Write arrays one after the other and then the sums of the blocks; the digest of the sums."""
    parts = []
    for blocks in _blocks(arrays):
        file.write(blocks)
        parts.append(_sums(memoryview(blocks)))
    sums = np.concatenate(parts).tobytes()
    file.write(sums)
    return sha256(sums).hexdigest()


class CheckedFile:
    """Arrays of a file. Raises Damaged for a file or a block that is read and is not what was written."""

    def __init__(self, path: Path, size: int, digest: str) -> None:
        """`size` is that of the arrays in bytes, `digest` what `write_checked` gave."""
        self.path = path
        blocks = -(-size // BLOCK)
        held_bytes, due = path.stat().st_size, size + blocks * _SUM.itemsize
        if held_bytes != due:
            raise Damaged(f"{path} has {held_bytes} bytes, not {due}")
        held = np.asarray(np.memmap(path, np.uint8, "r")) if size else np.zeros(0, np.uint8)
        told = held[size:].tobytes()
        if sha256(told).hexdigest() != digest:
            raise Damaged(f"{path} has other sums of its blocks than were written")
        self._data, self._told = held[:size], np.frombuffer(told, _SUM)
        self.checked = np.zeros(blocks, bool)

    def array(self, start: int, count: int, dtype: np.dtype) -> np.ndarray:
        """Shape (count,): the numbers from the byte `start` on, as they stand in the file."""
        end = start + count * dtype.itemsize
        self._check(np.arange(start // BLOCK, -(-end // BLOCK)))
        return self._data[start:end].view(dtype)

    def some(self, start: int, places: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """Shape of `places`: the numbers at those places of the array that begins at the byte `start`."""
        if not len(places):
            return np.zeros(0, dtype)
        first = start + places * dtype.itemsize
        looked_at = np.zeros(len(self.checked), bool)
        looked_at[first // BLOCK] = looked_at[(first + dtype.itemsize - 1) // BLOCK] = True
        self._check(np.flatnonzero(looked_at))
        end = start + (int(places.max()) + 1) * dtype.itemsize
        return self._data[start:end].view(dtype)[places]

    def _check(self, blocks: np.ndarray) -> None:
        for number in blocks[~self.checked[blocks]].tolist():
            if crc32(self._data[number * BLOCK : (number + 1) * BLOCK].data) != self._told[number]:
                raise Damaged(f"{self.path} has other bytes in block {number} than were written")
        self.checked[blocks] = True


def _blocks(arrays: Iterable[np.ndarray], most: int = 256 * BLOCK) -> Iterator[bytes]:
    """The bytes of all arrays in whole blocks, many at a time; the last ones may end within a block."""
    rest = b""
    for array in arrays:
        data = np.ascontiguousarray(array).view(np.uint8).ravel()
        for start in range(0, len(data), most):
            rest += data[start : start + most].tobytes()
            whole = len(rest) // BLOCK * BLOCK
            yield rest[:whole]
            rest = rest[whole:]
    yield rest


def _sums(blocks: memoryview) -> np.ndarray:
    return np.array([crc32(blocks[start : start + BLOCK]) for start in range(0, len(blocks), BLOCK)], _SUM)
