"""A store that is a folder of this machine, and the way every file of ours is written: whole or not at all."""

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from synth_dagster.errors import StorageError
from synth_dagster.storage.base import Entry, NotThere, OldVersion, Replaced, checked

TEMPORARY = ".tmp-"
SCARCE = 1 << 20  # bytes; with fewer SQLite cannot be sure to get what it needs
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class FolderStore:
    """Files under one folder, which is made with its first file."""

    def __init__(self, root: Path) -> None:
        self.root = root.expanduser().absolute()

    @property
    def url(self) -> str:
        return str(self.root)

    @property
    def folder(self) -> Path:
        return self.root

    @property
    def derived(self) -> Path:
        return self.root / "derived"

    def link(self, name: str) -> str:
        return str(self._path(name))

    def write(self, name: str, write: Callable[[BinaryIO], object], *, needed: int, keep: bool = False) -> None:
        path = self._path(name)
        with self._in_words(name):
            write_whole(path, write, needed=needed)

    def create(self, name: str, data: bytes) -> bool:
        path = self._path(name)
        temporary = path.parent / f"{TEMPORARY}{uuid4().hex}"
        with self._in_words(name):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                _write_flushed(temporary, lambda file: file.write(data))
                os.link(temporary, path)  # unlike a rename, this never takes another file's place
                _flush_folder(path.parent)
            except FileExistsError:
                return False
            finally:
                temporary.unlink(missing_ok=True)
        return True

    def open(self, name: str, offset: int = 0, *, etag: str | None = None) -> BinaryIO:
        with self._in_words(name):
            file = self._path(name).open("rb")
            if etag is not None and _etag(os.fstat(file.fileno())) != etag:
                file.close()
                raise Replaced(f"{self.link(name)} was replaced or changed since it was seen. Look again.")
            file.seek(offset)
            return file

    def read(self, name: str) -> bytes:
        with self._in_words(name):
            return self._path(name).read_bytes()

    def local(self, name: str) -> Path:
        path = self._path(name)
        if not path.is_file():
            raise self._missing(name)
        return path

    def local_all(self, names: Sequence[str]) -> list[Path]:
        return [self._path(name) for name in names]

    def hold(self) -> AbstractContextManager[object]:
        return nullcontext()

    def entries(self, prefix: str = "", *, after: str = "") -> Iterator[Entry]:
        folder, _, beginning = prefix.rpartition("/")
        start = self._path(folder) if folder else self.root
        yield from self._walk(start, f"{folder}/" if folder else "", beginning, after)

    def _walk(self, folder: Path, prefix: str, beginning: str, after: str) -> Iterator[Entry]:
        """The order is that of whole names: `a-b` comes before `a/b`, so a folder sorts with its slash."""
        with self._in_words(prefix):
            found = {item.name + "/" * item.is_dir(follow_symlinks=False): item for item in _scan(folder)}
        for name in sorted(found):  # by code points, which is the order of their bytes in UTF-8
            whole = prefix + name
            if not name.startswith(beginning) or name.startswith(TEMPORARY):
                continue
            if name.endswith("/"):
                if whole > after or after.startswith(whole):
                    yield from self._walk(folder / name, whole, "", after)
            elif whole > after and found[name].is_file():
                status = _status(found[name])
                if status is not None:
                    yield _entry(whole, status)

    def folders(self, prefix: str = "") -> list[str]:
        folder = self._path(prefix) if prefix else self.root
        with self._in_words(prefix):
            return sorted(item.name for item in _scan(folder) if item.is_dir())

    def entry(self, name: str) -> Entry | None:
        path = self._path(name)
        with self._in_words(name):
            return _entry(name, path.stat()) if path.is_file() else None

    def remove(self, name: str) -> None:
        with self._in_words(name):
            self._path(name).unlink(missing_ok=True)

    def erase(self, name: str) -> bool:
        there = self._path(name).is_file()
        self.remove(name)
        return there

    def old_versions(self) -> Iterator[OldVersion]:
        return iter(())

    def read_old(self, version: OldVersion) -> bytes:
        raise self._missing(version.name)

    def erase_old(self, version: OldVersion) -> None:
        raise self._missing(version.name)

    def remove_unfinished(self, before: float) -> list[str]:
        removed: list[str] = []
        for path in sorted(self.root.rglob(f"{TEMPORARY}*")):
            if path.is_file() and path.stat().st_mtime <= before:
                path.unlink(missing_ok=True)
                removed.append(path.relative_to(self.root).as_posix())
        return removed

    def prepare(self) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"The folder {self.root} cannot be made: {error.strerror}. Give another folder, or make it "
                "and allow this user to write there."
            ) from error

    def storage_options(self) -> dict[str, str]:
        return {}

    def _path(self, name: str) -> Path:
        return self.root / checked(name)

    def _missing(self, name: str) -> NotThere:
        return NotThere(f"There is no file {self.link(name)}.")

    @contextmanager
    def _in_words(self, name: str) -> Iterator[None]:
        try:
            yield
        except ABSENT as error:
            raise self._missing(name) from error
        except OSError as error:
            if error.errno in FULL:
                raise disk_full(self.root, 0) from error
            raise StorageError(
                f"{self.root / name} cannot be used: {error.strerror or error}. Check who owns it and its disk."
            ) from error


def write_whole(path: Path, write: Callable[[BinaryIO], object], *, needed: int) -> None:
    """Write a file under another name, flush it to the disk, then give it its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f"{TEMPORARY}{uuid4().hex}"
    try:
        _write_flushed(temporary, write)
        temporary.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.errno in FULL:
            raise disk_full(path.parent, needed) from error
        raise
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def disk_full(folder: Path, needed: int) -> StorageError:
    """What to say when there is no room."""
    free = shutil.disk_usage(folder).free / 1e6
    return StorageError(
        f"The disk under {folder} is full: this batch needs up to {needed / 1e6:.1f} MB and {free:.1f} MB are free. "
        "Nothing was changed. Make room and run the command again; what the teacher answered is kept."
    )


def is_full(error: BaseException, folder: Path) -> bool:
    """Whether an error came because there was no room. SQLite calls it an I/O error when its shared memory has none."""
    if isinstance(error, OSError):
        return error.errno in FULL
    said = str(error)
    return "disk is full" in said or ("disk I/O error" in said and shutil.disk_usage(folder).free < SCARCE)


def _write_flushed(path: Path, write: Callable[[BinaryIO], object]) -> None:
    with path.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """A new name is durable only when its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _scan(folder: Path) -> "list[os.DirEntry[str]]":
    """What stands in a folder; nothing where there is none."""
    try:
        with os.scandir(folder) as items:
            return list(items)
    except ABSENT:
        return []


def _status(item: "os.DirEntry[str]") -> os.stat_result | None:
    try:
        return item.stat()
    except FileNotFoundError:  # removed since it was listed
        return None


def _entry(name: str, status: os.stat_result) -> Entry:
    return Entry(name, status.st_size, _etag(status), status.st_mtime)


def _etag(status: os.stat_result) -> str:
    return f"{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}"
