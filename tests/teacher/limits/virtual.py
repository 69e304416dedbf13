"""Endpoints in virtual time: hours of waiting in milliseconds, and the same twice.

The loop's clock jumps to the next timer instead of waiting for it. An endpoint stands where the connections would, so
that everything between a method's request and the socket is the real thing.
"""

import asyncio
import json
import random
import selectors
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from synth_dagster.teacher.roles import Endpoint
from synth_dagster.teacher.wire import Sending, Wire


class _Jumping(selectors.DefaultSelector):
    loop: "VirtualLoop"

    def select(self, timeout=None):
        if timeout is None:  # another thread may have something to say
            ready = super().select(5)
            assert ready, "everything waits and nothing will come"
            return ready
        self.loop.now += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.now = 50_000.0  # no clock of a real loop begins at nothing either
        jumping = _Jumping()
        super().__init__(jumping)
        jumping.loop = self
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self.now


def run(story: Coroutine[Any, Any, Any]) -> Any:
    """What the story returns, in virtual time and with the same chances each time."""
    random.seed(4711)
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story)


@dataclass
class Server:
    """An endpoint that may refuse, fail, queue and be slow; its clock is `phase` ahead of the loop's."""

    latency: Callable[[int], float] = lambda number: 0.05  # of the request of that number, when it is worked on
    per_second: int | None = None  # above it a request is refused
    retry_after: bool = False
    tells: bool = False  # its allowance, in headers
    at_once: int | None = None  # requests in flight above which it refuses
    workers: int | None = None  # requests that it works on; the others queue
    slower_by: float | None = None  # a batching server: requests in flight that double the latency
    fails: Callable[[int], int] = lambda number: 0  # a status instead of an answer; 1 drops the connection
    phase: float = 0.1
    seconds: Counter[int] = field(default_factory=Counter)
    open: int = 0
    most_open: int = 0
    calls: int = 0
    answers: int = 0
    answered_at: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._room = asyncio.Semaphore(self.workers or 1 << 30)

    @property
    def over_limit_seconds(self) -> int:
        return sum(came > (self.per_second or 1 << 30) for came in self.seconds.values())

    async def post(self, path: str, body: Mapping[str, Any]):
        now = asyncio.get_running_loop().time() + self.phase
        number, self.calls = self.calls, self.calls + 1
        self.seconds[int(now)] += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            return await self._say(number, now)
        finally:
            self.open -= 1

    async def _say(self, number: int, now: float):
        told = self._told(now)
        refused = self.per_second is not None and self.seconds[int(now)] > self.per_second
        if refused or (self.at_once is not None and self.open > self.at_once):
            await asyncio.sleep(0.002)
            wait = {"retry-after": f"{int(now) + 1 - now:.3f}"} if self.retry_after else {}
            return _response(429, {"error": {"message": "slow down"}}, told | wait)
        async with self._room:
            load = 1 + self.open / self.slower_by if self.slower_by else 1
            await asyncio.sleep(self.latency(number) * load)
        status = self.fails(number)
        if status == 1:
            raise ConnectionResetError
        if status:
            return _response(status, {"error": {"message": "oops"}}, told)
        self.answers += 1
        self.answered_at.append(asyncio.get_running_loop().time())
        return _response(200, {"choices": [{"number": number}]}, told)

    def _told(self, now: float) -> dict[str, str]:
        if not self.tells or self.per_second is None:
            return {}
        left = max(0, self.per_second - self.seconds[int(now)])
        return {
            "x-ratelimit-limit-requests": str(self.per_second),
            "x-ratelimit-remaining-requests": str(left),
            "x-ratelimit-reset-requests": f"{1000 * (int(now) + 1 - now):.0f}ms",
        }

    async def get(self, path: str):
        return _response(200, {"data": []}, {})

    async def close(self) -> None: ...


def _response(status: int, body: Any, headers: Mapping[str, str]):
    import httpx2

    return httpx2.Response(status, content=json.dumps(body).encode(), headers=dict(headers))


class Free:
    """What is reserved where nothing is capped. The real budget asks a thread, which virtual time does not wait for."""

    def release(self) -> None: ...

    def hold(self) -> None: ...


async def reserve() -> Any:
    return Free()


async def ask(wire: Wire, endpoint: Endpoint, count: int, *, in_line: int = 256, tokens: int = 0) -> list[Any]:
    """Asks so often, as many at a time as a runner would; answers or what went wrong, in order."""
    room = asyncio.Semaphore(in_line)

    async def keep(answer: Any, reservation: Any) -> Any:
        reservation.release()
        return answer

    async def one() -> Any:
        async with room:
            return await wire.send(
                Sending(
                    endpoint=endpoint,
                    model="m",
                    path="/chat/completions",
                    body=lambda dialect: {},
                    read=lambda found: found["choices"][0]["number"],
                    reserve=reserve,
                    keep=keep,
                    text="",
                    tokens=4 * tokens,
                    tokens_of=lambda answer: tokens,
                )
            )

    return await asyncio.gather(*(one() for _ in range(count)), return_exceptions=True)


def asked(server: Server | Mapping[str, Server], count: int, *, in_line: int = 256, tokens: int = 0, **settings: Any):
    """Asks a server, or several replicas by address, and returns the answers and how long it took."""
    servers = server if isinstance(server, Mapping) else {"http://one/v1": server}
    endpoint = Endpoint(
        "writer", "endpoint", ("m",), base_url=next(iter(servers)), base_urls=tuple(servers), **settings
    )

    async def story():
        phase = next(iter(servers.values())).phase
        wire = Wire([endpoint], connect=lambda one: servers[one.base_url], wall=phase)
        began = asyncio.get_running_loop().time()
        answers = await ask(wire, endpoint, count, in_line=in_line, tokens=tokens)
        took = asyncio.get_running_loop().time() - began
        await wire.close()
        return answers, took

    return run(story())
