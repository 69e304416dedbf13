"""The wire: one endpoint's connections, its ceiling of requests in flight, its retries, and what it can do.

Roles that share an address and a key share a wire. What passes (429, 5xx, broken connections) is tried again with
growing, jittered pauses until the endpoint has answered nothing at all for the role's patience; what cannot pass stops
the wire at once, with one sentence that every later request of it repeats.
"""

import asyncio
import json
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from synth_dagster.errors import TeacherError
from synth_dagster.services import Unusable
from synth_dagster.teacher.budget import Reservation
from synth_dagster.teacher.channel import CONNECT_S, Channel
from synth_dagster.teacher.faults import Fault, broken, refusal, sentence, status_fault
from synth_dagster.teacher.roles import Endpoint
from synth_dagster.teacher.structured import MODES, Mode

T = TypeVar("T")

LONGEST_PAUSE_S = 30.0


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a model at an endpoint was found to understand; it begins with the best."""

    mode: Mode = "json_schema"
    token_field: str = "max_tokens"  # noqa: S105 - the name of a request field
    seed: bool = True
    base64: bool = True

    def after(self, fault: Fault, *, has_schema: bool) -> "Dialect":
        """The dialect to try after a refusal; the same one where other words would not help."""
        if fault.what != "request" or fault.status not in (400, 422):
            return self
        if fault.field in ("max_tokens", "max_completion_tokens"):
            return replace(self, token_field="max_completion_tokens")  # noqa: S106 - the name of a request field
        if fault.field in ("seed", "encoding_format"):
            return replace(self, seed=False) if fault.field == "seed" else replace(self, base64=False)
        if has_schema and fault.field != "temperature" and self.mode != MODES[-1]:
            return replace(self, mode=MODES[MODES.index(self.mode) + 1])
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """One request: its body in a dialect, how its answer is read, and what it sets aside of the budget."""

    endpoint: Endpoint
    model: str
    path: str
    body: Callable[[Dialect], dict[str, Any]]
    read: Callable[[dict[str, Any]], Any]  # raises ValueError when the answer lacks what it must have
    reserve: Callable[[], Awaitable[Reservation]]
    keep: Callable[[Any, Reservation], Awaitable[Any]]  # settles and stores; until then the request is in flight
    text: str  # the words of the request, which no error message may repeat
    has_schema: bool = False
    on_retry: Callable[[], None] = lambda: None


@dataclass(slots=True)
class Trouble:
    """What went wrong with one request so far."""

    began: float = field(default_factory=time.monotonic)
    since: float = 0.0  # the first failure
    failures: int = 0
    own: int = 0  # failures after the request had reached the server, 429 excepted

    def count(self, fault: Fault) -> None:
        self.since = self.since or time.monotonic()
        self.failures += 1
        self.own += fault.what == "failing" or fault.perhaps_paid


class Wire:
    """One address and key. The ceiling is fixed here; an adaptive one has its place in `_slot`."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        first, *others = endpoints
        self._ceiling = asyncio.Semaphore(max(endpoint.max_in_flight for endpoint in (first, *others)))
        self._channel = Channel(first)
        self._dialects: dict[str, Dialect] = defaultdict(Dialect)
        self._stopped: dict[str | None, TeacherError] = {}  # by model; None is the whole endpoint
        self._quiet_until = 0.0
        self._last_answer = 0.0
        self._paid: set[asyncio.Task[Any] | None] = set()
        self.closing = False

    async def send(self, sending: Sending) -> Any:
        """The answer, read and kept. Its place in flight is free only then: a kill costs no more than the ceiling.

        Raises TeacherError when the endpoint cannot be used, Unusable when it refuses this one request.
        """
        trouble = Trouble()
        while True:
            async with self._slot(sending):
                used = self._dialects[sending.model]
                fault, answer, reservation = await self._post(sending, used)
                if fault is None:
                    self._last_answer = time.monotonic()
                    return await sending.keep(answer, reservation)
            if self._learned(sending, used, fault):
                continue
            trouble.count(fault)
            self._stop_where_hopeless(sending, fault, trouble)
            sending.on_retry()
            await self._pause(sending.endpoint, fault, trouble.failures)

    async def get(self, path: str) -> bytes:
        """What stands at that path, or nothing where the endpoint does not say."""
        import aiohttp
        import httpx2

        with suppress(aiohttp.ClientError, httpx2.HTTPError, TimeoutError, OSError):
            async with asyncio.timeout(CONNECT_S):
                response = await self._channel.get(path)
            return response.content if response.is_success else b""
        return b""

    def dialect(self, model: str) -> Dialect:
        """What is known by now of what that model understands."""
        return self._dialects[model]

    def is_paid(self, task: asyncio.Task[Any]) -> bool:
        """Whether that task has a request at the endpoint, or its answer in hand."""
        return task in self._paid

    async def close(self) -> None:
        await self._channel.close()

    @asynccontextmanager
    async def _slot(self, sending: Sending) -> AsyncIterator[None]:
        async with self._ceiling:
            while (wait := self._quiet_until - time.monotonic()) > 0:  # noqa: ASYNC110 - it waits for a time, not an event
                await asyncio.sleep(wait * _jitter(1.0, 1.1))
            for scope in (None, sending.model):
                if scope in self._stopped:
                    # A new error for each caller: one object raised in many tasks gathers all their tracebacks.
                    raise TeacherError(str(self._stopped[scope]))
            yield

    async def _post(self, sending: Sending, dialect: Dialect) -> tuple[Fault | None, Any, Reservation]:
        """One request; its fault or its answer."""
        reservation = await sending.reserve()
        task = asyncio.current_task()
        self._paid.add(task)
        if task:
            task.add_done_callback(self._paid.discard)
        try:
            fault, answer = await self._exchange(sending, sending.body(dialect))
        except BaseException:
            reservation.hold()
            raise
        if fault is not None:
            self._paid.discard(task)
            reservation.hold() if fault.perhaps_paid else reservation.release()
        return fault, answer, reservation

    async def _exchange(self, sending: Sending, body: dict[str, Any]) -> tuple[Fault | None, Any]:
        import aiohttp
        import httpx2

        try:
            # The transport limits each read, this the whole request: a server may also answer one byte at a time.
            async with asyncio.timeout(sending.endpoint.timeout_s):
                response = await self._channel.post(sending.path, body)
        except (aiohttp.ClientError, httpx2.HTTPError, TimeoutError, OSError) as error:
            return broken(error, sending.endpoint), None
        if not response.is_success:
            return refusal(response, sending.endpoint, sending.text), None
        return _read(response.content, response.headers.get("content-type", ""), sending.read)

    def _learned(self, sending: Sending, used: Dialect, fault: Fault) -> bool:
        """Whether the request is worth sending again in other words, found by this one or by another meanwhile."""
        if fault.what != "request":
            return False
        if self._dialects[sending.model] == used:
            self._dialects[sending.model] = used.after(fault, has_schema=sending.has_schema)
        return self._dialects[sending.model] != used

    def _stop_where_hopeless(self, sending: Sending, fault: Fault, trouble: "Trouble") -> None:
        endpoint = sending.endpoint
        if fault.what in ("too_long", "refused"):
            raise Unusable(fault.what, "")
        silent = time.monotonic() - max(trouble.since, self._last_answer)
        impatient = silent >= endpoint.patience_s or (fault.retry_after or 0) > endpoint.patience_s
        # Where others are answered, it is this request that fails; where nobody is, patience alone decides.
        exhausted = trouble.own > endpoint.max_retries and self._last_answer > trouble.began
        if fault.passing and not (impatient or exhausted or self.closing):
            return
        said = _with_patience(fault, endpoint, trouble.failures, impatient=impatient)
        error = TeacherError(sentence(said, endpoint, sending.model))
        if fault.what == "model":
            self._stopped[sending.model] = error
        elif fault.what in ("key", "quota", "strange") or (fault.passing and impatient):
            self._stopped[None] = error
        raise error

    async def _pause(self, endpoint: Endpoint, fault: Fault, failures: int) -> None:
        if fault.retry_after is not None and fault.what == "busy":
            self._quiet_until = max(self._quiet_until, time.monotonic() + fault.retry_after)
        await asyncio.sleep(max(fault.retry_after or 0.0, pause_s(endpoint, failures)))


def pause_s(endpoint: Endpoint, failures: int) -> float:
    """Doubling from the first pause on, with jitter, so that requests that failed together do not return together."""
    longest = min(LONGEST_PAUSE_S, max(endpoint.first_pause_s, endpoint.patience_s / 4))
    return min(longest, endpoint.first_pause_s * 2.0 ** min(failures - 1, 16)) * _jitter(0.5, 1.0)


def _read(content: bytes, content_type: str, read: Callable[[dict[str, Any]], T]) -> tuple[Fault | None, T | None]:
    """An answer with status 200, which may still be a web page, half an answer or an error in disguise."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        if content.lstrip()[:1] == b"<":
            return Fault("strange", "a web page came instead of JSON"), None
        return Fault("lost", f"its JSON is broken off or damaged, {len(content)} bytes", perhaps_paid=True), None
    if isinstance(found, dict) and found.get("error"):
        inner = found["error"]
        code = inner.get("code") if isinstance(inner, dict) else None
        return status_fault(code if isinstance(code, int) and code >= 400 else 500, json.dumps(found)), None
    try:
        return None, read(found)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        said = f"its answer has no {content_type or 'JSON'} fields of such an endpoint"
        return Fault("failing", said, perhaps_paid=True), None


def _with_patience(fault: Fault, endpoint: Endpoint, times: int, *, impatient: bool) -> Fault:
    if not fault.passing:
        return fault
    if (fault.retry_after or 0) > endpoint.patience_s:
        return replace(fault, said=f"{fault.said}; it asks to wait {fault.retry_after:g} s, patience_s is less")
    return replace(
        fault, said=f"{fault.said}; " + (f"for {endpoint.patience_s:g} s" if impatient else f"{times} times")
    )


def _jitter(low: float, high: float) -> float:
    return random.uniform(low, high)
