"""Who comes from whom, as an index that answers in a blink and can be thrown away.

The truth of lineage is the `parents` column of the records. This file, `lineage.sqlite`, repeats it as edges
with a B-tree in both directions, because a question about one record must not scan a lake. It knows which file of which
table it has read, so catching up costs what has changed. A file that is damaged or of another layout is built again.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from synth_dagster.errors import LakeError, UnknownName
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.sqlite import SqliteDatabase
from synth_dagster.lake.tables import DataFile, Snapshot

T = TypeVar("T")

LAYOUT = """
create table layout_1 (place integer);
create table terms (term integer primary key, text text not null unique);
create table indexed (dataset text, stage text, version integer not null, primary key (dataset, stage));
create table files (file integer primary key, dataset text not null, stage text not null, batch text not null,
    path text not null, unique (dataset, stage, path));
create table records (record_id blob, file integer references files on delete cascade, method integer, model_id integer,
    prompt_hash integer, run_id integer, status integer, source integer, primary key (record_id, file)) without rowid;
create table edges (child blob, parent blob, file integer references files on delete cascade, stage integer,
    batch integer, relation integer, primary key (child, parent, file, relation)) without rowid;
create index children on edges (parent, child);
create index records_of_a_file on records (file);
create index edges_of_a_file on edges (file);
"""
TERMS = ("method", "model_id", "prompt_hash", "run_id", "status", "source")
NEEDED = frozenset({"record_id", "parents", *TERMS})
DEEPEST = 1_000  # no chain of stages is this long: a longer one would be a circle


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index knows of a record. `status` is 'missing' for one that only its children's rows name."""

    record_id: str
    dataset: str | None
    stage: str
    batch: str
    method: str | None
    model_id: str | None
    prompt_hash: str | None
    run_id: str | None
    status: str | None
    source: str | None


@dataclass(frozen=True, slots=True)
class Relative:
    """An ancestor or descendant, and over how many steps."""

    entry: Entry
    distance: int


class Lineage:
    """The lineage index of a lake."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self._path = lake.store.derived / "lineage.sqlite"
        self._opened: SqliteDatabase | None = None
        self._inode = 0

    def catch_up(self, dataset: str) -> int:
        """Read what was accepted since the last time; how many files were read. Two processes take turns."""
        with self.lake.lease("lineage", "exclusive"):
            return self._safely(
                lambda: sum(self._catch_up_stage(dataset, stage) for stage in self.lake.stages(dataset))
            )

    def rebuild(self) -> int:
        """Throw the index away and read everything; how many files were read."""
        with self.lake.lease("lineage", "exclusive"):
            self._discard()
        return sum(self.catch_up(dataset) for dataset in self.lake.datasets())

    def resolve(self, prefix: str) -> bytes:
        """The id that begins with these hexadecimal digits. Raises UnknownName when none does, or more than one."""
        low, high = _range(prefix)
        found = self._ids("record_id >= ? and record_id <= ? order by record_id limit 6", low, high)
        if len(found) == 1:
            return found[0]
        if not found:
            before = self._ids("record_id < ? order by record_id desc limit 1", low)
            after = self._ids("record_id > ? order by record_id limit 1", high)
            raise UnknownName("record", prefix, [near.hex() for near in before + after], "Ids are hexadecimal.")
        more = " or more" if len(found) > 5 else ""
        raise UnknownName(
            "single record",
            prefix,
            [one.hex() for one in found[:5]],
            f"{min(len(found), 5)}{more} begin like that: give more digits.",
        )

    def entry(self, record_id: bytes) -> Entry:
        """What is known of a record. Raises UnknownName when the index has none of that id."""
        found = self._entry(record_id)
        if found is None:
            self.resolve(record_id.hex())
            raise LakeError(f"The record {record_id.hex()} has just been removed. Ask again.")
        return found

    def ancestors(self, record_id: bytes) -> list[Relative]:
        """Everything a record was made from, nearest first, each once."""
        return self._walk(record_id, "child", "parent")

    def descendants(self, record_id: bytes) -> list[Relative]:
        """Everything that was made from a record, nearest first, each once."""
        return self._walk(record_id, "parent", "child")

    def _walk(self, record_id: bytes, here: str, there: str) -> list[Relative]:
        walk = f"""with recursive walk (id, distance) as (select ?1, 0 union select edges.{there}, distance + 1
                   from walk join edges on edges.{here} = walk.id where distance < ?2)
                   select id, min(distance) as distance from walk where id <> ?1 group by id order by 2, 1"""
        found = self._safely(lambda: self._database().rows(walk, (record_id, DEEPEST)))
        return [Relative(self._entry(row["id"]) or self._missing(row["id"]), row["distance"]) for row in found]

    def _entry(self, record_id: bytes) -> Entry | None:
        words = ", ".join(f"(select text from terms where term = records.{name}) as {name}" for name in TERMS)
        sql = f"""select record_id, dataset, stage, batch, {words} from records join files using (file)
                  where record_id = ? order by status = 'current' desc, file desc"""
        row = self._safely(lambda: self._database().row(sql, (record_id,)))
        return Entry(**(dict(row) | {"record_id": record_id.hex()})) if row else None

    def _missing(self, record_id: bytes) -> Entry:
        """A record that is in no table any more, as its children name it."""
        row = self._database().row(
            """select (select text from terms where term = edges.stage) as stage,
               (select text from terms where term = edges.batch) as batch from edges where parent = ?""",
            (record_id,),
        )
        stage, batch = (row["stage"], row["batch"]) if row else ("", "")
        return Entry(record_id.hex(), None, stage, batch, None, None, None, None, "missing", None)

    def _ids(self, condition: str, *values: bytes) -> list[bytes]:
        sql = f"select distinct record_id from records where {condition}"
        return [row["record_id"] for row in self._safely(lambda: self._database().rows(sql, values))]

    # ------------------------------------------------------------------------------------------------------ catching up

    def _catch_up_stage(self, dataset: str, stage: str) -> int:
        place, shown = self.lake.snapshot(dataset, stage)
        if not NEEDED.issubset(shown.schema.names) or shown.partition_by != ("batch",):
            return 0  # signals, verdicts and mixes hold no records of their own
        database = self._database()
        row = database.row("select version from indexed where dataset = ? and stage = ?", (dataset, stage))
        if row is not None and row["version"] == shown.version:
            return 0
        new = self._drop_old_files(dataset, stage, shown)
        for file in new:
            self._read_file(dataset, stage, file, place.local(file))
        database.write("insert or replace into indexed values (?, ?, ?)", (dataset, stage, shown.version))
        return len(new)

    def _drop_old_files(self, dataset: str, stage: str, shown: Snapshot) -> list[DataFile]:
        """Forget the files that the table shows no longer; those that are new."""
        rows = self._database().rows("select file, path from files where dataset = ? and stage = ?", (dataset, stage))
        known, wanted = {row["path"]: row["file"] for row in rows}, {file.path: file for file in shown.files}
        for path in known.keys() - wanted.keys():
            self._database().write("delete from files where file = ?", (known[path],))
        return [wanted[path] for path in sorted(wanted.keys() - known.keys())]

    def _read_file(self, dataset: str, stage: str, file: DataFile, path: Path) -> None:
        """One file in one transaction: after a kill it is in the index whole or not at all."""
        with self._database().transaction() as connection, pq.ParquetFile(path) as parquet:
            number = connection.execute(
                "insert into files (dataset, stage, batch, path) values (?, ?, ?, ?)",
                (dataset, stage, file.partition[0], file.path),
            ).lastrowid
            assert number is not None
            for part in parquet.iter_batches(columns=["record_id", "parents", *TERMS]):
                _insert(connection, part, number)

    # -------------------------------------------------------------------------------------------------- the file itself

    def _database(self) -> SqliteDatabase:
        if self._opened is None or not self._is_same_file():
            opened = SqliteDatabase(self._path, (LAYOUT,))
            opened.rows("select place from layout_1")  # another layout has no such table
            self._opened, self._inode = opened, self._path.stat().st_ino
        return self._opened

    def _is_same_file(self) -> bool:
        """False when another process has thrown the file away since we opened it."""
        return self._path.exists() and self._path.stat().st_ino == self._inode

    def _safely(self, work: Callable[[], T]) -> T:
        """Do the work; when the file turns out to be damaged or of another layout, with a new one."""
        try:
            return work()
        except (sqlite3.DatabaseError, LakeError) as error:
            if not _is_broken(error):
                raise
        self._discard()
        return work()

    def _discard(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)


def catch_up(lake: Lake, dataset: str) -> Lineage:
    """The lineage index of a lake, with everything in it that a dataset has accepted."""
    lineage = Lineage(lake)
    lineage.catch_up(dataset)
    return lineage


def _is_broken(error: Exception) -> bool:
    text = str(error)
    return any(
        sign in text for sign in ("not a database", "malformed", "no such table", "no such column", "schema version")
    )


def _range(prefix: str) -> tuple[bytes, bytes]:
    """The lowest and the highest 16 bytes that begin with these digits."""
    digits = prefix.strip().lower()
    if not digits or len(digits) > 32 or set(digits) - set("0123456789abcdef"):
        raise UnknownName("record", prefix, (), "An id is up to 32 hexadecimal digits; the first few will do.")
    return bytes.fromhex(digits.ljust(32, "0")), bytes.fromhex(digits.ljust(32, "f"))


# --------------------------------------------------------------------------------------------------------------- rows


def _insert(connection: sqlite3.Connection, part: pa.RecordBatch, file: int) -> None:
    ids = part.column("record_id").to_pylist()
    words = [_terms(connection, part.column(name)) for name in TERMS]
    connection.executemany(
        "insert or ignore into records values (?, ?, ?, ?, ?, ?, ?, ?)",
        zip(ids, [file] * len(ids), *words, strict=True),
    )
    connection.executemany("insert or ignore into edges values (?, ?, ?, ?, ?, ?)", _edges(connection, part, file))


def _edges(connection: sqlite3.Connection, part: pa.RecordBatch, file: int) -> Iterator[tuple[Any, ...]]:
    """One row a parent: child, parent, file, and where the parent stands and what it was to the child."""
    lists = part.column("parents")
    children = part.column("record_id").take(_parent_indices(lists)).to_pylist()
    parents = lists.flatten()
    words = [_terms(connection, parents.field(name)) for name in ("stage", "batch", "relation")]
    return zip(children, parents.field("record_id").to_pylist(), [file] * len(children), *words, strict=True)


def _parent_indices(lists: pa.ListArray) -> pa.Array:
    """For each item of the flattened lists, the row that it belongs to."""
    lengths = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    return pa.array(np.repeat(np.arange(len(lists)), lengths), pa.int64())


def _terms(connection: sqlite3.Connection, column: pa.Array) -> Sequence[int | None]:
    """The numbers that stand for the words of a column, each word kept once."""
    encoded = column.dictionary_encode()
    words = encoded.dictionary.to_pylist()
    connection.executemany("insert or ignore into terms (text) values (?)", [(word,) for word in words])
    numbers = [connection.execute("select term from terms where text = ?", (word,)).fetchone()[0] for word in words]
    return pa.array(numbers, pa.int64()).take(encoded.indices).to_pylist()
