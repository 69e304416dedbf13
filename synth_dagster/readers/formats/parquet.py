"""Parquet: row group by row group, and a few rows of it at a time.

The types of the columns are known before a row is read, so what is wrong with them is one cause for the file.
"""

import math
import tempfile
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, BinaryIO

from synth_dagster.readers.base import Delivery, Flaw
from synth_dagster.readers.formats.file import File
from synth_dagster.readers.formats.rows import Row, check_columns, read_rows
from synth_dagster.readers.formats.settings import MIB, FileReader
from synth_dagster.readers.formats.stream import BLOCK
from synth_dagster.records import canonical_json

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_AT_A_TIME = 2 * MIB  # of rows, as the file says they are large
_MOST_ROWS = 1_000


def read_parquet(file: File, settings: FileReader, start: Mapping[str, Any]) -> Delivery:
    """A file of Parquet as one item for each row."""
    return read_rows(file, settings, start, _rows)


def _rows(file: File, settings: FileReader, start: Mapping[str, Any]) -> Iterator[Row]:
    first, passed = start.get("group", 0), start.get("row", 0)
    with _seekable(file.open(0)) as stream:
        table = _opened(stream)
        names = _columns(table.schema_arrow, settings)
        number = 1 + sum(table.metadata.row_group(group).num_rows for group in range(min(first, table.num_row_groups)))
        for group in range(first, table.num_row_groups):
            for row, value in enumerate(_values(table, group, names, settings)):
                if group > first or row >= passed:
                    raw = canonical_json(value).encode() if isinstance(value, dict) else b""
                    yield Row(number + row, {"group": group, "row": row}, raw, value)
            number += table.metadata.row_group(group).num_rows


def _seekable(stream: BinaryIO) -> BinaryIO:
    """The stream itself, or a copy on disk: a table's directory stands at its end."""
    if stream.seekable():
        return stream
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - whoever reads closes it
    with stream:
        while block := stream.read(BLOCK):
            copy.write(block)
    return copy


def _opened(stream: BinaryIO) -> "pq.ParquetFile":
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # buffered, so that of a large column only what is decoded is held
        return pq.ParquetFile(stream, buffer_size=MIB, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise _broken(error) from None


def _broken(error: Exception) -> Flaw:
    if getattr(error, "errno", None):  # the disk, not the content
        raise error
    return Flaw("broken_parquet", "It is no whole file of Parquet: cut off, or broken. Deliver it again.")


def _columns(schema: "pa.Schema", settings: FileReader) -> list[str]:
    """The columns to read. Raises Flaw where one that has a place in a record is of a type that cannot stand there."""
    if len(set(schema.names)) < len(schema.names):
        raise Flaw("bad_header", "Two columns have one name. Rename one.")
    check_columns(schema.names, settings)
    for field in schema:
        _check_type(field, settings)
    return [field.name for field in schema if not _holds_bytes(field.type)]


def _check_type(field: "pa.Field", settings: FileReader) -> None:
    from pyarrow import types

    kind = field.type.value_type if types.is_dictionary(field.type) else field.type
    is_text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind) or types.is_null(kind)
    is_whole = types.is_integer(kind)
    in_template = settings.template is not None and field.name in settings.text_fields
    fits = is_text or (field.name == settings.id_field and is_whole)
    fits = fits or (in_template and (is_whole or types.is_floating(kind)))
    if not fits and field.name in {*settings.text_fields, *settings.mapped_fields}:
        raise Flaw(
            "wrong_type", f"The column '{field.name}' is {field.type} and must be text. Name another one in the recipe."
        )


def _holds_bytes(kind: "pa.DataType") -> bool:
    """Images and the like, which no record holds."""
    from pyarrow import types

    if types.is_dictionary(kind):
        return _holds_bytes(kind.value_type)
    inner = [kind.field(place).type for place in range(kind.num_fields)] if types.is_nested(kind) else []
    return "binary" in str(kind) if not inner else any(_holds_bytes(one) for one in inner)


def _values(
    table: "pq.ParquetFile", group: int, names: list[str], settings: FileReader
) -> Iterator[dict[str, Any] | Flaw]:
    import pyarrow as pa

    facts = table.metadata.row_group(group)
    size = max(1, facts.total_byte_size // max(1, facts.num_rows))
    at_a_time = min(max(1, _AT_A_TIME // size), _MOST_ROWS)
    try:
        for batch in table.iter_batches(at_a_time, row_groups=[group], columns=names):
            columns = [_cells(column) for column in batch.columns]
            yield from (_row(names, cells, settings) for cells in zip(*columns, strict=True))
    except (pa.ArrowException, OSError) as error:
        raise _broken(error) from None


def _row(names: list[str], cells: tuple[Any, ...], settings: FileReader) -> dict[str, Any] | Flaw:
    wrong = next((cell for cell in cells if isinstance(cell, Flaw)), None)
    if wrong:
        return wrong
    value = dict(zip(names, cells, strict=True))
    long = sum(len(cell) for cell in cells if isinstance(cell, str)) > settings.max_line_bytes
    return Flaw("line_too_long", f"The row has more than {settings.max_line_bytes} characters.") if long else value


def _cells(column: "pa.Array") -> list[Any]:
    try:
        return [as_json(value) for value in column.to_pylist()]
    except UnicodeDecodeError:
        return [_cell(value) for value in column]


def _cell(value: "pa.Scalar") -> Any:
    try:
        return as_json(value.as_py())
    except UnicodeDecodeError:
        return Flaw("invalid_utf8", "A text of the row is not UTF-8. Repair what wrote it.")


def as_json(value: Any) -> Any:
    """A value as JSON has it: times and exact numbers as text, and no number that is none."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [as_json(one) for one in value]
    if isinstance(value, dict):
        return {str(name): as_json(one) for name, one in value.items()}
    return value.isoformat() if isinstance(value, date | time | datetime) else str(value)
