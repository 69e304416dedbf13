"""A segment of an index of duplicates: what some batches added, in a file of which single keys can be looked up.

Of each record, in the order of arrival, the file has its id and its priority; of each band the keys in ascending order,
the row of each, and every so many-th key by itself, so that a lookup reads the few blocks where a key must stand. After
them come the links: which clusters of earlier rows these records joined, and who stays of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from synth_dagster.lake.checked_file import CheckedFile, write_checked

_STEP = 512  # keys between two that are looked at first: those of a block
_ID, _PRIORITY, _KEY, _ROW, _LINK = (np.dtype(name) for name in ("<u8", "<f8", "<u8", "<u4", "<i8"))


@dataclass(frozen=True, slots=True)
class Links:
    """How clusters changed: `rows[i]` hangs on `parents[i]`, and of the cluster of `roots[i]` `keepers[i]` stays."""

    rows: np.ndarray
    parents: np.ndarray
    roots: np.ndarray
    keepers: np.ndarray


@dataclass(frozen=True, slots=True)
class Band:
    """The keys of a band in ascending order, and the row of the segment that has each."""

    keys: np.ndarray
    rows: np.ndarray


def sorted_band(keys: np.ndarray) -> Band:
    """The band of keys that stand in the order of their rows."""
    rows = np.argsort(keys, kind="stable").astype(_ROW)
    return Band(keys[rows], rows)


def write_segment(
    file: BinaryIO, ids: np.ndarray, priorities: np.ndarray, bands: Iterator[Band] | Sequence[Band], links: Links
) -> str:
    """The digest by which a segment is opened. Only one band has to be in memory at a time."""

    def arrays() -> Iterator[np.ndarray]:
        yield ids.astype(_ID)
        yield priorities.astype(_PRIORITY)
        for band in bands:
            yield band.keys.astype(_KEY)
            yield band.keys[::_STEP].astype(_KEY)
            yield band.rows.astype(_ROW)
        for one in (links.rows, links.parents, links.roots, links.keepers):
            yield one.astype(_LINK)

    return write_checked(file, arrays())


class Segment:
    """A segment that was written. Every method raises Damaged where a block is not what was written."""

    def __init__(self, path: Path, named: Mapping[str, Any], bands: int) -> None:
        """`named` has records, links (of rows, of roots) and digest."""
        self._records, self.bands = int(named["records"]), bands
        self._linked, self._settled = (int(count) for count in named["links"])
        self._fences = -(-self._records // _STEP)
        self._band = self._records * (_KEY.itemsize + _ROW.itemsize) + self._fences * _KEY.itemsize
        self._bands_at = self._records * (2 * _ID.itemsize + _PRIORITY.itemsize)
        self._links_at = self._bands_at + bands * self._band
        size = self._links_at + 2 * (self._linked + self._settled) * _LINK.itemsize
        self.file = CheckedFile(path, size, str(named["digest"]))

    def __len__(self) -> int:
        return self._records

    def ids(self) -> np.ndarray:
        """Shape (records, 2): two halves, the high one first."""
        return self.file.array(0, 2 * self._records, _ID).reshape(-1, 2)

    def priorities(self) -> np.ndarray:
        return self.file.array(2 * self._records * _ID.itemsize, self._records, _PRIORITY)

    def ids_of(self, rows: np.ndarray) -> np.ndarray:
        return self.file.some(0, (2 * rows[:, None] + np.arange(2)).ravel(), _ID).reshape(-1, 2)

    def priorities_of(self, rows: np.ndarray) -> np.ndarray:
        return self.file.some(2 * self._records * _ID.itemsize, rows, _PRIORITY)

    def band(self, number: int) -> Band:
        keys_at, _, rows_at = self._places(number)
        return Band(self.file.array(keys_at, self._records, _KEY), self.file.array(rows_at, self._records, _ROW))

    def links(self) -> Links:
        counts = (self._linked, self._linked, self._settled, self._settled)
        starts = self._links_at + np.concatenate([[0], np.cumsum(counts)]) * _LINK.itemsize
        return Links(*(self.file.array(int(at), count, _LINK) for at, count in zip(starts, counts, strict=False)))

    def lookup(self, number: int, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which of these ascending keys the band has too, by their places, and the first row that has each."""
        keys_at, fences_at, rows_at = self._places(number)
        fences = self.file.array(fences_at, self._fences, _KEY)
        after = np.searchsorted(fences, keys)  # the piece before may end with the key, and this one begin with it
        begins = after[(after < self._fences) & (fences[np.minimum(after, self._fences - 1)] == keys)]
        near = np.unique(np.concatenate([np.maximum(after - 1, 0), begins]))
        if 2 * len(near) > self._fences:
            places, there = np.arange(self._records), self.file.array(keys_at, self._records, _KEY)
        else:
            places = (near[:, None] * _STEP + np.arange(_STEP)).ravel()
            places = places[places < self._records]
            there = self.file.some(keys_at, places, _KEY)
        at = np.minimum(np.searchsorted(there, keys), len(there) - 1)
        found = np.flatnonzero(there[at] == keys)
        return found, self.file.some(rows_at, places[at[found]], _ROW).astype(np.int64)

    def _places(self, number: int) -> tuple[int, int, int]:
        """Where the keys of a band, the keys that are looked at first, and the rows begin."""
        keys_at = self._bands_at + number * self._band
        fences_at = keys_at + self._records * _KEY.itemsize
        return keys_at, fences_at, fences_at + self._fences * _KEY.itemsize
