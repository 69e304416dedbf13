"""What is written beside an export, of a release of a million records: time and peak of the process.

Releases of N and 100 N instructions, made from as many passages in batches of ten thousand, stand in a lake as the
runner leaves them. Each is handed over with every standard in a process of its own, and once more with none: the facts
are gathered for both, so the difference is what the standards cost.
"""

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.measured import in_process, options, parsed, tell
from tests.peak_memory import peak_bytes

FEW, MANY = 10_000, 1_000_000
IN_BATCH = 10_000
MOST_MIB = 1536  # DuckDB may use 1 GB before it spills; the rest is the interpreter, all imports and one batch of rows
MOST_SECONDS_MORE = 120
DATASET, SOURCES = "tiny", ("manual", "forum", "web")


def build(root: Path, count: int) -> None:
    """A lake with a release of so many records."""
    from synth_dagster.lake.lake import Lake
    from synth_dagster.lake.meta_values import Release
    from synth_dagster.parts.text.tokens import NAME

    lake = Lake.open(root)
    pins: dict[str, Any] = {}
    template = _template()
    for start in range(0, count, IN_BATCH):
        source = SOURCES[start // IN_BATCH % len(SOURCES)]
        batch = f"{source}:b{start // IN_BATCH:04d}"
        passages = _renamed(template[0], start, 0, source, batch)
        above = _accepted(lake, "seed_corpus", batch, passages, {"delivery": batch})
        made = _renamed(template[1], start, 1, source, batch)
        below = _accepted(lake, "generated_instructions", batch, made, {"seed_corpus": above.data_version})
        pins[batch] = {"records": below.candidate_id, "data_version": below.data_version}
    rows = pa.concat_tables(_renamed(template[1], start, 1, "manual", "r") for start in range(0, count, IN_BATCH))
    _accepted(lake, "verdicts", "r0001", _verdicts(rows), {}, partition="release")
    kept = rows.append_column("copies", pa.array([1] * rows.num_rows, pa.int32()))
    version = _accepted(lake, "filtered_mix", "r0001", kept, {}, partition="release")
    manifest = {
        "of": "generated_instructions",
        "table": "filtered_mix",
        "recipe": "recipe",
        "mix": "rules",
        "missing": {},
    }
    manifest |= {"batches": pins, "token_counter": NAME, "use": {}, "verdicts": {"kept": count, "dropped": {}}}
    lake.meta.add_release(
        Release(DATASET, "r0001", "identity", version.data_version, manifest, count, demo=False, run_id="run")
    )


def _template() -> tuple[pa.Table, pa.Table]:
    """A batch of passages and one of instructions made from them, whose ids are still to be given."""
    from synth_dagster.record_tables import to_table
    from synth_dagster.records import Document, Instruction, digest

    passages = [
        Document(
            body="The spring tide of March came early. " * 8,
            record_id=digest(n),
            license="CC-BY-4.0",
            lang="en",
            url=f"https://host{n % 500}.example/{n}",
            attributes={"native_key": str(n), "chunk": 0},
            method="files",
            stage="seed_corpus",
            batch="manual:b0000",
        )
        for n in range(IN_BATCH)
    ]
    made = [
        Instruction.single("Which tide was meant?", "The spring tide of March. " * 8, parents=[one.as_parent()])
        for one in passages
    ]
    return to_table(passages, "document"), to_table(made, "instruction")


def _renamed(table: pa.Table, start: int, stage: int, source: str, batch: str) -> pa.Table:
    ids = [((start + n) * 2 + stage).to_bytes(8, "big") + bytes(8) for n in range(table.num_rows)]
    given = {
        "record_id": pa.array(ids, table.schema.field("record_id").type),
        "content_hash": pa.array(ids, table.schema.field("content_hash").type),
        "source": pa.array([source] * len(ids)),
        "batch": pa.array([batch] * len(ids)),
        "run_id": pa.array(["run"] * len(ids)),
        "created_at": pa.array([datetime(2026, 3, 1, tzinfo=UTC)] * len(ids)),
    }
    for name, values in given.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(name), values.cast(table.schema.field(name).type))
    return table


def _verdicts(rows: pa.Table) -> pa.Table:
    from synth_dagster.runner.verdicts import VERDICT

    known: dict[str, Any] = {
        "record_id": rows["record_id"],
        "stage": ["generated_instructions"] * rows.num_rows,
        "batch": rows["batch"],
        "source": rows["source"],
        "verdict": ["kept"] * rows.num_rows,
        "tokens": [52] * rows.num_rows,
        "copies": [1] * rows.num_rows,
    }
    columns = [
        pa.chunked_array(known[field.name].chunks).cast(field.type)
        if isinstance(known.get(field.name), pa.ChunkedArray)
        else pa.array(known.get(field.name, [None] * rows.num_rows), field.type)
        for field in VERDICT
        if field.name != "release"
    ]
    return pa.table(columns, schema=pa.schema([field for field in VERDICT if field.name != "release"]))


def _accepted(lake: Any, stage: str, batch: str, rows: pa.Table, inputs: Any, partition: str = "batch") -> Any:
    said: dict[str, Any] = {"run_id": "run", "session_id": "session", "code_version": stage, "recipe_hash": "recipe"}
    written = lake.write_candidate(
        DATASET, stage, batch, rows, rejects=None, inputs=inputs, details={}, partition=partition, **said
    )
    lake.meta.record_gate(written.candidate_id, passed=True, suite="none", checks=[])
    lake.accept(written)
    return written


def one(root: str, standards: str) -> dict[str, Any]:
    """An export in this process; what it wrote and what it took."""
    from synth_dagster.exports.place import Folder
    from synth_dagster.exports.standards import chosen
    from synth_dagster.governance.handover import Wishes, hand_over
    from synth_dagster.lake.lake import Lake

    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="standards-") as folder:
        to = Folder(Path(folder) / "out")
        wishes = Wishes(standards=chosen(standards))
        done = hand_over(Lake.open(root), DATASET, "r0001", format_="trl", to=to, wishes=wishes)
        beside = sum(path.stat().st_size for path in (Path(folder) / "out").glob("*") if "train" not in path.name)
    seconds = round(time.perf_counter() - start, 1)
    return {
        "rows": done.manifest.rows,
        "beside_mib": round(beside / 2**20, 2),
        "peak_mib": round(peak_bytes() / 2**20, 1),
        "seconds": seconds,
    }


def main() -> int:
    """Measure, print, and fail when a limit is broken."""
    found: dict[str, Any] = {}
    for name, count in (("few", FEW), ("many", MANY)):
        with tempfile.TemporaryDirectory(prefix="lake-") as folder:
            in_process("standards", "build", folder, count)
            found[name] = {which: in_process("standards", "one", folder, which) for which in ("none", "all")}
    many = found["many"]
    more = round(many["all"]["seconds"] - many["none"]["seconds"], 1)
    return tell(
        "standards",
        limits={
            "memory_is_bounded": many["all"]["peak_mib"] <= MOST_MIB,
            "the_standards_take_little_time": more <= MOST_SECONDS_MORE,
            "every_record_went_out": many["all"]["rows"] == MANY,
        },
        seconds_more=more,
        **found,
    )


if __name__ == "__main__":
    parsed(options(__doc__), build=lambda folder, count: build(Path(folder), count), one=one)
    raise SystemExit(main())
