"""Lineage at ten million records and fourteen million edges: one record, a withdrawn source, a batch that changed.

A tenth of the records are documents, four tenths instructions with one parent each, half pairs with two, all drawn at
random over the whole lake, which no real lake does: a source's children are in every file. They go into the tables of a
lake in files of 50,000, as an accepted batch would. Then the index is built, asked and caught up with 1 % of the
records replaced; and what it says of some records is compared with a walk over the edges as they were drawn. The index
of holdings, by which an erasure finds the files that it touches, is built and caught up beside it.
"""

import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measured import options, parsed, tell
from synth_dagster.governance.trace import trace
from synth_dagster.lake import delta_log, tables
from synth_dagster.lake.holdings import Holdings
from synth_dagster.lake.ids import Ids
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.lineage import Lineage
from synth_dagster.record_tables import PARENT, schema_of
from synth_dagster.records import RecordKind
from synth_dagster.runner.verdicts import VERDICT, VERDICTS

RECORDS = 10_000_000
A_FILE = 50_000
WITHDRAWN = 0.0145  # share of the documents that come from one source: about 200,000 of ten million descend from them
ASKED = 1_000
ONE_RECORD_MS, A_SOURCE_S, CATCH_UP_SHARE = 50.0, 5.0, 0.03
STAGES: tuple[tuple[str, RecordKind, float], ...] = (
    ("seed_corpus", "document", 0.1),
    ("generated_instructions", "instruction", 0.4),
    ("preference_pairs", "preference", 0.5),
)


@dataclass(frozen=True)
class World:
    """Who comes from whom, by number: the documents first, then the instructions, then the pairs."""

    ids: Ids
    parent: np.ndarray  # of each instruction
    parents: np.ndarray  # of each pair, two
    ends: tuple[int, int, int]
    withdrawn: int  # the first so many documents come from one source

    @classmethod
    def drawn(cls, records: int) -> "World":
        random = np.random.default_rng(1)
        ends = round(records * 0.1), round(records * 0.5), records
        halves = [random.integers(0, 2**64 - 1, records, np.uint64, endpoint=True) for _ in range(2)]
        parent = random.integers(0, ends[0], ends[1] - ends[0], np.int64)
        parents = random.integers(ends[0], ends[1], (ends[2] - ends[1], 2), np.int64)
        return cls(Ids(*halves), parent, parents, ends, round(ends[0] * WITHDRAWN))

    @property
    def edges(self) -> int:
        return len(self.parent) + self.parents.size

    def parents_of(self, first: int, last: int) -> tuple[np.ndarray, int]:
        """The parents of the records from first to last, which are of one stage, and how many each has."""
        if last <= self.ends[0]:
            return np.zeros(0, np.int64), 0
        if last <= self.ends[1]:
            return self.parent[first - self.ends[0] : last - self.ends[0]], 1
        return self.parents[first - self.ends[1] : last - self.ends[1]].reshape(-1), 2

    def ancestors(self, number: int) -> set[int]:
        found: set[int] = set()
        waiting = [number]
        while waiting:
            one = waiting.pop()
            more = set(self.parents_of(one, one + 1)[0].tolist()) - found
            found |= more
            waiting += more
        return found

    def descendants(self, documents: int) -> np.ndarray:
        """Of the first so many documents, by a walk over all edges."""
        instructions = self.ends[0] + np.flatnonzero(self.parent < documents)
        is_one = np.zeros(self.ends[1], bool)
        is_one[instructions] = True
        return np.concatenate([instructions, self.ends[1] + np.flatnonzero(is_one[self.parents].any(axis=1))])


def fill(lake: Lake, world: World) -> Iterator[tuple[str, str]]:
    """Write the world into tables, a file at a time; the stage and batch of each."""
    for (stage, kind, _), first, last in zip(STAGES, (0, *world.ends), world.ends, strict=False):
        for batch, start in enumerate(range(first, last, A_FILE)):
            rows = batch_of(world, stage, kind, start, min(start + A_FILE, last), f"notes:{batch:04d}")
            show(lake, stage, schema_of(kind), f"notes:{batch:04d}", rows)
            yield stage, f"notes:{batch:04d}"


def batch_of(world: World, stage: str, kind: RecordKind, first: int, last: int, batch: str) -> pa.Table:
    """The records from first to last with every column that a record has; their texts are empty."""
    numbers = np.arange(first, last)
    parents, each = world.parents_of(first, last)
    above = "seed_corpus" if stage == "generated_instructions" else "generated_instructions"
    is_made = kind != "document"
    given = {
        "record_id": world.ids.take(numbers).to_arrow(),
        "source": pa.array(np.where(numbers < world.withdrawn, "withdrawn", "notes")),
        "parents": lists(world.ids.take(parents).to_arrow(), each, len(numbers), above),
        "created_at": pa.array(numbers, pa.int64()).cast(pa.timestamp("us", "UTC")),
    }
    words = {"status": "current", "method": stage, "method_version": "1", "license": "MIT", "run_id": f"run-{batch}"}
    words |= {"model_id": "teacher", "prompt_hash": "e3b0c44298fc"} if is_made else {}
    given |= {name: pa.repeat(pa.scalar(word), len(numbers)) for name, word in words.items()}
    columns = {
        field.name: given.get(field.name, pa.nulls(len(numbers), field.type))
        for field in schema_of(kind)
        if field.name != "batch"
    }
    return pa.table(columns).sort_by("record_id")


def lists(ids: pa.Array, each: int, rows: int, stage: str) -> pa.Array:
    """A list of parents for each row, all of one stage."""
    columns = [ids, *(pa.repeat(pa.scalar(word), len(ids)) for word in (stage, "notes:0000", "source"))]
    structs = pa.StructArray.from_arrays(columns, fields=list(PARENT))
    return pa.ListArray.from_arrays(pa.array(np.arange(rows + 1) * each, pa.int32()), structs)


def show(lake: Lake, stage: str, schema: pa.Schema, batch: str, rows: pa.Table, *, partition: str = "batch") -> None:
    """Let a table show these rows as a batch, by the commit that accepting a candidate makes."""
    place = delta_log.Place.of(lake.store, f"demo/{stage}")
    tables.ensure(place, schema, [partition])
    name = f"{tables.partition_folder({partition: batch})}/{time.time_ns():x}.parquet"
    path = Path(lake.store.link(f"demo/{stage}/{name}"))
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows, path, compression="zstd", row_group_size=10_000)
    metadata = {"run_id": "run-1", "commit_id": name}
    tables.replace_partition(place, {partition: batch}, {name: rows.num_rows}, metadata=metadata)


def release(lake: Lake, world: World) -> None:
    """Let a release have kept every pair: what a trace reads beside the index."""
    ids = world.ids.take(np.arange(world.ends[1], world.ends[2])).unique().to_arrow()
    given = {"record_id": ids} | {
        name: pa.repeat(pa.scalar(word), len(ids)) for name, word in (("stage", STAGES[-1][0]), ("verdict", "kept"))
    }
    rows = {f.name: given.get(f.name, pa.nulls(len(ids), f.type)) for f in VERDICT if f.name != "release"}
    show(lake, VERDICTS, VERDICT, "r0001", pa.table(rows), partition="release")


def clocked(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    made = work()
    return time.perf_counter() - start, made


def asked(lineage: Lineage, world: World) -> tuple[list[float], bool]:
    """Seconds of each question about one record, up and down, and whether all ancestors were right."""
    numbers = np.random.default_rng(2).integers(0, world.ends[2], ASKED)
    seconds, right = [], True
    for number in numbers.tolist():
        (record,) = world.ids.take(np.array([number])).to_arrow().to_pylist()
        took, (above, _, _) = clocked(
            lambda record=record: (
                (now := lineage.now()).ancestors([record]),
                now.descendants([record]),
                now.entries([record]),
            )
        )
        seconds.append(took)
        wanted = world.ids.take(np.array(sorted(world.ancestors(number)), np.int64)).unique().to_arrow()
        right &= sorted(above["record_id"].to_pylist()) == wanted.to_pylist()
    return seconds, right


def told(lake: Lake, lineage: Lineage, world: World) -> list[float]:
    """Seconds of each whole answer of `synth trace ID`: with verdicts from their table, licences, prompts, versions."""
    numbers = np.random.default_rng(3).integers(0, world.ends[2], ASKED // 10)
    ids = [one.hex() for one in world.ids.take(numbers).to_arrow().to_pylist()]
    return [clocked(lambda one=one: trace(lake, one, now=lineage.now()))[0] for one in ids]


def changed(lake: Lake, world: World, made: list[tuple[str, str]]) -> int:
    """Put other files in the place of 1 % of all, of every stage; how many records they hold."""
    some = made[:: max(len(made) // max(len(made) // 100, 1), 1)][: max(len(made) // 100, 1)]
    total = 0
    firsts = dict(zip((stage for stage, _, _ in STAGES), zip((0, *world.ends), world.ends, strict=False), strict=True))
    kinds: dict[str, RecordKind] = {stage: kind for stage, kind, _ in STAGES}
    for stage, batch in some:
        first = firsts[stage][0] + int(batch.partition(":")[2]) * A_FILE
        rows = batch_of(world, stage, kinds[stage], first, min(first + A_FILE, firsts[stage][1]), batch)
        show(lake, stage, schema_of(kinds[stage]), batch, rows)
        total += rows.num_rows
    return total


def milliseconds(seconds: list[float], percentile: int) -> float:
    return round(float(np.percentile(seconds, percentile)) * 1000, 3)


def main() -> int:
    """Measure, print, and fail when a limit is broken."""
    parser = options(__doc__)
    parser.add_argument("--records", type=int, default=RECORDS)
    records = parsed(parser).records
    with tempfile.TemporaryDirectory(prefix="lineage-") as folder:
        lake, world = Lake.open(Path(folder) / "lake"), World.drawn(records)
        filled, made = clocked(lambda: list(fill(lake, world)))
        release(lake, world)
        built, files = clocked(Lineage(lake).rebuild)
        lineage, holdings = Lineage(lake), Holdings(lake)
        held_built, _ = clocked(holdings.rebuild)
        held_size = holdings.size()
        opened, counts = clocked(lineage.now().counts)
        seconds, is_right = asked(lineage, world)
        reach, found = clocked(lambda: (now := lineage.now()).descendants(now.find({"source": ["withdrawn"]})))
        wanted = world.ids.take(world.descendants(world.withdrawn)).unique()
        is_whole = Ids.from_arrow(found["record_id"]).unique().to_arrow().equals(wanted.to_arrow())
        whole = told(lake, lineage, world)
        replaced = changed(lake, world, made)
        caught_up, read = clocked(lineage.catch_up)
        size = lineage.index.catalog.size()
        held_caught_up, held_read = clocked(holdings.catch_up)
        again, _ = asked(lineage, world)
    p95, after = milliseconds(seconds, 95), milliseconds(again, 95)
    return tell(
        "lineage",
        limits={
            "one_record_p95_is_under_50_ms": max(p95, after) < ONE_RECORD_MS,
            "a_source_is_found_in_under_5_s": reach < A_SOURCE_S,
            "a_batch_of_1_percent_costs_at_most_3_percent": caught_up <= CATCH_UP_SHARE * built,
            "so_it_does_for_holdings": held_caught_up <= CATCH_UP_SHARE * held_built,
            "every_ancestor_was_right": is_right,
            "every_descendant_was_found": is_whole,
            "nothing_was_lost": counts == (records, world.edges),
        },
        records=records,
        edges=world.edges,
        files=files,
        filled_s=round(filled, 1),
        built_s=round(built, 2),
        opened_s=round(opened, 3),
        one_record_ms={"p50": milliseconds(seconds, 50), "p95": p95},
        synth_trace_ms={"p50": milliseconds(whole, 50), "p95": milliseconds(whole, 95)},
        one_record_after_a_change_p95_ms=after,
        source={"documents": world.withdrawn, "descendants": found.num_rows, "seconds": round(reach, 3)},
        catch_up={
            "files": read,
            "share_of_records": round(replaced / records, 4),
            "seconds": round(caught_up, 3),
            "share_of_a_rebuild": round(caught_up / built, 4),
        },
        holdings={
            "built_s": round(held_built, 2),
            "catch_up": {
                "files": held_read,
                "seconds": round(held_caught_up, 3),
                "share_of_a_rebuild": round(held_caught_up / held_built, 4),
            },
            "bytes_an_edge": round(held_size / world.edges, 1),
            "bytes_a_record": round(held_size / records, 1),
        },
        bytes_an_edge=round(size / world.edges, 1),
        bytes_a_record=round(size / records, 1),
        peak_mib=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    )


if __name__ == "__main__":
    raise SystemExit(main())
