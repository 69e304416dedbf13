"""Files that are there whole or not at all, and Arrow tables in the types that a Delta table has."""

import errno
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from synth_dagster.errors import LakeError
from synth_dagster.lake.canonical import row_order, type_name

TEMPORARY = ".tmp-"
ROW_GROUP = 10_000
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

# Delta has no unsigned and no half numbers: the next type that holds them all.
WIDER = {
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.int64(),
    pa.float16(): pa.float32(),
}


def write_whole(path: Path, write: Callable[[BinaryIO], object], *, needed: int) -> None:
    """Write a file under another name, flush it to the disk, then give it its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f"{TEMPORARY}{uuid4().hex}"
    try:
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.errno in FULL:
            raise disk_full(path.parent, needed) from error
        raise
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def disk_full(folder: Path, needed: int) -> LakeError:
    """What to say when there is no room."""
    free = shutil.disk_usage(folder).free / 1e6
    return LakeError(
        f"The disk under {folder} is full: this batch needs up to {needed / 1e6:.1f} MB and {free:.1f} MB are free. "
        "Nothing was changed. Make room and run the command again; what the teacher answered is kept."
    )


def _flush_folder(folder: Path) -> None:
    """A new name is durable only when its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_parquet(path: Path, table: pa.Table, sort_by: Sequence[str]) -> None:
    """A table as one Parquet file, sorted by its key, in row groups that can be read one at a time."""
    ordered = table.take(row_order(table, sort_by))

    def write(file: BinaryIO) -> None:
        pq.write_table(ordered, file, compression="zstd", compression_level=3, row_group_size=ROW_GROUP)

    write_whole(path, write, needed=table.nbytes)


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
