"""One Delta table: made with settings that keep text out of its log, replaced a partition at a time.

A file lies under the table's folder before anybody sees it; a commit that names it is what makes it visible. The commit
replaces whatever the partition held, so doing it twice is doing it once. Statistics in the log are row counts only.
"""

import json
import os
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote, unquote

import pyarrow as pa

from synth_dagster.errors import LakeError
from synth_dagster.records import SCHEMA_VERSION

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from deltalake.transaction import AddAction

T = TypeVar("T")

VERSION_KEY = "synth.schemaVersion"
SETTINGS = {
    "delta.dataSkippingNumIndexedCols": "0",  # minima and maxima of text columns would outlive the text in the log
    "delta.logRetentionDuration": "interval 36500 days",  # else old versions die with the log's cleanup, after 30 days
}
COMMIT_SECONDS = 120.0

MIGRATIONS: tuple[Callable[["DeltaTable"], None], ...] = (lambda table: None,)
"""Migration n brings a table from schema version n to n + 1; version 1 is what tables are made with."""


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

    def files_of(self, values: tuple[str, ...]) -> tuple[DataFile, ...]:
        return tuple(file for file in self.files if file.partition == values)


def exists(path: Path) -> bool:
    """Whether a Delta table lies there."""
    return (path / "_delta_log" / f"{0:020d}.json").exists()


def ensure(path: Path, schema: pa.Schema, partition_by: Sequence[str]) -> None:
    """Make the table when there is none; bring it to this schema version when it is older."""
    from deltalake import CommitProperties, DeltaTable
    from deltalake.exceptions import DeltaError

    if not exists(path):
        try:
            DeltaTable.create(
                str(path),
                schema,
                partition_by=list(partition_by),
                configuration={**SETTINGS, VERSION_KEY: str(SCHEMA_VERSION)},
                raise_if_key_not_exists=False,  # the schema version is a key of our own
                commit_properties=CommitProperties(max_commit_retries=0),  # else the slower of two makes it once more
            )
        except DeltaError:
            if not exists(path):  # else another writer made it in the same moment
                raise
    migrate(path)


def open_table(path: Path, version: int | None = None) -> "DeltaTable":
    """A fresh handle. Refuses tables that this program would misread."""
    from deltalake import DeltaTable

    table = DeltaTable(str(path), version=version)
    features = table.protocol().reader_features or []
    if features:
        raise LakeError(
            f"The table {path} needs the reader features {sorted(features)}, which synth_dagster does not know. "
            "Another program has changed it: restore the version before that."
        )
    return table


def migrate(
    path: Path, *, steps: Sequence[Callable[["DeltaTable"], None]] = MIGRATIONS, newest: int = SCHEMA_VERSION
) -> None:
    """Bring a table to the newest schema version. Raises LakeError when it is newer than this program."""
    while (found := schema_version(table := open_table(path))) != newest:
        if found > newest:
            raise LakeError(
                f"The table {path} has schema version {found} and this synth_dagster knows {newest}. "
                "It was written by a newer synth_dagster: upgrade this one."
            )
        _retried(lambda table=table, found=found: _step(table, steps[found], found + 1))


def _step(table: "DeltaTable", change: Callable[["DeltaTable"], None], number: int) -> None:
    table.update_incremental()
    if schema_version(table) < number:  # no other process was faster
        change(table)
        table.alter.set_table_properties({VERSION_KEY: str(number)}, raise_if_not_exists=False)


def schema_version(table: "DeltaTable") -> int:
    """The schema version that a table says it has; 0 when it says none."""
    return int(table.metadata().configuration.get(VERSION_KEY) or 0)


def add_columns(path: Path, fields: Iterable[pa.Field]) -> None:
    """Add the columns that are not there yet; rows that are have null in them."""
    wanted = list(fields)
    _retried(lambda: _add_missing(path, wanted))


def _add_missing(path: Path, wanted: Sequence[pa.Field]) -> None:
    from deltalake import Schema

    table = open_table(path)
    there = set(pa.schema(table.schema().to_arrow()).names)
    missing = [field for field in wanted if field.name not in there]
    if missing:
        table.alter.add_columns(list(Schema.from_arrow(pa.schema(missing)).fields))


def snapshot(path: Path, version: int | None = None) -> Snapshot:
    """What a table shows now, or at a version. Costs one look at the log's folder while nothing has changed."""
    found = latest_version(path) if version is None else version
    return _snapshot(str(path), found, _identity(path))


def latest_version(path: Path) -> int:
    """The number of the last commit."""
    numbers = (name[:20] for name in os.listdir(path / "_delta_log") if len(name) == 25 and name.endswith(".json"))  # noqa: PTH208 - many names, no Path for each
    return max(int(number) for number in numbers if number.isdecimal())


def _identity(path: Path) -> int:
    """A table that was deleted and made again is another table, whatever its path."""
    return (path / "_delta_log" / f"{0:020d}.json").stat().st_mtime_ns


@lru_cache(maxsize=256)
def _snapshot(path: str, version: int, _identity: int) -> Snapshot:
    table = open_table(Path(path), version)
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
    schema = pa.schema(table.schema().to_arrow())
    return Snapshot(table.version(), schema, partition_by, tuple(sorted(files, key=lambda f: (f.partition, f.path))))


def partition_folder(partition: Mapping[str, str]) -> str:
    """`batch=notes%3A0001`: the folder of a partition, as every engine writes it."""
    return "/".join(f"{name}={quote(value, safe='')}" for name, value in partition.items())


def replace_partition(
    path: Path,
    partition: Mapping[str, str],
    files: Mapping[str, int],
    *,
    metadata: Mapping[str, str],
    may_replace: Callable[[tuple[DataFile, ...]], None] = lambda files: None,
) -> int:
    """Let a partition show these files (path under the table -> rows) and no others; the version that does.

    Nothing is committed when it shows them already. `may_replace` sees what is there at each try and raises to object.
    """
    return _retried(lambda: _replace(path, partition, files, metadata, may_replace))


def _replace(
    path: Path,
    partition: Mapping[str, str],
    files: Mapping[str, int],
    metadata: Mapping[str, str],
    may_replace: Callable[[tuple[DataFile, ...]], None],
) -> int:
    from deltalake import CommitProperties

    before = snapshot(path)
    there = before.files_of(tuple(partition[name] for name in before.partition_by))
    if {file.path for file in there} == set(files):
        return version_that_added(path, next(iter(files))) if files else before.version
    may_replace(there)
    table = open_table(path, before.version)
    table.create_write_transaction(
        [_add(path, name, partition, rows) for name, rows in files.items()],
        mode="overwrite",
        schema=table.schema(),
        partition_by=list(before.partition_by),
        partition_filters=[(name, "=", value) for name, value in partition.items()],
        commit_properties=CommitProperties(custom_metadata=dict(metadata), max_commit_retries=0),
    )
    return _own_version(path, before.version, metadata)


def _add(path: Path, name: str, partition: Mapping[str, str], rows: int) -> "AddAction":
    from deltalake.transaction import AddAction

    return AddAction(
        path=name,
        size=(path / name).stat().st_size,
        partition_values=dict(partition),
        modification_time=int(time.time() * 1000),
        data_change=True,
        stats=f'{{"numRecords": {rows}}}',
    )


def _own_version(path: Path, before: int, metadata: Mapping[str, str]) -> int:
    """The number of the commit that we just made: others may have come right after it."""
    key = metadata["commit_id"]
    for version in range(before + 1, latest_version(path) + 1):
        if key in _log_text(path, version):
            return version
    raise LakeError(f"The commit {key} is not in the log of {path}. Look for another program that writes there.")


def version_that_added(path: Path, name: str) -> int:
    """The last version whose commit added a file; the file names are ours and appear nowhere else."""
    stem = Path(name).name
    for version in range(latest_version(path), -1, -1):
        if any('"add"' in line and stem in line for line in _log_text(path, version).splitlines()):
            return version
    raise LakeError(f"No commit of {path} added {stem}.")


def ever_added(path: Path) -> set[str]:
    """The stems of all files that any version of a table has shown."""
    text = "".join(_log_text(path, version) for version in range(latest_version(path) + 1))
    return set(_stems(text))


def _stems(log: str) -> Iterable[str]:
    for line in log.splitlines():
        added = json.loads(line).get("add")
        if added:
            yield Path(unquote(added["path"])).stem


def _log_text(path: Path, version: int) -> str:
    log = path / "_delta_log" / f"{version:020d}.json"
    return log.read_text(encoding="utf-8") + "\n" if log.exists() else ""


def _retried(work: Callable[[], T]) -> T:
    """A commit conflicts with every other commit on the table, whatever the partition: look again and try again."""
    from deltalake.exceptions import CommitFailedError

    until, wait = time.monotonic() + COMMIT_SECONDS, 0.01
    while True:
        try:
            return work()
        except CommitFailedError as error:
            if time.monotonic() > until:
                raise LakeError(
                    f"Other writers were faster for {COMMIT_SECONDS:g} s. Run the command again with fewer at a time."
                ) from error
            time.sleep(random.uniform(0, wait))
            wait = min(wait * 2, 0.5)
