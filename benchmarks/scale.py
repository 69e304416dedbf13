"""What does each step of the engine's work cost a million records: bytes read and written, rows shuffled, time, memory?

Pages of 364 words, and texts of ten, are signed and brought together by the engine as a release of many records does it
(`minhash` by `runner/shuffled_duplicates`), and the signals of a filter are computed as a large batch does it. One
thread works, with so much memory as `--memory` says; the process's peak is measured beside it, phase by phase. The
`union` joins the pairs that workers found in this process, whose arrays are as long as there are records:
`--short 10000000` shows that they stay within what a worker may use.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.deduplication import peak_mib, pool_of, short_texts, texts_of
from benchmarks.measured import ROOT, in_process, options, parsed, tell

FILTERS = ("gopher_quality", "gopher_repetition", "fineweb_quality")


class Clock:
    """CPU seconds of each phase, as the engine tells of them, and by how much its memory was more than at the start."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.peaks: dict[str, int] = {}
        self._phase, self._since, self._start, self._ends = "write", time.process_time(), resident_mib(), Event()
        self._watch = Thread(target=self._watched, daemon=True)
        self._watch.start()

    def told(self, phase: str, done: int, total: int) -> None:
        now = time.process_time()
        self.seconds[self._phase] = self.seconds.get(self._phase, 0) + now - self._since
        # what the last phase found is joined in this process, after its last task
        self._phase, self._since = ("union" if phase == "gather" and done == total else phase), now

    def stop(self) -> None:
        self.told("", 0, 0)
        self._ends.set()
        self._watch.join()

    def _watched(self) -> None:
        while not self._ends.wait(0.005):
            self.peaks[self._phase] = max(self.peaks.get(self._phase, 0), resident_mib() - self._start)


def resident_mib() -> int:
    """Of this process, as Linux tells it."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


def part_make(kind: str, count: str, file: str) -> dict[str, Any]:
    """The texts, in a process of their own: making them takes more memory than what is measured."""
    table = pool_of(texts_of(int(count))[0]) if kind == "pages" else short_texts(int(count))
    with pa.OSFile(file, "wb") as into, pa.ipc.new_file(into, table.schema) as writer:
        writer.write_table(table)
    return {}


def read_texts(file: str) -> pa.Table:
    with pa.OSFile(file) as source:
        return pa.ipc.open_file(source).read_all()


def part_duplicates(file: str, memory: str) -> dict[str, Any]:
    """Near-duplicates by a shuffle."""
    from synth_dagster.methods.dedup.minhash import Minhash
    from synth_dagster.runner.shuffled_duplicates import clusters_by_workers
    from synth_dagster.scale.engine import Engine
    from synth_dagster.scale.workers import Threads
    from synth_dagster.storage import open_store

    table = read_texts(file)
    step = SimpleNamespace(slug="minhash", key="minhash", method=Minhash.model_validate({}))
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    with tempfile.TemporaryDirectory() as folder:
        before, clock = peak_mib(), Clock()
        engine = Engine(Threads(1), memory=int(memory) << 20)
        found = clusters_by_workers(engine, open_store(folder), "work", step, table, told=clock.told)  # type: ignore[arg-type]  # what is read of a step
        clock.stop()
        sizes = {
            "texts": bytes_of(folder, "work/texts.parquet"),
            "signed": bytes_of(folder, "work/signed/map/*.parquet"),
            "split": bytes_of(folder, "work/met/split/*.parquet"),
            "met": bytes_of(folder, "work/met/gather/*.parquet"),
        }
        rows = {
            "shuffled": rows_of(folder, "work/met/split/*.parquet"),
            "pairs": rows_of(folder, "work/met/gather/*.parquet"),
        }
    dropped = found.num_rows - int(np.count_nonzero(found["keep"].to_numpy(zero_copy_only=False)))
    return {
        "records": table.num_rows,
        "text_bytes": int(pa.compute.sum(pa.compute.binary_length(table["text"])).as_py()),  # type: ignore[attr-defined]
        "cpu_s": {phase: round(spent, 2) for phase, spent in clock.seconds.items() if spent >= 0.005},
        "bytes": sizes,
        "rows": rows,
        "kept": table.num_rows - dropped,
        "above_start_mib": clock.peaks,
        "peak_before_mib": before,
        "peak_mib": peak_mib(),
    }


def part_signals(file: str, memory: str) -> dict[str, Any]:
    """The signals of three filters, as workers compute them."""
    from synth_dagster.runner.signals import FEW, signals_of
    from synth_dagster.scale.engine import Engine, Part, Work
    from synth_dagster.scale.parts import write_part
    from synth_dagster.scale.workers import Threads
    from synth_dagster.storage import open_store

    table = read_texts(file)
    rows = table.num_rows
    names = {name: pa.array([value] * rows, pa.string()) for name, value in (("status", "current"), ("source", "a"))}
    blank = {name: pa.nulls(rows, pa.string()) for name in ("title", "url")}
    full = pa.table({"record_id": table["record_id"], "text": table["text"], **names, **blank})
    arguments = {
        "kind": "document",
        "root": str(ROOT),
        "filters": {name: {"slug": name, "settings": {}} for name in FILTERS},
    }
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(folder)
        pieces = ((0, full.slice(first, FEW)) for first in range(0, rows, FEW))
        whole = write_part(store, "records.parquet", pieces, "benchmark")
        inputs = [Part(whole.file, (group,), number, whole.digest) for number, group in enumerate(whole.groups)]
        before, clock = peak_mib(), Clock()
        work = Work(f"synth_dagster.runner.signals:{signals_of.__name__}", arguments)
        Engine(Threads(1), memory=int(memory) << 20).map_batches(store, inputs, work, folder="work", told=clock.told)
        clock.stop()
        sizes = {"records": bytes_of(folder, "records.parquet"), "signals": bytes_of(folder, "work/map/*.parquet")}
    seconds = {phase: round(spent, 2) for phase, spent in clock.seconds.items() if spent >= 0.005}
    told = {"records": rows, "cpu_s": seconds, "bytes": sizes, "above_start_mib": clock.peaks}
    return told | {"peak_before_mib": before, "peak_mib": peak_mib()}


def bytes_of(folder: str, pattern: str) -> int:
    return sum(path.stat().st_size for path in Path(folder).glob(pattern))


def rows_of(folder: str, pattern: str) -> int:
    import pyarrow.parquet as pq

    return sum(pq.read_metadata(path).num_rows for path in Path(folder).glob(pattern))


def per_million(found: dict[str, Any]) -> dict[str, Any]:
    """CPU seconds and MiB of a million such records."""
    times = 1e6 / found["records"]
    return {
        "cpu_s": {phase: round(spent * times, 1) for phase, spent in found["cpu_s"].items()},
        "mib": {name: round(size * times / 2**20, 1) for name, size in found["bytes"].items()},
        **({"rows": {name: round(rows * times) for name, rows in found["rows"].items()}} if "rows" in found else {}),
        "above_inputs_mib": found["peak_mib"] - found["peak_before_mib"],
        "by_phase_mib": found["above_start_mib"],
    }


def main(asked: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as folder:
        pages, short = f"{folder}/pages.arrow", f"{folder}/short.arrow"
        in_process("scale", "make", "pages", asked.pages, pages)
        in_process("scale", "make", "short", asked.short, short)
        found = {
            "duplicates of pages": in_process("scale", "duplicates", pages, asked.memory),
            "duplicates of short texts": in_process("scale", "duplicates", short, asked.memory),
            "signals of pages": in_process("scale", "signals", pages, asked.memory),
        }
    above = {name: one["peak_mib"] - one["peak_before_mib"] for name, one in found.items()}
    # half as much again for what Python and Arrow hold (docs/scale.md)
    limits = {f"{name}: memory is what is set": used <= 1.5 * asked.memory for name, used in above.items()}
    return tell(
        "scale",
        limits=limits,
        memory_mib=asked.memory,
        per_million={name: per_million(one) for name, one in found.items()},
        measured=found,
    )


PARTS = {"make": part_make, "duplicates": part_duplicates, "signals": part_signals}

if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--pages", type=int, default=50_000)
    parser.add_argument("--short", type=int, default=1_000_000)
    parser.add_argument("--memory", type=int, default=512, help="MiB of a worker.")
    sys.exit(main(parsed(parser, **PARTS)))
