"""The bytes of an object of a bucket as a file to read, which goes on when a connection breaks off."""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from synth_dagster.errors import StorageError

if TYPE_CHECKING:
    from botocore.response import StreamingBody

BREAKS = 5  # how often in a row a stream may break off without giving a byte

Connect: TypeAlias = "Callable[[int, str | None], tuple[StreamingBody | None, str, int]]"
"""Offset and wanted etag -> what follows from there (None behind the end), the etag, the size of the whole object."""


class ObjectStream(io.RawIOBase):
    """The bytes of one version of an object. Where the connection breaks, another takes up."""

    def __init__(self, link: str, connect: Connect, offset: int, etag: str | None) -> None:
        self._link, self._connect, self._place = link, connect, offset
        self._body, self._etag, self.size = connect(offset, etag)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.size}[whence]
        if start + offset != self._place:
            self._let_go()
            self._place = start + offset
        return self._place

    def readinto(self, buffer: Any) -> int:
        breaks = 0
        while self._place < self.size and len(buffer):
            try:
                data = self._connected().read(len(buffer))
            except _broken():
                data = b""
            if data:
                buffer[: len(data)] = data
                self._place += len(data)
                return len(data)
            self._let_go()
            breaks += 1
            if breaks > BREAKS:
                raise StorageError(
                    f"The connection broke off {breaks} times at byte {self._place} of {self._link}. "
                    "Check the network and run the command again."
                )
        return 0

    def _connected(self) -> "StreamingBody":
        if self._body is None:
            self._body, self._etag, _ = self._connect(self._place, self._etag)
        assert self._body is not None  # the object has bytes there, and it is the same object
        return self._body

    def _let_go(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None

    def close(self) -> None:
        self._let_go()
        super().close()


def _broken() -> tuple[type[Exception], ...]:
    """What a connection that breaks off raises while a body is read."""
    from botocore.exceptions import HTTPClientError, IncompleteReadError
    from urllib3.exceptions import HTTPError

    return (HTTPClientError, IncompleteReadError, HTTPError, OSError)
