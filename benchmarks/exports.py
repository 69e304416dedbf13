"""An export streams: a release of a hundred times the records, and the peak of the process.

Synthetic releases of N and 100 N instructions go out as JSON lines and as Parquet, in shards, each in a process of its
own; and once more with a tenth held out by groups of ten, which needs a few numbers a record. Nothing is read from a
lake, so that nothing else is measured.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.measured import in_process, options, parsed, tell
from tests.peak_memory import peak_bytes

FEW, MANY = 10_000, 1_000_000
AT_ONCE = 10_000
MOST = 1.5  # the peak counts the interpreter and all imports
MOST_OF_SPLIT = 400  # bytes a record


def releases(count: int) -> Iterator[pa.RecordBatch]:
    """So many instructions, each other words."""
    from synth_dagster.record_tables import to_table
    from synth_dagster.records import Instruction, digest

    some = [
        Instruction.single(
            "Which tide was meant?", "The spring tide of March. " * 8, record_id=digest(n), license="MIT"
        )
        for n in range(AT_ONCE)
    ]
    batch = to_table(some, "instruction").to_batches()[0]
    place = batch.schema.get_field_index("record_id")
    for start in range(0, count, AT_ONCE):
        ids = pa.array([(start + n).to_bytes(8, "big") + bytes(8) for n in range(AT_ONCE)], pa.binary())
        yield batch.set_column(place, batch.schema.field(place), ids)


def split(count: int) -> Any:
    """A tenth of the records, in groups of ten."""
    import numpy as np

    from synth_dagster.exports.split import grouped_split

    records = np.arange(count, dtype=np.uint64)
    links = np.stack([records, records // np.uint64(10) + np.uint64(1 << 40)], axis=1)
    return grouped_split(records, np.ones(count, np.int64), links, 0.1, 1)


def one(slug: str, count: int, held_out: bool) -> dict[str, Any]:
    """An export in this process; what it wrote and what it took."""
    from synth_dagster.exports import exporter
    from synth_dagster.exports.base import Form, Origin
    from synth_dagster.exports.files import shard_size
    from synth_dagster.exports.place import Folder
    from synth_dagster.exports.split import Split

    start = time.perf_counter()
    form = Form(split=split(count) if held_out else Split(), shard=shard_size("64MB"))
    with tempfile.TemporaryDirectory(prefix="exports-") as folder:
        to = Folder(Path(folder) / "out")
        origin = Origin(dataset="synthetic", release="r0001")
        made = exporter(slug).export(releases(count), "instruction", to=to, origin=origin, form=form)
    rows = {name: part["rows"] for name, part in made.splits.items()}
    seconds = round(time.perf_counter() - start, 1)
    return {"rows": rows, "files": len(made.files), "peak_mib": round(peak_bytes() / 2**20, 1), "seconds": seconds}


def measured(slug: str, count: int, *, held_out: bool = False) -> dict[str, Any]:
    return in_process("exports", "one", slug, count, held_out)


def main() -> int:
    """Measure, print, and fail when a limit is broken."""
    found = {slug: (measured(slug, FEW), measured(slug, MANY)) for slug in ("trl", "parquet")}
    ratios = {slug: round(many["peak_mib"] / few["peak_mib"], 3) for slug, (few, many) in found.items()}
    held = measured("trl", MANY, held_out=True)
    bytes_each = round((held["peak_mib"] - found["trl"][1]["peak_mib"]) * 2**20 / MANY)
    told: dict[str, Any] = {slug: {"few": few, "many": many} for slug, (few, many) in found.items()}
    return tell(
        "exports",
        limits={
            "memory_does_not_grow": all(ratio <= MOST for ratio in ratios.values()),
            "a_split_takes_little": bytes_each <= MOST_OF_SPLIT,
            "every_record_went_out": all(sum(many["rows"].values()) == MANY for _, many in found.values()),
        },
        peak_ratios=ratios,
        split_bytes_a_record=bytes_each,
        **told,
        held_out=held,
    )


if __name__ == "__main__":
    parsed(options(__doc__), one=one)
    raise SystemExit(main())
