"""JSON lines: one item a line, of any number of lines, without holding more than one."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from synth_dagster.readers.base import Delivery, DeliveryChanged, Flaw
from synth_dagster.readers.formats.file import File
from synth_dagster.readers.formats.rows import Row, hash_of, parsed, read_rows
from synth_dagster.readers.formats.settings import FileReader
from synth_dagster.record_tables import RAW_LIMIT


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file. Of one that is too long only the beginning is here, and the hash of all of it."""

    number: int
    offset: int
    data: bytes
    hash_of_all: str | None = None

    @property
    def is_whole(self) -> bool:
        return self.hash_of_all is None


def read_json_lines(file: File, settings: FileReader, start: Mapping[str, Any]) -> Delivery:
    """A file of JSON lines as one item for each line that is not blank."""
    return read_rows(file, settings, start, _rows)


def _rows(file: File, settings: FileReader, start: Mapping[str, Any]) -> Iterator[Row]:
    offset, number = start.get("byte", 0), start.get("line", 1)
    with opened_at_line(file, offset) as stream:
        for line in lines_of(stream, offset, number, settings.max_line_bytes):
            place = {"byte": line.offset, "line": line.number}
            yield Row(line.number, place, line.data, _value(line, settings.max_line_bytes), line.hash_of_all)


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
        length, bare, hash_of_all = len(head), _bare(head, first=offset == 0), None
        if length == limit + 2 and not head.endswith(b"\n"):
            hasher = hashlib.blake2b(bare, digest_size=8)
            length += rest_of_line(stream, limit, hasher)
            hash_of_all = hasher.hexdigest()
        elif len(bare) > limit:
            hash_of_all = hash_of(bare)
        if hash_of_all or bare.strip():
            yield Line(number, offset, bare[:RAW_LIMIT] if hash_of_all else bare, hash_of_all)
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
