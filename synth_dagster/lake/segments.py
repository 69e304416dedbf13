"""A segment of the lineage index: some files' records and their parents as sorted arrays in one file.

The file is mapped into memory and never changed, so a question reads the few pages that it touches. It begins with a
line that says its layout and where each array stands. `ids` are all ids that the segment mentions, sorted; a record is
a row, rows are in the order of their ids, and one id may have several rows. Edges are kept in both directions, as
places: from a row to the ids of its parents, and from an id to the rows of its children.
"""

import json
import mmap
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np

from synth_dagster.lake.ids import Ids, numbered, together
from synth_dagster.storage.folder import write_whole

LAYOUT = "synth lineage 2"
ALIGNED = 64  # bytes
CHECKED = 1 << 22  # bytes that are checked at a time
TERMS = (
    "method",
    "method_version",
    "model_id",
    "prompt_hash",
    "run_id",
    "status",
    "reason",
    "source",
    "license",
    "consent",
)
NUMBERS = ("synthetic_depth", "created")
COLUMNS = (*TERMS, *NUMBERS)
ARRAYS = (
    *("high", "low", "first_row", "file", "row_id", *COLUMNS),
    *("first_parent", "parent", "place", "first_child", "child"),
)


class Damaged(Exception):
    """A file of the index is not what was written. The index is made again."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Records as they were read, in any order: who they are, in which file, made how, and from whom."""

    ids: Ids
    file: np.ndarray
    columns: Mapping[str, np.ndarray]
    parents_of: np.ndarray  # how many parents each record has
    parents: Ids
    places: np.ndarray  # of each parent: its stage, batch and relation, as one term

    @property
    def weight(self) -> int:
        return len(self.ids) + len(self.parents)


def all_rows(given: Sequence[Rows]) -> Rows:
    """The rows of the parts, one after the other."""
    none = np.zeros(0, np.uint8)
    parts = [*given, Rows(Ids.none(), none, dict.fromkeys(COLUMNS, none), none, Ids.none(), none)]
    return Rows(
        together([part.ids for part in parts]),
        np.concatenate([part.file for part in parts]),
        {name: np.concatenate([part.columns[name] for part in parts]) for name in COLUMNS},
        np.concatenate([part.parents_of for part in parts]),
        together([part.parents for part in parts]),
        np.concatenate([part.places for part in parts]),
    )


def spans(first: np.ndarray, count: np.ndarray) -> np.ndarray:
    """All places of the spans that begin there and have so many: 3, 7 and 2, 1 are 3, 4, 7."""
    many = count.astype(np.int64)
    before = np.cumsum(many) - many
    return np.repeat(first.astype(np.int64) - before, many) + np.arange(int(many.sum()))


def write_segment(path: Path, rows: Rows) -> int:
    """Write a segment, whole or not at all; the checksum of its bytes."""
    arrays = _arranged(rows)
    head, at = {}, 0
    for name in ARRAYS:
        head[name] = [arrays[name].dtype.str, len(arrays[name]), at]
        at += -(-arrays[name].nbytes // ALIGNED) * ALIGNED
    first = json.dumps({"layout": LAYOUT, "arrays": head}).encode()
    first = (first + b" " * (-(len(first) + 1) % ALIGNED)) + b"\n"
    checksum = 0

    def write(file: BinaryIO) -> None:
        nonlocal checksum
        for piece in _pieces(first, [arrays[name] for name in ARRAYS]):
            checksum = zlib.crc32(piece, checksum)
            file.write(piece)

    write_whole(path, write, needed=at)
    return checksum


def _pieces(head: bytes, arrays: Sequence[np.ndarray]) -> Iterator[bytes | memoryview]:
    yield head
    for array in arrays:
        yield np.ascontiguousarray(array).view(np.uint8).data
        yield bytes(-array.nbytes % ALIGNED)


def _arranged(rows: Rows) -> dict[str, np.ndarray]:
    """The arrays of a segment."""
    ids, numbers = numbered(together([rows.ids, rows.parents]))
    row_id, parent_id = numbers[: len(rows.ids)], numbers[len(rows.ids) :]
    order = np.argsort(row_id, kind="stable")
    edges = spans((np.cumsum(rows.parents_of) - rows.parents_of)[order], rows.parents_of[order])
    parent = parent_id[edges]
    row_of_edge = np.repeat(np.arange(len(order)), rows.parents_of[order])
    down = np.argsort(parent, kind="stable")
    arrays = {
        "first_row": _starts(np.bincount(row_id, minlength=len(ids))),
        "file": rows.file[order],
        "row_id": row_id[order],
        **{name: rows.columns[name][order] for name in COLUMNS},
        "first_parent": _starts(rows.parents_of[order]),
        "parent": parent,
        "place": rows.places[edges],
        "first_child": _starts(np.bincount(parent, minlength=len(ids))),
        "child": row_of_edge[down],
    }
    return {"high": ids.high, "low": ids.low, **{name: _narrow(array) for name, array in arrays.items()}}


def _starts(counts: np.ndarray) -> np.ndarray:
    starts = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    return starts


def _narrow(array: np.ndarray) -> np.ndarray:
    """The same numbers in as few bytes as hold the largest."""
    return array.astype(np.min_scalar_type(int(array.max())) if len(array) else np.uint8, copy=False)


class Segment:
    """A segment as it is read. `alive` says of each of its files whether a table still shows it."""

    def __init__(self, path: Path, size: int, files: Sequence[int], places: Sequence[int], count: int) -> None:
        """`files` are the numbers of the living files, `places` their places among the `count` of the segment."""
        self.path = path
        self.alive = np.zeros(count, bool)
        self.alive[list(places)] = True
        self.numbers = np.full(count, -1)
        self.numbers[list(places)] = list(files)
        self._map = _mapped(path, size)
        self._head, self._start = _head(path, self._map)

    def column(self, name: str) -> np.ndarray:
        """One array, as it stands in the file."""
        kind, count, at = self._head[name]
        return np.frombuffer(self._map, np.dtype(kind), count, self._start + at)

    @cached_property
    def ids(self) -> Ids:
        return Ids(self.column("high"), self.column("low"))

    @property
    def rows(self) -> int:
        return self._head["file"][1]

    @property
    def edges(self) -> int:
        return self._head["parent"][1]

    @property
    def weight(self) -> int:
        return self.rows + self.edges

    @cached_property
    def living(self) -> int:
        """How many rows tables still show."""
        return self.rows if self.alive.all() else int(np.count_nonzero(self.alive[self.column("file")]))

    @cached_property
    def living_edges(self) -> int:
        """How many parents the living rows name."""
        return (
            self.edges
            if self.alive.all()
            else int(self._counts("first_parent", self._living(np.arange(self.rows))).sum())
        )

    def checksum(self) -> int:
        """Of all bytes of the file."""
        found = 0
        for at in range(0, len(self._map), CHECKED):
            found = zlib.crc32(self._map[at : at + CHECKED], found)
        return found

    def rows_of(self, ids: Ids) -> np.ndarray:
        """The living rows of these ids."""
        return self._living(self._span("first_row", self._known(ids)))

    def parents_of(self, ids: Ids) -> Ids:
        """The ids that living rows of these ids name as parents."""
        edges = self._span("first_parent", self.rows_of(ids))
        return self.ids.take(np.unique(self.column("parent")[edges]))

    def children_of(self, ids: Ids) -> Ids:
        """The ids of the living rows that name these ids as a parent."""
        children = self._living(self.column("child")[self._span("first_child", self._known(ids))])
        return self.ids.take(np.unique(self.column("row_id")[children]))

    def mentions(self, ids: Ids) -> tuple[np.ndarray, np.ndarray]:
        """Which of the ids living rows name as parents, and for each its place: stage, batch, relation."""
        at = ids.places_in(self.ids)
        wanted = np.flatnonzero(at >= 0)
        counts = self._counts("first_child", at[wanted])
        children = self.column("child")[self._span("first_child", at[wanted])]
        named = np.repeat(wanted, counts)
        is_alive = self.alive[self.column("file")[children]]
        children, named = children[is_alive], named[is_alive]
        edges, owner = self._span("first_parent", children), np.repeat(named, self._counts("first_parent", children))
        is_meant = self.column("parent")[edges] == at[owner]
        who, first = np.unique(owner[is_meant], return_index=True)
        return who, self.column("place")[edges[is_meant][first]]

    def edges_of(self, rows: np.ndarray) -> tuple[Ids, Ids, np.ndarray]:
        """Child, parent and place of every edge from these rows."""
        edges = self._span("first_parent", rows)
        children = np.repeat(self.column("row_id")[rows], self._counts("first_parent", rows))
        return self.ids.take(children), self.ids.take(self.column("parent")[edges]), self.column("place")[edges]

    def taken(self) -> Rows:
        """The living rows, to be written into another segment."""
        rows = self._living(np.arange(self.rows))
        edges = self._span("first_parent", rows)
        return Rows(
            self.ids.take(self.column("row_id")[rows]),
            self.column("file")[rows].astype(np.int64),
            {name: self.column(name)[rows] for name in COLUMNS},
            self._counts("first_parent", rows),
            self.ids.take(self.column("parent")[edges]),
            self.column("place")[edges].astype(np.int64),
        )

    def _known(self, ids: Ids) -> np.ndarray:
        at = ids.places_in(self.ids)
        return at[at >= 0]

    def _living(self, rows: np.ndarray) -> np.ndarray:
        return rows if self.alive.all() else rows[self.alive[self.column("file")[rows]]]

    def _span(self, starts: str, places: np.ndarray) -> np.ndarray:
        return spans(self.column(starts)[places], self._counts(starts, places))

    def _counts(self, starts: str, places: np.ndarray) -> np.ndarray:
        column, wide = self.column(starts), places.astype(np.int64)  # one more than 255 must not be 0
        return column[wide + 1].astype(np.int64) - column[wide].astype(np.int64)


def _mapped(path: Path, size: int) -> mmap.mmap:
    try:
        with path.open("rb") as file:
            found = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (FileNotFoundError, ValueError) as error:  # an empty file cannot be mapped
        raise Damaged(f"{path} is gone or empty") from error
    if len(found) != size:
        raise Damaged(f"{path} has {len(found)} bytes, not {size}")
    return found


def _head(path: Path, mapped: mmap.mmap) -> tuple[dict[str, tuple[str, int, int]], int]:
    """Where each array stands, and where they begin."""
    end = mapped.find(b"\n", 0, 1 << 16)
    try:
        found = json.loads(mapped[: max(end, 0)])
    except ValueError as error:
        raise Damaged(f"{path} has no head") from error
    if not isinstance(found, dict) or found.get("layout") != LAYOUT:
        raise Damaged(f"{path} is of another layout")
    return found["arrays"], end + 1
