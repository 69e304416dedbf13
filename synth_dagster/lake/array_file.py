"""A file of named arrays that is written once, whole, and then mapped into memory.

It is never changed, so a question reads the few pages that it touches. It begins with a line that says its layout and
where each array stands. Whoever names the file keeps its size and the checksum of its bytes.
"""

import json
import mmap
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from synth_dagster.storage.folder import write_whole

ALIGNED = 64  # bytes
CHECKED = 1 << 22  # bytes that are checked at a time
AT_ONCE = 1 << 15  # numbers that are looked through at a time
ID_HALF = 8  # bytes
OURS = "synth "  # so every layout begins


class Damaged(Exception):
    """A file is not what was written. What it is part of, an index or what waits on a disk, is made again."""


def write_arrays(path: Path, layout: str, arrays: Mapping[str, np.ndarray]) -> int:
    """Write arrays, whole or not at all; the CRC-32 of the file's bytes."""
    head, at = {}, 0
    for name, array in arrays.items():
        head[name] = [array.dtype.str, len(array), at]
        at += -(-array.nbytes // ALIGNED) * ALIGNED
    first = json.dumps({"layout": layout, "arrays": head}).encode()
    first = (first + b" " * (-(len(first) + 1) % ALIGNED)) + b"\n"
    checksum = 0

    def write(file: BinaryIO) -> None:
        nonlocal checksum
        for piece in _pieces(first, arrays.values()):
            checksum = zlib.crc32(piece, checksum)
            file.write(piece)

    write_whole(path, write, needed=at)
    return checksum


def _pieces(head: bytes, arrays: Iterable[np.ndarray]) -> Iterator[bytes | memoryview]:
    yield head
    for array in arrays:
        yield np.ascontiguousarray(array).view(np.uint8).data
        yield bytes(-array.nbytes % ALIGNED)


class ArrayFile:
    """Such a file as it is read. Raises Damaged where it cannot be what was written."""

    def __init__(self, path: Path, size: int, layout: str | None) -> None:
        """`size` is that of the whole file in bytes. It is of this layout; of any of ours where `layout` is None."""
        self.path = path
        self._map = _mapped(path, size)
        self.head, self._head, self._start = _head(path, self._map, layout)

    @classmethod
    def anything(cls, path: Path) -> "ArrayFile":
        """A file of arrays of ours of any layout. Raises Damaged where a byte of it is neither head nor array."""
        found = cls(path, path.stat().st_size if path.exists() else 0, None)
        end = found._start
        for kind, count, at in sorted(found._head.values(), key=lambda one: one[2]):
            array = found._start + at
            size = np.dtype(kind).itemsize * count
            if array - end not in range(ALIGNED) or any(found._map[end:array]):
                raise Damaged(f"{path} has bytes between its arrays")
            end = array + size
        if len(found._map) - end not in range(ALIGNED) or any(found._map[end:]):
            raise Damaged(f"{path} has bytes after its arrays")
        return found

    def wide(self) -> Iterator[np.ndarray]:
        """The arrays of numbers of eight bytes, as they stand: only those can hold half an id; some at a time."""
        for name, (kind, count, _) in self._head.items():
            if np.dtype(kind).itemsize == ID_HALF:
                array = self.column(name).view(np.uint64)
                yield from (array[at : at + AT_ONCE] for at in range(0, count, AT_ONCE))

    def column(self, name: str) -> np.ndarray:
        """One array, as it stands in the file."""
        kind, count, at = self._head[name]
        return np.frombuffer(self._map, np.dtype(kind), count, self._start + at)

    def length(self, name: str) -> int:
        """How many numbers an array has."""
        return self._head[name][1]

    def checksum(self) -> int:
        """The CRC-32 of all bytes of the file."""
        found = 0
        for at in range(0, len(self._map), CHECKED):
            found = zlib.crc32(self._map[at : at + CHECKED], found)
        return found

    def check(self, modified_ns: int, checksum: int) -> None:
        """Raises Damaged where the bytes are others. Whoever changes a file changes its time too: else none is read."""
        if self.path.stat().st_mtime_ns != modified_ns and self.checksum() != checksum:
            raise Damaged(f"{self.path} has other bytes than were written")


def _mapped(path: Path, size: int) -> mmap.mmap:
    try:
        with path.open("rb") as file:
            found = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (FileNotFoundError, ValueError) as error:  # an empty file cannot be mapped
        raise Damaged(f"{path} is gone or empty") from error
    if len(found) != size:
        raise Damaged(f"{path} has {len(found)} bytes, not {size}")
    return found


def _head(path: Path, mapped: mmap.mmap, layout: str | None) -> tuple[str, dict[str, tuple[str, int, int]], int]:
    """The line before the arrays, where each of them stands, and where they begin."""
    end = mapped.find(b"\n", 0, 1 << 16)
    line = mapped[: max(end, 0)]
    try:
        found = json.loads(line)
    except ValueError as error:
        raise Damaged(f"{path} has no head") from error
    if not isinstance(found, dict) or not _is_ours(found.get("layout"), layout):
        raise Damaged(f"{path} is of another layout")
    return line.decode(), found["arrays"], end + 1


def _is_ours(found: object, layout: str | None) -> bool:
    return found == layout if layout is not None else str(found).startswith(OURS)


# ------------------------------------------------------------------------------------------------------- arrays


def narrow(array: np.ndarray) -> np.ndarray:
    """The same numbers in as few bytes as hold the largest."""
    return array.astype(np.min_scalar_type(int(array.max())) if len(array) else np.uint8, copy=False)


def starts(counts: np.ndarray) -> np.ndarray:
    """Where each of so many begins, and where the last ends: 2, 1 are 0, 2, 3."""
    found = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=found[1:])
    return found


def spans(first: np.ndarray, count: np.ndarray) -> np.ndarray:
    """All places of the spans that begin there and have so many: 3, 7 and 2, 1 are 3, 4, 7."""
    many = count.astype(np.int64)
    before = np.cumsum(many) - many
    return np.repeat(first.astype(np.int64) - before, many) + np.arange(int(many.sum()))
