"""Where vectorised work runs: one `map_batches` and one `shuffle`, the same on this machine and on Ray.

Which of them does the work is chosen where the lake is chosen, never by a method. What is done is cut into parts by the
inputs and the memory of a worker alone, so one worker and a hundred give the same rows. Between two phases there are
files with checksums, so a worker that dies loses one task, and a run that is repeated finds what is done.
"""

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeAlias

import pyarrow as pa

from synth_dagster.errors import SynthError
from synth_dagster.scale.parts import Part, whole
from synth_dagster.scale.tasks import BEAT_SECONDS, Task, Work, beat_of
from synth_dagster.scale.workers import Threads
from synth_dagster.storage import NotThere, S3Options, Store
from synth_dagster.storage.fence import fence_of

ROUNDS = 3  # how often a file that went bad between two phases is made again
SCRATCH = "scratch"  # of a lake: what stands between phases, and the lease of whoever works there
PARTITIONS_TO_SHARE = 32  # so many partitions even where fewer would fit into memory, so that workers can share them

Told: TypeAlias = Callable[[str, int, int], None]
"""Called with a phase, the rows that are done and all its rows."""


class ScaleError(SynthError):
    """Work could not be carried out where it was to run."""


class Workers(Protocol):
    """Those who do tasks, on this machine or on others."""

    def run(self, tasks: Sequence[str], s3: S3Options | None, waiting: Callable[[], None]) -> Iterator[tuple[int, str]]:
        """The place of each task and its result, as they are done; `waiting` is called about every second meanwhile.

        What a worker that died had in hand is done again by another. Raises what a function raises.
        """
        ...


def unheard(phase: str, done: int, total: int) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Engine:
    """Does vectorised work over Parquet files of a store, in bounded memory."""

    workers: Workers = field(default_factory=Threads)
    memory: int = 1 << 30  # bytes of one worker
    s3: S3Options | None = field(default=None, repr=False)  # how workers reach a bucket

    def map_batches(
        self, store: Store, inputs: Sequence[Part], work: Work, *, folder: str, told: Told = unheard
    ) -> list[Part]:
        """The function's rows for each input, in their order. It must look at each row by itself."""
        named = self._tasks(store)
        tasks = [named("map", f"{folder}/map/{n:06d}.parquet", (part,), work) for n, part in _each(inputs)]
        return self._done("map", store, tasks, [], told)

    def shuffle(
        self, store: Store, inputs: Sequence[Part], work: Work, *, key: str, folder: str, told: Told = unheard
    ) -> list[Part]:
        """The function's rows for all keys, each key's rows in one call: in the order of inputs, as they came.

        A key with more rows than fit into memory needs `work.combine`; without it SkewedKey is raised.
        """
        size = sum(part.bytes for part in inputs)
        partitions = max(math.ceil(size / self._piece), min(len(inputs), PARTITIONS_TO_SHARE), 1)
        named = self._tasks(store)
        splits = [
            replace(
                named("split", f"{folder}/split/{n:06d}.parquet", (part,), work),
                key=key,
                partitions=partitions,
            )
            for n, part in _each(inputs)
        ]
        split = self._done("split", store, splits, [], told)
        gathers = [
            replace(
                named("gather", f"{folder}/gather/{partition:06d}.parquet", pieces, work),
                key=key,
                partitions=partitions,
                partition=partition,
                passes=max(1, math.ceil(sum(part.bytes for part in pieces) / self._piece)),
            )
            for partition, pieces in enumerate(_by_partition(split, partitions))
        ]
        return self._done("gather", store, gathers, splits, told)

    @property
    def _piece(self) -> int:
        return max(1, self.memory // 4)

    def _tasks(self, store: Store) -> Callable[[str, str, tuple[Part, ...], Work], Task]:
        """Makes tasks of this time, by kind, file, inputs and work."""
        fence = fence_of(store)

        def named(kind: str, file: str, inputs: tuple[Part, ...], work: Work) -> Task:
            return Task(kind, store.url, file, inputs, work, self.memory, fence=fence)  # type: ignore[arg-type]

        return named

    # --------------------------------------------------------------------------------------------------------- doing

    def _done(self, phase: str, store: Store, tasks: Sequence[Task], earlier: Sequence[Task], told: Told) -> list[Part]:
        """The parts of all tasks; files of earlier tasks that turn out spoiled are made again first."""
        made: dict[int, Part] = {}
        heard = _Heard(phase, store, tasks, told)
        spoiled: set[str] = set()
        for _ in range(ROUNDS):
            left = [place for place in range(len(tasks)) if place not in made]
            texts = [tasks[place].as_json() for place in left]
            spoiled = set()
            for number, text in self.workers.run(texts, self.s3, heard.listen):
                result = json.loads(text)
                if "spoiled" in result:
                    spoiled.add(result["spoiled"])
                else:
                    made[left[number]] = Part.from_json(result["part"])
                    heard.finished(left[number])
            if not spoiled:
                return [made[place] for place in range(len(tasks))]
            self._done(f"{phase} again", store, [task for task in earlier if task.file in spoiled], [], told)
        raise ScaleError(
            f"Files between two phases went bad {ROUNDS} times, last {min(spoiled)}. Look at the disk or the bucket."
        )


def _each(inputs: Sequence[Part]) -> Iterator[tuple[int, Part]]:
    return enumerate(inputs)


def _by_partition(parts: Sequence[Part], partitions: int) -> list[tuple[Part, ...]]:
    """What each partition is read from: its row groups alone, and none of the first part, which tells the columns.

    A task that named all pieces of all partitions would be as long as the table is large.
    """
    found: list[list[Part]] = [[replace(part, groups=()) for part in parts[:1]] for _ in range(partitions)]
    for part in parts:
        for number, group in enumerate(part.groups, part.first):
            found[group.partition].append(replace(part, groups=(group,), first=number))
    return [tuple(pieces) for pieces in found]


class _Heard:
    """Puts together what finished tasks and the beats of running ones say."""

    def __init__(self, phase: str, store: Store, tasks: Sequence[Task], told: Told) -> None:
        self._phase, self._store, self._told = phase, store, told
        self._rows = {place: _rows_of(task) for place, task in enumerate(tasks)}
        self._beats = {place: beat_of(task.file) for place, task in enumerate(tasks)}
        self._total, self._done, self._looked = sum(self._rows.values()), 0, time.monotonic()
        told(phase, 0, self._total)

    def finished(self, place: int) -> None:
        self._done += self._rows[place]
        self._store.remove(self._beats.pop(place))
        self._told(self._phase, self._done, self._total)

    def listen(self) -> None:
        if time.monotonic() - self._looked < BEAT_SECONDS or not self._beats:
            return
        self._looked = time.monotonic()
        folder = next(iter(self._beats.values())).rpartition("/")[0]
        there = {entry.name for entry in self._store.entries(f"{folder}/") if entry.name.endswith(".beat")}
        running = sum(_rows_in(self._store, beat) for beat in self._beats.values() if beat in there)
        self._told(self._phase, min(self._done + running, self._total), self._total)


def _rows_of(task: Task) -> int:
    if task.kind != "gather":
        return sum(part.rows for part in task.inputs)
    return sum(g.rows for part in task.inputs for g in part.groups if g.partition == task.partition)


def _rows_in(store: Store, beat: str) -> int:
    try:
        return int(json.loads(store.read(beat))["rows"])
    except (NotThere, ValueError, KeyError):
        return 0


# ------------------------------------------------------------------------------------------------------------- results


def read(store: Store, parts: Sequence[Part], columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of parts that workers wrote as one table, in their order. Raises Spoiled."""
    return pa.concat_tables([whole(store, part, columns) for part in parts])


@contextmanager
def scratch(store: Store, name: str) -> Iterator[str]:
    """A folder of a store for what stands between phases: kept when the work fails, to go on with; else removed.

    It is another folder after an erasure, and what a worker of before has left in an older one is removed.
    """
    era = hashlib.blake2b(fence_of(store).encode(), digest_size=4).hexdigest()
    folder = f"{SCRATCH}/{era}/{name}"
    for entry in list(store.entries(f"{SCRATCH}/")):
        if not entry.name.startswith(f"{SCRATCH}/{era}/"):
            store.erase(entry.name)
    yield folder
    for entry in list(store.entries(f"{folder}/")):
        store.remove(entry.name)


def remove_scratch(store: Store) -> int:
    """Remove all that stands between phases, with older versions; how many files. Nobody may be working there."""
    return sum(store.erase(entry.name) for entry in list(store.entries(f"{SCRATCH}/")))


__all__ = ["SCRATCH", "Engine", "Part", "ScaleError", "Told", "Work", "Workers", "read", "remove_scratch", "scratch"]
