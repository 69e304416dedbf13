"""Calls to a teacher a second, beside a bare aiohttp loop of the same run, and records a minute from the warm cache.

Without an address it asks a server of its own in another process, which answers after 100 ms, and once more with a
server that gives no more than 200 answers a second.
"""

import asyncio
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measured import options, parsed, tell
from synth_dagster.prompt import Prompt
from synth_dagster.teacher.budget import Budget
from synth_dagster.teacher.cache import AnswerCache
from synth_dagster.teacher.client import Teachers
from synth_dagster.teacher.roles import Endpoint

DELAY_S, RATE = 0.1, 200
WORDS = " ".join(f"word{n}" for n in range(300))
PROMPT = Prompt(user="{number}: {words}")
ANSWER = (
    b'{"model":"m","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"'
    + b"an answer of some length " * 20
    + b'"}}],"usage":{"prompt_tokens":400,"completion_tokens":100}}'
)
REPLY = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER)


class Server(asyncio.Protocol):
    """As little of HTTP as a client on loopback needs, so that the client is what is measured."""

    free_at = 0.0  # when a server with a rate has room again

    def __init__(self, rate: float | None) -> None:
        self.rate, self.data = rate, b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        while (end := self.data.find(b"\r\n\r\n")) >= 0:
            head = self.data[:end].lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            if len(self.data) < end + 4 + length:
                return
            self.data = self.data[end + 4 + length :]
            self.reply()

    def reply(self) -> None:
        loop = asyncio.get_running_loop()
        at = loop.time() + DELAY_S
        if self.rate:
            at = Server.free_at = max(at, Server.free_at + 1 / self.rate)
        loop.call_at(at, self.transport.write, REPLY)


def serve(pipe: Any, rate: float | None) -> None:
    """The server's process."""

    async def work() -> None:
        server = await asyncio.get_running_loop().create_server(partial(Server, rate), "127.0.0.1", 0, backlog=4096)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(work())


@contextmanager
def served(rate: float | None = None) -> Iterator[str]:
    """The address of a server in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, rate), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}/v1"
    finally:
        process.kill()
        process.join()


async def bare(url: str, calls: int, in_flight: int) -> None:
    """The floor: the same requests, nothing kept, nothing counted."""
    import aiohttp

    numbers = iter(range(calls))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def worker() -> None:
            for number in numbers:
                message = {"role": "user", "content": f"{number}: {WORDS}"}
                body = {"model": "m", "messages": [message], "max_tokens": 2048}
                async with session.post(f"{url}/chat/completions", json=body) as response:
                    await response.json()

        await asyncio.gather(*(worker() for _ in range(in_flight)))


def ours(url: str, calls: int, in_flight: int, path: Path) -> int:
    """The same through the gateway, with every answer durable in the cache; how many were really asked for."""
    endpoint = Endpoint("writer", "endpoint", ("m",), base_url=url, max_in_flight=in_flight)

    async def work(teachers: Teachers) -> int:
        numbers = iter(range(calls))

        async def worker() -> None:
            for number in numbers:
                await teachers["writer"].tell(PROMPT, number=number, words=WORDS)

        await asyncio.gather(*(worker() for _ in range(in_flight)))
        return teachers.usage.total.calls

    with AnswerCache.open(path) as cache:
        return Teachers.run(
            work, {"writer": endpoint}, cache=cache, budget=Budget(tokens_per_run=10**12), run_id="benchmark"
        )


def a_second(calls: int, work: Any) -> tuple[float, Any]:
    began = time.perf_counter()
    result = work()
    return round(calls / (time.perf_counter() - began), 1), result


def main() -> int:
    parser = options(__doc__)
    parser.add_argument("--base-url", help="An endpoint to ask instead of the benchmark's own.")
    parser.add_argument("-n", type=int, default=10_000, help="Calls.")
    parser.add_argument("-c", type=int, default=256, help="In flight.")
    given = parsed(parser)
    with tempfile.TemporaryDirectory() as folder:
        return measured(given.base_url, given.n, given.c, Path(folder))


def measured(base_url: str | None, calls: int, in_flight: int, folder: Path) -> int:
    """Measure, print, and fail when a limit is broken."""
    found: dict[str, Any] = {"calls": calls, "in_flight": in_flight}
    with served() as own:
        url = base_url or own
        asyncio.run(bare(url, in_flight, in_flight))  # imports are no part of a call
        ours(url, in_flight, in_flight, folder / "first.sqlite")
        found["bare_a_second"], _ = a_second(calls, lambda: asyncio.run(bare(url, calls, in_flight)))
        found["ours_a_second"], paid = a_second(calls, lambda: ours(url, calls, in_flight, folder / "a.sqlite"))
        warm, again = a_second(calls, lambda: ours(url, calls, in_flight, folder / "a.sqlite"))
    found |= {"ratio": round(found["ours_a_second"] / found["bare_a_second"], 3), "warm_a_minute": round(warm * 60)}
    limits = {
        "at least half of the bare loop": found["ratio"] >= 0.5,
        "at least 20,000 records a minute from the cache": warm * 60 >= 20_000,
        "every call is paid once": (paid, again) == (calls, 0),
    }
    if base_url is None:
        few = min(calls, 2_000)
        with served(RATE) as slow:
            found["limited_a_second"], _ = a_second(few, lambda: ours(slow, few, in_flight, folder / "b.sqlite"))
        limits["at least 95 % of a server that gives 200 a second"] = found["limited_a_second"] >= 0.95 * RATE
    return tell("teacher", limits=limits, **found)


if __name__ == "__main__":
    sys.exit(main())
