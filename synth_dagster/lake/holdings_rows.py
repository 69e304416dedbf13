"""What a file of rows names: its records, their parents, the calls behind them; as keys of sixteen bytes, and counted.

A key is an id as it stands in the file; for the item of a delivery that a record was read from it is a hash.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synth_dagster.lake.ids import Ids, numbered, together
from synth_dagster.records import digest

KINDS = ("record", "parent", "call", "writer", "content", "item", "repeated")
"""A record itself; a parent of one; a call behind one; the call that wrote it; a hash of what it says; the item of a
delivery that it was read from; the record that a verdict says it repeats."""
RECORD, PARENT, CALL, WRITER, CONTENT, ITEM, REPEATED = range(len(KINDS))
READ = ("record_id", "content_hash", "source", "calls", "call_id", "duplicate_of")
AT_ONCE = 100_000


@dataclass(frozen=True, slots=True)
class Names:
    """What some files name, in the order of the keys: how often this file has that key as such a thing."""

    keys: Ids
    kind: np.ndarray
    file: np.ndarray  # its place among the files
    count: np.ndarray

    def __len__(self) -> int:
        return len(self.keys)

    def of(self, chosen: np.ndarray) -> "Names":
        """Some of them, as places or as booleans."""
        where = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        return Names(self.keys.take(where), self.kind[where], self.file[where], self.count[where])


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a file without its keys."""

    rows: int
    has_records: bool  # whether its rows are records of a stage, with their parents
    sources: tuple[str, ...]


def merged(parts: Sequence[Names]) -> Names:
    """The names of all parts, in the order of their keys."""
    kinds = [np.zeros(0, np.uint8), *(part.kind for part in parts)]
    files = [np.zeros(0, np.uint32), *(part.file for part in parts)]
    counts = [np.zeros(0, np.uint32), *(part.count for part in parts)]
    whole = Names(together([part.keys for part in parts]), *map(np.concatenate, (kinds, files, counts)))
    return whole.of(whole.keys.order())


def names_of(path: Path, dataset: str, place: int) -> tuple[Told, Names] | None:
    """What a file names, which stands at this place among the others; None for one whose rows are about no record."""
    with pq.ParquetFile(path, read_dictionary=["source"]) as parquet:
        there = set(parquet.schema_arrow.names)
        if "record_id" not in there:
            return None
        parts, sources = [], set[str]()
        for batch in parquet.iter_batches(batch_size=AT_ONCE, columns=_columns(parquet)):
            rows = pa.Table.from_batches([batch])
            parts += _of_rows(rows, dataset)
            if "source" in there:
                sources.update(word for word in rows["source"].unique().to_pylist() if word)
        told = Told(parquet.metadata.num_rows, "parents" in there, tuple(sorted(sources)))
    return told, _counted(parts, place)


def _columns(parquet: pq.ParquetFile) -> list[str]:
    """Those that name something: of parents the id alone, attributes where there may be items of a delivery."""
    there, leaves = parquet.schema_arrow.names, (parquet.schema.column(at).path for at in range(len(parquet.schema)))
    parents = [path for path in leaves if path.startswith("parents.") and path.endswith(".record_id")]
    wanted = [*READ, "attributes"] if parents else READ
    return [*(name for name in wanted if name in there), *parents]


def _counted(parts: Sequence[tuple[int, Ids]], place: int) -> Names:
    keys, numbers = numbered(together([ids for _, ids in parts]))
    kinds = np.repeat(np.array([kind for kind, _ in parts], np.int64), [len(ids) for _, ids in parts])
    both, count = np.unique(numbers * len(KINDS) + kinds, return_counts=True)
    which, kind = np.divmod(both, len(KINDS))
    file = np.full(len(both), place, np.uint32)
    return Names(keys.take(which), kind.astype(np.uint8), file, count.astype(np.uint32))


def _of_rows(rows: pa.Table, dataset: str) -> Iterator[tuple[int, Ids]]:
    there = set(rows.column_names)
    for name, kind in (("record_id", RECORD), ("content_hash", CONTENT), ("duplicate_of", REPEATED)):
        if name in there:
            yield kind, _ids(rows[name])
    if "parents" in there:
        parents = pc.list_flatten(rows["parents"].combine_chunks())  # type: ignore[attr-defined]
        yield PARENT, _ids(parents.field("record_id"))
    for calls in calls_of(rows):
        yield CALL, _ids(calls)
    for calls in writers_of(rows):
        yield WRITER, _ids(calls)
    if {"parents", "attributes", "source"} <= there:
        yield ITEM, Ids.of(item_key(dataset, *item) for item in items_of(rows))


def _ids(column: pa.Array | pa.ChunkedArray) -> Ids:
    return Ids.from_arrow(column.drop_null())


# --------------------------------------------------------------------------------------------------- what rows name


def calls_of(rows: pa.Table) -> list[pa.Array]:
    """The calls behind some rows."""
    found: list[pa.Array] = []
    if "calls" in rows.column_names:
        found += pc.list_flatten(rows["calls"]).chunks  # type: ignore[attr-defined]
    if "call_id" in rows.column_names:
        found += rows["call_id"].chunks
    return found


def writers_of(rows: pa.Table) -> list[pa.Array]:
    """The call that wrote each row. A round names all its calls on each record: one that says who wrote it is exact."""
    if "call_id" not in rows.column_names:
        return calls_of(rows)
    return [*calls_of(rows.filter(rows["call_id"].is_null())), *rows["call_id"].chunks]


def items_of(rows: pa.Table) -> Iterator[tuple[str, str]]:
    """The source and the native key of each row that was read from a delivery."""
    is_root = pc.equal(pc.fill_null(pc.list_value_length(rows["parents"]), 0), 0)  # type: ignore[attr-defined]
    has_key = pc.fill_null(pc.match_substring(rows["attributes"], '"native_key"'), False)  # type: ignore[attr-defined]
    roots = rows.select(["source", "attributes"]).filter(pc.and_(is_root, has_key))  # type: ignore[attr-defined]
    for source, attributes in zip(roots["source"].to_pylist(), roots["attributes"].to_pylist(), strict=True):
        told = json.loads(attributes)
        if "native_key" in told:
            yield source, told["native_key"]


def item_key(dataset: str, source: str, native_key: str) -> bytes:
    return digest(dataset, source, native_key)
