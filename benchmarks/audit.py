"""The audit page of a release of a million records: time and peak of the process that writes it.

Releases of N and 100 N instructions, made from as many passages, stand in a lake as the runner leaves them
(`benchmarks.standards`). The facts are gathered and the page is written in a process of its own, as `synth audit` does.
"""

import tempfile
import time
from typing import Any

from benchmarks.measured import in_process, options, parsed, tell
from benchmarks.standards import DATASET, FEW, MANY
from tests.peak_memory import peak_bytes

MOST_MIB = 1536  # DuckDB may use 1 GB before it spills; the rest is the interpreter, all imports, and the verdicts
MOST_SECONDS = 240
MOST_PAGE_MIB = 4  # counts and a few samples, however many records there are


def one(root: str) -> dict[str, Any]:
    """The page of a release, written in this process; what it took."""
    from synth_dagster.governance.licences import licence_report
    from synth_dagster.governance.questions import answered
    from synth_dagster.governance.report import release_facts, write_report
    from synth_dagster.lake.lake import Lake

    lake = Lake.open(root)
    release = lake.meta.release(DATASET, "r0001")
    start = time.perf_counter()
    kept = sum(line.kept for line in licence_report(lake, release).lines)
    licences, start = time.perf_counter() - start, time.perf_counter()
    facts = release_facts(lake, release, None)
    gathered, start = time.perf_counter() - start, time.perf_counter()
    write_report(lake, facts)
    written = time.perf_counter() - start
    page = lake.store.entry(f"reports/{DATASET}/r0001.html")
    assert page is not None
    return {
        "records": facts.about.kept,
        "of_known_licence": kept,
        "questions": len(answered(facts)),
        "licences_seconds": round(licences, 2),
        "facts_seconds": round(gathered, 1),
        "page_seconds": round(written, 1),
        "page_mib": round(page.size / 2**20, 2),
        "peak_mib": round(peak_bytes() / 2**20, 1),
    }


def measured(count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="lake-") as folder:
        in_process("standards", "build", folder, count)
        return in_process("audit", "one", folder)


def main() -> int:
    """Measure, print, and fail when a limit is broken."""
    found: dict[str, Any] = {name: measured(count) for name, count in (("few", FEW), ("many", MANY))}
    many = found["many"]
    return tell(
        "audit",
        limits={
            "memory_is_bounded": many["peak_mib"] <= MOST_MIB,
            "it_takes_minutes_at_most": many["facts_seconds"] + many["page_seconds"] <= MOST_SECONDS,
            "the_page_does_not_grow_with_the_records": many["page_mib"] <= MOST_PAGE_MIB,
            "every_record_is_counted": many["records"] == many["of_known_licence"] == MANY,
        },
        **found,
    )


if __name__ == "__main__":
    parsed(options(__doc__), one=one)
    raise SystemExit(main())
