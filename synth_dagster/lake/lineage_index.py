"""Keeps the lineage index beside the tables: what is read, what is merged, what is thrown away.

Catching up writes what is new into a segment of its own and forgets the files that tables show no longer; segments of
one size are merged when there are many. One process writes, under a lease; whoever reads has the segments of one moment
mapped, also when they are replaced meanwhile.
"""

import math
import platform
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from synth_dagster.lake.array_file import Damaged
from synth_dagster.lake.delta_log import DataFile, Place, Snapshot
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.leases import Lease
from synth_dagster.lake.lineage_catalog import Catalog, IndexedFile, State
from synth_dagster.lake.lineage_rows import KINDS, NEEDED, Terms, rows_of
from synth_dagster.lake.segments import Rows, Segment
from synth_dagster.storage import is_bucket

MOST = 6_000_000  # records and parents in one segment: what is sorted at once, in some 700 MB
FANOUT = 8  # so many segments of one size become one
SMALLEST = 1_024
WAIT_S = 3_600.0  # for another process that builds

Table = tuple[str, str]


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

    def read(self, file: IndexedFile, path: Path, terms: Terms) -> None:
        for rows in rows_of(path, len(self.files), terms):
            self.rows.append(rows)
            self.weight += rows.weight
        self.files.append(file)


class LineageIndex:
    """The index of one lake, on this machine."""

    def __init__(self, lake: Lake, *, most: int = MOST, fanout: int = FANOUT) -> None:
        self.lake, self.most, self.fanout = lake, most, fanout
        self.catalog = Catalog(lake.store.derived)
        self._same: dict[Table, tuple[State, Snapshot]] = {}  # compared before, and equal

    def current(self) -> State:
        """The index when it says what the tables say. Raises Damaged when its files are not what was written."""
        while self._changes(state := self.catalog.state()):
            self.catch_up()
        return state

    def catch_up(self) -> int:
        """Read what was accepted since the last time; how many files were read. Two processes take turns."""
        if not self._changes(self.catalog.state()):
            return 0
        with self._lease() as lease:
            return self._catch_up(lease)

    def rebuild(self) -> int:
        """Throw the index away and read everything; how many files were read."""
        with self._lease() as lease:
            self.catalog.discard()
            return self._catch_up(lease)

    def purge(self) -> None:
        """Write anew what still holds bytes of files that no table shows: afterwards their ids are on no disk."""
        with self._lease() as lease:
            for number, segment in self.catalog.state().segments.items():
                if not segment.alive.all():
                    self._merge([number], lease)
            self.catalog.forget(_unused(self.catalog.state()))

    def check(self) -> None:
        """Read every byte. Raises Damaged when one has changed since it was written."""
        written = self.catalog.checksums()
        for number, segment in self.catalog.state().segments.items():
            if number in written and segment.checksum() != written[number]:
                raise Damaged(f"{segment.path} has other bytes than were written")

    def _lease(self) -> AbstractContextManager[Lease]:
        """The index of a lake in a bucket is one for each machine."""
        name = f"lineage/{platform.node()}" if is_bucket(self.lake.store.url) else "lineage"
        return self.lake.lease(name, "exclusive", wait_s=WAIT_S)

    # ------------------------------------------------------------------------------------------------------ catching up

    def _changes(self, state: State) -> Changes | None:
        """None when the index is what the tables show."""
        changes, there = Changes(), set()
        for dataset in self.lake.datasets():
            for stage in self.lake.stages(dataset):
                there.add((dataset, stage))
                self._compare(state, (dataset, stage), changes)
        for table in state.shown.keys() - there:
            changes.gone += state.shown[table].values()
        return changes if changes.gone or changes.new else None

    def _compare(self, state: State, table: Table, changes: Changes) -> None:
        place, snapshot = self.lake.snapshot(*table)
        before = self._same.get(table)
        if before is not None and before[0] is state and before[1] is snapshot:
            return
        known = state.shown.get(table, {})
        wanted = {file.path: file for file in snapshot.files} if _holds_records(snapshot) else {}
        gone, new = known.keys() - wanted.keys(), sorted(wanted.keys() - known.keys())
        changes.gone += [known[path] for path in gone]
        changes.new += [(IndexedFile(*table, wanted[path].partition[0], path), place, wanted[path]) for path in new]
        if not gone and not new:
            self._same[table] = state, snapshot

    def _catch_up(self, lease: Lease) -> int:
        """A long build is written in several segments: after a kill the next one goes on with what is missing."""
        self.catalog.sweep()
        state = self.catalog.state()
        changes = self._changes(state) or Changes()
        terms, pending = Terms(state.words), Pending()
        for file, place, data in changes.new:
            pending.read(file, place.local(data), terms)
            if pending.weight >= self.most:
                self._commit(pending, (), terms, lease)
                pending = Pending()
        if pending.files or changes.gone:
            self._commit(pending, changes.gone, terms, lease)  # what a batch had and has now change in one moment
        while chosen := _to_merge(self.catalog.state().segments, self.most, self.fanout):
            self._merge(chosen, lease)
        return len(changes.new)

    def _commit(self, pending: Pending, gone: Sequence[int], terms: Terms, lease: Lease) -> None:
        written = self.catalog.write(pending.rows, len(pending.files)) if pending.files else None
        lease.check()
        self.catalog.add(written, pending.files, gone, terms)

    def _merge(self, chosen: Sequence[int], lease: Lease) -> None:
        """Make one segment of the living rows of several."""
        segments = self.catalog.state().segments
        parts: list[Rows] = []
        files: list[int] = []
        for segment in (segments[number] for number in chosen):
            living = np.flatnonzero(segment.alive)
            places = np.zeros(len(segment.alive), np.uint32)
            places[living] = np.arange(len(files), len(files) + len(living))
            rows = segment.taken()
            parts.append(replace(rows, file=places[rows.file]))
            files += segment.numbers[living].tolist()
        written = self.catalog.write(parts, len(files))
        lease.check()
        self.catalog.move(written, files)


def _holds_records(snapshot: Snapshot) -> bool:
    """Signals, verdicts and mixes hold no records of their own."""
    return NEEDED.issubset(snapshot.schema.names) and snapshot.partition_by == ("batch",)


def _to_merge(segments: Mapping[int, Segment], most: int, fanout: int) -> list[int]:
    """The segments to make one of next: one that is mostly dead, else those of one size where there are many."""
    sizes: dict[int, list[int]] = {}
    for number, segment in segments.items():
        if segment.living * 2 < segment.rows:
            return [number]
        if segment.weight < most:
            sizes.setdefault(int(math.log(max(segment.weight / SMALLEST, 1), fanout)), []).append(number)
    for _, numbers in sorted(sizes.items()):
        fitting = _fitting(numbers, segments, most) if len(numbers) >= fanout else []
        if len(fitting) > 1:
            return fitting
    return []


def _fitting(numbers: Sequence[int], segments: Mapping[int, Segment], most: int) -> list[int]:
    """The smallest that together are not too many."""
    ordered = sorted(numbers, key=lambda number: segments[number].weight)
    total = np.cumsum([segments[number].weight for number in ordered])
    return [number for number, together in zip(ordered, total, strict=True) if together <= most]


def _unused(state: State) -> list[tuple[str, int]]:
    """The words that no row has."""
    used: dict[str, set[int]] = {kind: set() for kind in KINDS}
    for segment in state.segments.values():
        for kind, numbers in used.items():
            numbers.update(np.unique(segment.column(kind)).tolist())
    return [(kind, n) for kind, words in state.words.items() for n in range(1, len(words)) if n not in used[kind]]
