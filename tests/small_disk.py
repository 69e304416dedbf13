"""A disk of a test's own that can really be full: a file system in memory, mounted for the test (as root, on Linux)."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class SmallDisk:
    """A mounted folder. What fills it is one file of zeros."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._ballast = folder, folder / ".ballast"

    def fill(self, leaving: int = 0) -> None:
        """Leave so many bytes, in whole pages."""
        self.make_room()
        room = os.statvfs(self.folder)
        with self._ballast.open("wb") as file:
            if (taken := room.f_bavail * room.f_frsize - leaving) > 0:
                os.posix_fallocate(file.fileno(), 0, taken)

    def make_room(self) -> None:
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path, megabytes: int = 32) -> Iterator[SmallDisk]:
    """A new disk at a new folder. Skips the test where this user may not mount one."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here (it needs root on Linux): {done.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        # lazily: SQLite's connections of this process may be open
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
