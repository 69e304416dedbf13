"""A segment of the index of holdings, and what can be asked of all segments of one moment.

A segment is a file of arrays: each key once, sorted, and for each which file of the segment names it, as what and how
often.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from synth_dagster.lake.array_file import ArrayFile, narrow, spans, starts
from synth_dagster.lake.doomed import Stored
from synth_dagster.lake.holdings_rows import Names, Told
from synth_dagster.lake.ids import Ids

LAYOUT = "synth holdings 1"


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A file of rows, and what it was when it was read. `names_records` is False where its rows are about none."""

    stored: Stored
    etag: str
    told: Told
    names_records: bool


class Segment(ArrayFile):
    """The names of some files: each key once, sorted, and for it what each file has it as, and how often."""

    def __init__(self, path: Path, size: int, files: Sequence[HeldFile]) -> None:
        super().__init__(path, size, LAYOUT)
        self.files = tuple(files)

    @cached_property
    def keys(self) -> Ids:
        return Ids(self.column("high"), self.column("low"))

    @property
    def weight(self) -> int:
        return self.length("file")

    def named(self, keys: Ids, kind: int) -> Names:
        """What files have of these keys as such a thing; the keys in any order."""
        at = keys.places_in(self.keys)
        at = at[at >= 0]
        first = self.column("first")
        count = first[at + 1].astype(np.int64) - first[at].astype(np.int64)
        places, which = spans(first[at], count), np.repeat(at, count)
        chosen = self.column("kind")[places] == kind
        return self._names(which[chosen], places[chosen])

    def whole(self) -> Names:
        """All of it, in the order of its keys."""
        each = np.diff(self.column("first").astype(np.int64))
        return self._names(np.repeat(np.arange(len(self.keys)), each), np.arange(self.weight))

    def _names(self, keys: np.ndarray, places: np.ndarray) -> Names:
        columns = (self.column(name)[places].astype(np.int64) for name in ("kind", "file", "count"))
        return Names(self.keys.take(keys), *columns)


@dataclass(frozen=True, slots=True)
class Part:
    """A segment as the catalog names it."""

    name: str
    weight: int  # names
    size: int
    modified: int
    checksum: int
    files: tuple[HeldFile, ...]


@dataclass(frozen=True)
class Held:
    """The index of one moment, to be asked. What comes meanwhile changes no answer."""

    segments: Sequence[Segment]

    @cached_property
    def files(self) -> tuple[HeldFile, ...]:
        """The files whose rows are about records, by name."""
        files = (file for segment in self.segments for file in segment.files if file.names_records)
        return tuple(sorted(files, key=lambda file: file.stored.name))

    def naming(self, kind: int, keys: Ids) -> tuple[HeldFile, ...]:
        """The files that have one of these keys as such a thing, by name."""
        found: list[HeldFile] = []
        for segment in self.segments:
            found += [segment.files[at] for at in np.unique(segment.named(keys, kind).file).tolist()]
        return tuple(sorted(found, key=lambda file: file.stored.name))

    def counts(self, kind: int, keys: Ids) -> np.ndarray:
        """How often all files together name each of these keys, which are sorted and unique, as such a thing."""
        total = np.zeros(len(keys), np.int64)
        for segment in self.segments:
            named = segment.named(keys, kind)
            np.add.at(total, named.keys.places_in(keys), named.count)
        return total


def arranged(names: Names) -> dict[str, np.ndarray]:
    """The arrays of a segment. Keys are in order already, so equal ones stand together."""
    keys = names.keys
    begins = np.ones(len(keys), bool)
    begins[1:] = (keys.high[1:] != keys.high[:-1]) | (keys.low[1:] != keys.low[:-1])
    each = keys.take(np.flatnonzero(begins))
    arrays = {
        "first": starts(np.bincount(np.cumsum(begins) - 1, minlength=len(each))),
        "kind": names.kind,
        "file": names.file,
        "count": names.count,
    }
    return {"high": each.high, "low": each.low, **{name: narrow(array) for name, array in arrays.items()}}


def part_of(told: Mapping[str, Any]) -> Part:
    files = (
        HeldFile(
            Stored(**one["stored"]),
            one["etag"],
            Told(one["told"]["rows"], one["told"]["has_records"], tuple(one["told"]["sources"])),
            one["names_records"],
        )
        for one in told["files"]
    )
    return Part(told["name"], told["weight"], told["size"], told["modified"], told["checksum"], tuple(files))
