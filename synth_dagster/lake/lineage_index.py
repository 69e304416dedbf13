"""Keeps the lineage index beside the tables: what is read, what is merged, what is thrown away.

`lineage.sqlite` says which file of which table stands in which segment (`segments.py`); the segments lie in `lineage/`.
A segment is written first and named in the catalog afterwards, so a kill leaves a file that nobody knows and the next
one sweeps. Catching up writes what is new into a segment of its own and forgets the files that tables show no longer;
small segments of one size are merged when there are many. One process writes, under a lease; whoever reads has the
segments of one moment mapped, also when they are replaced meanwhile.
"""

import math
import platform
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from uuid import uuid4

import numpy as np

from synth_dagster.errors import LakeError
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.leases import Lease
from synth_dagster.lake.lineage_rows import KINDS, NEEDED, Terms, rows_of
from synth_dagster.lake.segments import Damaged, Rows, Segment, all_rows, write_segment
from synth_dagster.lake.sqlite import SqliteDatabase
from synth_dagster.lake.tables import DataFile, Place, Snapshot
from synth_dagster.storage import is_bucket

CATALOG = """
create table layout_2 (place integer);
create table state (generation integer not null);
insert into state values (0);
create table terms (kind text, number integer, text text, primary key (kind, number)) without rowid;
create table segments (segment integer primary key, name text not null unique, size integer not null,
    modified integer not null, checksum integer not null, files integer not null);
create table files (file integer primary key, dataset text not null, stage text not null, batch text not null,
    path text not null, segment integer not null references segments, place integer not null,
    unique (dataset, stage, path));
create index files_of_a_segment on files (segment);
"""
MOST = 6_000_000  # records and parents in one segment: what is sorted at once, in some 700 MB
FANOUT = 8  # so many segments of one size become one
SMALLEST = 1_024
WAIT_S = 3_600.0  # for another process that builds


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """A file of a table that is in the index."""

    dataset: str
    stage: str
    batch: str
    path: str


@dataclass(frozen=True)
class State:
    """The index at one moment: its segments, their living files, and the words that numbers stand for."""

    generation: int
    segments: Mapping[int, Segment]
    files: Mapping[int, IndexedFile]
    words: Mapping[str, Sequence[str | None]]

    @cached_property
    def shown(self) -> Mapping[tuple[str, str], Mapping[str, int]]:
        """Table -> path -> number of its file."""
        found: dict[tuple[str, str], dict[str, int]] = {}
        for number, file in self.files.items():
            found.setdefault((file.dataset, file.stage), {})[file.path] = number
        return found

    @cached_property
    def numbers(self) -> Mapping[str, Mapping[str, int]]:
        """Kind -> word -> number."""
        return {
            kind: {word: number for number, word in enumerate(words) if word is not None}
            for kind, words in self.words.items()
        }


@dataclass(slots=True)
class Changes:
    """What the tables show that the index does not, and the other way round."""

    gone: list[int] = field(default_factory=list)
    new: list[tuple[IndexedFile, Place, DataFile]] = field(default_factory=list)


@dataclass(slots=True)
class Pending:
    """What was read and is not in a segment yet."""

    rows: list[Rows] = field(default_factory=list)
    files: list[IndexedFile] = field(default_factory=list)
    weight: int = 0


class LineageIndex:
    """The files of the index of one lake, on this machine."""

    def __init__(self, lake: Lake, *, most: int = MOST, fanout: int = FANOUT) -> None:
        self.lake, self.most, self.fanout = lake, most, fanout
        self._path = lake.store.derived / "lineage.sqlite"
        self._folder = lake.store.derived / "lineage"
        self._opened: SqliteDatabase | None = None
        self._inode = 0
        self._state: State | None = None
        self._same: dict[tuple[str, str], tuple[int, Snapshot]] = {}  # compared before, and equal

    # ------------------------------------------------------------------------------------------------------ what it is

    def state(self) -> State:
        """The index as it stands. Raises Damaged when its files are not what was written."""
        while True:
            generation = self._generation()
            try:
                if self._state is None or self._state.generation != generation:
                    self._state = self._load()
                return self._state
            except Damaged:
                if self._generation() == generation:  # else a merge has just replaced what we were opening
                    raise

    def size(self) -> int:
        """Bytes of all files of the index."""
        catalog = [self._path.with_name(self._path.name + suffix) for suffix in ("", "-wal", "-shm")]
        return sum(path.stat().st_size for path in (*catalog, *self._folder.glob("*")) if path.exists())

    def check(self) -> None:
        """Read every byte. Raises Damaged when one has changed since it was written."""
        state = self.state()
        known = {row["segment"]: row["checksum"] for row in self._rows("select segment, checksum from segments")}
        for number, segment in state.segments.items():
            if known.get(number, segment.checksum()) != segment.checksum():
                raise Damaged(f"{segment.path} has other bytes than were written")

    def _load(self) -> State:
        with self._transaction() as connection:
            generation = connection.execute("select generation from state").fetchone()[0]
            terms = connection.execute("select kind, number, text from terms").fetchall()
            segments = connection.execute("select * from segments").fetchall()
            files = connection.execute("select * from files").fetchall()
        of_segment: dict[int, list[sqlite3.Row]] = {}
        for row in files:
            of_segment.setdefault(row["segment"], []).append(row)
        opened = {row["segment"]: self._segment(row, of_segment.get(row["segment"], [])) for row in segments}
        shown = {row["file"]: IndexedFile(row["dataset"], row["stage"], row["batch"], row["path"]) for row in files}
        return State(generation, opened, shown, _words(terms))

    def _segment(self, row: sqlite3.Row, files: Sequence[sqlite3.Row]) -> Segment:
        before = self._state.segments.get(row["segment"]) if self._state else None
        path = self._folder / row["name"]
        numbers, places = [file["file"] for file in files], [file["place"] for file in files]
        if before is not None and before.path == path and sorted(before.numbers[before.alive]) == sorted(numbers):
            return before
        found = Segment(path, row["size"], numbers, places, row["files"])
        # who changes a file changes its time too: then every byte is read, and else none
        if path.stat().st_mtime_ns != row["modified"] and found.checksum() != row["checksum"]:
            raise Damaged(f"{path} has other bytes than were written")
        return found

    # ------------------------------------------------------------------------------------------------------ catching up

    def current(self) -> State:
        """The index as it stands when it says what the tables say."""
        while self._changes(state := self.state()):
            self.catch_up()
        return state

    def catch_up(self) -> int:
        """Read what was accepted since the last time; how many files were read. Two processes take turns."""
        if not self._changes(self.state()):
            return 0
        with self._lease() as lease:
            return self._catch_up(lease)

    def rebuild(self) -> int:
        """Throw the index away and read everything; how many files were read."""
        with self._lease() as lease:
            self._discard()
            return self._catch_up(lease)

    def purge(self) -> None:
        """Write anew what still holds bytes of files that no table shows: afterwards their ids are on no disk."""
        with self._lease() as lease:
            state = self.state()
            for number, segment in state.segments.items():
                if segment.living < segment.rows or not segment.alive.all():
                    self._merge([number], lease)
            self._forget_words()

    def _lease(self) -> AbstractContextManager[Lease]:
        """The index of a lake in a bucket is one for each machine."""
        name = f"lineage/{platform.node()}" if is_bucket(self.lake.store.url) else "lineage"
        return self.lake.lease(name, "exclusive", wait_s=WAIT_S)

    def _changes(self, state: State) -> Changes | None:
        """None when the index is what the tables show."""
        changes, there = Changes(), set()
        for dataset in self.lake.datasets():
            for stage in self.lake.stages(dataset):
                there.add((dataset, stage))
                place, snapshot = self.lake.snapshot(dataset, stage)
                generation, same = self._same.get((dataset, stage), (-1, None))
                if generation != state.generation or same is not snapshot:
                    self._compare(state, place, snapshot, changes, (dataset, stage))
        for table in state.shown.keys() - there:
            changes.gone += state.shown[table].values()
        return changes if changes.gone or changes.new else None

    def _compare(
        self, state: State, place: Place, snapshot: Snapshot, changes: Changes, table: tuple[str, str]
    ) -> None:
        known = state.shown.get(table, {})
        wanted = {file.path: file for file in snapshot.files} if _holds_records(snapshot) else {}
        gone, new = known.keys() - wanted.keys(), wanted.keys() - known.keys()
        changes.gone += [known[path] for path in gone]
        changes.new += [
            (IndexedFile(*table, wanted[path].partition[0], path), place, wanted[path]) for path in sorted(new)
        ]
        if not gone and not new:
            self._same[table] = state.generation, snapshot

    def _catch_up(self, lease: Lease) -> int:
        """A long build is written in several segments: after a kill the next one goes on with what is missing."""
        state = self.state()
        changes = self._changes(state) or Changes()
        self._sweep()
        terms, pending = Terms(state.words), Pending()
        for file, place, data in changes.new:
            self._read(pending, file, place.local(data), terms)
            if pending.weight >= self.most:
                self._commit(pending, terms, lease)
                pending = Pending()
        if pending.files or changes.gone:
            self._commit(pending, terms, lease, gone=changes.gone)
        if changes.new or changes.gone:
            self._tidy(lease)
        return len(changes.new)

    def _read(self, pending: Pending, file: IndexedFile, path: Path, terms: Terms) -> None:
        for rows in rows_of(path, len(pending.files), terms):
            pending.rows.append(rows)
            pending.weight += rows.weight
        pending.files.append(file)

    def _commit(self, pending: Pending, terms: Terms, lease: Lease, *, gone: Sequence[int] = ()) -> None:
        """What a batch had and what it has now change in one moment."""
        written = self._write(pending.rows) if pending.files else None
        lease.check()
        with self._transaction() as connection:
            _insert_terms(connection, terms)
            connection.executemany("delete from files where file = ?", [(file,) for file in gone])
            if written:
                segment = self._insert_segment(connection, written, len(pending.files))
                connection.executemany(
                    "insert into files (dataset, stage, batch, path, segment, place) values (?, ?, ?, ?, ?, ?)",
                    [
                        (file.dataset, file.stage, file.batch, file.path, segment, place)
                        for place, file in enumerate(pending.files)
                    ],
                )
            _end_moment(connection)
        self._sweep()

    def _write(self, rows: Sequence[Rows]) -> tuple[str, int]:
        name = f"{uuid4().hex}.segment"
        return name, write_segment(self._folder / name, all_rows(rows))

    def _insert_segment(self, connection: sqlite3.Connection, written: tuple[str, int], files: int) -> int:
        name, checksum = written
        status = (self._folder / name).stat()
        number = connection.execute(
            "insert into segments (name, size, modified, checksum, files) values (?, ?, ?, ?, ?)",
            (name, status.st_size, status.st_mtime_ns, checksum, files),
        ).lastrowid
        assert number is not None
        return number

    # ---------------------------------------------------------------------------------------------------------- tidying

    def _tidy(self, lease: Lease) -> None:
        """Merge where many segments have one size, and write anew what is mostly dead."""
        while chosen := _to_merge(self.state().segments, self.most, self.fanout):
            self._merge(chosen, lease)

    def _merge(self, chosen: Sequence[int], lease: Lease) -> None:
        segments = [self.state().segments[number] for number in chosen]
        parts, files = [], []
        for segment in segments:
            renumbered = np.zeros(len(segment.alive), np.int64)
            living = np.flatnonzero(segment.alive)
            renumbered[living] = np.arange(len(living)) + len(files)
            rows = segment.taken()
            parts.append(replace(rows, file=renumbered[rows.file]))
            files += segment.numbers[living].tolist()
        written = self._write(parts)
        lease.check()
        with self._transaction() as connection:
            number = self._insert_segment(connection, written, len(files))
            connection.executemany(
                "update files set segment = ?, place = ? where file = ?",
                [(number, place, file) for place, file in enumerate(files)],
            )
            _end_moment(connection)
        self._sweep()

    def _forget_words(self) -> None:
        """Remove the words that no living row uses; what was in the catalog is overwritten."""
        used: dict[str, set[int]] = {kind: set() for kind in KINDS}
        for segment in self.state().segments.values():
            for kind, numbers in used.items():
                numbers.update(np.unique(segment.column(kind)).tolist())
        words = self.state().words
        with self._transaction() as connection:
            connection.executemany(
                "update terms set text = null where kind = ? and number = ?",
                [(kind, n) for kind, known in words.items() for n in range(1, len(known)) if n not in used[kind]],
            )
            _end_moment(connection)
        self._rows("pragma wal_checkpoint(truncate)")

    def _sweep(self) -> None:
        """Remove the files that the catalog does not name. Whoever has one mapped keeps it."""
        known = {row["name"] for row in self._rows("select name from segments")}
        for path in self._folder.glob("*") if self._folder.exists() else ():
            if path.name not in known:
                path.unlink(missing_ok=True)

    # -------------------------------------------------------------------------------------------------- the catalog

    def _generation(self) -> int:
        (row,) = self._rows("select generation from state")
        return row["generation"]

    def _rows(self, sql: str) -> list[sqlite3.Row]:
        try:
            return self._database().rows(sql)
        except (sqlite3.DatabaseError, LakeError) as error:
            raise _told(error) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """A transaction that overwrites what it deletes: an erased word must not be left in a free page."""
        self._rows("pragma secure_delete = on")
        with self._database().transaction() as connection:
            yield connection

    def _database(self) -> SqliteDatabase:
        if self._opened is None or not self._is_same_file():
            try:
                opened = SqliteDatabase(self._path, (CATALOG,))
                opened.rows("select place from layout_2")  # another layout has no such table
            except (sqlite3.DatabaseError, LakeError) as error:
                raise _told(error) from error
            self._opened, self._inode = opened, self._path.stat().st_ino
            self._state = None
            self._same.clear()
        return self._opened

    def _is_same_file(self) -> bool:
        """False when another process has thrown the file away since we opened it."""
        return self._path.exists() and self._path.stat().st_ino == self._inode

    def _discard(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None
        self._state = None
        self._same.clear()
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        for path in self._folder.glob("*") if self._folder.exists() else ():
            path.unlink(missing_ok=True)


def _holds_records(snapshot: Snapshot) -> bool:
    """Signals, verdicts and mixes hold no records of their own."""
    return NEEDED.issubset(snapshot.schema.names) and snapshot.partition_by == ("batch",)


def _to_merge(segments: Mapping[int, Segment], most: int, fanout: int) -> list[int]:
    """The segments to make one of next: those of one size where there are many, else one that is mostly dead."""
    sizes: dict[int, list[int]] = {}
    for number, segment in segments.items():
        if segment.living * 2 < segment.rows:
            return [number]
        if weight(segment) < most:
            sizes.setdefault(int(math.log(max(weight(segment) / SMALLEST, 1), fanout)), []).append(number)
    for _, numbers in sorted(sizes.items()):
        if len(numbers) >= fanout:
            fitting = _fitting(sorted(numbers, key=lambda number: weight(segments[number])), segments, most)
            if len(fitting) > 1:
                return fitting
    return []


def weight(segment: Segment) -> int:
    return segment.rows + segment.edges


def _fitting(numbers: Sequence[int], segments: Mapping[int, Segment], most: int) -> list[int]:
    """The first that together are not too many."""
    total = np.cumsum([weight(segments[number]) for number in numbers])
    return [number for number, sum_ in zip(numbers, total, strict=True) if sum_ <= most]


def _words(rows: Sequence[sqlite3.Row]) -> dict[str, list[str | None]]:
    """Kind -> the words in the order of their numbers; the first is none."""
    found: dict[str, list[str | None]] = {kind: [None] for kind in KINDS}
    for row in sorted(rows, key=lambda row: row["number"]):
        found[row["kind"]].append(row["text"])
    return found


def _insert_terms(connection: sqlite3.Connection, terms: Terms) -> None:
    connection.executemany("insert into terms values (?, ?, ?)", terms.new)
    terms.new.clear()


def _end_moment(connection: sqlite3.Connection) -> None:
    """Drop segments without a living file; let readers see that something has changed."""
    connection.execute("delete from segments where segment not in (select segment from files)")
    connection.execute("update state set generation = generation + 1")


def _told(error: Exception) -> Exception:
    """Damaged, for an error that a catalog of other bytes or another layout gives; else the error itself."""
    signs = ("not a database", "damaged", "malformed", "no such table", "no such column", "schema version")
    return Damaged(str(error)) if any(sign in str(error) for sign in signs) else error
