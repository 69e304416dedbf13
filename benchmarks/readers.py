"""How fast deliveries are read on one core: each format beside a bare loop of the library that parses it.

The bare loop makes nothing of a row but its values. The reader makes an item of it: fields mapped, checked, keyed, with
a place that a later run can start at; and then the plan hashes it. Counts are compared, times are CPU seconds.
"""

import csv
import gzip
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.measured import options, parsed, tell

ROWS, WORDS = 20_000, 250
MOST = 12.0  # times the bare loop, of items that are planned too


def text_of(number: int) -> str:
    return " ".join(f"w{(number * 7919 + place * 104_729) % 5_003}" for place in range(WORDS))


def rows() -> Iterable[dict[str, str]]:
    return ({"id": f"d{number}", "text": text_of(number), "title": f"title {number}"} for number in range(ROWS))


def deliver(folder: Path) -> None:
    """The same rows in every format."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    lines = "".join(json.dumps(row) + "\n" for row in rows())
    (folder / "a.jsonl").write_text(lines)
    (folder / "a.jsonl.gz").write_bytes(gzip.compress(lines.encode(), 6))
    (folder / "a.jsonl.zst").write_bytes(pa.compress(lines.encode(), codec="zstd", asbytes=True))
    (folder / "a.json").write_text(json.dumps(list(rows())))
    with (folder / "a.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["id", "text", "title"])
        writer.writeheader()
        writer.writerows(rows())
    pq.write_table(pa.Table.from_pylist(list(rows())), folder / "a.parquet", row_group_size=5_000)


def bare_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for line in file if json.loads(line))


def bare_gzip(path: Path) -> int:
    with gzip.open(path) as file:
        return sum(1 for line in file if json.loads(line))


def bare_zst(path: Path) -> int:
    import pyarrow as pa

    lines = pa.input_stream(str(path), compression="zstd").read().splitlines()
    return sum(1 for line in lines if json.loads(line))


def bare_array(path: Path) -> int:
    return len(json.loads(path.read_bytes()))


def bare_csv(path: Path) -> int:
    with path.open(newline="") as file:
        return sum(1 for _ in csv.reader(file)) - 1


def bare_parquet(path: Path) -> int:
    import pyarrow.parquet as pq

    return sum(len(batch.to_pylist()) for batch in pq.ParquetFile(path).iter_batches(1_000))


BARE: dict[str, Callable[[Path], int]] = {
    "a.jsonl": bare_lines,
    "a.jsonl.gz": bare_gzip,
    "a.jsonl.zst": bare_zst,
    "a.json": bare_array,
    "a.csv": bare_csv,
    "a.parquet": bare_parquet,
}


def timed(count: Callable[[], int]) -> tuple[int, float]:
    """What was counted, and the CPU seconds of the better of two runs."""
    taken, found = [], 0
    for _ in range(2):
        start = time.process_time()
        found = count()
        taken.append(time.process_time() - start)
    return found, min(taken)


def measured(folder: Path, name: str) -> dict[str, Any]:
    from synth_dagster.parts.shards import shards
    from synth_dagster.readers.files import Files
    from synth_dagster.readers.places import Places

    def items():
        return Files.model_validate({"path": name}).items(Places(folder))

    bare_count, bare_s = timed(lambda: BARE[name](folder / name))
    count, items_s = timed(lambda: sum(1 for _ in items()))
    planned, plan_s = timed(lambda: sum(shard.count for shard in shards(items(), target=500)))
    megabytes = sum(len(text_of(number)) for number in range(ROWS)) / 1e6
    return {
        "counts_agree": bare_count == count == planned == ROWS,
        "text_mb": round(megabytes, 1),
        "bare_mb_s": round(megabytes / bare_s, 1),
        "items_mb_s": round(megabytes / items_s, 1),
        "planned_mb_s": round(megabytes / plan_s, 1),
        "planned_to_bare": round(plan_s / bare_s, 2),
    }


def main() -> int:
    """Measure, print, and fail when a limit is broken."""
    with tempfile.TemporaryDirectory(prefix="readers-") as folder:
        deliver(Path(folder))
        found = {name: measured(Path(folder), name) for name in BARE}
    return tell(
        "readers",
        limits={
            "counts agree": all(one["counts_agree"] for one in found.values()),
            f"planned in at most {MOST} times the bare loop": all(
                one["planned_to_bare"] <= MOST for one in found.values()
            ),
        },
        formats=found,
    )


if __name__ == "__main__":
    parsed(options(__doc__))
    sys.exit(main())
