"""A segment of the lineage index: some files' records and their parents as sorted arrays in one file.

`ids` are all ids that the segment mentions, sorted; a record is a row, rows are in the order of their ids, and one id
may have several rows. Edges are kept in both directions, as places: from a row to the ids of its parents, and from an
id to the rows of its children.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from synth_dagster.lake.array_file import ArrayFile, narrow, spans, starts, write_arrays
from synth_dagster.lake.ids import Ids, numbered, together

LAYOUT = "synth lineage 2"
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


def write_segment(path: Path, rows: Rows) -> int:
    """Write a segment, whole or not at all; the checksum of its bytes."""
    return write_arrays(path, LAYOUT, _arranged(rows))


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
        "first_row": starts(np.bincount(row_id, minlength=len(ids))),
        "file": rows.file[order],
        "row_id": row_id[order],
        **{name: rows.columns[name][order] for name in COLUMNS},
        "first_parent": starts(rows.parents_of[order]),
        "parent": parent,
        "place": rows.places[edges],
        "first_child": starts(np.bincount(parent, minlength=len(ids))),
        "child": row_of_edge[down],
    }
    return {"high": ids.high, "low": ids.low, **{name: narrow(array) for name, array in arrays.items()}}


class Segment(ArrayFile):
    """A segment as it is read. `alive` says of each of its files whether a table still shows it."""

    def __init__(self, path: Path, size: int, files: Sequence[int], places: Sequence[int], count: int) -> None:
        """`files` are the numbers of the living files, `places` their places among the `count` of the segment."""
        super().__init__(path, size, LAYOUT)
        self.alive = np.zeros(count, bool)
        self.alive[list(places)] = True
        self.numbers = np.full(count, -1)
        self.numbers[list(places)] = list(files)

    @cached_property
    def ids(self) -> Ids:
        return Ids(self.column("high"), self.column("low"))

    @property
    def rows(self) -> int:
        return self.length("file")

    @property
    def edges(self) -> int:
        return self.length("parent")

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
