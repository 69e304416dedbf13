"""Signatures of all records that were compared so far, so that a new batch costs what it is worth.

A new batch is sorted and looked up in what is there: of a large index the blocks are read, and checked, where its keys
would stand. It becomes a segment of its own; segments of about the same size are merged, so that there are few of them
and each record is written again a few times only. A segment says too how clusters changed with it. `index.json` names
the segments, with their digests and the settings of the signatures, and is written last: a kill leaves files that
nobody names and the next writer sweeps.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import uuid4

import numpy as np
import pyarrow as pa

from synth_dagster.errors import LakeError
from synth_dagster.lake.array_file import Damaged
from synth_dagster.lake.index_segments import Band, Links, Segment, sorted_band, write_segment
from synth_dagster.parts.similarity.clusters import first_of_run, joined_by
from synth_dagster.parts.similarity.graphs import components
from synth_dagster.records import Json
from synth_dagster.storage import Store
from synth_dagster.storage.base import NotThere

FOLDER = "duplicates"  # of a lake
_FORMAT = 2
_ID = pa.binary(16)
_GROWTH = 2  # a segment is merged with those after it unless it has so many times their records

P = ParamSpec("P")
R = TypeVar("R")


class IndexDamaged(LakeError):
    """The files of an index are not what was written. It can be removed and made again from the texts."""


class OtherSettings(LakeError):
    """An index was written with other settings than it is now read with."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """Of each record of an index, in the order of arrival: the first record of its cluster, and the one that stays."""

    root: np.ndarray
    keeper: np.ndarray


def _in_words(
    method: "Callable[Concatenate[SignatureIndex, P], R]",
) -> "Callable[Concatenate[SignatureIndex, P], R]":
    @wraps(method)
    def told(self: "SignatureIndex", *given: P.args, **named: P.kwargs) -> R:
        try:
            return method(self, *given, **named)
        except (Damaged, NotThere) as error:
            raise IndexDamaged(
                f"The index of duplicates '{self.name}' in {self.store.link(FOLDER)} is not what was written: a "
                "checksum differs, or a file is missing."
            ) from error

    return told


class SignatureIndex:
    """The index of one name. Its methods raise IndexDamaged, and OtherSettings when it was written with others."""

    def __init__(self, store: Store, name: str, settings: Mapping[str, Json]) -> None:
        """`settings` is all that signatures depend on."""
        self.store, self.name = store, name
        self.settings = json.loads(json.dumps(dict(settings)))
        self._place = f"{FOLDER}/{name}"
        self._begin()
        self._read()

    def _begin(self) -> None:
        self._named: list[dict[str, Any]] = []
        self._segments: list[Segment] = []
        self._hangs_on = np.zeros(0, np.int64)  # a row of the same cluster that came before, its own of the first
        self._keeper = np.zeros(0, np.int64)  # of first rows

    def __len__(self) -> int:
        return len(self._hangs_on)

    @_in_words
    def ids(self) -> np.ndarray:
        """Shape (records, 2), in the order of arrival."""
        return np.concatenate([np.zeros((0, 2), np.uint64), *(one.ids() for one in self._segments)])

    @_in_words
    def priorities(self) -> np.ndarray:
        return np.concatenate([np.zeros(0), *(one.priorities() for one in self._segments)])

    @_in_words
    def signatures(self) -> np.ndarray:
        """Shape (bands, records), in the order of arrival."""
        found = [_signatures(one) for one in self._segments]
        return np.concatenate(found, axis=1) if found else np.zeros((0, 0), np.uint64)

    def clusters(self) -> Clusters:
        root = self._hangs_on
        while not np.array_equal(root, further := root[root]):
            root = further
        return Clusters(root, self._keeper[root])

    @_in_words
    def add(self, ids: np.ndarray, priorities: np.ndarray, signatures: np.ndarray) -> None:
        """Compare new records with each other and with all earlier ones, and keep them.

        `ids` has the shape (n, 2), `signatures` (bands, n). An id that is there already is another record to it: the
        caller leaves known ones out.
        """
        if len(ids):
            bands = [sorted_band(keys) for keys in signatures]
            self._write(ids, np.asarray(priorities, np.float64), bands, self._joined(ids, priorities, bands))

    def replace(self, ids: np.ndarray, priorities: np.ndarray, signatures: np.ndarray) -> None:
        """Begin anew with these records alone."""
        self._begin()
        self.add(ids, priorities, signatures)

    # ------------------------------------------------------------------------------------------------------ comparing

    def _joined(self, ids: np.ndarray, priorities: np.ndarray, bands: Sequence[Band]) -> Links:
        """How clusters change: only those that a new record meets are looked at."""
        before = len(self)
        among = joined_by(len(ids), (_alike(band) for band in bands))
        old, new = self._met(bands, among)
        nodes = np.concatenate([np.unique(old), before + np.arange(len(ids))])
        left = np.concatenate([np.searchsorted(nodes, old), np.searchsorted(nodes, before + among)])
        right = np.searchsorted(nodes, np.concatenate([before + new, before + np.arange(len(ids))]))
        cluster = components(len(nodes), left, right)
        several = np.bincount(cluster, minlength=len(nodes))[cluster] > 1
        nodes, roots = nodes[several], nodes[cluster[several]]
        candidates = nodes.copy()
        candidates[nodes < before] = self._keeper[nodes[nodes < before]]
        kept = self._best(candidates, roots, ids, priorities)
        hung, heads = nodes != roots, nodes == roots
        return Links(nodes[hung], roots[hung], nodes[heads], kept[heads])

    def _met(self, bands: Sequence[Band], among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First rows of earlier clusters, and the first new row of those that meet them; each pair once."""
        pairs = np.zeros(0, np.int64)
        for number, band in enumerate(bands):
            start = 0
            for segment in self._segments:
                places, rows = segment.lookup(number, band.keys)
                met = self._first_of(rows + start) * len(among) + among[band.rows[places]]
                pairs = np.unique(np.concatenate([pairs, met])) if len(met) else pairs
                start += len(segment)
        old, new = np.divmod(pairs, len(among))
        return old, new

    def _first_of(self, rows: np.ndarray) -> np.ndarray:
        while not np.array_equal(rows, further := self._hangs_on[rows]):
            rows = further
        return rows

    def _best(self, rows: np.ndarray, roots: np.ndarray, ids: np.ndarray, priorities: np.ndarray) -> np.ndarray:
        """For each row that of its root which stays: of the lowest priority, of equals that of the lowest id."""
        old = rows < len(self)
        all_ids, all_priorities = np.empty((len(rows), 2), np.uint64), np.empty(len(rows))
        all_ids[~old], all_priorities[~old] = ids[rows[~old] - len(self)], priorities[rows[~old] - len(self)]
        start = 0
        for segment in self._segments:
            here = (rows >= start) & (rows < start + len(segment))
            all_ids[here] = segment.ids_of(rows[here] - start)
            all_priorities[here] = segment.priorities_of(rows[here] - start)
            start += len(segment)
        order = np.lexsort((all_ids[:, 1], all_ids[:, 0], all_priorities, roots))
        begins = np.append(True, roots[order][1:] != roots[order][:-1])[: len(order)]
        kept = np.empty_like(rows)
        kept[order] = rows[order][begins][np.cumsum(begins) - 1]
        return kept

    # ---------------------------------------------------------------------------------------------------------- files

    @_in_words
    def _read(self) -> None:
        try:
            found = json.loads(self.store.read(f"{self._place}/index.json"))
        except NotThere:
            return
        except ValueError as error:
            raise Damaged(f"{self._place}/index.json is not what was written: {error!r}") from error
        try:
            known, self._named, sizes = found["format"], list(found["segments"]), found["settings"]
        except (KeyError, TypeError) as error:
            raise Damaged(f"{self._place}/index.json is not what was written: {error!r}") from error
        if known != _FORMAT:
            raise Damaged(f"{self._place}/index.json is of layout {known!r}, not {_FORMAT!r}")
        if sizes != self.settings:
            raise OtherSettings(
                f"The index '{self.name}' was written with {_told(sizes)}, and is asked for with "
                f"{_told(self.settings)}."
            )
        self._segments = [self._opened(named) for named in self._named]
        self._apply([segment.links() for segment in self._segments])

    def _opened(self, named: Mapping[str, Any]) -> Segment:
        try:
            return Segment(self.store.local(f"{self._place}/{named['name']}"), named, int(named["bands"]))
        except (KeyError, TypeError, ValueError) as error:
            raise Damaged(f"{self._place}/index.json is not what was written: {error!r}") from error

    def _apply(self, changes: Sequence[Links]) -> None:
        """What the segments say of clusters, in their order."""
        grown = np.arange(len(self), sum(map(len, self._segments)))
        self._hangs_on, self._keeper = np.append(self._hangs_on, grown), np.append(self._keeper, grown)
        for links in changes:
            self._hangs_on[links.rows] = links.parents
            self._keeper[links.roots] = links.keepers

    def _write(self, ids: np.ndarray, priorities: np.ndarray, bands: Sequence[Band], links: Links) -> None:
        stay, tail = len(self._segments), len(ids)
        while stay and len(self._segments[stay - 1]) < _GROWTH * tail:
            stay -= 1
            tail += len(self._segments[stay])
        merged = self._segments[stay:]
        all_links = [*(one.links() for one in merged), links]
        named = self._write_segment(
            np.concatenate([*(one.ids() for one in merged), ids]),
            np.concatenate([*(one.priorities() for one in merged), priorities]),
            (_merged([*(one.band(number) for one in merged), band]) for number, band in enumerate(bands)),
            _together(all_links),
            len(bands),
        )
        segments = [*self._named[:stay], named]
        told = {"format": _FORMAT, "settings": self.settings, "segments": segments}
        data = json.dumps(told, indent=1).encode()
        self.store.write(f"{self._place}/index.json", lambda file: file.write(data), needed=len(data))
        self._named, self._segments = segments, [*self._segments[:stay], self._opened(named)]
        self._apply([links])
        self._sweep()

    def _write_segment(
        self, ids: np.ndarray, priorities: np.ndarray, bands: Iterator[Band], links: Links, count: int
    ) -> dict[str, Any]:
        name, digest = f"segment-{uuid4().hex}.bin", ""

        def write(file: Any) -> None:
            nonlocal digest
            digest = write_segment(file, ids, priorities, bands, links)

        needed = ids.nbytes + priorities.nbytes + count * 12 * len(ids)
        self.store.write(f"{self._place}/{name}", write, needed=needed, keep=True)
        counts = [len(links.rows), len(links.roots)]
        return {"name": name, "records": len(ids), "bands": count, "links": counts, "digest": digest}

    def _sweep(self) -> None:
        """Remove what no manifest names: segments that were merged, and what a killed writer left."""
        named = {"index.json", *(one["name"] for one in self._named)}
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


def _alike(band: Band) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows of a batch with the same key."""
    return first_of_run(band.rows.astype(np.int64), band.keys[1:] == band.keys[:-1])


def _signatures(segment: Segment) -> np.ndarray:
    """The keys of a segment in the order of its rows."""
    found = np.empty((segment.bands, len(segment)), np.uint64)
    for number in range(segment.bands):
        band = segment.band(number)
        found[number, band.rows] = band.keys
    return found


def _merged(bands: Sequence[Band]) -> Band:
    """The band of several segments that stand one after the other."""
    if len(bands) == 1:
        return bands[0]
    starts = np.concatenate([[0], np.cumsum([len(band.keys) for band in bands])])
    keys = np.concatenate([band.keys for band in bands])
    rows = np.concatenate([band.rows + start for band, start in zip(bands, starts.tolist(), strict=False)])
    order = np.argsort(keys, kind="stable")
    return Band(keys[order], rows[order])


def _together(links: Sequence[Links]) -> Links:
    """The changes of several segments; who stays of a cluster is what the last one says."""
    roots = np.concatenate([one.roots for one in links])
    keepers = np.concatenate([one.keepers for one in links])
    last, place = np.unique(roots[::-1], return_index=True)
    rows, parents = (np.concatenate([getattr(one, name) for one in links]) for name in ("rows", "parents"))
    return Links(rows, parents, last, keepers[::-1][place])


def _told(settings: Mapping[str, Json]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(settings.items()))
