"""An endpoint on loopback in a process of its own, with switches for what may go wrong there.

    python -m tests.teacher.switched '{"per_second": 100}'

prints its port and ends with its standard input, so with whoever started it. At /seen stands what it saw.

How busy the machine is changes nothing of what it counts. A request counts for the second in which the kernel took its
last byte, however late this process was woken for it; a worker that was woken late begins where it ended, not later.
"""

import asyncio
import json
import math
import random
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

from aiohttp import web

from tests.teacher.faulty import question

SLOW = 10  # times as long
LAST_DATA_RECEIVED = 52  # where struct tcp_info has the milliseconds since then
NEVER = 1 << 30


@dataclass(frozen=True)
class Switches:
    """What one endpoint does. The shares are of its requests: exactly so many of each hundred, shuffled."""

    service_s: float = 0.08
    workers: int = NEVER  # requests that it works on; the others wait
    per_second: int = NEVER  # requests in a calendar second; above it they are refused
    retry_after: bool = False
    errors: float = 0.0  # status 500, after the work
    drops: float = 0.0  # half of them before a byte is answered, half in the middle of the answer
    broken: float = 0.0  # whole by HTTP, and half of its JSON
    slow: float = 0.0
    key: str = ""  # the only one that it takes; empty takes all
    model: str = "m"  # the only one that it has
    structured: bool = True  # whether it answers requests that want a structure, in whatever words they say it

    @property
    def answers_a_second(self) -> float:
        """The answers of a client that keeps it busy and sends it nothing in vain."""
        mean_s = self.service_s * (1 + (SLOW - 1) * self.slow)
        return min(self.per_second, self.workers / mean_s) * (1 - self.errors - self.drops - self.broken)


@dataclass
class Seen:
    """What an endpoint saw."""

    calls: int = 0
    answers: int = 0
    open: int = 0
    most_open: int = 0
    seconds: Counter[int] = field(default_factory=Counter)


class Switched:
    """The endpoint itself."""

    def __init__(self, switches: Switches) -> None:
        self.switches, self.seen = switches, Seen()
        self._fates, self._tempi = _deck(0), _deck(1)
        self._free: asyncio.Queue[float] = asyncio.Queue()  # when each free worker ended
        self._workers = 0

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        came = time.time() - _waited_s(request)
        seen = self.seen
        seen.calls += 1
        seen.seconds[int(came)] += 1
        seen.open += 1
        seen.most_open = max(seen.most_open, seen.open)
        try:
            return self._refusal(request, body, came) or await self._worked(request, body, came)
        finally:
            seen.open -= 1

    async def models(self, request: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": self.switches.model}]})

    async def tell(self, request: web.Request) -> web.Response:
        over = sum(came > self.switches.per_second for came in self.seen.seconds.values())
        return web.json_response({**vars(self.seen), "over_limit_seconds": over})

    def _refusal(self, request: web.Request, body: dict[str, Any], came: float) -> web.Response | None:
        switches = self.switches
        if switches.key and request.headers.get("Authorization") != f"Bearer {switches.key}":
            return _error(401, "Incorrect API key provided.", "invalid_api_key")
        if body["model"] != switches.model:
            return _error(404, f"The model {body['model']} does not exist.", "model_not_found")
        if not switches.structured and "json" in json.dumps(body).lower():
            return _error(400, "Structured output is not supported by this model.", None)
        if self.seen.seconds[int(came)] > switches.per_second:
            wait = int(came) + 1 - came
            told = {"retry-after": f"{math.ceil(wait)}", "retry-after-ms": f"{1000 * wait:.0f}"}
            return _error(429, "Too many requests.", "rate_limit", told if switches.retry_after else {})
        return None

    async def _worked(self, request: web.Request, body: dict[str, Any], came: float) -> web.StreamResponse:
        switches, draw = self.switches, next(self._fates)
        await self._work(switches.service_s * (SLOW if next(self._tempi) < switches.slow else 1), came)
        if draw < switches.errors:
            return _error(500, "oops", None)
        draw -= switches.errors
        answer = {"model": body["model"], "choices": [{"index": 0, "finish_reason": "stop"}]}
        answer["choices"][0]["message"] = {"role": "assistant", "content": word_for(question(body))}
        whole = json.dumps(answer | {"usage": {"prompt_tokens": 10, "completion_tokens": 5}}).encode()
        if draw < switches.drops:
            return await _hung_up(request, whole if draw < switches.drops / 2 else b"")
        if draw - switches.drops < switches.broken:
            return web.Response(body=whole[: len(whole) // 2], content_type="application/json")
        self.seen.answers += 1
        return web.Response(body=whole, content_type="application/json")

    async def _work(self, service_s: float, came: float) -> None:
        """One worker's time. Who hangs up gives the worker back at once, or its place among those who wait."""
        if self._free.empty() and self._workers < self.switches.workers:
            self._workers += 1
            self._free.put_nowait(came)
        ended = max(came, await self._free.get()) + service_s
        try:
            await asyncio.sleep(ended - time.time())
        except BaseException:
            ended = time.time()
            raise
        finally:
            self._free.put_nowait(ended)


def word_for(asked: str) -> str:
    """The answer to these words, always the same."""
    return json.dumps({"word": blake2b(asked.encode(), digest_size=6).hexdigest()})


def _deck(seed: int) -> Iterator[float]:
    """0.00, 0.01 ... 0.99 shuffled, again and again."""
    rng = random.Random(seed)
    while True:
        yield from rng.sample([hundredth / 100 for hundredth in range(100)], 100)


async def _hung_up(request: web.Request, answer: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "application/json", "content-length": str(len(answer))})
    if answer:
        await response.prepare(request)
        await response.write(answer[: len(answer) // 2])
    if request.transport is not None:
        request.transport.abort()
    return response


def _error(status: int, message: str, code: str | None, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"error": {"message": message, "code": code}}, status=status, headers=headers)


def _waited_s(request: web.Request) -> float:
    """The seconds since the kernel took the last byte of that connection; 0 where the system does not say."""
    if request.transport is None or not hasattr(socket, "TCP_INFO"):
        return 0.0
    told = request.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return struct.unpack_from("=I", told, LAST_DATA_RECEIVED)[0] / 1000


# ---------------------------------------------------------------------------------------------------- its own process


@dataclass(frozen=True)
class Process:
    """An endpoint in a process of its own."""

    url: str
    process: subprocess.Popen[str]

    def seen(self) -> dict[str, Any]:
        """What it saw until now."""
        with build_opener(ProxyHandler({})).open(f"{self.url.removesuffix('/v1')}/seen", timeout=10) as told:
            return json.load(told)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def served(switches: Switches) -> Iterator[Process]:
    """An endpoint with these switches, as long as the block lasts."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.teacher.switched", json.dumps(asdict(switches))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root)
    try:
        assert process.stdout is not None
        yield Process(f"http://127.0.0.1:{int(process.stdout.readline())}/v1", process)
    finally:
        process.kill()
        process.communicate()


async def serve(switches: Switches) -> None:
    server = Switched(switches)
    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/v1/chat/completions", server.chat)
    app.router.add_get("/v1/models", server.models)
    app.router.add_get("/seen", server.tell)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=4096).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(Switches(**json.loads(sys.argv[1]))))
