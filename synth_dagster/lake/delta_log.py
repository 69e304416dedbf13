"""What a Delta table shows, as its log says it: the files, rows and schema of each version.

A table is known by its last commit, so looking again costs one listing while nothing has changed. What delta-rs says
of a bucket becomes one sentence here.
"""

import json
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow as pa

from synth_dagster.errors import LakeError, StorageError
from synth_dagster.record_tables import SCHEMA_VERSION
from synth_dagster.storage import Entry, NotThere, Store

if TYPE_CHECKING:
    from deltalake import DeltaTable

VERSION_KEY = "synth.schemaVersion"
LOG = "_delta_log"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a table lies: a folder of a store, by its whole URL and by its name in the store."""

    url: str
    name: str
    store: Store = field(compare=False, repr=False)

    @classmethod
    def of(cls, store: Store, name: str) -> "Place":
        return cls(store.link(name), name, store)

    def entry(self, file: str) -> Entry | None:
        """What the store says of a file under the table."""
        return self.store.entry(f"{self.name}/{file}")

    def local(self, file: "DataFile") -> Path:
        """A file of records on this machine."""
        return self.store.local(f"{self.name}/{file.path}")

    def local_all(self, files: Iterable["DataFile"]) -> Path:
        """The folder of this machine under which all these files lie."""
        self.store.local_all([f"{self.name}/{file.path}" for file in files])
        return self.store.folder / self.name


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file that a table shows: its path under the table, its partition's values and its rows."""

    path: str
    partition: tuple[str, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a table shows at one version."""

    version: int
    schema: pa.Schema
    partition_by: tuple[str, ...]
    files: tuple[DataFile, ...]
    schema_version: int = SCHEMA_VERSION

    def files_of(self, values: tuple[str, ...]) -> tuple[DataFile, ...]:
        return tuple(file for file in self.files if file.partition == values)


def exists(place: Place) -> bool:
    """Whether a Delta table lies there."""
    return place.entry(_commit_file(0)) is not None


def open_table(place: Place, version: int | None = None) -> "DeltaTable":
    """A fresh handle. Refuses tables that this program would misread."""
    from deltalake import DeltaTable

    with in_words(place):
        table = DeltaTable(place.url, version=version, storage_options=place.store.storage_options())
    return _understood(place, table)


def _understood(place: Place, table: "DeltaTable") -> "DeltaTable":
    features = table.protocol().reader_features or []
    if features:
        raise LakeError(
            f"The table {place.url} needs the reader features {sorted(features)}, which synth_dagster does not know. "
            "Another program has changed it: restore the version before that."
        )
    return table


def schema_version(table: "DeltaTable") -> int:
    """The schema version that a table says it has; 0 when it says none."""
    return int(table.metadata().configuration.get(VERSION_KEY) or 0)


def snapshot(place: Place, version: int | None = None) -> Snapshot:
    """What a table shows now, or at a version. Costs one look at the log while nothing has changed."""
    found = shown(place) if version is None else _at(place, version)
    if found is None:
        raise LakeError(f"The table {place.url} is gone. Look for another program that removes things there.")
    return found


def shown(place: Place) -> Snapshot | None:
    """What a table shows now; None when there is no table."""
    commit = _last_commit(place)
    return None if commit is None else _snapshot(place, _version_of(commit), commit.etag)


def _at(place: Place, version: int) -> Snapshot | None:
    commit = place.entry(_commit_file(version))
    return None if commit is None else _snapshot(place, version, commit.etag)


def latest_version(place: Place) -> int:
    """The number of the last commit."""
    return snapshot(place).version


_known: dict[Place, Entry] = {}  # the last commit of each table that this process has seen
_handles: dict[Place, tuple["DeltaTable", dict[str, str]]] = {}  # free to be taken, with the options they have
HANDLES = 64


@contextmanager
def opened(place: Place, version: int) -> Iterator["DeltaTable"]:
    """A handle at one version. One that was used before reads what is new, instead of the whole log."""
    from deltalake.exceptions import CommitFailedError

    options = place.store.storage_options()
    with in_words(place):
        table = _taken(place, version, options) or open_table(place, version)
        try:
            yield table
        except CommitFailedError:
            _handles[place] = table, options
            raise
    _handles[place] = table, options
    while len(_handles) > HANDLES:
        _handles.pop(next(iter(_handles)), None)


def _taken(place: Place, version: int, options: dict[str, str]) -> "DeltaTable | None":
    """The handle that somebody left, brought forward; None when its credentials or its version are others."""
    table, had = _handles.pop(place, (None, None))
    if table is None or had != options or table.version() > version:
        return None
    if table.version() < version:
        table.update_incremental()
    return _understood(place, table) if table.version() == version else None


def _last_commit(place: Place) -> Entry | None:
    """The last file of the log. Only what is new is listed, if the last one that we know is still the same file."""
    known = _known.get(place)
    commits = _commits(place, _version_of(known)) if known else []
    if not commits or commits[0] != known:
        _handles.pop(place, None)
        commits = _commits(place, 0)  # the first look, or the table was deleted and made again
    if commits:
        _known[place] = commits[-1]
    return commits[-1] if commits else None


def _commits(place: Place, first: int) -> list[Entry]:
    log = f"{place.name}/{LOG}/"
    after = f"{place.name}/{_commit_file(first - 1)}" if first else ""
    return [entry for entry in place.store.entries(log, after=after) if _is_commit(entry.name)]


def _commit_file(version: int) -> str:
    return f"{LOG}/{version:020d}.json"


def _is_commit(name: str) -> bool:
    stem, _, suffix = name.rpartition("/")[2].partition(".")
    return suffix == "json" and len(stem) == 20 and stem.isdecimal()


def _version_of(commit: Entry) -> int:
    return int(PurePosixPath(commit.name).stem)


@lru_cache(maxsize=256)
def _snapshot(place: Place, version: int, _etag: str) -> Snapshot:
    """A table that was deleted and made again has other commits, so their etags keep the two apart."""
    with opened(place, version) as table:
        return _read(table)


def _read(table: "DeltaTable") -> Snapshot:
    partition_by = tuple(table.metadata().partition_columns)
    actions = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    files = [
        DataFile(
            path=unquote(action["path"]),
            partition=tuple(action[f"partition.{name}"] for name in partition_by),
            rows=action.get("num_records") or 0,
        )
        for action in actions
    ]
    return Snapshot(
        table.version(),
        pa.schema(table.schema().to_arrow()),
        partition_by,
        tuple(sorted(files, key=lambda file: (file.partition, file.path))),
        schema_version(table),
    )


def version_that_added(place: Place, name: str) -> int:
    """The last version whose commit added a file; the file names are ours and appear nowhere else."""
    stem = PurePosixPath(name).name
    for version in range(latest_version(place), -1, -1):
        if any('"add"' in line and stem in line for line in log_text(place, version).splitlines()):
            return version
    raise LakeError(f"No commit of {place.url} added {stem}.")


def ever_added(place: Place) -> set[str]:
    """The stems of all files that any version of a table has shown. Reads the whole log."""
    with ThreadPoolExecutor() as pool:
        texts = pool.map(lambda version: log_text(place, version), range(latest_version(place) + 1))
        return {stem for text in texts for stem in _stems(text)}


def _stems(log: str) -> Iterable[str]:
    for line in log.splitlines():
        added = json.loads(line).get("add")
        if added:
            yield PurePosixPath(unquote(added["path"])).stem


def log_text(place: Place, version: int) -> str:
    """A commit as it stands in the log; nothing when there is none of that number."""
    try:
        return place.store.read(f"{place.name}/{_commit_file(version)}").decode()
    except NotThere:
        return ""


@contextmanager
def in_words(place: Place) -> Iterator[None]:
    """What delta-rs says of a bucket, which it repeats by itself for some minutes, in one sentence."""
    from deltalake.exceptions import CommitFailedError, DeltaError

    try:
        yield
    except CommitFailedError:
        raise
    except (OSError, DeltaError) as error:
        if "://" not in place.url:
            raise
        status = re.search(r"\b[45]\d\d [A-Z][A-Za-z ]+", str(error))
        reason = status[0] if status else type(error).__name__
        raise StorageError(
            f"The table {place.url} could not be read or committed to: {reason}. "
            "No reader sees anything half-done. Check the bucket and its credentials, and run the command again."
        ) from error
