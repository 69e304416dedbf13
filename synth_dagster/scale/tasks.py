"""What a worker does, in a thread, a process or on another machine: read parts, call a function, write a part.

A task is a JSON text and so is its result: no code and no object travels, and nothing that was not written to the
lake's store is needed to do it again. The function is named (`module:function`) and takes a table and its arguments.
"""

import hashlib
import importlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth_dagster.errors import MethodError, SynthError
from synth_dagster.parts.text.hashed_words import mixed
from synth_dagster.parts.threads import alone
from synth_dagster.records import Json, canonical_json, digest
from synth_dagster.scale.parts import Part, Spoiled, schema_of_part, slices, write_part, written_before, written_names
from synth_dagster.storage import S3Options, Store, open_store
from synth_dagster.storage.fence import Fenced, check_fence

BEAT_SECONDS = 5.0

Function: TypeAlias = Callable[[pa.Table, Mapping[str, Json]], pa.Table]


class SkewedKey(SynthError):
    """The rows of one key do not fit into a worker's memory and cannot be made fewer."""


@dataclass(frozen=True, slots=True)
class Work:
    """A function by name, and what it is called with besides a table.

    A function of `map_batches` looks at each row by itself. One of `shuffle` is given all rows of its keys. `combine`
    names one that makes several rows of a key fewer without changing what comes of them: it is called where a key has
    more rows than fit into memory, and before they travel.
    """

    function: str
    arguments: Mapping[str, Json]
    columns: tuple[str, ...] | None = None  # what it reads; all if None
    combine: str = ""
    version: str = "1"  # raise it when the same table gives another


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do: `map` a part, `split` a part by key, or `gather` the rows of one partition from all parts."""

    kind: Literal["map", "split", "gather"]
    store: str
    file: str  # where its result goes
    inputs: tuple[Part, ...]
    work: Work
    memory: int  # bytes
    key: str = ""
    partitions: int = 1
    partition: int = 0
    passes: int = 1
    fence: str = ""  # of the time when it was given out

    def as_json(self) -> str:
        return canonical_json(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Task":
        given = json.loads(text)
        given["inputs"] = tuple(Part.from_json(part) for part in given["inputs"])
        columns = given["work"]["columns"]
        given["work"] = Work(**{**given["work"], "columns": tuple(columns) if columns is not None else None})
        return cls(**given)

    @property
    def fingerprint(self) -> str:
        """What its result depends on: not the store's place, nor the name of the result, nor when it was given out."""
        told = {**asdict(self), "store": "", "file": "", "fence": ""}
        return digest("task", canonical_json(told)).hex()


def run_task(text: str, s3: S3Options | None = None) -> str:
    """Does a task and gives its part as JSON. What was done before and is whole is not done again.

    What is wrong with an input of ours is a result too: `{"spoiled": file}`, so that whoever leads has it made again.
    """
    task = Task.from_json(text)
    store = open_store(task.store, s3)
    check_fence(store, task.fence)
    part = written_before(store, task.file, task.fingerprint)
    try:
        with alone():
            does = _DOES[task.kind](task, store, Beat(store, task))
            part = part or _left(store, task, does)
    except Spoiled as spoiled:
        return canonical_json({"spoiled": spoiled.file})
    return canonical_json({"part": part.as_json()})


def _left(store: Store, task: Task, tables: Iterable[tuple[int, pa.Table]]) -> Part:
    """Writes the result, which stays only where nothing was erased since the task was given out."""
    part = write_part(store, task.file, _until_fenced(store, task, tables), task.fingerprint)
    try:
        check_fence(store, task.fence)
    except Fenced:
        for name in written_names(task.file):
            store.erase(name)
        raise
    return part


def _until_fenced(store: Store, task: Task, tables: Iterable[tuple[int, pa.Table]]) -> Iterator[tuple[int, pa.Table]]:
    yield from tables
    check_fence(store, task.fence)  # before the file gets its name


class Beat:
    """Says now and then, in a small file beside the result, how many rows a worker has done."""

    def __init__(self, store: Store, task: Task) -> None:
        self._store, self._name, self._rows, self._last = store, beat_of(task.file), 0, time.monotonic()

    def done(self, rows: int) -> None:
        self._rows += rows
        if time.monotonic() - self._last >= BEAT_SECONDS:
            self._last = time.monotonic()
            told = json.dumps({"rows": self._rows}).encode()
            self._store.write(self._name, lambda into: into.write(told), needed=len(told))


def beat_of(file: str) -> str:
    return f"{file}.beat"


def function_of(name: str) -> Function:
    """The function that is called `module:function`. Raises MethodError for one that is not there."""
    module, _, function = name.partition(":")
    try:
        return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise MethodError(f"There is no function '{name}' to work with: {error}.") from error


# ------------------------------------------------------------------------------------------------------------- mapping

# A function makes tables of its own beside the one that it is given: a slice is a part of the memory that a worker has.
_SLICE = 8


def _mapped(task: Task, store: Store, beat: Beat) -> Iterator[tuple[int, pa.Table]]:
    function, (part,) = function_of(task.work.function), task.inputs
    if not part.rows:
        yield 0, function(schema_of_part(store, part, task.work.columns).empty_table(), task.work.arguments)
    for piece in slices(store, part, most_bytes=task.memory // _SLICE, columns=task.work.columns):
        yield 0, function(piece, task.work.arguments)
        beat.done(piece.num_rows)


# ----------------------------------------------------------------------------------------------------------- shuffling


def _split(task: Task, store: Store, beat: Beat) -> Iterator[tuple[int, pa.Table]]:
    """The rows of a part, those of one partition together."""
    (part,) = task.inputs
    columns = _with_key(task)
    empty = schema_of_part(store, part, columns).empty_table()
    combine = function_of(task.work.combine) if task.work.combine else None
    yield 0, combine(empty, task.work.arguments) if combine else empty
    for piece in slices(store, part, most_bytes=task.memory // _SLICE, columns=columns):
        kept = combine(piece, task.work.arguments) if combine else piece
        homes = hashes(kept[task.key]) % np.uint64(task.partitions)
        order = np.argsort(homes, kind="stable")
        borders = np.searchsorted(homes[order], np.arange(task.partitions + 1, dtype=np.uint64))
        for partition in np.flatnonzero(np.diff(borders)).tolist():
            yield partition, kept.take(pa.array(order[borders[partition] : borders[partition + 1]]))
        beat.done(piece.num_rows)


def _gathered(task: Task, store: Store, beat: Beat) -> Iterator[tuple[int, pa.Table]]:
    """What the function makes of the keys of a partition, in as many passes as they need to fit into memory."""
    function = function_of(task.work.function)
    for number in range(task.passes):
        rows = _of_pass(task, store, number)
        yield 0, function(rows.take(_by_key(rows[task.key])), task.work.arguments)
        beat.done(rows.num_rows)


def _of_pass(task: Task, store: Store, number: int) -> pa.Table:
    combine = function_of(task.work.combine) if task.work.combine else None
    gathered = [schema_of_part(store, task.inputs[0], None).empty_table()]
    size = 0
    for part in task.inputs:
        for piece in slices(store, part, most_bytes=task.memory // _SLICE, columns=None, partition=task.partition):
            inner = hashes(piece[task.key]) // np.uint64(task.partitions)
            kept = piece.filter(pa.array(inner % np.uint64(task.passes) == np.uint64(number)))
            gathered.append(kept)
            size += kept.nbytes
            if size > task.memory // 2:
                gathered = [_fewer(pa.concat_tables(gathered), task, combine)]
                size = gathered[0].nbytes
    return pa.concat_tables(gathered).combine_chunks()


def _fewer(rows: pa.Table, task: Task, combine: Function | None) -> pa.Table:
    combined = combine(rows.take(_by_key(rows[task.key])), task.work.arguments) if combine else rows
    if combined.nbytes <= task.memory // 2:
        return combined
    keys = pc.count_distinct(rows[task.key]).as_py()  # pyright: ignore[reportAttributeAccessIssue]
    cure = "makes too few of them" if combine else "has no 'combine' that could make fewer of them"
    raise SkewedKey(
        f"{rows.num_rows} rows of {keys} keys of '{task.key}' need {combined.nbytes >> 20} MiB or more, a worker has "
        f"{task.memory >> 20} MiB, half of it for them, and {task.work.function} {cure}. Give workers more memory."
    )


def _with_key(task: Task) -> Sequence[str] | None:
    columns = task.work.columns
    return columns if columns is None or task.key in columns else (*columns, task.key)


def _by_key(keys: pa.ChunkedArray) -> pa.Array:
    """The rows with those of a key together, in the order of the keys' hashes and then as they came."""
    return pa.array(np.argsort(hashes(keys), kind="stable"))


def hashes(keys: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """64 bits a key, the same everywhere: of whole numbers by arithmetic, of texts and bytes by their digest."""
    flat = keys.combine_chunks() if isinstance(keys, pa.ChunkedArray) else keys
    if pa.types.is_integer(flat.type):
        filled = flat.fill_null(0).to_numpy(zero_copy_only=False)
        return mixed(filled.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15))
    encoded = flat.cast(pa.large_binary()).fill_null(b"").dictionary_encode()
    once = b"".join(hashlib.blake2b(value, digest_size=8).digest() for value in encoded.dictionary.to_pylist())
    return np.frombuffer(once, "<u8").astype(np.uint64)[encoded.indices.to_numpy(zero_copy_only=False)]


_DOES: Mapping[str, Callable[[Task, Store, Beat], Iterator[tuple[int, pa.Table]]]] = {
    "map": _mapped,
    "split": _split,
    "gather": _gathered,
}

__all__ = ["Function", "SkewedKey", "Task", "Work", "beat_of", "function_of", "hashes", "run_task"]
