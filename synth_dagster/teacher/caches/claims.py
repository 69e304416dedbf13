"""Claims of one machine: which answers its processes are asking for, as locks on bytes of a file that stays empty.

The kernel lets go of a lock when its process ends, however it ends. So a claim needs no expiry, no clock and no write,
and one takes microseconds. Where a system has no such locks, every claim is granted: two processes may pay twice then.
"""

import errno
import os
import struct
import threading
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LOCK = "hhqqi4x"  # struct flock on 64-bit systems: type, whence, start, length, process
PLACES = (1 << 62) - 1


class Claims:
    """The claims that one cache holds, in the file at this path."""

    def __init__(self, path: Path) -> None:
        self._ours: set[bytes] = set()
        self._guard = threading.Lock()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666) if _has_locks() else None

    def take(self, call_id: bytes) -> bool:
        """Whether nobody else holds it: no other process, and no other task of this one."""
        with self._guard:
            if call_id in self._ours or not self._locked(call_id):
                return False
            self._ours.add(call_id)
            return True

    def give_back(self, call_id: bytes) -> None:
        with self._guard:
            self._ours.discard(call_id)
            if self._file is not None and fcntl:
                fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, _lock(fcntl.F_UNLCK, call_id))

    def close(self) -> None:
        with self._guard:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _locked(self, call_id: bytes) -> bool:
        if self._file is None or not fcntl:
            return True
        try:
            fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, _lock(fcntl.F_WRLCK, call_id))
        except OSError as error:
            # held by another one; where the file system knows no locks, a claim is granted
            return error.errno not in (errno.EAGAIN, errno.EACCES)
        return True


def _has_locks() -> bool:
    return hasattr(fcntl, "F_OFD_SETLK")


def _lock(kind: int, call_id: bytes) -> bytes:
    """A lock of the one byte that stands for this call; the file need not be that long."""
    return struct.pack(LOCK, kind, os.SEEK_SET, int.from_bytes(call_id[:8]) & PLACES, 1, 0)
