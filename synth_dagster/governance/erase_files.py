"""The files that an erasure looks into: those that name something of it, as the index of holdings says.

What a file says of its rows is read from the file; the index only says which files there are to read, and how often
something is named in all the others.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.lake.doomed import VERDICTS, Stored, rows_of
from synth_dagster.lake.holdings import Holdings
from synth_dagster.lake.holdings_rows import Told
from synth_dagster.lake.holdings_segments import Held, HeldFile
from synth_dagster.lake.ids import Ids
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.layout import REJECTS
from synth_dagster.lake.shingles import strings
from synth_dagster.record_tables import COMMON

NOT_TEXT = frozenset(name for name, _, _ in COMMON if name != "attributes")
NO_TEXTS = frozenset({"verdicts", "quality_signals", "findings"})
NOT_SAID = frozenset({"reject_id", "step", "kind", "reason", "copies", "score", "rank", "release"})
NARROW = ("record_id", "content_hash", "source", "parents", "calls", "call_id")

Place: TypeAlias = tuple[str, str]
"""Dataset and batch, or dataset and release."""


@dataclass(frozen=True, slots=True)
class RowFile:
    """A file of records, verdicts, signals or rejects. Its rows are read when they are asked for, and not kept."""

    lake: Lake = field(repr=False)
    stored: Stored
    shown: bool
    told: Told

    @property
    def place(self) -> Place:
        return self.stored.dataset, batch_of(self.stored)

    @property
    def shows_records(self) -> bool:
        return self.shown and self.told.has_records

    def rows(self) -> pa.Table:
        """What an erasure has to know of each row."""
        columns = [*NARROW, "raw", "detail", "duplicate_of"] if self.stored.table in (REJECTS, VERDICTS) else NARROW
        return rows_of(self.lake, self.stored, columns)

    def whole(self) -> pa.Table:
        return rows_of(self.lake, self.stored)


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a lake at one moment, by what they name."""

    lake: Lake = field(repr=False)
    held: Held = field(repr=False)
    shown: frozenset[str]  # names of those that tables show

    @classmethod
    def of(cls, lake: Lake, held: Held | None = None) -> "Files":
        """The files as they are now, by the index or by another answer to what it says."""
        shown: set[str] = set()
        for dataset in lake.datasets():
            for table in lake.table_names(dataset):
                place, snapshot = lake.snapshot(dataset, table)
                shown.update(f"{place.name}/{file.path}" for file in snapshot.files)
        return cls(lake, held or Holdings(lake).now(), frozenset(shown))

    def all(self) -> list[RowFile]:
        return self._files(self.held.files)

    def naming(self, kind: int, keys: Ids) -> list[RowFile]:
        """Those that have one of these keys as such a thing, by name."""
        return self._files(self.held.naming(kind, keys))

    def of_places(self, places: Iterable[Place]) -> list[RowFile]:
        wanted = set(places)
        return [file for file in self.all() if file.place in wanted]

    def of_source(self, dataset: str, source: str) -> list[RowFile]:
        """Those with a row of this source."""
        return [file for file in self.all() if file.stored.dataset == dataset and source in file.told.sources]

    def _files(self, files: Iterable[HeldFile]) -> list[RowFile]:
        return [RowFile(self.lake, file.stored, file.stored.name in self.shown, file.told) for file in files]


@dataclass(frozen=True, slots=True)
class Standing:
    """The calls behind what stays: those that are named more often than by what goes."""

    held: Held = field(repr=False)
    kind: int
    going: Ids = field(repr=False)  # behind what goes: sorted, each once
    times: np.ndarray = field(repr=False)  # how often

    @classmethod
    def of(cls, held: Held, kind: int, going: Ids) -> "Standing":
        """`going` has each call as often as what goes names it."""
        each = going.unique()
        return cls(held, kind, each, np.bincount(going.places_in(each), minlength=len(each)))

    def among(self, calls: Ids) -> np.ndarray:
        """Which of these calls, that are sorted and unique, are behind something that stays."""
        at = calls.places_in(self.going)
        gone = np.zeros(len(calls), np.int64)
        gone[at >= 0] = self.times[at[at >= 0]]
        return self.held.counts(self.kind, calls) > gone

    def __contains__(self, call: bytes) -> bool:
        return bool(self.among(Ids.of([call])).all())


def texts_of(rows: pa.Table, table: str) -> Iterator[str]:
    """All that rows say, beside what every record carries."""
    names = [name for name in rows.column_names if name not in NOT_TEXT | NOT_SAID]
    if table == REJECTS:
        names = [name for name in ("raw", "detail", "location") if name in rows.column_names]
    for row in rows.select(names).to_pylist():
        yield from strings(row)


def is_in(rows: pa.Table, ids: pa.Array) -> pa.ChunkedArray:
    """Which rows are those of these records."""
    return pc.is_in(rows["record_id"], value_set=ids)  # type: ignore[attr-defined]


def batch_of(stored: Stored) -> str:
    return unquote(stored.name.rsplit("/", 2)[1].partition("=")[2])
