"""Copies of files that are never replaced, in a folder of bounded size; what was not used for longest leaves first.

Many processes share the folder. What is in use stays: a copy used in the last minute, and everything used since the
oldest hold that a living process has. A hold is a lock on a file, so it ends with its process, however that ends.
"""

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from synth_dagster.errors import StorageError
from synth_dagster.storage.folder import FULL, TEMPORARY, disk_full, write_whole

JUST_USED = 60.0
LOOK_SECONDS = 30.0  # other processes add copies too
ROOM = 0.9  # how full the folder is after it was cleared


class FileCache:
    """Copies by name under `folder`. The limit is for all folders under the same `root`."""

    def __init__(self, root: Path, name: str, limit: int) -> None:
        self.root, self.limit = root, limit
        self.folder = root / "files" / name
        self._holds = root / "holds"
        self._lock = threading.Lock()
        self._size, self._looked = 0, 0.0

    def find(self, name: str) -> Path | None:
        """The copy of that name, if there is one; it counts as used now."""
        path = self.folder / name
        try:
            os.utime(path)
        except OSError:
            return None
        return path

    def forget(self, name: str) -> None:
        """Remove the copy of that name."""
        (self.folder / name).unlink(missing_ok=True)

    def add(self, name: str, write: Callable[[BinaryIO], object], *, needed: int) -> Path:
        """Make a copy, after what is in nobody's use has made room for it."""
        path = self.folder / name
        with self._in_words(needed):
            self._make_room(needed)
            write_whole(path, write, needed=needed)
        return path

    @contextmanager
    def temporary(self, needed: int) -> Iterator[Path]:
        """The name for a file that is being made and may become a copy."""
        path = self.folder / f"{TEMPORARY}{uuid4().hex}"
        with self._in_words(needed):
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                yield path
            finally:
                path.unlink(missing_ok=True)

    def adopt(self, temporary: Path, name: str) -> None:
        """Let a finished file be the copy of that name."""
        self._make_room(temporary.stat().st_size)
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(path)

    @contextmanager
    def _in_words(self, needed: int) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in FULL:
                raise disk_full(self.root, needed) from error
            raise StorageError(
                f"The cache folder {self.root} cannot be used: {error.strerror or error}. Set SYNTH_CACHE to a folder "
                "that may be written."
            ) from error

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Until this is closed, nothing that was used since it was opened leaves."""
        self._holds.mkdir(parents=True, exist_ok=True)
        path = self._holds / uuid4().hex
        with path.open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                path.unlink(missing_ok=True)

    # -------------------------------------------------------------------------------------------------------- the bound

    def _make_room(self, needed: int) -> None:
        with self._lock:
            self._size += needed
            if self._size > self.limit or time.monotonic() - self._looked > LOOK_SECONDS:
                self._size = needed + self._clear(self.limit - needed)
                self._looked = time.monotonic()

    def _clear(self, allowed: int) -> int:
        """Remove what was not used for longest until the rest fits; the bytes that are left."""
        copies = sorted(_copies(self.root / "files"))
        size = sum(size for _, size, _ in copies)
        if size <= allowed:
            return size
        in_use = min([time.time() - JUST_USED, *self._begun()])
        for used, bytes_, path in copies:
            if size <= allowed * ROOM or used >= in_use:
                break
            Path(path).unlink(missing_ok=True)
            size -= bytes_
        return size

    def _begun(self) -> list[float]:
        """When each hold of a living process began; those of dead ones are removed."""
        paths = list(self._holds.iterdir()) if self._holds.is_dir() else []
        return [begun for path in paths if (begun := _held_since(path)) is not None]


def _held_since(path: Path) -> float | None:
    try:
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return os.fstat(file.fileno()).st_mtime
            if time.time() - os.fstat(file.fileno()).st_mtime > JUST_USED:  # else it may be about to be locked
                path.unlink(missing_ok=True)
    except FileNotFoundError:
        pass
    return None


def _copies(folder: Path) -> Iterator[tuple[float, int, str]]:
    """When each copy was used last, its bytes and its path."""
    waiting = [str(folder)]
    while waiting:
        try:
            items = list(os.scandir(waiting.pop()))
        except FileNotFoundError:
            continue
        for item in items:
            if item.is_dir(follow_symlinks=False):
                waiting.append(item.path)
                continue
            try:
                status = item.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            yield status.st_mtime, status.st_size, item.path
