"""What a teacher's faults cost: the gateway's calls a second beside those of an oracle that knows the endpoint's limit.

Each endpoint is a process of its own on loopback (tests/teacher/switched.py). The oracle is computed: it never has a
worker idle and never sends in vain, so it gets the lesser of the endpoint's rate and its workers by their mean time,
less the share of requests that fail there. The gateway is told nothing of it. `stopped_s` is how long the whole work
took where nothing can be had.
"""

import asyncio
import logging
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.measured import options, parsed, tell
from synth_dagster.errors import TeacherError
from synth_dagster.prompt import Prompt
from synth_dagster.services import Reply, Teacher
from synth_dagster.teacher.budget import Budget
from synth_dagster.teacher.cache import AnswerCache
from synth_dagster.teacher.client import Teachers
from synth_dagster.teacher.roles import Endpoint
from tests.teacher.switched import Process, Switches, served, word_for

AT_LEAST = 0.9
CALLERS = 256
PROMPT = Prompt(user="Write a word about {number}.")


@dataclass(frozen=True)
class Storm:
    """Work that a fault may slow down but not lose.

    It takes the oracle some 24 s: with half of that, how the server's seconds fall decides a tenth.
    """

    name: str
    servers: Sequence[Switches]
    settings: Mapping[str, Any] = field(default_factory=dict)
    calls: int = 2_400
    one_dies: bool = False  # after a quarter of the answers

    @property
    def oracle_s(self) -> float:
        """How long the work takes one who knows the limits, and hears of a death at once."""
        rates = [server.answers_a_second for server in self.servers]
        if not self.one_dies:
            return self.calls / sum(rates)
        return self.calls / 4 / sum(rates) + 3 * self.calls / 4 / sum(rates[1:])


EIGHT = {"workers": 8, "service_s": 0.08}  # 100 a second
STORMS = (
    Storm("429", [Switches(per_second=100)]),
    Storm("429 with Retry-After", [Switches(per_second=100, retry_after=True)]),
    Storm("slow queue", [Switches(**EIGHT)]),
    # All 256 that are sent at first may time out, which is 2.6 s of the server's work and no more in an hour than here.
    Storm(
        "256 told to four workers",
        [Switches(workers=4, service_s=0.04)],
        {"max_in_flight": 256, "timeout_s": 2.0},
        calls=3_600,
    ),
    Storm("5 % errors", [Switches(**EIGHT, errors=0.05)]),
    Storm("2 % dropped connections", [Switches(**EIGHT, drops=0.02)]),
    Storm("5 % broken JSON", [Switches(**EIGHT, broken=0.05)]),
    Storm("5 % take ten times as long", [Switches(workers=12, service_s=0.08, slow=0.05)]),
    Storm("one of three replicas dies", [Switches(workers=3, service_s=0.08)] * 3, one_dies=True),
)


class Word(Reply):
    word: str


@dataclass(frozen=True)
class Stop:
    """Work of which nothing can be done: it ends with one line."""

    name: str
    server: Switches
    line: str  # words of the sentence
    structured: bool = False


STOPS = (
    Stop("wrong key", Switches(key="another"), "does not accept the key"),
    Stop("model not found", Switches(model="another"), "knows no model 'm'"),
    Stop("no structured output", Switches(structured=False), "Structured output is not supported", structured=True),
)


def weather(storm: Storm, folder: Path) -> dict[str, Any]:
    """The work through the storm: how fast beside the oracle, what was lost, what the endpoint had to refuse."""
    with ExitStack() as stack:
        servers = [stack.enter_context(served(switches)) for switches in storm.servers]
        endpoint = _endpoint(servers, storm.settings)
        took, answers = _asked(endpoint, storm, servers[0] if storm.one_dies else None, folder)
        seen = [server.seen() for server in servers if server.process.poll() is None]
    expected = [word_for(f"Write a word about {number}.") for number in range(storm.calls)]
    return {
        "ratio": round(storm.oracle_s / took, 3),
        "took_s": round(took, 2),
        "lost": sum(answer != word for answer, word in zip(answers, expected, strict=True)),
        "over_limit_seconds": sum(server["over_limit_seconds"] for server in seen),
        "requests": sum(server["calls"] for server in seen),
        "most_in_flight": max(server["most_open"] for server in seen),
    }


def _endpoint(servers: Sequence[Process], settings: Mapping[str, Any]) -> Endpoint:
    urls = tuple(server.url for server in servers)
    return Endpoint("writer", "endpoint", ("m",), base_url=urls[0], base_urls=urls[1:] and urls, **settings)


def _asked(endpoint: Endpoint, storm: Storm, dying: Process | None, folder: Path) -> tuple[float, list[str]]:
    """Seconds from the first call to the last answer, and the answers."""
    answers = [""] * storm.calls

    async def work(teachers: Teachers) -> float:
        numbers = iter(range(storm.calls))
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(worker(teachers, numbers) for _ in range(CALLERS)))
        return asyncio.get_running_loop().time() - began

    async def worker(teachers: Teachers, numbers: Iterator[int]) -> None:
        for number in numbers:
            if dying is not None and teachers.usage.total.calls >= storm.calls / 4:
                dying.kill()
            answers[number] = (await teachers["writer"].tell(PROMPT, number=number)).text

    took = _run(work, endpoint, folder)
    return took, answers


def halt(stop: Stop, folder: Path) -> dict[str, Any]:
    """The work that cannot be done, as a stage does it: the first error ends it."""
    said = ""

    async def one(teacher: Teacher, number: int) -> None:
        ask = teacher.ask(PROMPT, into=Word, number=number) if stop.structured else teacher.tell(PROMPT, number=number)
        await ask

    async def work(teachers: Teachers) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(1_000):
                group.create_task(one(teachers["writer"], number))

    with served(stop.server) as server:
        endpoint = _endpoint([server], {"api_key": "wrong"})
        began = time.perf_counter()
        try:
            _run(work, endpoint, folder)
        except* TeacherError as errors:
            said = "; ".join(sorted({str(error) for error in errors.exceptions}))
        took = time.perf_counter() - began
        return {"stopped_s": round(took, 2), "said": said, "requests": server.seen()["calls"]}


def _run(work: Any, endpoint: Endpoint, folder: Path) -> Any:
    with tempfile.TemporaryDirectory(dir=folder) as own, AnswerCache.open(Path(own) / "cache.sqlite") as cache:
        return Teachers.run(work, {"writer": endpoint}, cache=cache, budget=Budget(), run_id="faults")


def main(*names: str) -> int:
    """Measure all, or those named; print, and fail when a limit is broken."""
    logging.getLogger("synth_dagster").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        storms = {one.name: weather(one, Path(folder)) for one in STORMS if not names or one.name in names}
        stops = {one.name: halt(one, Path(folder)) for one in STOPS if not names or one.name in names}
    limits = {
        f"at least {AT_LEAST:.0%} of the oracle": all(one["ratio"] >= AT_LEAST for one in storms.values()),
        "nothing is lost": not any(one["lost"] for one in storms.values()),
        "at most one second over the limit": all(one["over_limit_seconds"] <= 1 for one in storms.values()),
        "what cannot be had stops within 5 s": all(one["stopped_s"] <= 5 for one in stops.values()),
        "with one line": all(
            one.line in stops[one.name]["said"] and stops[one.name]["said"].count("'writer'") == 1
            for one in STOPS
            if one.name in stops
        ),
    }
    return tell("teacher_faults", limits=limits, storms=storms, stops=stops)


if __name__ == "__main__":
    parser = options(__doc__)
    every = [one.name for one in (*STORMS, *STOPS)]
    parser.add_argument("names", nargs="*", choices=[*every, []], metavar="NAME", help=f"some of {', '.join(every)}")
    sys.exit(main(*parsed(parser).names))
