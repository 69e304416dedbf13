"""What an erasure costs: by how much it touches, and by how large the lake is that it has to look through.

Documents with a question about each, in batches of one source each, so that a source is as many files as it has
batches. One batch of a small lake is erased, one of a lake that is larger, and several of it, each in a process of its
own with its peak of memory. What goes is found by the indexes: that and the rewriting follow what is touched. The look
at everything follows the lake. A search of what is touched opens no other file of a table: logs, indexes and metadata
stay, by bytes of a record.
"""

import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measured import in_process, options, parsed, tell
from synth_dagster.governance import erase
from synth_dagster.governance.erase_scope import Search, search_of
from synth_dagster.lake.erasing import Eraser
from synth_dagster.lake.holdings import Holdings
from synth_dagster.lake.lake import Lake
from synth_dagster.record_tables import to_table
from synth_dagster.records import Document, Parent, digest
from tests.lake.conftest import write_to
from tests.peak_memory import peak_bytes

SMALL, LARGE, TOUCHED, RECORDS = 8, 64, 8, 1_000
WORDS = [digest("word", number).hex()[:7] for number in range(5_000)]
MOST_TIME, MOST_MEMORY, MOST_SHARE = 2.0, 1.3, 0.75
FINDINGS = 20  # the quickest of so many: one alone is a matter of milliseconds


def records_of(batch: str, source: str, stage: str, above: list[Document]) -> list[Document]:
    """Forty words each, of nobody else; a question for each passage where there are some."""
    chance = random.Random(f"{batch}/{stage}")
    parents = [(Parent(one.record_id, "seed_corpus", batch),) for one in above] or [()] * RECORDS
    texts = [" ".join(chance.choices(WORDS, k=40)) for _ in parents]
    return [
        Document(
            record_id=digest(batch, stage, number),
            content_hash=digest(text),
            source=source,
            batch=batch,
            method="chunk",
            body=text,
            attributes={} if made_from else {"native_key": f"{batch}-{number}", "chunk": 0},
            parents=made_from,
        )
        for number, (text, made_from) in enumerate(zip(texts, parents, strict=True))
    ]


def fill(lake: Lake, batches: int, touched: int) -> int:
    """The first batches are of the source that goes; the bytes of all files of records."""
    for number in range(batches):
        batch, source = f"notes:{number:04d}", "goes" if number < touched else "stays"
        passages = records_of(batch, source, "seed_corpus", [])
        for stage, rows in (("seed_corpus", passages), ("questions", records_of(batch, source, "questions", passages))):
            lake.accept(write_to(lake, batch, to_table(rows, "document"), stage=stage))
    return sum(entry.size for entry in lake.store.entries() if entry.name.endswith(".parquet"))


def one(batches: int, touched: int, search: Search) -> dict[str, Any]:
    """An erasure of so many batches of a lake, in this process."""
    with tempfile.TemporaryDirectory(prefix="erase-") as folder:
        lake = Lake.open(Path(folder) / "lake")
        size = fill(lake, batches, touched)
        asked = erase.Asked("demo", source="goes", search=search)
        finding = found_in(lake, asked)
        peak_before, seconds = peak_bytes(), defaultdict[str, float](float)
        watched(erase, "scope", seconds)
        watched(erase, "surveyed", seconds)
        watched(erase, "search", seconds)
        watched(Eraser, "rewrite", seconds)
        begin = time.process_time()
        receipt = erase.erase(lake, asked, erase.Surroundings(), None, everything=True)
        seconds["whole"] = time.process_time() - begin
        proof, left = receipt["proof"], lake.counts("demo")
        return {
            "batches": batches,
            "touched": touched,
            "search": search,
            "mb": round(size / 1e6, 2),
            "finding": finding,
            "cpu_s": {name: round(value, 3) for name, value in seconds.items()},
            "files_rewritten": len(receipt["files"]["removed"].keys() & set(_records(receipt["files"]["removed"]))),
            "decoded_again": proof["after"]["files"] - proof["after"]["unchanged"],
            "files": proof["after"]["files"],
            "peak_mib": round(peak_bytes() / 2**20, 1),
            "peak_before_mib": round(peak_before / 2**20, 1),
            "is_right": proof["clean"]
            and proof["ids_proven"]
            and proof["text_proven"]
            and receipt["counts"]["records"] == 2 * touched * RECORDS
            and all(records == (batches - touched) * RECORDS for records, _, _ in left.values()),
        }


def found_in(lake: Lake, asked: erase.Asked) -> dict[str, Any]:
    """What it takes to find what goes, as a dry run does: at first, with the building of indexes, and from then on."""
    times: list[float] = []
    for _ in range(1 + FINDINGS):
        begin = time.process_time()
        erase.plan(lake, asked)
        times.append(time.process_time() - begin)
    rows = sum(records for records, _, _ in lake.counts(asked.dataset).values())
    return {
        "first_s": round(times[0], 3),
        "cpu_s": round(min(times[1:]), 4),
        "index_bytes_a_record": round(Holdings(lake).size() / rows, 1),
    }


def _records(files: dict[str, Any]) -> list[str]:
    return [name for name in files if name.endswith(".parquet")]


def watched(owner: Any, name: str, seconds: dict[str, float]) -> None:
    """Count the processor's seconds that a function takes, all calls together: others may be at work here too."""
    work: Callable[..., Any] = getattr(owner, name)

    def timed(*given: Any, **named: Any) -> Any:
        begin = time.process_time()
        try:
            return work(*given, **named)
        finally:
            seconds[name] += time.process_time() - begin

    setattr(owner, name, timed)


def measured(batches: int, touched: int, search: Search = "everything") -> dict[str, Any]:
    return in_process("erase", "one", batches, touched, search)


def _proving(case: dict[str, Any]) -> float:
    """Seconds of the searches before and after; the first runs within the look at everything."""
    return case["cpu_s"]["surveyed"] + case["cpu_s"]["search"]


def main() -> int:
    """Measure, print, and fail when a limit is broken."""
    small, large, more = measured(SMALL, 1), measured(LARGE, 1), measured(LARGE, TOUCHED)
    near = measured(LARGE, 1, "touched")
    share = _proving(near) / _proving(large)
    rewritten = {
        "in_a_larger_lake": round(large["cpu_s"]["rewrite"] / small["cpu_s"]["rewrite"], 2),
        "where_more_is_touched": round(more["cpu_s"]["rewrite"] / large["cpu_s"]["rewrite"], 2),
    }
    finding = {
        "in_a_larger_lake": round(large["finding"]["cpu_s"] / small["finding"]["cpu_s"], 2),
        "where_more_is_touched": round(more["finding"]["cpu_s"] / large["finding"]["cpu_s"], 2),
    }
    looked = (large["cpu_s"]["surveyed"] / large["mb"]) / (small["cpu_s"]["surveyed"] / small["mb"])
    memory = max(large["peak_mib"], more["peak_mib"]) / small["peak_mib"]
    return tell(
        "erase",
        limits={
            "all_right": all(one["is_right"] for one in (small, large, more, near)),
            f"finding_a_batch_costs_at_most_{MOST_TIME}_times_as_much_in_a_lake_{LARGE // SMALL}_times_as_large": (
                finding["in_a_larger_lake"] <= MOST_TIME
            ),
            f"searching_what_is_touched_costs_at_most_{MOST_SHARE:.0%}_of_everything": share <= MOST_SHARE,
            "files_rewritten_are_those_touched": [one["files_rewritten"] for one in (small, large, more)]
            == [2, 2, 2 * TOUCHED],
            f"rewriting_a_batch_costs_at_most_{MOST_TIME}_times_as_much_in_a_lake_{LARGE // SMALL}_times_as_large": (
                rewritten["in_a_larger_lake"] <= MOST_TIME
            ),
            f"rewriting_{TOUCHED}_times_as_much_costs_at_most_{MOST_TIME * TOUCHED:g}_times_as_much": (
                rewritten["where_more_is_touched"] <= MOST_TIME * TOUCHED
            ),
            f"peak_memory_grows_at_most_{MOST_MEMORY}_times": memory <= MOST_MEMORY,
        },
        finding=finding,
        rewriting=rewritten,
        looking_at_a_megabyte_in_the_larger_lake=round(looked, 2),
        searching_what_is_touched_of_everything=round(share, 2),
        peak_memory_ratio=round(memory, 3),
        cases=[small, large, more, near],
    )


if __name__ == "__main__":
    parsed(options(__doc__), one=lambda batches, touched, search: one(batches, touched, search_of(search)))
    sys.exit(main())
