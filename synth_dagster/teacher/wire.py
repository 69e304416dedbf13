"""The wire: one endpoint with its addresses, its limits, its retries, and what it can do.

Roles that share their addresses and a key share a wire. A request waits for its turn, which the limits give; what
passes (429, 5xx, broken connections) is tried again within the run's retry budget, until the endpoint has answered
nothing at all for the role's patience, or at once goes to the role's fallback where it has one; what cannot pass
stops the wire with one sentence that every later request of it repeats.
"""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from synth_dagster.errors import TeacherError
from synth_dagster.records import Json
from synth_dagster.services import Unusable
from synth_dagster.teacher.budget import Reservation
from synth_dagster.teacher.channel import CONNECT_S, Channel
from synth_dagster.teacher.dialects import Dialect, Dialects, Wording
from synth_dagster.teacher.faults import Fault, address, broken, refusal, sentence, status_fault
from synth_dagster.teacher.limits.breaker import Breaker
from synth_dagster.teacher.limits.ceiling import Ceiling
from synth_dagster.teacher.limits.pace import Pace
from synth_dagster.teacher.limits.replica import Replica, Turn
from synth_dagster.teacher.limits.retries import RetryBudget
from synth_dagster.teacher.limits.standing import standing
from synth_dagster.teacher.limits.turns import Turns
from synth_dagster.teacher.roles import Endpoint

T = TypeVar("T")

LONGEST_PAUSE_S = 30.0
FIRST_SHARE = 0.25  # of the tokens that a request may take at most, before any answer has shown it
LEARNING = 0.1


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
    tokens: int = 0  # an upper estimate of what it may take, in and out
    tokens_of: Callable[[Any], int] = lambda answer: 0  # what an answer took
    schema: Json = None  # that its answer has to follow
    quiet: bool = False  # whether a schema that is refused is nothing to warn of
    on_retry: Callable[[Fault], None] = lambda fault: None


class HandOver(TeacherError):
    """The endpoint cannot answer now, and the role has a fallback that may."""


@dataclass(slots=True)
class Trouble:
    """What went wrong with one request so far."""

    began: float
    since: float = 0.0  # the first failure
    failures: int = 0
    own: int = 0  # failures after the request had reached the server, 429 excepted

    def count(self, fault: Fault, now: float) -> None:
        self.since = self.since or now
        self.failures += 1
        self.own += fault.what == "failing" or fault.perhaps_paid


class Wire:
    """One endpoint: one or several addresses with one key. Times are those of the event loop."""

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        *,
        retries: RetryBudget | None = None,
        shares: Path | None = None,
        connect: Callable[[Endpoint], Channel] = Channel,
        wall: float | None = None,
    ) -> None:
        """`shares` is where processes share limits, `wall` what the clock on the wall is ahead of the loop's."""
        wall = time.time() - time.monotonic() if wall is None else wall
        roles = tuple(endpoints)
        ceiling = Ceiling(roles, shares)
        self._replicas = [_replica(roles[0].at(address), ceiling.most, connect, wall) for address in roles[0].addresses]
        self._turns = Turns(self._replicas, ceiling)
        self._retries = retries or RetryBudget()
        self.dialects = Dialects(address(roles[0]))
        self._stopped: dict[str | None, Fault] = {}  # by model; None is the whole endpoint
        self._share_used = FIRST_SHARE
        self._last_answer = 0.0
        self._paid: set[asyncio.Task[Any] | None] = set()
        self._asked = 0  # requests that are in flight, in the line, or pausing after a failure
        self.closing = False

    async def send(self, sending: Sending) -> Any:
        """The answer, read and kept. Its place in flight is free only then: a kill costs no more than the ceiling.

        Raises HandOver when the role's fallback should be asked instead, TeacherError when the endpoint cannot be used,
        Unusable when it refuses this one request.
        """
        self._asked += 1
        try:
            return await self._sent(sending)
        finally:
            self._asked -= 1

    async def _sent(self, sending: Sending) -> Any:
        trouble = Trouble(_now())
        wording = Wording(self.dialects, sending.model, sending.schema, quiet=sending.quiet)
        learned = False
        while True:
            reservation = await sending.reserve()
            turn = await self._turn(sending, reservation, again=learned or trouble.failures > 0)
            try:
                wording.renew()
                fault, answer = await self._post(turn, sending, wording.used, reservation)
                if fault is None:
                    wording.answered()
                    return await self._kept(turn, sending, answer, reservation)
                learned = wording.refused(fault)
                if not learned:
                    trouble.count(fault, _now())
                    self._stop_where_hopeless(sending, fault, trouble)
            finally:
                self._turns.leave(turn)
            if not learned:
                sending.on_retry(fault)
                await self._pause(sending, fault, trouble.failures)

    async def get(self, path: str) -> bytes:
        """What stands at that path, or nothing where the endpoint does not say."""
        import aiohttp
        import httpx2

        with suppress(aiohttp.ClientError, httpx2.HTTPError, TimeoutError, OSError):
            async with asyncio.timeout(CONNECT_S):
                response = await self._replicas[0].channel.get(path)
            return response.content if response.is_success else b""
        return b""

    def told(self) -> tuple[float | None, float | None]:
        """Requests and tokens a minute that the first address allows, as its headers say; None where they do not."""
        pace = self._replicas[0].pace
        return pace.requests.a_minute, pace.tokens.a_minute

    def standing(self) -> str:
        """How it is asked just now, in words for whoever watches."""
        if not self._asked:
            return ""
        now = _now()
        return standing(self._replicas, self._turns.ceiling, self._asked, self._turns.next_in(now), now)

    def is_paid(self, task: asyncio.Task[Any]) -> bool:
        """Whether that task has a request at the endpoint, or its answer in hand."""
        return task in self._paid

    async def close(self) -> None:
        self._turns.close()
        for replica in self._replicas:
            await replica.channel.close()

    async def _turn(self, sending: Sending, reservation: Reservation, *, again: bool) -> Turn:
        try:
            for scope in (None, sending.model):
                if scope in self._stopped:
                    raise _gone_for_good(self._stopped[scope], sending.endpoint, sending.model)
            return await self._turns.take(sending, self._share_used * sending.tokens, again=again)
        except BaseException:
            reservation.release()
            raise

    async def _post(
        self, turn: Turn, sending: Sending, dialect: Dialect, reservation: Reservation
    ) -> tuple[Fault | None, Any]:
        """One request; its fault or its answer."""
        task = asyncio.current_task()
        self._paid.add(task)
        if task:
            task.add_done_callback(self._paid.discard)
        try:
            fault, answer = await self._exchange(turn, sending, sending.body(dialect))
        except BaseException:
            reservation.hold()
            raise
        if fault is None:
            turn.replica.answered(turn, _now())
        else:
            self._paid.discard(task)
            reservation.hold() if fault.perhaps_paid else reservation.release()
            turn.replica.failed(turn, fault, _now())
        return fault, answer

    async def _exchange(self, turn: Turn, sending: Sending, body: dict[str, Any]) -> tuple[Fault | None, Any]:
        import aiohttp
        import httpx2

        try:
            # The transport limits each read, this the whole request: a server may also answer one byte at a time.
            async with asyncio.timeout(sending.endpoint.timeout_s):
                response = await turn.replica.channel.post(sending.path, body)
        except (aiohttp.ClientError, httpx2.HTTPError, TimeoutError, OSError) as error:
            return broken(error, sending.endpoint), None
        turn.replica.tell(turn, response.headers, _now())
        if not response.is_success:
            return refusal(response, sending.endpoint, sending.text), None
        return _read(response.content, response.headers.get("content-type", ""), sending.read)

    async def _kept(self, turn: Turn, sending: Sending, answer: Any, reservation: Reservation) -> Any:
        self._last_answer = _now()
        self._retries.earn()
        if sending.tokens:
            took = sending.tokens_of(answer)
            self._turns.correct(turn, took - turn.tokens)
            self._share_used += LEARNING * (took / sending.tokens - self._share_used)
        return await sending.keep(answer, reservation)

    def _stop_where_hopeless(self, sending: Sending, fault: Fault, trouble: Trouble) -> None:
        endpoint = sending.endpoint
        if fault.what in ("too_long", "refused"):
            raise Unusable(fault.what, "")
        silent = _now() - max(trouble.since, self._last_answer)
        impatient = silent >= endpoint.patience_s or (fault.retry_after or 0) > endpoint.patience_s
        # Where others are answered, it is this request that fails; where nobody is, patience alone decides.
        exhausted = trouble.own > endpoint.max_retries and self._last_answer > trouble.began
        if fault.passing and not (impatient or exhausted or self.closing):
            self._hand_over_where_down(fault)
            if endpoint.fallback and self._turns.is_down:
                raise HandOver(sentence(fault, endpoint, sending.model))
            return
        said = _with_patience(fault, endpoint, trouble.failures, impatient=impatient)
        if fault.what == "model":
            self._stop(sending.model, said)
        elif fault.what in ("key", "quota", "strange") or (fault.passing and impatient):
            self._stop(None, said)
        raise _gone_for_good(said, endpoint, sending.model)

    def _stop(self, scope: str | None, fault: Fault) -> None:
        """No request of that model, or none at all, is sent any more in this run."""
        self._stopped[scope] = fault
        self._turns.send_away(
            lambda waiting: (
                _gone_for_good(fault, waiting.sending.endpoint, waiting.sending.model)
                if scope in (None, waiting.sending.model)
                else None
            )
        )

    def _hand_over_where_down(self, fault: Fault) -> None:
        """While every address is left alone, those that wait and have a fallback go there."""
        if self._turns.is_down:
            self._turns.send_away(
                lambda waiting: (
                    HandOver(sentence(fault, waiting.sending.endpoint, waiting.sending.model))
                    if waiting.sending.endpoint.fallback
                    else None
                )
            )

    async def _pause(self, sending: Sending, fault: Fault, failures: int) -> None:
        """What was refused waits in the line, whose pace knows when. What failed uses the budget of retries."""
        if fault.what == "busy":
            return
        elsewhere = sum(not replica.breaker.failures for replica in self._replicas)
        pause = 0.0 if elsewhere else pause_s(sending.endpoint, failures)
        await asyncio.sleep(pause)
        while (wait := self._retries.spend(_now())) > 0:  # noqa: ASYNC110 - it waits for a time, not an event
            await asyncio.sleep(wait * random.uniform(1.0, 1.2))


def _replica(endpoint: Endpoint, most: int | None, connect: Callable[[Endpoint], Channel], wall: float) -> Replica:
    pace = Pace(most=most, timeout_s=endpoint.timeout_s, first_pause_s=endpoint.first_pause_s, wall=wall)
    return Replica(connect(endpoint), pace, Breaker(lambda failures: pause_s(endpoint, failures)), endpoint.base_url)


def _gone_for_good(fault: Fault, endpoint: Endpoint, model: str) -> TeacherError:
    """A new error for each caller: one object raised in many tasks gathers all their tracebacks.

    A wrong key or model is a mistake to put right, and no fallback hides it.
    """
    error = HandOver if endpoint.fallback and (fault.passing or fault.what == "quota") else TeacherError
    return error(sentence(fault, endpoint, model))


def _now() -> float:
    return asyncio.get_running_loop().time()


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
