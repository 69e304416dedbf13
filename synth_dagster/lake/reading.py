"""The rows of a table's files as columns: with those that only a folder's name holds, file by file, part by part."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synth_dagster.errors import LakeError
from synth_dagster.lake import delta_log
from synth_dagster.parts.sql import literal, quoted


def filled(table: pa.Table, values: Mapping[str, str]) -> pa.Table:
    """The table with its partition's columns filled in, where they stand or at the end."""
    for name, value in values.items():
        column = pa.repeat(pa.scalar(value, pa.string()), table.num_rows)
        if name not in table.column_names:
            table = table.append_column(name, column)
            continue
        others = table[name].unique().drop_null().to_pylist()
        if any(str(other) != value for other in others):
            raise LakeError(
                f"Rows for {name} '{value}' say '{others[0]}' in their column '{name}'. Write each by itself."
            )
        table = table.set_column(table.column_names.index(name), name, column)
    return table


def with_all(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with every column of the schema, null where it has none."""
    for field in schema:
        if field.name not in table.column_names:
            table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    return table


def current_rows(table: pa.Table) -> int:
    if "status" not in table.column_names:
        return table.num_rows
    return table.select(["status"]).filter(pc.field("status") == "current").num_rows


def read_file(path: Path, names: Sequence[str], of_folder: Mapping[str, str]) -> pa.Table:
    """Columns of one file, with those that only its folder's name holds."""
    with pq.ParquetFile(path) as file:
        table = file.read([name for name in names if name not in of_folder])
    return filled(table, of_folder).select(list(names))


def rows_at_a_time(limit: int | None) -> int:
    """How many rows to read at a time when no more than `limit` are wanted."""
    return 10_000 if limit is None else max(1, min(limit, 10_000))


def first_rows(parts: Iterator[pa.RecordBatch], limit: int | None) -> Iterator[pa.RecordBatch]:
    left = limit
    for part in parts:
        if left is not None and left <= part.num_rows:
            yield part.slice(0, left)
            return
        left = None if left is None else left - part.num_rows
        yield part


def stream_files(
    place: delta_log.Place, shown: delta_log.Snapshot, names: Sequence[str], batches: Sequence[str] | None, rows: int
) -> Iterator[pa.RecordBatch]:
    """File by file in the order of their partitions; each is sorted by its key."""
    wanted = None if batches is None else set(batches)
    schema = pa.schema([shown.schema.field(name) for name in names])
    for file in shown.files:
        of_folder = dict(zip(shown.partition_by, file.partition, strict=True))
        if wanted is None or of_folder.get("batch", file.partition[-1]) in wanted:
            yield from _parts(place.local(file), schema, of_folder, rows)


def _parts(path: Path, schema: pa.Schema, of_folder: Mapping[str, str], rows: int) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        there = [name for name in schema.names if name in file.schema_arrow.names]
        for part in file.iter_batches(batch_size=rows, columns=there):
            yield pa.RecordBatch.from_arrays([_column(part, field, of_folder) for field in schema], schema=schema)


def _column(part: pa.RecordBatch, field: pa.Field, of_folder: Mapping[str, str]) -> pa.Array:
    if field.name in of_folder:
        return pa.repeat(pa.scalar(of_folder[field.name], pa.string()), part.num_rows)
    if field.name in part.schema.names:
        return part.column(field.name).cast(field.type)
    return pa.nulls(part.num_rows, field.type)  # the file is older than the column


def where_sql(
    stage: str,
    shown: delta_log.Snapshot,
    names: Sequence[str],
    *,
    where: str,
    batches: Sequence[str] | None,
    limit: int | None,
) -> str:
    """The query behind `read(where=...)`. The condition has been judged; the newline ends a comment in it."""
    chosen = ", ".join(quoted(name) for name in names)
    last = quoted(shown.partition_by[-1])
    listed = ", ".join(literal(batch) for batch in batches or ()) or "null"
    only = "" if batches is None else f" and {last} in ({listed})"
    keys = [*shown.partition_by, *(key for key in ("record_id", "reject_id") if key in shown.schema.names)]
    order = ", ".join(quoted(key) for key in keys)
    top = "" if limit is None else f" limit {int(limit)}"
    return f"select {chosen} from {quoted(stage)} where ({where}\n){only} order by {order}{top}"
