"""Signatures of all records that were compared so far, so that a new batch costs what it is worth.

A segment holds what one batch added: ids, priorities, and of each band the keys in ascending order with the rows that
have them. A new batch is sorted, and looked up in each segment; nothing old is sorted or signed again. Beside the
segments stands the state: which cluster each record is in, and who stays of it. `index.json` names both, with their
SHA-256 and the settings of the signatures, and is written last: a kill leaves files that nobody names and the next
writer sweeps.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest
from typing import Any, BinaryIO
from uuid import uuid4

import numpy as np
import pyarrow as pa
from pyarrow import ipc

from synth_dagster.errors import LakeError
from synth_dagster.parts.clusters import first_of_bucket
from synth_dagster.parts.graphs import joined
from synth_dagster.records import Json
from synth_dagster.storage import Store
from synth_dagster.storage.base import NotThere

FOLDER = "duplicates"  # of a lake
_FORMAT = 1
_ID = pa.binary(16)


class IndexDamaged(LakeError):
    """The files of an index are not what was written. It can be removed and made again from the texts."""


class OtherSettings(LakeError):
    """An index was written with other settings than it is now read with."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What one batch added, n records. `ids` has the shape (n, 2): two halves, the high one first."""

    ids: np.ndarray
    priorities: np.ndarray
    keys: Sequence[np.ndarray]  # of each band, ascending; they stay in the file until they are looked at
    rows: Sequence[np.ndarray]  # the rows that have those keys

    def __len__(self) -> int:
        return len(self.priorities)

    def signatures(self) -> np.ndarray:
        """The keys in the order of the rows."""
        found = np.empty((len(self.keys), len(self)), np.uint64)
        for band, (keys, rows) in enumerate(zip(self.keys, self.rows, strict=True)):
            found[band, rows] = keys
        return found


@dataclass(frozen=True, slots=True)
class Clusters:
    """Of each record of an index, in the order of arrival: the first record of its cluster, and the one that stays."""

    root: np.ndarray
    keeper: np.ndarray


class SignatureIndex:
    """The index of one name. Its methods raise IndexDamaged, and OtherSettings when it was written with others."""

    def __init__(self, store: Store, name: str, settings: Mapping[str, Json]) -> None:
        """`settings` is all that signatures depend on."""
        self.store, self.name = store, name
        self.settings = json.loads(json.dumps(dict(settings)))
        self._place = f"{FOLDER}/{name}"
        self._segments: list[Segment] = []
        self._clusters = Clusters(np.zeros(0, np.int64), np.zeros(0, np.int64))
        self._named: dict[str, Any] = {"segments": [], "state": None}
        self._read()

    def __len__(self) -> int:
        return len(self._clusters.root)

    def ids(self) -> np.ndarray:
        """Shape (records, 2), in the order of arrival."""
        return np.concatenate([np.zeros((0, 2), np.uint64), *(one.ids for one in self._segments)])

    def priorities(self) -> np.ndarray:
        return np.concatenate([np.zeros(0), *(one.priorities for one in self._segments)])

    def signatures(self) -> np.ndarray:
        """Shape (bands, records), in the order of arrival."""
        found = [one.signatures() for one in self._segments]
        return np.concatenate(found, axis=1) if found else np.zeros((0, 0), np.uint64)

    def clusters(self) -> Clusters:
        return self._clusters

    def add(self, ids: np.ndarray, priorities: np.ndarray, signatures: np.ndarray) -> np.ndarray:
        """Compare new records with all earlier ones and keep them. Returns the rows whose verdict is new or another.

        `ids` has the shape (n, 2), `signatures` (bands, n). An id that is there already is another record to it: the
        caller leaves known ones out.
        """
        if not len(ids):
            return np.zeros(0, np.int64)
        segment = _sorted(ids, priorities, signatures)
        before, new = len(self), np.arange(len(self), len(self) + len(segment))
        root = np.concatenate([self._clusters.root, new])
        for left, right in self._meetings(segment):
            root = joined(root, left, right)
        segments = [*self._segments, segment]
        keeper = np.concatenate([self._clusters.keeper, new])
        met = np.zeros(len(root), bool)
        met[root[new]] = True
        touched = np.flatnonzero(met[root])
        keeper[touched] = _kept(root[touched], touched, segments)
        changed = touched[(touched >= before) | (keeper[touched] != np.append(self._clusters.keeper, new)[touched])]
        self._write(segments, Clusters(root, keeper), [segment])
        return changed

    def replace(self, ids: np.ndarray, priorities: np.ndarray, signatures: np.ndarray) -> None:
        """Begin anew with these records alone."""
        self._segments, self._clusters = [], Clusters(np.zeros(0, np.int64), np.zeros(0, np.int64))
        self._named = {"segments": [], "state": None}
        self.add(ids, priorities, signatures)

    # ------------------------------------------------------------------------------------------------------ comparing

    def _meetings(self, segment: Segment) -> Sequence[tuple[np.ndarray, np.ndarray]]:
        """Pairs of a new record with another, or with the first old one of each segment that has its key."""
        before = len(self)
        pairs = []
        for band, keys in enumerate(segment.keys):
            left, right = first_of_bucket(keys)
            rows = segment.rows[band] + before
            pairs.append((rows[left], rows[right]))
            start = 0
            for old in self._segments:
                at = np.minimum(np.searchsorted(old.keys[band], keys), len(old) - 1)
                same = old.keys[band][at] == keys
                pairs.append((old.rows[band][at[same]].astype(np.int64) + start, rows[same]))
                start += len(old)
        return pairs

    # ---------------------------------------------------------------------------------------------------------- files

    def _read(self) -> None:
        try:
            self._named = self._manifest()
        except NotThere:
            return
        if self._named["settings"] != self.settings:
            raise OtherSettings(
                f"The index '{self.name}' was written with {_told(self._named['settings'])}, and is asked for with "
                f"{_told(self.settings)}. Ask with the settings that it has, or take another name for another index."
            )
        self._segments = [_segment_of(self._table(one)) for one in self._named["segments"]]
        state = self._table(self._named["state"])
        self._clusters = Clusters(_column(state, "root"), _column(state, "keeper"))
        if len(self._clusters.root) != sum(map(len, self._segments)):
            raise self._damaged("index.json")

    def _manifest(self) -> dict[str, Any]:
        try:
            found = json.loads(self.store.read(f"{self._place}/index.json"))
            if found["format"] != _FORMAT:
                raise ValueError
            return {name: found[name] for name in ("settings", "segments", "state")}
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged("index.json") from error

    def _table(self, named: Mapping[str, str]) -> pa.Table:
        name = f"{self._place}/{named['name']}"
        try:
            path = self.store.local(name)
        except NotThere as error:
            raise self._damaged(named["name"]) from error
        with path.open("rb") as file:
            if file_digest(file, "sha256").hexdigest() != named["sha256"]:
                raise self._damaged(named["name"])
        return ipc.open_file(pa.memory_map(str(path))).read_all()

    def _damaged(self, file: str) -> IndexDamaged:
        link = self.store.link(f"{self._place}/{file}")
        return IndexDamaged(f"{link} is not what was written: its checksum differs, or it is missing. Make it again.")

    def _write(self, segments: list[Segment], clusters: Clusters, new: Sequence[Segment]) -> None:
        written = [self._write_table(_table_of(one), "segment") for one in new]
        state = self._write_table(pa.table({"root": clusters.root, "keeper": clusters.keeper}), "state")
        named = {"segments": [*self._named["segments"], *written], "state": state, "settings": self.settings}
        data = json.dumps({"format": _FORMAT, **named}, indent=1).encode()
        self.store.write(f"{self._place}/index.json", lambda file: file.write(data), needed=len(data))
        self._segments, self._clusters, self._named = segments, clusters, named
        self._sweep()

    def _write_table(self, table: pa.Table, kind: str) -> dict[str, str]:
        name = f"{kind}-{uuid4().hex}.arrow"
        self.store.write(f"{self._place}/{name}", _writer(table), needed=table.nbytes, keep=True)
        with self.store.local(f"{self._place}/{name}").open("rb") as file:
            return {"name": name, "sha256": file_digest(file, "sha256").hexdigest()}

    def _sweep(self) -> None:
        """Remove what no manifest names: the state before, and what a killed writer left."""
        named = {"index.json", self._named["state"]["name"], *(one["name"] for one in self._named["segments"])}
        for entry in list(self.store.entries(f"{self._place}/")):
            if entry.name.rpartition("/")[2] not in named:
                self.store.remove(entry.name)


def remove_index(store: Store, name: str = "") -> None:
    """Forget the index of a name, or all of them: they are made again from the texts. Older versions go too."""
    for entry in list(store.entries(f"{FOLDER}/{name}/" if name else f"{FOLDER}/")):
        store.erase(entry.name)


def halves(ids: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Ids of 16 bytes as two numbers each, which sort as the ids do. Raises LakeError for others."""
    flat = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    try:
        fixed = flat.cast(_ID)
    except pa.ArrowInvalid as error:
        raise LakeError(
            "An index of duplicates holds records by ids of 16 bytes; these are of other lengths."
        ) from error
    data = np.frombuffer(fixed.buffers()[1] or b"", ">u8").reshape(-1, 2)
    return data[fixed.offset : fixed.offset + len(fixed)].astype(np.uint64)


def _sorted(ids: np.ndarray, priorities: np.ndarray, signatures: np.ndarray) -> Segment:
    rows = [np.argsort(keys, kind="stable").astype(np.uint32) for keys in signatures]
    keys = [keys[order] for keys, order in zip(signatures, rows, strict=True)]
    return Segment(ids, np.asarray(priorities, np.float64), keys, rows)


def _kept(root: np.ndarray, rows: np.ndarray, segments: Sequence[Segment]) -> np.ndarray:
    """Of whole clusters the row that stays: of the lowest priority, of equals that of the lowest id."""
    priorities = _gathered(rows, [one.priorities for one in segments])
    ids = _gathered(rows, [one.ids for one in segments])
    order = np.lexsort((ids[:, 1], ids[:, 0], priorities, root))
    starts = np.append(True, root[order][1:] != root[order][:-1])[: len(order)]
    kept = np.empty_like(rows)
    kept[order] = rows[order][np.flatnonzero(starts)][np.cumsum(starts) - 1] if len(order) else rows
    return kept


def _gathered(rows: np.ndarray, parts: Sequence[np.ndarray]) -> np.ndarray:
    """Some rows of several arrays that stand one after the other; rows are ascending."""
    ends = np.cumsum([len(part) for part in parts])
    bounds = np.searchsorted(rows, ends)
    starts = np.append(0, bounds[:-1])
    return np.concatenate(
        [
            part[rows[first:last] - (end - len(part))]
            for part, end, first, last in zip(parts, ends, starts, bounds, strict=True)
        ]
    )


def _table_of(segment: Segment) -> pa.Table:
    columns: dict[str, Any] = {"high": segment.ids[:, 0], "low": segment.ids[:, 1], "priority": segment.priorities}
    for band in range(len(segment.keys)):
        columns |= {f"keys_{band}": segment.keys[band], f"rows_{band}": segment.rows[band]}
    return pa.table(columns)


def _segment_of(table: pa.Table) -> Segment:
    bands = (len(table.column_names) - 3) // 2
    keys, rows = ([_column(table, f"{name}_{band}") for band in range(bands)] for name in ("keys", "rows"))
    ids = np.stack([_column(table, "high"), _column(table, "low")], axis=1)
    return Segment(ids, _column(table, "priority"), keys, rows)


def _column(table: pa.Table, name: str) -> np.ndarray:
    chunks = table[name].chunks
    return chunks[0].to_numpy(zero_copy_only=True) if len(chunks) == 1 else table[name].to_numpy()


def _writer(table: pa.Table) -> Callable[[BinaryIO], object]:
    def write(file: BinaryIO) -> None:
        with ipc.new_file(file, table.schema) as sink:
            sink.write_table(table.combine_chunks())

    return write


def _told(settings: Mapping[str, Json]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(settings.items()))
