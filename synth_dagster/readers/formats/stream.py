"""Streams that are made as they are read, block by block: what a compressed file holds, or another encoding."""

import io
from collections.abc import Callable
from typing import Any, BinaryIO

BLOCK = 256 * 1024


def stream_of(next_block: Callable[[], bytes], source: BinaryIO, offset: int) -> BinaryIO:
    """A stream of blocks, an empty one being the last, from a byte on: all before it is made and thrown away."""
    stream = io.BufferedReader(_Blocks(next_block, source), BLOCK)
    while offset > 0 and (passed := stream.read(min(offset, BLOCK))):
        offset -= len(passed)
    return stream


class _Blocks(io.RawIOBase):
    def __init__(self, next_block: Callable[[], bytes], source: BinaryIO) -> None:
        super().__init__()
        self._next_block, self._source = next_block, source
        self._block = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._block:
            self._block = memoryview(self._next_block())
        wanted = memoryview(buffer)
        count = min(len(wanted), len(self._block))
        wanted[:count], self._block = self._block[:count], self._block[count:]
        return count

    def close(self) -> None:
        self._source.close()
        super().close()
