"""Tables as text: .csv and .tsv, with line ends inside quotes, a line of names on top, and one item a row.

A quote that is never closed would swallow all that follows. So where a row cannot be read, it costs its first line, and
reading goes on with the second.
"""

import csv
import hashlib
from collections import deque
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, BinaryIO, NamedTuple

from synth_dagster.readers.base import Delivery, Flaw
from synth_dagster.readers.formats.file import File
from synth_dagster.readers.formats.json_lines import opened_at_line, rest_of_line, too_long
from synth_dagster.readers.formats.rows import Row, check_columns, not_utf8, read_rows
from synth_dagster.readers.formats.settings import FileReader
from synth_dagster.record_tables import RAW_LIMIT

_MARK = "\ufeff"


class Line(NamedTuple):
    """A line of the file with its end; of one that is too long only the beginning, and the hash of all of it."""

    offset: int
    number: int
    data: bytes
    hash_of_all: str | None = None


class Cells(NamedTuple):
    """A row of a table, or why it is none; the line it begins in, and its bytes."""

    line: Line
    raw: bytes
    cells: list[str] | Flaw


def read_csv(file: File, settings: FileReader, start: Mapping[str, Any]) -> Delivery:
    """A table with commas between the cells, or what the recipe says."""
    return read_rows(file, settings, start, _comma_rows)


def read_tsv(file: File, settings: FileReader, start: Mapping[str, Any]) -> Delivery:
    """A table with tabs between the cells, or what the recipe says."""
    return read_rows(file, settings, start, _tab_rows)


def _rows(separator: str, file: File, settings: FileReader, start: Mapping[str, Any]) -> Iterator[Row]:
    cells = partial(cells_of, delimiter=settings.delimiter or separator, limit=settings.max_line_bytes)
    offset = start.get("byte", 0)
    with file.open(0) as stream:
        rows = cells(_Lines(stream, 0, 1, settings.max_line_bytes))
        names = settings.columns or _names(rows, settings)
        if not offset:
            yield from (_row(row, names) for row in rows)
            return
    with opened_at_line(file, offset) as stream:
        lines = _Lines(stream, offset, start.get("line", 1), settings.max_line_bytes)
        yield from (_row(row, names) for row in cells(lines))


_comma_rows = partial(_rows, ",")
_tab_rows = partial(_rows, "\t")


def _names(rows: Iterator[Cells], settings: FileReader) -> tuple[str, ...]:
    """The names of the columns, from the first row. Raises Flaw where they cannot be used."""
    first = next(rows, None)
    if first is None:
        return ()
    if isinstance(first.cells, Flaw):
        raise first.cells
    names = tuple(first.cells)
    if len(set(names)) < len(names):
        raise Flaw("bad_header", "Two columns of the first line have one name. Rename one, or name them in columns.")
    check_columns(names, settings)
    return names


def _row(row: Cells, names: tuple[str, ...]) -> Row:
    place = {"byte": row.line.offset, "line": row.line.number}
    return Row(row.line.number, place, row.raw.rstrip(b"\r\n"), _value(row, names), row.line.hash_of_all)


def _value(row: Cells, names: tuple[str, ...]) -> dict[str, Any] | Flaw:
    if isinstance(row.cells, Flaw):
        return row.cells
    if len(row.cells) != len(names):
        return Flaw(
            "ragged_row",
            f"It has {len(row.cells)} cells and there are {len(names)} columns. Quote cells that hold the delimiter.",
        )
    # an empty cell is how a table says that there is nothing
    return {name: cell or None for name, cell in zip(names, row.cells, strict=True)}


# ---------------------------------------------------------------------------------------------------------- lines, rows


def cells_of(lines: "_Lines", *, delimiter: str, limit: int) -> Iterator[Cells]:
    """The rows that are not blank. After one that cannot be read, the line below its first is the next."""
    csv.field_size_limit(2**31 - 1)  # the limit of a row is ours
    reader = _reader(lines, delimiter, limit)
    while True:
        lines.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, Flaw) as error:
            yield _broken(lines, error)
            reader = _reader(lines, delimiter, limit)
        else:
            raw = b"".join(line.data for line in lines.taken)
            if cells:
                yield Cells(lines.taken[0], raw, _in_utf8(cells, raw))


def _reader(lines: "_Lines", delimiter: str, limit: int) -> "Iterator[list[str]]":
    return csv.reader(lines.as_text(limit), delimiter=delimiter, strict=True)


def _broken(lines: "_Lines", error: csv.Error | Flaw) -> Cells:
    first = lines.give_back()
    flaw = error if isinstance(error, Flaw) else Flaw("bad_quotes", f"{_said(error)}. Write a quote in a cell twice.")
    return Cells(first, first.data, flaw)


def _said(error: csv.Error) -> str:
    words = {"unexpected end of data": "A quote is opened and never closed"}
    return words.get(str(error), str(error).capitalize())


def _in_utf8(cells: list[str], raw: bytes) -> list[str] | Flaw:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return not_utf8(raw, error)
    return cells


class _Lines:
    """The lines of a stream, of which those of the row in hand can be given back."""

    def __init__(self, stream: BinaryIO, offset: int, number: int, limit: int) -> None:
        self.taken: list[Line] = []
        self._size = 0
        self._stream, self._offset, self._number, self._limit = stream, offset, number, limit
        self._again: deque[Line] = deque()

    def begin(self) -> None:
        """What was taken is done with."""
        self.taken.clear()
        self._size = 0

    def as_text(self, limit: int) -> Iterator[str]:
        """The lines, until those of one row are more than `limit` bytes: then raises Flaw."""
        while line := self._again.popleft() if self._again else self._read():
            self.taken.append(line)
            self._size += len(line.data)
            if line.hash_of_all or self._size > limit + 2:
                raise too_long("row", limit)
            text = line.data.decode("utf-8", "surrogateescape")
            yield text.removeprefix(_MARK) if line.offset == 0 else text

    def give_back(self) -> Line:
        """The first line of the row in hand; those below it come again."""
        first, *rest = self.taken
        self._again.extendleft(reversed(rest))
        return first

    def _read(self) -> Line | None:
        data = self._stream.readline(self._limit + 2)
        if not data:
            return None
        line, length = Line(self._offset, self._number, data), len(data)
        if length == self._limit + 2 and not data.endswith(b"\n"):
            hasher = hashlib.blake2b(data, digest_size=8)
            length += rest_of_line(self._stream, self._limit, hasher)
            line = line._replace(data=data[:RAW_LIMIT], hash_of_all=hasher.hexdigest())
        self._offset, self._number = self._offset + length, self._number + 1
        return line
