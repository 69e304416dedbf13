"""Arrow tables as Parquet files, in the types that a Delta table has."""

from collections.abc import Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from synth_dagster.errors import LakeError
from synth_dagster.lake.canonical import row_order, type_name
from synth_dagster.storage import Store

ROW_GROUP = 10_000

# Delta has no unsigned and no half numbers: the next type that holds them all.
WIDER = {
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.int64(),
    pa.float16(): pa.float32(),
}


def write_parquet(store: Store, name: str, table: pa.Table, sort_by: Sequence[str]) -> None:
    """A table as one Parquet file, sorted by its key, in row groups that can be read one at a time."""
    ordered = table.take(row_order(table, sort_by))

    def write(file: BinaryIO) -> None:
        pq.write_table(ordered, file, compression="zstd", compression_level=3, row_group_size=ROW_GROUP)

    store.write(name, write, needed=table.nbytes, keep=True)


def conform(table: pa.Table, schema: pa.Schema | None, where: str) -> pa.Table:
    """The table in types that Delta has, and in those of its destination for the columns that are there."""
    known = {field.name: field.type for field in schema} if schema is not None else {}
    columns = [_cast(table[name], name, known.get(name), where) for name in table.column_names]
    return pa.table(columns, names=table.column_names)


def _cast(column: pa.ChunkedArray, name: str, known: pa.DataType | None, where: str) -> pa.ChunkedArray:
    wanted = known or plain_type(column.type)
    if pa.types.is_null(wanted):
        raise LakeError(f"The column '{name}' for {where} is all null and has no type. Give it one in the schema.")
    try:
        return column if column.type == wanted else _decoded(column).cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise LakeError(
            f"The column '{name}' for {where} has the type {type_name(column.type)} and the table has "
            f"{type_name(wanted)}. Give the column that type, or another name."
        ) from error


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def plain_type(kind: pa.DataType) -> pa.DataType:
    """The type that Delta has for an Arrow type."""
    if isinstance(kind, pa.BaseExtensionType):
        return plain_type(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return plain_type(kind.value_type)
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, plain_type(field.type)) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(plain_type(kind.key_type), plain_type(kind.item_type))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return pa.list_(plain_type(kind.value_type))
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", tz="UTC" if kind.tz else None)
    return WIDER.get(kind) or {"string": pa.string(), "binary": pa.binary()}.get(type_name(kind), kind)
