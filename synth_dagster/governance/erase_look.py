"""What an erasure looks for, and whether it stands in some bytes, in a file or in rows, whatever wrote or packed them.

Parquet is read row group by row group, databases row by row, answers are inflated, pages and JSON are unescaped. Every
file that is no Parquet is also read as plain bytes, a piece at a time: ids raw and in hexadecimal, the halves in which
the indexes keep them, and pieces of the text. So free pages of a database are searched too. A segment of our indexes is
numbers from the first byte to the last, and read as such.
"""

import json
import mmap
import re
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synth_dagster.lake.array_file import ArrayFile, Damaged
from synth_dagster.lake.ids import BYTES, Ids
from synth_dagster.lake.shingles import Hits, Needles, Sieve, readings

HEX = re.compile(rb"(?<![0-9a-fA-F])[0-9a-fA-F]{32,}")  # looked for where a run begins only
ZLIB = (b"\x78\x01", b"\x78\x9c", b"\x78\xda", b"\x78\x5e")
MOST_INFLATED = 1 << 24
PIECE, OVERLAP = 1 << 20, 1 << 16  # an id or a window that is escaped in the longest way is far shorter than an overlap
ROWS = 2_000
AT_ONCE = 500
SEGMENT = ".segment"  # of the lineage index and of the index of holdings
IN_HALVES = (SEGMENT, ".bin")  # the other is of the index of duplicates
SQLITE = b"SQLite format 3\0"
PARQUET = b"PAR1"

Going = Callable[[pa.Table], pa.Array]
"""Which rows of a table go, as booleans."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for."""

    ids: Ids  # sorted and unique
    needles: Needles

    @classmethod
    def of(cls, ids: pa.Array, needles: Needles) -> "Wanted":
        return cls(Ids.from_arrow(ids).unique(), needles)


@dataclass(slots=True)
class Seen:
    """What was seen in one place. `shared` are pieces of text in rows that stay: they are somebody else's as well."""

    has_id: bool = False
    hits: Hits = field(default_factory=Hits)
    shared: Hits = field(default_factory=Hits)

    def add(self, has_id: bool, hits: Hits) -> None:
        self.has_id = self.has_id or has_id
        self.hits.add(hits)


def look_at_file(path: Path, wanted: Wanted, going: Going | None = None) -> Seen:
    """What stands in a file."""
    with path.open("rb") as file:
        begin = file.read(len(SQLITE))
    if begin[:4] == PARQUET and (told := look_at_parquet(path, wanted, going)) is not None:
        return told
    if path.suffix == SEGMENT and (told := look_at_segment(path, wanted)) is not None:
        return told
    seen = Seen()
    is_database = begin == SQLITE
    for piece in pieces(path):
        seen.add(ids_in(piece, wanted.ids), wanted.needles.found_in([piece.decode("utf-8", "replace")]))
    if path.suffix in IN_HALVES:
        seen.has_id = seen.has_id or halves_in(pieces(path), wanted.ids)
    if is_database:
        for rows in _sqlite_rows(path):
            look_at_rows(rows, wanted, seen)
    if begin and (is_database or path.name.endswith("-wal")):
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            seen.hits.add(wanted.needles.found_in(inflated(data)))
    return seen


def look_at_segment(path: Path, wanted: Wanted) -> Seen | None:
    """Every number of every array, and the line before them; None for what is no file of arrays to its last byte."""
    try:
        segment = ArrayFile.anything(path)
    except Damaged:
        return None
    head = segment.head.encode()
    seen = Seen(halves_in(segment.wide(), wanted.ids))
    seen.add(ids_in(head, wanted.ids), wanted.needles.found_in([segment.head]))
    return seen


def look_at_bytes(data: bytes, wanted: Wanted) -> Seen:
    """What stands in the content of a file that is not on this machine, which may be packed."""
    if data[:4] == PARQUET and (told := look_at_parquet(pa.BufferReader(data), wanted)) is not None:
        return told
    seen = Seen()
    seen.add(ids_in(data, wanted.ids), wanted.needles.found_in([data.decode("utf-8", "replace")]))
    for text in inflated(data):
        seen.add(ids_in(text.encode(), wanted.ids), wanted.needles.found_in(readings(text)))
    return seen


def look_at_rows(rows: Sequence[Sequence[Any]], wanted: Wanted, seen: Seen) -> None:
    """Every value of some rows, with what is packed in it."""
    values = [value for row in rows for value in map(_plain, row) if value is not None]
    seen.has_id = seen.has_id or ids_in(b"\n".join(map(_bytes, values)), wanted.ids)
    seen.hits.add(wanted.needles.found_in(text for value in values for text in _said(value)))


def look_at_parquet(source: Any, wanted: Wanted, going: Going | None = None) -> Seen | None:
    """Every value of every row group, and the footer; None for what is no whole Parquet file."""
    try:
        with pq.ParquetFile(source) as file:
            seen = Seen()
            seen.hits.add(wanted.needles.found_in([_footer(file)]))
            for part in file.iter_batches(batch_size=ROWS):
                seen.has_id = seen.has_id or any(_id_among(leaf, wanted.ids) for leaf in _all_leaves(part))
                _look_at_texts(part, wanted.needles, going, seen)
            return seen
    except (pa.ArrowInvalid, OSError):
        return None


def _footer(file: pq.ParquetFile) -> str:
    return str(file.schema_arrow.metadata or "") + str(file.metadata.metadata or "")


def _look_at_texts(part: pa.RecordBatch, needles: Needles, going: Going | None, seen: Seen) -> None:
    """Rows that go and rows that stay, each looked through as one; all go where nobody says which."""
    if going is None:
        seen.hits.add(needles.found_in(_all_texts(part)))
        return
    goes = going(pa.Table.from_batches([part]))
    stays = part.filter(pc.invert(goes))  # type: ignore[attr-defined]
    seen.shared.add(needles.found_in(_all_texts(stays)))
    if stays.num_rows < part.num_rows:
        seen.hits.add(needles.found_in(_all_texts(part.filter(goes))))


# ------------------------------------------------------------------------------------------------------------- bytes


def pieces(path: Path) -> Iterator[bytes]:
    """A file, some at a time; each piece begins with the end of the one before."""
    with path.open("rb") as file:
        tail = b""
        while part := file.read(PIECE):
            piece = tail + part
            yield piece
            tail = piece[-OVERLAP:]


def ids_in(data: bytes, ids: Ids) -> bool:
    """Whether one of the ids stands in these bytes, raw at any place or in hexadecimal."""
    return any(_raw_in(told, ids) for told in (data, *_unhexed(data)))


def _unhexed(data: bytes) -> Iterator[bytes]:
    """What stands in hexadecimal as bytes, read from the first digit of each run and from its second."""
    runs = [run[0].decode() for run in HEX.finditer(data)]
    for first in (0, 1) if runs else ():
        yield b"\0".join(bytes.fromhex(run[first : len(run) - (len(run) - first) % 2]) for run in runs)


def _raw_in(data: bytes, ids: Ids) -> bool:
    if len(data) < BYTES:
        return False
    begins = _begins(ids.high)
    for offset in range(8):
        high = np.frombuffer(data, ">u8", max(0, (len(data) - offset) // 8), offset).astype(np.uint64)
        maybe = np.flatnonzero(begins[high[:-1] >> np.uint64(48)])  # nearly all is none of them
        places = maybe[_among(high[maybe], ids.high)]
        if len(places) and (Ids(high[places], high[places + 1]).places_in(ids) >= 0).any():
            return True
    return False


def _begins(numbers: np.ndarray) -> np.ndarray:
    """Which first two bytes these numbers have."""
    table = np.zeros(1 << 16, bool)
    table[numbers >> np.uint64(48)] = True
    return table


def _among(numbers: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Which numbers are among others, which are sorted."""
    if not len(known):
        return np.zeros(len(numbers), bool)
    return known[np.minimum(np.searchsorted(known, numbers), len(known) - 1)] == numbers


def halves_in(data: Iterable[bytes | np.ndarray], ids: Ids) -> bool:
    """Whether both halves of an id stand in a segment of an index, which keeps them as numbers."""
    if not len(ids):
        return False
    sieve = Sieve.of(np.unique(np.concatenate([ids.high, ids.low])))
    seen = [np.zeros(0, np.uint64), *(sieve.among(_numbers(piece)) for piece in data)]
    there = np.concatenate(seen)
    return bool((np.isin(ids.high, there) & np.isin(ids.low, there)).any())


def _numbers(piece: bytes | np.ndarray) -> np.ndarray:
    return piece if isinstance(piece, np.ndarray) else np.frombuffer(piece, "<u8", len(piece) // 8)


def inflated(data: "bytes | mmap.mmap") -> Iterator[str]:
    """What is packed anywhere in these bytes, in pages that are free too."""
    for magic in ZLIB:
        at = data.find(magic)
        while at >= 0:
            told = _inflated_from(data, at)
            if len(told) > 8:
                yield told.decode("utf-8", "replace")
            at = data.find(magic, at + 1)


def _inflated_from(data: "bytes | mmap.mmap", at: int) -> bytes:
    """What a stream holds that begins there, as far as it is one."""
    stream, told = zlib.decompressobj(), bytearray()
    try:
        while at < len(data) and not stream.eof and len(told) < MOST_INFLATED:
            told += stream.decompress(data[at : at + OVERLAP])
            at += OVERLAP
    except zlib.error:
        pass  # what came before is still to be searched
    return bytes(told)


# -------------------------------------------------------------------------------------------------------------- rows


def _all_leaves(part: pa.RecordBatch) -> Iterator[pa.Array]:
    return (leaf for column in part.columns for leaf in _leaves(column))


def _all_texts(part: pa.RecordBatch) -> Iterator[str]:
    return (text for leaf in _all_leaves(part) for text in _texts(leaf))


def _leaves(column: pa.Array) -> Iterator[pa.Array]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        yield from _leaves(column.dictionary_decode())
    elif pa.types.is_struct(kind):
        for child in column.flatten():
            yield from _leaves(child)
    elif pa.types.is_map(kind):
        yield from _leaves(column.keys)
        yield from _leaves(column.items)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield from _leaves(column.flatten())
    else:
        yield column


def _id_among(leaf: pa.Array, ids: Ids) -> bool:
    if pa.types.is_binary(leaf.type) or pa.types.is_large_binary(leaf.type):
        whole = leaf.filter(pc.fill_null(pc.equal(pc.binary_length(leaf), BYTES), False))  # type: ignore[attr-defined]
        return bool((Ids.from_arrow(whole.cast(pa.binary())).places_in(ids) >= 0).any())
    if pa.types.is_string(leaf.type) or pa.types.is_large_string(leaf.type):
        long = leaf.filter(pc.fill_null(pc.greater_equal(pc.utf8_length(leaf), 32), False))  # type: ignore[attr-defined]
        return ids_in("\n".join(long.unique().to_pylist()).encode(), ids)
    return False


def _texts(leaf: pa.Array) -> list[str]:
    if pa.types.is_string(leaf.type) or pa.types.is_large_string(leaf.type):
        return [text for word in leaf.drop_null().unique().to_pylist() for text in readings(word)]
    return []


def _sqlite_rows(path: Path) -> Iterator[list[tuple[Any, ...]]]:
    """Every row, as it is read: one may lie over several pages. A damaged database is read as far as it can be."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            names = [row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")]
            for name in names:
                rows = connection.execute(f'select * from "{name}"')
                while some := rows.fetchmany(AT_ONCE):
                    yield some
    except sqlite3.DatabaseError:
        return


def _plain(value: Any) -> bytes | str | None:
    """A value as what it says; nothing for numbers and times."""
    if isinstance(value, memoryview | bytearray):
        return bytes(value)
    if isinstance(value, dict | list):
        return json.dumps(value, default=str)
    return value if isinstance(value, bytes | str) else None


def _bytes(value: bytes | str) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8", "replace")


def _said(value: bytes | str) -> Iterator[str]:
    if isinstance(value, str):
        yield from readings(value)
        return
    try:
        yield from readings(zlib.decompress(value).decode("utf-8", "replace"))
    except zlib.error:
        yield value.decode("utf-8", "replace")
