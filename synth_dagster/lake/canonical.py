"""The data version: one hash for what a table says, whatever way its bytes lie in memory.

Rows are ordered by their key and columns by name. For each column we hash its type, which values are null, the lengths
of what has a length, and the values that are not null. Chunks, slices, offsets, dictionaries, what lies under a null,
and the columns that change from run to run (`record_tables.VOLATILE`) leave no trace. Everything is done on whole
columns.
"""

# pyarrow makes its compute functions while it is imported, where pyright cannot see them
# pyright: reportAttributeAccessIssue=false

import hashlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.record_tables import VOLATILE

WINDOW = 65_536  # rows hashed at a time, so that no column is copied whole

Feed = Callable[[bytes | memoryview], object]


def data_version(table: pa.Table, sort_by: Sequence[str] = ("record_id",)) -> str:
    """Hex hash of the canonical bytes of a table. `sort_by` are the columns that name a row, those that are there."""
    table = table.drop_columns([name for name in VOLATILE if name in table.column_names])
    order = row_order(table, sort_by)
    whole = hashlib.blake2b(digest_size=16)
    whole.update(table.num_rows.to_bytes(8, "little"))
    for name in sorted(table.column_names):
        _frame(whole.update, name.encode())
        whole.update(_column_digest(table[name], order))
    return whole.hexdigest()


def row_order(table: pa.Table, sort_by: Sequence[str]) -> pa.Array:
    """The order of rows that depends on nothing but what they say: by key and, where keys tie, by the other columns."""
    flat = {name: _sortable(table[name]) for name in sorted(table.column_names) if _is_flat(table[name].type)}
    keys = [name for name in sort_by if name in flat]
    order = _sorted(flat, keys)
    others = [name for name in flat if name not in keys]
    return _sorted(flat, keys + others) if others and _ties(flat, keys, order) else order


def _sorted(columns: dict[str, pa.ChunkedArray], keys: Sequence[str]) -> pa.Array:
    rows = len(next(iter(columns.values()))) if columns else 0
    if not keys or not rows:
        return pa.array(np.arange(rows, dtype=np.uint64))
    chosen = pa.table({name: columns[name] for name in keys})
    return pc.sort_indices(chosen, sort_keys=[(name, "ascending") for name in keys])


def _ties(columns: dict[str, pa.ChunkedArray], keys: Sequence[str], order: pa.Array) -> bool:
    """Whether two rows share all keys."""
    if not keys or len(order) < 2:
        return not keys
    same = np.ones(len(order) - 1, dtype=bool)
    for name in keys:
        values = pc.rank(columns[name], sort_keys="ascending", tiebreaker="min").to_numpy(zero_copy_only=False)
        ranks = values[order.to_numpy()]
        same &= ranks[1:] == ranks[:-1]
    return bool(same.any())


def _is_flat(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_flat(kind.value_type)
    return not pa.types.is_nested(kind) and not pa.types.is_null(kind) and not isinstance(kind, pa.BaseExtensionType)


def _sortable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


# ----------------------------------------------------------------------------------------------------------- columns


def _column_digest(column: pa.ChunkedArray, order: pa.Array) -> bytes:
    column_hash = hashlib.blake2b(digest_size=16)
    _frame(column_hash.update, type_name(column.type).encode())
    for window in _windows(column, order):
        _feed(column_hash.update, window)
    return column_hash.digest()


def _windows(column: pa.ChunkedArray, order: pa.Array) -> Iterator[pa.Array]:
    for start in range(0, len(order), WINDOW):
        chosen = column.take(order.slice(start, WINDOW))
        yield pa.concat_arrays(chosen.chunks) if chosen.num_chunks != 1 else chosen.chunk(0)


def _feed(feed: Feed, array: pa.Array) -> None:
    """The canonical bytes of an array: validity, then the values that are not null, nested ones level by level."""
    array = _plain(array)
    feed(len(array).to_bytes(8, "little"))
    if pa.types.is_null(array.type):
        return
    feed(np.packbits(array.is_valid().to_numpy(zero_copy_only=False)).tobytes())
    if pa.types.is_struct(array.type):
        _feed_struct(feed, array)
        return
    values = array.drop_null() if array.null_count else array
    if _has_items(array.type):
        feed(pc.list_value_length(values).cast(pa.int64()).to_numpy().tobytes())
        _feed(feed, values.flatten())
    elif _has_length(array.type):
        _feed_text(feed, values)
    else:
        feed(fixed_width_bytes(values))


def _feed_struct(feed: Feed, array: pa.Array) -> None:
    named = {field.name: number for number, field in enumerate(array.type)}
    children = array.flatten()  # a child of a null parent is null here
    for name in sorted(named):
        _frame(feed, name.encode())
        _feed(feed, children[named[name]])


def _feed_text(feed: Feed, values: pa.Array) -> None:
    values = values.cast(pa.large_binary())
    feed(pc.binary_length(values).cast(pa.int64()).to_numpy().tobytes())
    _, offsets, data = values.buffers()
    if data is not None and len(values):
        ends = np.frombuffer(offsets, dtype=np.int64)[values.offset : values.offset + len(values) + 1]
        feed(memoryview(data)[ends[0] : ends[-1]])


def fixed_width_bytes(values: pa.Array) -> bytes:
    """The values of an array without nulls, side by side. All NaN are one value."""
    if pa.types.is_boolean(values.type):
        return np.packbits(values.to_numpy(zero_copy_only=False)).tobytes()
    if pa.types.is_floating(values.type):
        numbers = values.to_numpy(zero_copy_only=False)
        return np.where(np.isnan(numbers), np.array(np.nan, dtype=numbers.dtype), numbers).tobytes()
    width, data = values.type.bit_width // 8, values.buffers()[1]
    return (
        b""
        if data is None
        else memoryview(data)[values.offset * width : (values.offset + len(values)) * width].tobytes()
    )


def _plain(array: pa.Array) -> pa.Array:
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    return _plain(array.dictionary_decode()) if isinstance(array, pa.DictionaryArray) else array


# ------------------------------------------------------------------------------------------------------------- types


def type_name(kind: pa.DataType) -> str:
    """A type by what it can hold: `large_string`, `string_view` and a dictionary of strings are all `string`."""
    if isinstance(kind, pa.BaseExtensionType):
        return type_name(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return type_name(kind.value_type)
    if pa.types.is_struct(kind):
        return f"struct<{','.join(sorted(f'{field.name}:{type_name(field.type)}' for field in kind))}>"
    if pa.types.is_map(kind):
        return f"list<struct<key:{type_name(kind.key_type)},value:{type_name(kind.item_type)}>>"
    if _has_items(kind):
        return f"list<{type_name(kind.value_type)}>"
    if _has_length(kind):
        return "string" if _is_string(kind) else "binary"
    return str(kind)


def _is_string(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _has_length(kind: pa.DataType) -> bool:
    binary = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_fixed_size_binary)
    decimal = pa.types.is_decimal(kind)  # a fixed-size binary to Arrow, a number to us
    return _is_string(kind) or (not decimal and any(is_binary(kind) for is_binary in binary))


def _has_items(kind: pa.DataType) -> bool:
    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list, pa.types.is_map)
    return any(is_list(kind) for is_list in lists)


def _frame(feed: Feed, name: bytes) -> None:
    """A name with its length before it, so that two neighbours cannot be read as one."""
    feed(len(name).to_bytes(8, "little"))
    feed(name)
