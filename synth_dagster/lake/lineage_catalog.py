"""The catalog of the lineage index: which file of which table stands in which segment, and what the numbers mean.

A small SQLite file, `lineage.sqlite`, beside the folder `lineage/` of the segments. A segment is written first, and
named here afterwards, so a kill leaves a file that nobody knows and the next writer sweeps.
"""

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from uuid import uuid4

from synth_dagster.errors import LakeError
from synth_dagster.lake.array_file import Damaged
from synth_dagster.lake.lineage_rows import KINDS, Terms
from synth_dagster.lake.segments import Rows, Segment, all_rows, write_segment
from synth_dagster.lake.sqlite import SqliteDatabase

LAYOUT = """
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


@dataclass(frozen=True, slots=True)
class Written:
    """A segment that lies in the folder and is not named yet."""

    name: str
    checksum: int
    files: int


class Catalog:
    """The files of one index. Every method raises Damaged when they are not what was written."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "lineage.sqlite"
        self.folder = folder / "lineage"
        self._opened: SqliteDatabase | None = None
        self._inode = 0
        self._state: State | None = None

    # ------------------------------------------------------------------------------------------------------ reading

    def state(self) -> State:
        """The index as it stands."""
        while True:
            generation = self._generation()
            try:
                if self._state is None or self._state.generation != generation:
                    self._state = self._load()
                return self._state
            except Damaged:
                if self._generation() == generation:  # else a merge has just replaced what we were opening
                    raise

    def checksums(self) -> dict[int, int]:
        """What was written, by segment."""
        return {row["segment"]: row["checksum"] for row in self._rows("select segment, checksum from segments")}

    def size(self) -> int:
        """Bytes of all files."""
        return sum(path.stat().st_size for path in (*self._own_files(), *self._segment_files()) if path.exists())

    def _generation(self) -> int:
        (row,) = self._rows("select generation from state")
        return row["generation"]

    def _load(self) -> State:
        with self.transaction() as connection:
            generation = connection.execute("select generation from state").fetchone()[0]
            terms = connection.execute("select kind, number, text from terms").fetchall()
            segments = connection.execute("select * from segments").fetchall()
            files = connection.execute("select * from files").fetchall()
        of_segment: dict[int, list[sqlite3.Row]] = {row["segment"]: [] for row in segments}
        for row in files:
            of_segment[row["segment"]].append(row)
        opened = {row["segment"]: self._segment(row, of_segment[row["segment"]]) for row in segments}
        shown = {row["file"]: IndexedFile(row["dataset"], row["stage"], row["batch"], row["path"]) for row in files}
        return State(generation, opened, shown, _words(terms))

    def _segment(self, row: sqlite3.Row, files: Sequence[sqlite3.Row]) -> Segment:
        before = self._state.segments.get(row["segment"]) if self._state else None
        path = self.folder / row["name"]
        numbers, places = [file["file"] for file in files], [file["place"] for file in files]
        if before is not None and before.path == path and sorted(before.numbers[before.alive]) == sorted(numbers):
            return before
        found = Segment(path, row["size"], numbers, places, row["files"])
        found.check(row["modified"], row["checksum"])
        return found

    # ------------------------------------------------------------------------------------------------------ writing

    def write(self, rows: Sequence[Rows], files: int) -> Written:
        """Write a segment that holds so many files. Nobody sees it before it is named."""
        name = f"{uuid4().hex}.segment"
        return Written(name, write_segment(self.folder / name, all_rows(rows)), files)

    def add(self, written: Written | None, files: Sequence[IndexedFile], gone: Sequence[int], terms: Terms) -> None:
        """Show new files and strike others, in one moment."""
        with self._moment() as connection:
            connection.executemany("insert into terms values (?, ?, ?)", terms.new)
            connection.executemany("delete from files where file = ?", [(file,) for file in gone])
            if written:
                segment = self._name(connection, written)
                rows = [(f.dataset, f.stage, f.batch, f.path, segment, place) for place, f in enumerate(files)]
                connection.executemany(
                    "insert into files (dataset, stage, batch, path, segment, place) values (?, ?, ?, ?, ?, ?)", rows
                )
        terms.new.clear()

    def move(self, written: Written, files: Sequence[int]) -> None:
        """Let these files, in this order, stand in a new segment."""
        with self._moment() as connection:
            segment = self._name(connection, written)
            places = [(segment, place, file) for place, file in enumerate(files)]
            connection.executemany("update files set segment = ?, place = ? where file = ?", places)

    def forget(self, words: Collection[tuple[str, int]]) -> None:
        """Overwrite words, here and in the log of the database."""
        with self._moment() as connection:
            connection.executemany("update terms set text = null where kind = ? and number = ?", list(words))
        (row,) = self._rows("pragma wal_checkpoint(truncate)")
        if row["busy"]:
            raise LakeError(
                f"{self.path} is being read, so what was erased is still in its log. Run the command again."
            )

    def sweep(self) -> None:
        """Remove the segments that are not named. Whoever has one mapped keeps it."""
        known = {row["name"] for row in self._rows("select name from segments")}
        for path in self._segment_files():
            if path.name not in known:
                path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove everything."""
        if self._opened is not None:
            self._opened.close()
        self._opened = self._state = None
        for path in (*self._own_files(), *self._segment_files()):
            path.unlink(missing_ok=True)

    @contextmanager
    def _moment(self) -> Iterator[sqlite3.Connection]:
        """A change that readers see as a whole. A segment without a living file goes with its last one."""
        with self.transaction() as connection:
            yield connection
            connection.execute("delete from segments where segment not in (select segment from files)")
            connection.execute("update state set generation = generation + 1")
        self.sweep()

    def _name(self, connection: sqlite3.Connection, written: Written) -> int:
        status = (self.folder / written.name).stat()
        number = connection.execute(
            "insert into segments (name, size, modified, checksum, files) values (?, ?, ?, ?, ?)",
            (written.name, status.st_size, status.st_mtime_ns, written.checksum, written.files),
        ).lastrowid
        assert number is not None
        return number

    # ------------------------------------------------------------------------------------------------------ the files

    def _own_files(self) -> list[Path]:
        return [self.path.with_name(self.path.name + suffix) for suffix in ("", "-wal", "-shm")]

    def _segment_files(self) -> list[Path]:
        return list(self.folder.glob("*")) if self.folder.exists() else []

    def _rows(self, sql: str) -> list[sqlite3.Row]:
        with _damage_told():
            return self.database().rows(sql)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A transaction that overwrites what it deletes: an erased word must not be left in a free page."""
        self._rows("pragma secure_delete = on")
        with _damage_told(), self.database().transaction() as connection:
            yield connection

    def database(self) -> SqliteDatabase:
        if self._opened is None or not self._is_same_file():
            self._state = None
            with _damage_told():
                opened = SqliteDatabase(self.path, (LAYOUT,))
                opened.rows("select place from layout_2")  # another layout has no such table
            self._opened, self._inode = opened, self.path.stat().st_ino
        return self._opened

    def _is_same_file(self) -> bool:
        """False when another process has thrown the file away since we opened it."""
        return self.path.exists() and self.path.stat().st_ino == self._inode


def _words(rows: Sequence[sqlite3.Row]) -> dict[str, list[str | None]]:
    """Kind -> the words in the order of their numbers; the first is none."""
    found: dict[str, list[str | None]] = {kind: [None] for kind in KINDS}
    for row in sorted(rows, key=lambda row: row["number"]):
        found[row["kind"]].append(row["text"])
    return found


SIGNS = ("not a database", "damaged", "malformed", "no such table", "no such column", "schema version")


@contextmanager
def _damage_told() -> Iterator[None]:
    """Damaged, for the error that a catalog of other bytes or of another layout gives."""
    try:
        yield
    except (sqlite3.DatabaseError, LakeError) as error:
        if any(sign in str(error) for sign in SIGNS):
            raise Damaged(str(error)) from error
        raise
