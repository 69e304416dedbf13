"""The data files of an export: one for each split or several shards, each with its length, rows and checksum.

Not sharded, a split is `train.jsonl` and the records behind its lines are `record_ids/train.txt`. Sharded, it is a
folder `train/` of `00000.jsonl`, `00001.jsonl` ..., which the trainers take as one.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path
from typing import Any, ClassVar, Protocol

import pyarrow as pa

from synth_dagster.errors import ExitCode, SynthError
from synth_dagster.records import Json

IDS = "record_ids"
MOST_SHARDS = 100_000
ROW_GROUP_BYTES = 16 << 20
ROW_GROUP_BATCHES = 20
BATCH_ROWS = 500


class BadOption(SynthError):
    """An option of an export that cannot be followed."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True, slots=True)
class ShardSize:
    """Where a file ends and the next begins: after so many rows, or once it has so many bytes."""

    rows: int | None = None
    bytes: int | None = None

    def is_reached(self, rows: int, size: int) -> bool:
        return (self.rows is not None and rows >= self.rows) or (self.bytes is not None and size >= self.bytes)


_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_SIZE = re.compile(r"(\d{1,15})\s*(?:([kmg]i?)?b)?", re.IGNORECASE)


def shard_size(text: str) -> ShardSize:
    """`50000` are rows, `200MB` or `1GiB` are bytes."""
    found = _SIZE.fullmatch(text.strip())
    number = int(found[1]) if found else 0
    if found is None or number == 0:
        raise BadOption(f"'{text}' is no size of a shard. Give rows, such as 50000, or bytes, such as 200MB.")
    is_bytes = text.strip()[-1] in "bB"
    return ShardSize(bytes=number * _UNITS[(found[2] or "").lower()]) if is_bytes else ShardSize(rows=number)


class Hashed(RawIOBase):
    """A file that knows its length and checksum while it is written."""

    def __init__(self, path: Path) -> None:
        self._file, self._sha, self.size = path.open("wb"), hashlib.sha256(), 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._file.write(data)
        self._sha.update(data)
        size = memoryview(data).nbytes
        self.size += size
        return size

    def close(self) -> None:
        self._file.close()
        super().close()

    def facts(self, rows: int) -> dict[str, Json]:
        return {"bytes": self.size, "rows": rows, "sha256": self._sha.hexdigest()}


# --------------------------------------------------------------------------------------------------------------- sinks


class Sink(Protocol):
    """Writes rows in one file format. `encode` is called once a record, `write` once a copy."""

    suffix: ClassVar[str]
    names_records: ClassVar[bool]  # whether its rows hold the record's id, so that no list of ids stands beside them

    def __init__(self, file: Hashed, schema: pa.Schema) -> None: ...
    @staticmethod
    def encode(line: dict[str, Json]) -> Any: ...
    def write(self, encoded: Any) -> None: ...
    def size(self) -> int: ...
    def close(self) -> None: ...


_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(", ", ": "))


class JsonLines:
    """One JSON object a line."""

    suffix: ClassVar[str] = "jsonl"
    names_records: ClassVar[bool] = False

    def __init__(self, file: Hashed, schema: pa.Schema) -> None:
        self._file = file

    @staticmethod
    def encode(line: dict[str, Json]) -> bytes:
        text = _JSON.encode(line)
        # some readers of JSON lines take these for the end of a line
        for separator in ("\u2028", "\u2029", "\x85"):
            text = text.replace(separator, f"\\u{ord(separator):04x}")
        return text.encode() + b"\n"

    def write(self, encoded: bytes) -> None:
        self._file.write(encoded)

    def size(self) -> int:
        return self._file.size

    def close(self) -> None:
        self._file.close()


class Parquet:
    """Row groups of bounded size; a row waits as Arrow data until its group is full."""

    suffix: ClassVar[str] = "parquet"
    names_records: ClassVar[bool] = True

    def __init__(self, file: Hashed, schema: pa.Schema) -> None:
        import pyarrow.parquet as pq

        self._file, self._schema = file, schema
        self._writer = pq.ParquetWriter(pa.PythonFile(file, mode="w"), schema, compression="zstd")
        self._rows: list[dict[str, Json]] = []
        self._ready: list[pa.RecordBatch] = []
        self._ready_size = 0

    @staticmethod
    def encode(line: dict[str, Json]) -> dict[str, Json]:
        return line

    def write(self, encoded: dict[str, Json]) -> None:
        self._rows.append(encoded)
        if len(self._rows) == BATCH_ROWS:
            self._settle()

    def size(self) -> int:
        return self._file.size + self._ready_size

    def close(self) -> None:
        self._settle()
        self._flush()
        self._writer.close()
        self._file.close()

    def _settle(self) -> None:
        if self._rows:
            self._ready.append(pa.RecordBatch.from_pylist(self._rows, self._schema))
            self._ready_size += self._ready[-1].nbytes
            self._rows = []
        if len(self._ready) >= ROW_GROUP_BATCHES or self._ready_size >= ROW_GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._ready:
            self._writer.write_table(pa.Table.from_batches(self._ready))
            self._ready, self._ready_size = [], 0


# -------------------------------------------------------------------------------------------------------------- a split


class SplitFiles:
    """The files of one split, one open at a time."""

    def __init__(self, folder: Path, split: str, sink: type[Sink], schema: pa.Schema, shard: ShardSize | None) -> None:
        self._folder, self._split, self._sink, self._schema, self._shard = folder, split, sink, schema, shard
        self._open: tuple[Sink, Hashed, Hashed | None] | None = None
        self._rows = 0
        self.data: list[str] = []
        self.files: dict[str, Mapping[str, Json]] = {}

    def write(self, encoded: Any, record_id: bytes) -> None:
        """A row, in the file that is open or in the next one."""
        if self._open is None or (self._shard and self._shard.is_reached(self._rows, self._open[0].size())):
            self.close()
            self._open = self._next()
        sink, _, ids = self._open
        sink.write(encoded)
        if ids is not None:
            ids.write(record_id.hex().encode() + b"\n")
        self._rows += 1

    def close(self) -> None:
        """End the file that is open, and note what it holds."""
        if self._open is None:
            return
        sink, file, ids = self._open
        sink.close()
        self.files[self.data[-1]] = file.facts(self._rows)
        if ids is not None:
            ids.close()
            self.files[self._ids_name(self.data[-1])] = ids.facts(self._rows)
        self._open, self._rows = None, 0

    def _next(self) -> tuple[Sink, Hashed, Hashed | None]:
        number = len(self.data)
        if number >= MOST_SHARDS:
            raise BadOption(f"This shard size gives more than {MOST_SHARDS:,} files. Give a larger --shard-size.")
        name = f"{self._split}/{number:05d}" if self._shard else self._split
        self.data.append(f"{name}.{self._sink.suffix}")
        file = self._file(self.data[-1])
        ids = None if self._sink.names_records else self._file(self._ids_name(self.data[-1]))
        return self._sink(file, self._schema), file, ids

    def _ids_name(self, data: str) -> str:
        return f"{IDS}/{data.rpartition('.')[0]}.txt"

    def _file(self, name: str) -> Hashed:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return Hashed(path)
