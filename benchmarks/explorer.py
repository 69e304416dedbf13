"""The explorer over a lake of some hundred thousand records: how long each page takes, and does it grow with the lake.

Releases of N and 10 N records, half of them passages and half instructions made from them, stand in lakes as the runner
leaves them (`benchmarks.standards`). One explorer answers in this process, as for a browser of this machine; each page
is asked for once before it counts, since the first answer of a server builds the lineage index and opens the tables.
"""

import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.measured import in_process, options, parsed, tell
from benchmarks.standards import DATASET, IN_BATCH, build

RECORDS, SMALLER = 200_000, 10
TIMES = 25
NARROW = ("search", "search by source and stage", "walk")  # these read as much as a page shows
MOST_GROWTH = 3.0  # of those, from a lake to one ten times as large
MOST_SECONDS = 10.0  # of any page, on a busy machine


def pages(records: int) -> Iterator[tuple[str, int, Callable[[random.Random], str]]]:
    """Name, how often it is asked for, and an address of it. Half the records are passages: every second number."""

    def record(chance: random.Random) -> str:
        return (chance.randrange(records // 2) * 2 + 1).to_bytes(8, "big").hex() + "0" * 16

    yield "start", TIMES, lambda _: "/"
    yield "search", TIMES, lambda _: "/search"
    yield "search by source and stage", TIMES, lambda _: "/search?source=manual&stage=generated_instructions"
    yield "search for words", 5, lambda _: "/search?q=spring+tide"
    yield "search for words that nobody says", 3, lambda _: "/search?q=zeppelin"
    yield "walk", TIMES, lambda chance: f"/record/{record(chance)}"
    yield "reach of a source", 5, lambda _: "/source/manual"
    yield "release", 5, lambda _: f"/release/{DATASET}/r0001"
    yield "erase preview of a record", 3, lambda chance: f"/erase?dataset={DATASET}&record={record(chance)}"


def one(root: str, records: int) -> dict[str, Any]:
    """Every page of a lake, in this process: median and 95th of 100 in milliseconds, and bytes."""
    from starlette.testclient import TestClient

    from synth_dagster.explorer.app import application
    from synth_dagster.explorer.guard import Guard
    from synth_dagster.explorer.question import Explorer
    from synth_dagster.governance.erase_places import Surroundings
    from synth_dagster.lake.lake import Lake

    client = TestClient(
        application(Explorer(Lake.open(root), Guard(), Surroundings())), base_url="http://127.0.0.1:3070"
    )
    begin = time.perf_counter()
    client.get("/search").raise_for_status()  # builds the index
    found: dict[str, Any] = {"first_answer_s": round(time.perf_counter() - begin, 2)}
    return found | {name: _measured(client, times, at) for name, times, at in pages(records)}


def _measured(client: Any, times: int, address: Callable[[random.Random], str]) -> dict[str, Any]:
    chance, seconds, size = random.Random(7), [], 0
    for number in range(times + 1):
        begin = time.perf_counter()
        answer = client.get(address(chance))
        answer.raise_for_status()
        if number:
            seconds.append(time.perf_counter() - begin)
        size = max(size, len(answer.content))
    seconds.sort()
    p50, p95 = (round(1000 * seconds[min(int(share * times), times - 1)], 1) for share in (0.5, 0.95))
    return {"p50_ms": p50, "p95_ms": p95, "kib": round(size / 1024, 1), "times": times}


def measured(records: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="lake-") as folder:
        build(Path(folder), records // 2)
        return in_process("explorer", "one", folder, records)


def growth(few: Mapping[str, Any], many: Mapping[str, Any]) -> dict[str, float]:
    """How much longer each page takes in the larger lake."""
    names = [name for name, told in many.items() if isinstance(told, dict)]
    return {name: round(many[name]["p50_ms"] / few[name]["p50_ms"], 2) for name in names}


def main(records: int) -> int:
    """Measure, print, and fail when a limit is broken."""
    few, many = measured(records // SMALLER), measured(records)
    grown = growth(few, many)
    slowest = max(told["p95_ms"] for told in many.values() if isinstance(told, dict))
    return tell(
        "explorer",
        limits={
            "pages_that_read_little_do_not_grow": all(grown[name] <= MOST_GROWTH for name in NARROW),
            "no_page_takes_long": slowest <= 1000 * MOST_SECONDS,
        },
        records=records,
        few=few,
        many=many,
        growth=grown,
    )


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--records", type=int, default=RECORDS, help="in the larger lake")
    parser.add_argument("--lake", help="one of so many records that was built, to ask in this process")
    given = parsed(parser, one=one)
    if given.lake:
        print(json.dumps(one(given.lake, given.records)))
    elif given.records <= 0 or given.records % (2 * SMALLER * IN_BATCH):
        parser.error(f"--records takes a multiple of {2 * SMALLER * IN_BATCH:,}: lakes are built of whole batches")
    else:
        raise SystemExit(main(given.records))
