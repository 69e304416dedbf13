"""Memory of teacher calls: what the process holds at its peak after 10,000 calls, and after 100,000.

In a process of its own, with the cache on and every answer kept in it. The peak is the kernel's high-water mark of this
process; `ru_maxrss` would begin with that of its parent.
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measured import options, parsed, part_of, tell, timed
from benchmarks.teacher import PROMPT, WORDS, served
from synth_dagster.teacher.budget import Budget
from synth_dagster.teacher.cache import AnswerCache
from synth_dagster.teacher.client import Teachers
from synth_dagster.teacher.roles import Endpoint

FEW, MANY, IN_FLIGHT = 10_000, 100_000, 256
MOST = 1.1


def one(url: str, few: int, many: int) -> dict[str, float]:
    """So many calls in this process, and the MiB at the two counts: at the peak until then, and at that moment."""
    endpoint = Endpoint("writer", "endpoint", ("m",), base_url=url, max_in_flight=IN_FLIGHT)
    found: dict[str, float] = {}

    async def work(teachers: Teachers) -> None:
        for last, name in ((few, "few"), (many, "many")):
            numbers = iter(range(0 if last == few else few, last))

            async def worker(numbers: Any) -> None:
                for number in numbers:
                    await teachers["writer"].tell(PROMPT, number=number, words=WORDS)

            await asyncio.gather(*(worker(numbers) for _ in range(IN_FLIGHT)))
            found[f"{name}_calls"] = teachers.usage.total.calls
            found[f"{name}_peak_mib"], found[f"{name}_mib"] = status("VmHWM"), status("VmRSS")

    with tempfile.TemporaryDirectory() as folder, AnswerCache.open(Path(folder) / "answers.sqlite") as cache:
        Teachers.run(work, {"writer": endpoint}, cache=cache, budget=Budget(tokens_per_run=10**12), run_id="benchmark")
    return found


def status(name: str) -> float:
    """MiB that the kernel tells of this process."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:"))
    return round(int(line.split()[1]) / 1024, 1)


def main(few: int, many: int) -> int:
    """Measure, print, and fail when the limit is broken."""
    with served() as url:
        done = timed(part_of("teacher_memory", "one", url, few, many))
    found = json.loads(done.pop("out"))
    ratio = round(found["many_peak_mib"] / found["few_peak_mib"], 3)
    limits = {
        f"at most {MOST} times the peak for {many // few} times the calls": ratio <= MOST,
        "every call is made": (found["few_calls"], found["many_calls"]) == (few, many),
    }
    return tell("teacher_memory", limits=limits, ratio=ratio, **found, **done)


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--few", type=int, default=FEW, help="calls")
    parser.add_argument("--many", type=int, default=MANY, help="calls")
    given = parsed(parser, one=one)
    sys.exit(main(given.few, given.many))
