"""One Delta table: made with settings that keep text out of its log, replaced a partition at a time.

A file lies under the table's folder before anybody sees it; a commit that names it is what makes it visible. The commit
replaces whatever the partition held, so doing it twice is doing it once. Statistics in the log are row counts only.
"""

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

import pyarrow as pa

from synth_dagster.errors import LakeError, StorageError
from synth_dagster.lake.delta_log import (
    VERSION_KEY,
    DataFile,
    Place,
    exists,
    in_words,
    log_text,
    open_table,
    opened,
    schema_version,
    snapshot,
    version_that_added,
)
from synth_dagster.record_tables import SCHEMA_VERSION

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from deltalake.transaction import AddAction, RemoveAction

T = TypeVar("T")

SETTINGS = {
    "delta.dataSkippingNumIndexedCols": "0",  # minima and maxima of text columns would outlive the text in the log
    "delta.logRetentionDuration": "interval 36500 days",  # else old versions die with the log's cleanup, after 30 days
}
COMMIT_SECONDS = 120.0

MIGRATIONS: tuple[Callable[["DeltaTable"], None], ...] = (lambda table: None,)
"""Migration n brings a table from schema version n to n + 1; version 1 is what tables are made with."""


def ensure(place: Place, schema: pa.Schema, partition_by: Sequence[str]) -> None:
    """Make the table when there is none; bring it to this schema version when it is older."""
    from deltalake import CommitProperties, DeltaTable
    from deltalake.exceptions import DeltaError

    if not exists(place):
        try:
            with in_words(place):
                DeltaTable.create(
                    place.url,
                    schema,
                    partition_by=list(partition_by),
                    configuration={**SETTINGS, VERSION_KEY: str(SCHEMA_VERSION)},
                    storage_options=place.store.storage_options(),
                    raise_if_key_not_exists=False,  # the schema version is a key of our own
                    commit_properties=CommitProperties(max_commit_retries=0),  # else the slower of two makes it twice
                )
        except (DeltaError, StorageError):
            if not exists(place):  # else another writer made it in the same moment
                raise
    migrate(place)


def migrate(
    place: Place, *, steps: Sequence[Callable[["DeltaTable"], None]] = MIGRATIONS, newest: int = SCHEMA_VERSION
) -> None:
    """Bring a table to the newest schema version. Raises LakeError when it is newer than this program."""
    while (found := snapshot(place).schema_version) != newest:
        if found > newest:
            raise LakeError(
                f"The table {place.url} has schema version {found} and this synth_dagster knows {newest}. "
                "It was written by a newer synth_dagster: upgrade this one."
            )
        _retried(lambda found=found: _step(place, steps[found], found + 1))


def _step(place: Place, change: Callable[["DeltaTable"], None], number: int) -> None:
    table = open_table(place)
    if schema_version(table) < number:  # no other process was faster
        with in_words(place):
            change(table)
            table.alter.set_table_properties({VERSION_KEY: str(number)}, raise_if_not_exists=False)


def add_columns(place: Place, fields: Iterable[pa.Field]) -> None:
    """Add the columns that are not there yet; rows that are have null in them."""
    wanted = list(fields)
    _retried(lambda: _add_missing(place, wanted))


def _add_missing(place: Place, wanted: Sequence[pa.Field]) -> None:
    from deltalake import Schema

    table = open_table(place)
    there = set(pa.schema(table.schema().to_arrow()).names)
    missing = [field for field in wanted if field.name not in there]
    if missing:
        with in_words(place):
            table.alter.add_columns(list(Schema.from_arrow(pa.schema(missing)).fields))


def partition_folder(partition: Mapping[str, str]) -> str:
    """`batch=notes%3A0001`: the folder of a partition, as every engine writes it."""
    return "/".join(f"{name}={quote(value, safe='')}" for name, value in partition.items())


def replace_partition(
    place: Place,
    partition: Mapping[str, str],
    files: Mapping[str, int],
    *,
    metadata: Mapping[str, str],
    may_replace: Callable[[tuple[DataFile, ...]], None] = lambda files: None,
) -> int:
    """Let a partition show these files (path under the table -> rows) and no others; the version that does.

    Nothing is committed when it shows them already. `may_replace` sees what is there at each try and raises to object.
    """
    return _retried(lambda: _replace(place, partition, files, metadata, may_replace))


def _replace(
    place: Place,
    partition: Mapping[str, str],
    files: Mapping[str, int],
    metadata: Mapping[str, str],
    may_replace: Callable[[tuple[DataFile, ...]], None],
) -> int:
    from deltalake import CommitProperties

    before = snapshot(place)
    there = before.files_of(tuple(partition[name] for name in before.partition_by))
    if {file.path for file in there} == set(files):
        return version_that_added(place, next(iter(files))) if files else before.version
    may_replace(there)
    added: list[AddAction | RemoveAction] = [_add(place, name, partition, rows) for name, rows in files.items()]
    with opened(place, before.version) as table:
        table.create_write_transaction(
            added,
            mode="overwrite",
            schema=table.schema(),
            partition_by=list(before.partition_by),
            partition_filters=[(name, "=", value) for name, value in partition.items()],
            commit_properties=CommitProperties(custom_metadata=dict(metadata), max_commit_retries=0),
        )
    return _own_version(place, before.version, metadata)


def _add(place: Place, name: str, partition: Mapping[str, str], rows: int) -> "AddAction":
    from deltalake.transaction import AddAction

    entry = place.entry(name)
    if entry is None:
        raise LakeError(f"The file {place.url}/{name} is gone. Make the batch again.")
    return AddAction(
        path=name,
        size=entry.size,
        partition_values=dict(partition),
        modification_time=int(time.time() * 1000),
        data_change=True,
        stats=f'{{"numRecords": {rows}}}',
    )


def _own_version(place: Place, before: int, metadata: Mapping[str, str]) -> int:
    """The number of the commit that we just made: others may have come right after it."""
    key, version = metadata["commit_id"], before
    while text := log_text(place, version := version + 1):
        if key in text:
            return version
    raise LakeError(f"The commit {key} is not in the log of {place.url}. Look for another program that writes there.")


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
