"""A matrix that grows by columns and is read by rows: in memory up to a limit, beyond it in a file without a name."""

from collections.abc import Iterable, Iterator
from tempfile import TemporaryFile
from typing import IO

import numpy as np


class SpilledRows:
    """Blocks of shape (rows, some columns) of 64-bit numbers, one after the other."""

    def __init__(self, rows: int, limit: int) -> None:
        """`limit` is in bytes: what is more waits on disk."""
        self._rows, self._left = rows, limit
        self._held: list[np.ndarray] = []
        self._file: IO[bytes] | None = None
        self._spilled: list[int] = []  # columns of each block in the file

    def extend(self, blocks: Iterable[np.ndarray]) -> "SpilledRows":
        """With these blocks too."""
        for block in blocks:
            if self._file is None and block.nbytes <= self._left:
                self._left -= block.nbytes
                self._held.append(block)
                continue
            if self._file is None:
                self._file = TemporaryFile(prefix="synth-signatures-")  # noqa: SIM115  # closed with this object
            self._file.write(np.ascontiguousarray(block).tobytes())
            self._spilled.append(block.shape[1])
        return self

    def __iter__(self) -> Iterator[np.ndarray]:
        """Row by row, each whole."""
        return (self._row(number) for number in range(self._rows))

    def _row(self, number: int) -> np.ndarray:
        parts = [np.zeros(0, np.uint64), *(block[number] for block in self._held)]
        start = 0
        for columns in self._spilled:
            assert self._file is not None
            self._file.seek(start + number * columns * 8)
            parts.append(np.frombuffer(self._file.read(columns * 8), np.uint64))
            start += self._rows * columns * 8
        return np.concatenate(parts)
