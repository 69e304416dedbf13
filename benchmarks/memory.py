"""Memory is bounded: ten times the batches of one size, and the peak of the process.

The same recipe over N and 10 N shards of equal size, each in a process of its own: read, stamped, written, checked,
committed, and released. No teacher, so that nothing else is measured. The peak counts the interpreter and all imports:
what a machine must have.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measured import in_process, options, parsed, tell
from benchmarks.overhead import text_of
from tests.peak_memory import peak_bytes

FEW, MANY, RECORDS = 3, 30, 400
MOST = 1.2
RECIPE = f"""
dataset: tiny
sources:
  - {{name: notes, reader: files, path: inbox/notes/, license: CC0-1.0, lang: en, shard: {RECORDS}}}
stages:
  seed_corpus: [pii]
  filtered_mix:
    of: seed_corpus
    filters: [{{gopher_quality: {{min_words: 3}}}}]
"""


def one(batches: int) -> dict[str, Any]:
    """A run over so many batches, in this process; what it made and what it took."""
    from tests.assets.project import small_project

    with tempfile.TemporaryDirectory(prefix="memory-") as folder:
        project = small_project(Path(folder) / "p", RECIPE)
        project.deliver([text_of(number) for number in range(batches * RECORDS)])
        told = project.run()
        if told.causes:
            raise RuntimeError("; ".join(told.causes))
        records, made, _ = project.lake.counts("tiny")["seed_corpus"]
        kept, _, _ = project.lake.counts("tiny")["filtered_mix"]
    return {"batches": made, "records": records, "kept": kept, "peak_mib": round(peak_bytes() / 2**20, 1)}


def main() -> int:
    """Measure, print, and fail when the limit is broken."""
    few, many = (in_process("memory", "one", batches) for batches in (FEW, MANY))
    ratio = round(many["peak_mib"] / few["peak_mib"], 3)
    return tell(
        "memory",
        limits={
            f"at most {MOST} times the peak": ratio <= MOST,
            "ten times the records": many["records"] >= 9 * few["records"],
        },
        ratio=ratio,
        few=few,
        many=many,
    )


if __name__ == "__main__":
    parsed(options(__doc__), one=one)
    sys.exit(main())
