"""What a store of files can do, whatever it is made of.

Names are relative, with `/` between their parts. A file is written whole or not at all, in a folder by a rename and in
a bucket by the put itself, so nobody reads half of one.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol

from synth_dagster.errors import StorageError

GIB = 1024**3


class NotThere(StorageError):
    """The store has no file of that name."""


class Replaced(StorageError):
    """The file is no longer the one that was meant: it was replaced or changed since it was seen."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file as a listing shows it. `etag` is another whenever the file is replaced."""

    name: str
    size: int
    etag: str
    modified: float


@dataclass(frozen=True, slots=True)
class OldVersion:
    """What a file held before it was replaced or removed, where a place keeps that."""

    name: str
    version: str
    size: int


@dataclass(frozen=True, slots=True)
class S3Options:
    """How buckets are reached, and where copies of what was read from them are kept.

    What is None is found by boto3's own chain: environment, profile, role. Secrets are in no repr.
    """

    endpoint_url: str | None = None
    region: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    profile: str | None = None
    anonymous: bool = False  # for buckets that everybody may read
    verify: bool | str | None = None  # False, or a file of certificates, for an endpoint of one's own
    attempts: int = 10  # of one request; the waits between them grow to 20 s, so a minute of 503 is survived
    cache: Path | None = None  # None is `~/.cache/synth_dagster`
    cache_bytes: int = 20 * GIB


class Store(Protocol):
    """Files in one place. Raises StorageError with what came and what to do, NotThere for a file that is missing."""

    @property
    def url(self) -> str:
        """The place: an absolute folder, or s3://bucket/prefix."""
        ...

    @property
    def folder(self) -> Path:
        """The folder under which `local` gives each file its name."""
        ...

    @property
    def derived(self) -> Path:
        """A folder of this machine for what can be made again from the files."""
        ...

    def link(self, name: str) -> str:
        """The whole name of a file, for people to open: a path or an s3 URL."""
        ...

    def write(self, name: str, write: Callable[[BinaryIO], object], *, needed: int, keep: bool = False) -> None:
        """Write a file whole or not at all, in place of the one of that name. `needed` is said when there is no room.

        `keep` leaves a copy where `local` finds it: for files that are read soon and never replaced.
        """
        ...

    def create(self, name: str, data: bytes) -> bool:
        """Write a small file if there is none of that name; False if there is, whoever made it."""
        ...

    def open(self, name: str, offset: int = 0, *, etag: str | None = None) -> BinaryIO:
        """A seekable stream of a file's bytes, in bounded memory. Raises Replaced when its etag is not this one."""
        ...

    def read(self, name: str) -> bytes:
        """A small file at once."""
        ...

    def local(self, name: str) -> Path:
        """The file itself, or a copy of it on this machine: only for files that are never replaced."""
        ...

    def local_all(self, names: Sequence[str]) -> list[Path]:
        """`local` of many files, several at a time."""
        ...

    def hold(self) -> AbstractContextManager[object]:
        """Until this is closed, what `local` gives stays where it is."""
        ...

    def entries(self, prefix: str = "", *, after: str = "") -> Iterator[Entry]:
        """The files whose names begin so, in the order of their names' bytes, those behind `after` only."""
        ...

    def folders(self, prefix: str = "") -> list[str]:
        """The names of the folders directly under a prefix that is empty or ends in `/`."""
        ...

    def entry(self, name: str) -> Entry | None:
        """What a listing says of one file; None when it is not there."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        ...

    def erase(self, name: str) -> bool:
        """Remove a file with every older version that the place keeps of it; whether there was any."""
        ...

    def old_versions(self) -> Iterator[OldVersion]:
        """What the place keeps of files that were replaced or removed; nothing in a folder."""
        ...

    def read_old(self, version: OldVersion) -> bytes:
        """What such a version holds."""
        ...

    def erase_old(self, version: OldVersion) -> None:
        """Remove such a version for good."""
        ...

    def remove_unfinished(self, before: float) -> list[str]:
        """Remove what writers that died before that time left unfinished; the names it was meant to have."""
        ...

    def prepare(self) -> None:
        """Make the place ready for writers. Raises StorageError where that fails, or `create` would overwrite."""
        ...

    def storage_options(self) -> dict[str, str]:
        """What deltalake needs to reach the same place, with the credentials of this moment."""
        ...


def checked(name: str) -> str:
    """The name itself, if it stays inside its store."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or "\0" in name or not {"..", "."}.isdisjoint(parts):
        raise StorageError(f"{name!r} cannot name a file of a store. Give a relative name without '..'.")
    return name
