"""Record ids by the million: sixteen bytes each, as two columns of numbers that sort as the bytes do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from synth_dagster.errors import LakeError

BYTES = 16


@dataclass(frozen=True, slots=True)
class Ids:
    """Ids as their first and their last eight bytes, each a big-endian number."""

    high: np.ndarray
    low: np.ndarray

    @classmethod
    def none(cls) -> "Ids":
        return cls(np.zeros(0, np.uint64), np.zeros(0, np.uint64))

    @classmethod
    def of(cls, ids: Iterable[bytes]) -> "Ids":
        return cls.from_arrow(pa.array(ids, pa.binary()))

    @classmethod
    def from_arrow(cls, ids: pa.Array | pa.ChunkedArray) -> "Ids":
        """A column of binary. Raises LakeError when an id is null or has not sixteen bytes."""
        whole = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
        if whole.null_count:
            raise LakeError("A record id is null. Make its batch again.")
        try:
            fixed = whole.cast(pa.binary(BYTES))
        except pa.ArrowInvalid as error:
            raise LakeError(f"A record id has not {BYTES} bytes. Make its batch again.") from error
        _, data = fixed.buffers()
        if not len(fixed):
            return cls.none()
        numbers = np.frombuffer(data, ">u8", 2 * len(fixed), fixed.offset * BYTES).reshape(-1, 2)
        return cls(numbers[:, 0].astype(np.uint64), numbers[:, 1].astype(np.uint64))

    def to_arrow(self) -> pa.Array:
        """The ids as a column of binary."""
        numbers = np.empty((len(self), 2), ">u8")
        numbers[:, 0], numbers[:, 1] = self.high, self.low
        fixed = pa.FixedSizeBinaryArray.from_buffers(pa.binary(BYTES), len(self), [None, pa.py_buffer(numbers)])
        return fixed.cast(pa.binary())

    def __len__(self) -> int:
        return len(self.high)

    def take(self, places: np.ndarray) -> "Ids":
        return Ids(self.high[places], self.low[places])

    def order(self) -> np.ndarray:
        """The places of the ids in the order of their bytes."""
        places = np.argsort(self.high)
        high, low = self.high[places], self.low[places]
        if ((high[1:] == high[:-1]) & (low[1:] < low[:-1])).any():  # two ids with the same first half
            return np.lexsort((self.low, self.high))
        return places

    def unique(self) -> "Ids":
        """Each id once, sorted."""
        return _first_of_each(self.take(self.order()))

    def places_in(self, there: "Ids") -> np.ndarray:
        """Where each id stands among others that are sorted and unique; -1 for one that does not."""
        if not len(there):
            return np.full(len(self), -1)
        last, places = len(there) - 1, np.searchsorted(there.high, self.high)
        while True:
            at = np.minimum(places, last)
            is_same_half = (places <= last) & (there.high[at] == self.high)
            behind = is_same_half & (there.low[at] < self.low)
            if not behind.any():
                return np.where(is_same_half & (there.low[at] == self.low), at, -1)
            places = places + behind

    def without(self, others: "Ids") -> "Ids":
        """Those that are not among others, which are sorted and unique."""
        return self.take(self.places_in(others) < 0)


def together(parts: Sequence[Ids]) -> Ids:
    """All ids of the parts, in their order."""
    return Ids(
        np.concatenate([part.high for part in (Ids.none(), *parts)]),
        np.concatenate([part.low for part in (Ids.none(), *parts)]),
    )


def numbered(ids: Ids) -> tuple[Ids, np.ndarray]:
    """Each id once, sorted; and for each given one its place there."""
    order = ids.order()
    ordered = ids.take(order)
    is_first = _is_first(ordered)
    numbers = np.empty(len(ids), np.int64)
    numbers[order] = np.cumsum(is_first) - 1
    return ordered.take(np.flatnonzero(is_first)), numbers


def _first_of_each(ordered: Ids) -> Ids:
    return ordered.take(np.flatnonzero(_is_first(ordered)))


def _is_first(ordered: Ids) -> np.ndarray:
    is_first = np.ones(len(ordered), bool)
    is_first[1:] = (ordered.high[1:] != ordered.high[:-1]) | (ordered.low[1:] != ordered.low[:-1])
    return is_first
