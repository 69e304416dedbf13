"""From a table's Parquet to the rows of the lineage index: ids as numbers, words as their place in a list."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synth_dagster.errors import LakeError
from synth_dagster.lake.ids import Ids
from synth_dagster.lake.segments import TERMS, Rows

NEEDED = frozenset({"record_id", "parents", "status"})
PLACE = "place"  # where a parent stands and what it was to its child
KINDS = (*TERMS, PLACE)
AT_ONCE = 100_000
READ = ("record_id", "parents", "synthetic_depth", "created_at", *TERMS)


class Terms:
    """Words and their numbers, by kind; 0 is no word. `new` are those that are not written yet."""

    def __init__(self, words: Mapping[str, Sequence[str | None]]) -> None:
        """`words` are those that have a number, each kind in the order of theirs; None for one that was forgotten."""
        self._known = {kind: {w: n for n, w in enumerate(words[kind]) if w is not None} for kind in KINDS}
        self._next = {kind: len(words[kind]) for kind in KINDS}
        self.new: list[tuple[str, int, str]] = []

    def number(self, kind: str, word: str | None) -> int:
        if word is None:
            return 0
        known = self._known[kind]
        if word not in known:
            known[word] = self._next[kind]
            self._next[kind] += 1
            self.new.append((kind, known[word], word))
        return known[word]

    def numbers(self, kind: str, column: pa.Array) -> np.ndarray:
        """The number of each word of a column."""
        words, indices = _encoded(column)
        return np.array([0, *(self.number(kind, word) for word in words)], np.uint32)[indices + 1]

    def places(self, parents: pa.StructArray) -> np.ndarray:
        """The number of each parent's stage, batch and relation."""
        (stages, stage), (batches, batch), (relations, relation) = (
            _encoded(parents.field(name)) for name in ("stage", "batch", "relation")
        )
        sizes = len(stages) + 1, len(batches) + 1, len(relations) + 1
        distinct, which = np.unique(
            np.ravel_multi_index((stage + 1, batch + 1, relation + 1), sizes), return_inverse=True
        )
        words = [
            place_word(*(["", *words][at] for words, at in zip((stages, batches, relations), one, strict=True)))
            for one in zip(*np.unravel_index(distinct, sizes), strict=True)
        ]
        return np.array([self.number(PLACE, word) for word in words], np.uint32)[which]


def place_word(stage: str, batch: str, relation: str) -> str:
    return json.dumps([stage, batch, relation])


def _encoded(column: pa.Array) -> tuple[list[str], np.ndarray]:
    """The distinct words of a column, and for each row which it is; -1 for null."""
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    indices = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return encoded.dictionary.to_pylist(), indices


def rows_of(path: Path, place: int, terms: Terms) -> Iterator[Rows]:
    """The records of one file, some at a time; `place` is the file's own place in its segment."""
    with pq.ParquetFile(path, read_dictionary=list(TERMS)) as parquet:
        there = [name for name in READ if name in parquet.schema_arrow.names]
        for part in parquet.iter_batches(batch_size=AT_ONCE, columns=there):
            try:
                yield _rows(part, place, terms)
            except LakeError as error:
                raise LakeError(f"{path}: {error}") from error


def _rows(part: pa.RecordBatch, place: int, terms: Terms) -> Rows:
    lists = part.column("parents")
    parents = lists.flatten()
    columns = {name: terms.numbers(name, _column(part, name, pa.string())) for name in TERMS}
    depth = _column(part, "synthetic_depth", pa.int32()).fill_null(0).to_numpy(zero_copy_only=False)
    return Rows(
        Ids.from_arrow(part.column("record_id")),
        np.full(part.num_rows, place, np.uint32),
        columns | {"synthetic_depth": depth.clip(min=0).astype(np.uint32), "created": _seconds(part)},
        lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64),
        Ids.from_arrow(parents.field("record_id")),
        terms.places(parents),
    )


def _column(part: pa.RecordBatch, name: str, kind: pa.DataType) -> pa.Array:
    """A column; all null where the file is older than it."""
    return part.column(name) if name in part.schema.names else pa.nulls(part.num_rows, kind)


def _seconds(part: pa.RecordBatch) -> np.ndarray:
    """When each record was made, in whole seconds since 1970; 0 where that is not known."""
    made = _column(part, "created_at", pa.timestamp("us", "UTC")).cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    return pc.divide(made.fill_null(0), 1_000_000).to_numpy(zero_copy_only=False).clip(min=0).astype(np.uint32)  # type: ignore[attr-defined]
