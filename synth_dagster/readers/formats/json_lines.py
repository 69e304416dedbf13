"""JSON lines: one item a line, of any number of lines, without holding more than one."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from synth_dagster.readers.base import Delivery, DeliveryChanged, Flaw
from synth_dagster.readers.formats.file import File
from synth_dagster.readers.formats.rows import Row, parsed, read_rows
from synth_dagster.readers.formats.settings import FileReader
from synth_dagster.records import RAW_LIMIT


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file. Of one that is too long only the beginning is here, and the hash of all of it."""

    number: int
    offset: int
    data: bytes
    hash: str
    is_whole: bool


def read_json_lines(file: File, settings: FileReader, start: Mapping[str, Any]) -> Delivery:
    """A file of JSON lines as one item for each line that is not blank."""
    return read_rows(file, settings, start, _rows)


def _rows(file: File, settings: FileReader, start: Mapping[str, Any]) -> Iterator[Row]:
    offset, number = start.get("byte", 0), start.get("line", 1)
    with opened_at_line(file, offset) as stream:
        for line in lines_of(stream, offset, number, settings.max_line_bytes):
            place = {"byte": line.offset, "line": line.number}
            yield Row(line.number, place, line.hash, line.data, _value(line, settings.max_line_bytes))


def _value(line: Line, limit: int) -> dict[str, Any] | Flaw:
    if not line.is_whole:
        return too_long("line", limit)
    try:
        return parsed(line.data)
    except Flaw as wrong:
        return wrong


def too_long(what: str, limit: int) -> Flaw:
    """What to say of a row that is not held."""
    return Flaw("line_too_long", f"The {what} has more than {limit} bytes. Split it, or raise max_line_bytes.")


def opened_at_line(file: File, offset: int) -> BinaryIO:
    """The file from a byte on. A place must be the beginning of a line; after an edit it may not be."""
    stream = file.open(max(offset - 1, 0))
    if offset and stream.read(1) != b"\n":
        stream.close()
        raise DeliveryChanged(f"{file.key!r} changed after it was planned. Run 'synth run' again: it plans it anew.")
    return stream


def lines_of(stream: BinaryIO, offset: int, number: int, limit: int) -> Iterator[Line]:
    """The lines that are not blank, never holding more than `limit` bytes of one."""
    while head := stream.readline(limit + 2):  # a line of exactly the limit, and its line end
        length, hasher = len(head), hashlib.blake2b(digest_size=8)
        bare = _bare(head, first=offset == 0)
        is_whole = head.endswith(b"\n") or length < limit + 2
        hasher.update(bare)
        if not is_whole:
            length += rest_of_line(stream, limit, hasher)
        if bare.strip() or not is_whole:
            fits = is_whole and len(bare) <= limit
            yield Line(number, offset, bare if fits else bare[:RAW_LIMIT], hasher.hexdigest(), fits)
        offset, number = offset + length, number + 1


def _bare(line: bytes, *, first: bool) -> bytes:
    without_mark = line.removeprefix(b"\xef\xbb\xbf") if first else line
    return without_mark.rstrip(b"\r\n")


def rest_of_line(stream: BinaryIO, limit: int, hasher: "hashlib.blake2b") -> int:
    """Pass over the rest of a line; its length."""
    length = 0
    while piece := stream.readline(limit):
        hasher.update(piece.rstrip(b"\r\n") if piece.endswith(b"\n") else piece)
        length += len(piece)
        if piece.endswith(b"\n"):
            break
    return length
