"""Pieces of work that are files: what a worker reads and writes, and how it is known that they are whole.

A part is some row groups of a Parquet file of a store. What a worker writes has a receipt beside it, written last, with
the file's hash and what it was made from; a part whose receipt does not fit is made again. Pages carry checksums, so
that what went bad later is found when it is read.
"""

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from synth_dagster.errors import SynthError
from synth_dagster.storage import NotThere, Store, is_bucket


class Spoiled(SynthError):
    """A file between two phases cannot be read; its name says which."""

    def __init__(self, file: str) -> None:
        super().__init__(f"{file} is not what was written. It is made again.")
        self.file = file


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that stand together in a file: to which partition they belong, how many they are, their bytes in memory."""

    partition: int
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Part:
    """Some row groups of a file, all of them where `groups` names every one."""

    file: str
    groups: tuple[Group, ...]
    first: int = 0  # the number of the first row group
    digest: str = ""  # of the whole file, where we wrote it

    @property
    def rows(self) -> int:
        return sum(group.rows for group in self.groups)

    @property
    def bytes(self) -> int:
        return sum(group.bytes for group in self.groups)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Part":
        return cls(value["file"], tuple(Group(**group) for group in value["groups"]), value["first"], value["digest"])


def parts_of(store: Store, files: Iterable[str], *, most_rows: int) -> list[Part]:
    """The row groups of Parquet files as parts of at most so many rows; a larger row group is a part of its own.

    The parts depend on the files alone, never on how many workers there are.
    """
    found: list[Part] = []
    for file in files:
        metadata = pq.read_metadata(store.local(file))
        groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
        sizes = [Group(0, group.num_rows, group.total_byte_size) for group in groups]
        found += _gathered(file, sizes, most_rows)
    return found


def _gathered(file: str, sizes: Sequence[Group], most_rows: int) -> Iterator[Part]:
    first, together = 0, list[Group]()
    for number, group in enumerate(sizes):
        if together and sum(one.rows for one in together) + group.rows > most_rows:
            yield Part(file, tuple(together), first)
            first, together = number, []
        together.append(group)
    yield Part(file, tuple(together), first)


def slices(
    store: Store, part: Part, *, most_bytes: int, columns: Sequence[str] | None, partition: int | None = None
) -> Iterator[pa.Table]:
    """The rows of a part, or of one partition of it, in slices of about so many bytes. Raises Spoiled."""
    wanted = [
        part.first + number
        for number, group in enumerate(part.groups)
        if group.rows and partition in {None, group.partition}
    ]
    if not wanted:
        return
    rows = max(1, int(most_bytes / max(1.0, part.bytes / max(1, part.rows))))
    with _opened(store, part) as file:
        batches = file.iter_batches(batch_size=rows, row_groups=wanted, columns=columns)
        while (batch := _next(batches, part)) is not None:
            yield pa.Table.from_batches([batch])


def whole(store: Store, part: Part, columns: Sequence[str] | None = None) -> pa.Table:
    """All rows of a file that we wrote. Raises Spoiled."""
    with _opened(store, part) as file:
        try:
            return file.read(columns=columns)
        except (OSError, pa.ArrowException, NotThere) as error:
            raise _blamed(part, error) from error


def schema_of_part(store: Store, part: Part, columns: Sequence[str] | None) -> pa.Schema:
    """The columns of a part. Raises Spoiled."""
    with _opened(store, part) as file:
        schema = file.schema_arrow
    return schema if columns is None else pa.schema([schema.field(name) for name in columns])


@contextmanager
def _opened(store: Store, part: Part) -> Iterator[pq.ParquetFile]:
    """The file of a part. One of ours in a bucket is read where it stands.

    It is made again where it went bad, under the same name, and a copy on this machine would be of the one before. A
    copy would also outlive an erasure, and a worker needs only some of the row groups.
    """
    with ExitStack() as opened:
        try:
            there = part.digest and is_bucket(store.url)
            source = opened.enter_context(store.open(part.file)) if there else store.local(part.file)
            checks = bool(part.digest)
            file = opened.enter_context(pq.ParquetFile(source, page_checksum_verification=checks))
        except (OSError, pa.ArrowException, NotThere) as error:
            raise _blamed(part, error) from error
        yield file


def _next(batches: Iterator[pa.RecordBatch], part: Part) -> pa.RecordBatch | None:
    try:
        return next(batches, None)
    except (OSError, pa.ArrowException, NotThere) as error:
        raise _blamed(part, error) from error


def _blamed(part: Part, error: Exception) -> Exception:
    """Spoiled for a file of ours; what others gave us they have to be told of."""
    return Spoiled(part.file) if part.digest else error


# ------------------------------------------------------------------------------------------------------------- writing


class _Counted(io.RawIOBase):
    """Passes bytes on and hashes them on their way."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.hash, self._at = file, hashlib.blake2b(digest_size=16), 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.hash.update(data)
        self._file.write(data)
        self._at += len(data)
        return len(data)

    def tell(self) -> int:
        return self._at


def write_part(store: Store, file: str, tables: Iterable[tuple[int, pa.Table]], fingerprint: str) -> Part:
    """Writes tables, each a row group with its partition, and then the receipt. At least one table must come."""
    groups: list[Group] = []
    digest = ""

    def write(into: BinaryIO) -> None:
        nonlocal digest
        counted = _Counted(into)
        coming = iter(tables)
        first = next(coming)  # which tells the columns
        with pq.ParquetWriter(counted, first[1].schema, compression="zstd", write_page_checksum=True) as writer:
            for partition, table in chain([first], coming):
                if table.num_rows:
                    writer.write_table(table, row_group_size=table.num_rows)
                    groups.append(Group(partition, table.num_rows, table.nbytes))
        digest = counted.hash.hexdigest()

    store.remove(_receipt(file))
    store.write(file, write, needed=1 << 20)
    part = Part(file, tuple(groups), 0, digest)
    receipt = json.dumps({"fingerprint": fingerprint, "part": part.as_json()}).encode()
    store.write(_receipt(file), lambda into: into.write(receipt), needed=len(receipt))
    return part


def written_names(file: str) -> tuple[str, str]:
    """What is written for a part: its file and its receipt."""
    return file, _receipt(file)


def written_before(store: Store, file: str, fingerprint: str) -> Part | None:
    """The part that an earlier run wrote, if it is whole and was made from the same."""
    try:
        receipt = json.loads(store.read(_receipt(file)))
        part = Part.from_json(receipt["part"])
        if receipt["fingerprint"] != fingerprint:
            return None
        return part if _digest_of(store, file) == part.digest else None
    except (NotThere, OSError, ValueError, KeyError, TypeError):
        return None


def _digest_of(store: Store, file: str) -> str:
    found = hashlib.blake2b(digest_size=16)
    with store.open(file) as stream:
        while piece := stream.read(1 << 20):
            found.update(piece)
    return found.hexdigest()


def _receipt(file: str) -> str:
    return f"{file}.json"
