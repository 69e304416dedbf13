"""The decoding search: whether an erased record is still in any file, whatever wrote or packed it.

Parquet is read row group by row group, answers are inflated, pages and JSON are unescaped, and every file is also read
as plain bytes: ids raw and in hexadecimal, the halves in which the lineage index keeps them, and pieces of the text.
What cannot be searched is named: a proof that is silent about a place would be none.
"""

import re
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synth_dagster.lake.ids import Ids
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.shingles import Needles, strings

HEX = re.compile(rb"[0-9a-fA-F]{32,}")
ZLIB = (b"\x78\x01", b"\x78\x9c", b"\x78\xda", b"\x78\x5e")
MOST_INFLATED = 1 << 24
AT_ONCE = 500
SQLITE = b"SQLite format 3\0"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for."""

    ids: Ids  # sorted and unique
    needles: Needles

    @classmethod
    def of(cls, ids: pa.Array, needles: Needles) -> "Wanted":
        return cls(Ids.from_arrow(ids).unique(), needles)


@dataclass(slots=True)
class Found:
    """What a search came to: the files that hold something, and all files with what they hash to."""

    with_ids: list[str] = field(default_factory=list)
    with_text: list[str] = field(default_factory=list)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    not_searched: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not self.with_ids and not self.with_text

    def as_json(self) -> dict[str, Any]:
        return {"files": len(self.files), "with_ids": sorted(self.with_ids), "with_text": sorted(self.with_text)}


def search(lake: Lake, wanted: Wanted, *, others: Mapping[str, Path], but: Sequence[str] = ()) -> Found:
    """Search a lake and other files and folders, by the names they are told under; `but` begin names to pass over."""
    found = Found()
    for name, path in _everything(lake, others):
        if name.startswith(tuple(but)) or not path.is_file():
            continue
        try:
            data = path.read_bytes()
        except OSError:
            found.not_searched.append(f"{name}: it cannot be read")
            continue
        found.files[name] = {"size": len(data), "sha256": sha256(data).hexdigest()}
        has_id, has_text = _look(path, data, wanted)
        found.with_ids += [name] * has_id
        found.with_text += [name] * has_text
    return found


def _everything(lake: Lake, others: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    """All files of a lake and of this machine that belong to it, temporary ones too."""
    seen: set[Path] = set()
    folder = lake.store.folder
    if str(folder) != lake.store.url:  # in a bucket: each file is read as a copy
        for entry in lake.store.entries():
            yield entry.name, lake.store.local(entry.name)
    roots = {"": folder, "derived": lake.store.derived, **others}
    for name, root in roots.items():
        paths = sorted(root.rglob("*")) if root.is_dir() else [root, *root.parent.glob(f"{root.name}-*")]
        for path in paths:
            if path.is_file() and (resolved := path.resolve()) not in seen:
                seen.add(resolved)
                inside = path.relative_to(root).as_posix() if root.is_dir() else path.name
                yield f"{name}/{inside}".lstrip("/"), path


def _look(path: Path, data: bytes, wanted: Wanted) -> tuple[bool, bool]:
    if data[:4] == b"PAR1":
        told = _parquet(path, wanted)
        if told is not None:
            return told
    has_id = ids_in(data, wanted.ids) or (path.suffix == ".segment" and halves_in(data, wanted.ids))
    has_text = wanted.needles.occur_in([data.decode("utf-8", "replace")])
    if data[:16] == SQLITE:
        rows_id, rows_text = _sqlite(path, wanted)
        has_id, has_text = has_id or rows_id, has_text or rows_text
    if not has_text and (data[:16] == SQLITE or path.name.endswith("-wal")):
        has_text = wanted.needles.occur_in(inflated(data))
    return has_id, has_text


def ids_in(data: bytes, ids: Ids) -> bool:
    """Whether one of the ids stands in these bytes, raw at any place or in hexadecimal."""
    if len(data) < 16:
        return False
    for offset in range(8):
        high = np.frombuffer(data, ">u8", max(0, (len(data) - offset) // 8), offset).astype(np.uint64)
        places = np.flatnonzero(_among(high[:-1], ids.high))
        if len(places) and (Ids(high[places], high[places + 1]).places_in(ids) >= 0).any():
            return True
    runs = {run[0] for run in HEX.finditer(data)}
    some = {bytes.fromhex(run[at : at + 32].decode()) for run in runs for at in range(len(run) - 31)}
    return bool(some) and bool((Ids.of(some).places_in(ids) >= 0).any())


def _among(numbers: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Which numbers are among others, which are sorted."""
    if not len(known):
        return np.zeros(len(numbers), bool)
    return known[np.minimum(np.searchsorted(known, numbers), len(known) - 1)] == numbers


def halves_in(data: bytes, ids: Ids) -> bool:
    """Whether both halves of an id stand in a segment of the lineage index, which keeps them apart."""
    numbers = np.unique(np.frombuffer(data, "<u8", len(data) // 8))
    return bool((np.isin(ids.high, numbers) & np.isin(ids.low, numbers)).any())


def inflated(data: bytes) -> Iterator[str]:
    """What is packed anywhere in these bytes, in pages that are free too."""
    for magic in ZLIB:
        at = data.find(magic)
        while at >= 0:
            try:
                told = zlib.decompressobj().decompress(data[at : at + MOST_INFLATED], MOST_INFLATED)
            except zlib.error:
                told = b""
            if len(told) > 8:
                yield told.decode("utf-8", "replace")
            at = data.find(magic, at + 1)


def _parquet(path: Path, wanted: Wanted) -> tuple[bool, bool] | None:
    """Every value of every row group, and the footer; None for what is no whole Parquet file."""
    try:
        with pq.ParquetFile(path) as file:
            footer = str(file.schema_arrow.metadata or "") + str(file.metadata.metadata or "")
            has_id, has_text = False, wanted.needles.occur_in([footer])
            for part in file.iter_batches(batch_size=2_000):
                for column in part.columns:
                    for leaf in _leaves(column):
                        has_id = has_id or _id_among(leaf, wanted.ids)
                        has_text = has_text or wanted.needles.occur_in(_texts(leaf))
                if has_id and has_text:
                    break
            return has_id, has_text
    except (pa.ArrowInvalid, OSError):
        return None


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
        return bool(pc.any(pc.is_in(leaf, value_set=ids.to_arrow().cast(leaf.type))).as_py())  # type: ignore[attr-defined]
    if pa.types.is_string(leaf.type) or pa.types.is_large_string(leaf.type):
        long = leaf.filter(pc.fill_null(pc.greater_equal(pc.utf8_length(leaf), 32), False))  # type: ignore[attr-defined]
        return ids_in("\n".join(long.unique().to_pylist()).encode(), ids)
    return False


def _texts(leaf: pa.Array) -> list[str]:
    if pa.types.is_string(leaf.type) or pa.types.is_large_string(leaf.type):
        return [text for word in leaf.drop_null().unique().to_pylist() for text in strings(word)]
    return []


def _sqlite(path: Path, wanted: Wanted) -> tuple[bool, bool]:
    """Every value of every row, as it is read, with what is packed in it: a row may lie over several pages."""
    has_id = has_text = False
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            names = [row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")]
            for name in names:
                rows = connection.execute(f'select * from "{name}"')
                while some := rows.fetchmany(AT_ONCE):
                    values = [value for row in some for value in row if isinstance(value, bytes | str)]
                    has_id = has_id or ids_in(b"\n".join(map(_bytes, values)), wanted.ids)
                    has_text = has_text or wanted.needles.occur_in(text for value in values for text in _said(value))
    except sqlite3.DatabaseError:
        return has_id, has_text
    return has_id, has_text


def _bytes(value: bytes | str) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8", "replace")


def _said(value: bytes | str) -> Iterator[str]:
    if isinstance(value, str):
        yield from strings(value)
        return
    try:
        yield from strings(zlib.decompress(value).decode("utf-8", "replace"))
    except zlib.error:
        yield value.decode("utf-8", "replace")
