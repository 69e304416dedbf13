"""Objects of a bucket: the same formats as files, below a prefix of S3 or of anything that speaks its protocol.

An object's native key is its key below the prefix. The listing's ETag says which version of an object is meant: one
that is replaced between the listing and the reading is a delivery that changed, never half of each.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from pydantic import Field

from synth_dagster.errors import StorageError
from synth_dagster.readers.base import Delivery, DeliveryChanged, NotDelivered
from synth_dagster.readers.folder import is_passing
from synth_dagster.readers.formats.delivery import FORMATS, format_problem, read_files
from synth_dagster.readers.formats.file import File
from synth_dagster.readers.formats.settings import FileReader
from synth_dagster.readers.places import Places
from synth_dagster.storage import Entry, NotThere, Replaced, Store
from synth_dagster.storage.base import checked


class S3(FileReader):
    """Reads the objects below a prefix, or one object, in the order of their keys."""

    path: str = Field(
        pattern=r"^s3://[^/?#\s]+(/[^?#]*)?$",
        description="A prefix with all objects below it, or one object.",
        json_schema_extra={"form": "s3://bucket/prefix/"},
    )

    def items(self, places: Places, *, start: str | None = None, optional: bool = False) -> Delivery:
        store, entries = _found(places, self.path)
        if not entries and not optional:
            raise NotDelivered(
                f"There is no object under {self.path}. Put {', '.join(FORMATS)} files there, correct the path, or say "
                "'optional: true' if the source may be absent."
            )
        return _read([_object(store, entry) for entry in entries], self, start)

    def facts(self, places: Places) -> str | None:
        """A hash of what the listing says: keys, sizes, ETags. Another one, another delivery; None for none."""
        _, entries = _found(places, self.path)
        whole = hashlib.blake2b(digest_size=16)
        for entry in entries:
            whole.update(repr((entry.name, entry.size, entry.etag)).encode("utf-8", "backslashreplace"))
        return whole.hexdigest() if entries else None


@dataclass(frozen=True, slots=True)
class Object(File):
    """An object of a bucket. Its key is exactly what it is: two spellings of an accent are two objects."""

    @property
    def key(self) -> str:
        return self.name


def _read(objects: list[File], settings: S3, start: str | None) -> Delivery:
    try:
        yield from read_files(objects, settings, start)
    except (NotThere, Replaced) as error:
        raise DeliveryChanged(
            f"{error} The delivery changed while it was read: run 'synth run' again, it plans the batches anew."
        ) from error


def _found(places: Places, path: str) -> tuple[Store, list[Entry]]:
    """The store and its entries that a path means: those below it, else the one object of that name."""
    store = places.open_bucket(path)
    entries = list(_delivered(store))
    above, _, name = path.rstrip("/").rpartition("/")
    if entries or not name or above == "s3:/" or path.endswith("/"):
        return store, entries
    store = places.open_bucket(above)
    entry = store.entry(name)
    return store, [entry] if entry else []


def _delivered(store: Store) -> Iterator[Entry]:
    """What is below the prefix, but for hidden and unfinished files, as in a folder."""
    return (entry for entry in store.entries() if not any(is_passing(part) for part in entry.name.split("/")))


def _object(store: Store, entry: Entry) -> File:
    opened = partial(store.open, entry.name, etag=entry.etag)
    return Object(entry.name, opened, lambda: entry.etag, _problem(entry))


def _problem(entry: Entry) -> tuple[str, str] | None:
    try:
        checked(entry.name)
    except StorageError:
        return "bad_name", "Its key has an empty part at its beginning, as in s3://bucket//x. Copy it to another key."
    if entry.size == 0:
        return "empty_file", "It has no bytes. Deliver it again, or remove it."
    return format_problem(entry.name)
