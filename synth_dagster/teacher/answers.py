"""The answer of one attempt: kept from before, in flight for another caller, in a provider batch, or paid for now."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, TypeVar

from synth_dagster.services import Unusable
from synth_dagster.teacher.attempts import Attempt
from synth_dagster.teacher.batches.desk import Desk
from synth_dagster.teacher.batches.ledger import FINAL, Asked
from synth_dagster.teacher.batches.parking import Answer, Parked, Parking, Submitted
from synth_dagster.teacher.cache import AnswerCache, Stored, StoredVector
from synth_dagster.teacher.forms import chat_body, embedding_body, in_calls, upper_tokens, upper_tokens_of
from synth_dagster.teacher.gathering import Gathering
from synth_dagster.teacher.paid import Calls
from synth_dagster.teacher.roles import Endpoint
from synth_dagster.teacher.usage import Usage

T = TypeVar("T")

GRACE_S = 30.0  # how long answers that are already paid are waited for when the work stops


class Answers:
    """The attempts of one run. Identical ones in flight are one call."""

    def __init__(
        self,
        cache: AnswerCache,
        calls: Calls,
        usage: Usage,
        *,
        desk: Desk | None = None,
        submit: Callable[[Sequence[Parked]], Awaitable[Submitted]] | None = None,
        gathers: bool = True,
    ) -> None:
        """With `desk` and `submit`, roles that are asked in provider batches are asked so.

        `gathers`: what several callers want embedded goes in one call.
        """
        self._cache, self._calls, self._usage, self._desk = cache, calls, usage, desk
        self._flying: dict[bytes, asyncio.Task[Any]] = {}
        self._gathering = Gathering(calls.embed, self._begun) if gathers else None
        self._begins = count()
        self._parking = Parking(submit, self._is_still) if submit else None
        self._landing = False

    async def of(self, attempt: Attempt) -> tuple[Stored, bool]:
        """The answer, and whether it cost nothing: kept before, or in flight for another caller."""
        stored = await self.moving(self._cache.get(attempt.call_id))
        if stored is not None:
            self._usage.count_cached(attempt.endpoint.role)
            return stored, True
        is_first = attempt.call_id not in self._flying
        stored, is_free = await asyncio.shield(self._flight(attempt.call_id, lambda: self._obtained(attempt)))
        if is_first:
            return stored, is_free
        self._usage.count_cached(attempt.endpoint.role)
        return stored, True

    async def vectors(self, endpoint: Endpoint, model: str, texts: Mapping[bytes, str]) -> dict[bytes, bytes]:
        """The embeddings, as float32 bytes, of texts that have none, by the ids of the texts."""
        live = {key: text for key, text in texts.items() if self._is_live(endpoint, key)}
        parts = await self.moving(_all(self._embedded(endpoint, model, live)))
        waiting = {key: text for key, text in texts.items() if key not in live}
        made = await asyncio.gather(*(self._in_batch(endpoint, model, key, text) for key, text in waiting.items()))
        return {key: vector for part in (*parts, dict(zip(waiting, made, strict=True))) for key, vector in part.items()}

    def _embedded(
        self, endpoint: Endpoint, model: str, texts: Mapping[bytes, str]
    ) -> Iterator[Awaitable[dict[bytes, bytes]]]:
        """Together with what others want; one by one where calls are only counted, each for whoever would make it."""
        if self._gathering is None:
            yield from (self._calls.embed(endpoint, model, part) for part in in_calls(texts))
        elif texts:
            yield self._gathering.of(endpoint, model, texts)

    async def moving(self, work: Awaitable[T]) -> T:
        """Work that is under way without being a request: while it runs, not all wait for a provider batch."""
        if self._parking is None:
            return await work
        with self._parking.moving():
            return await work

    def check_whole(self) -> None:
        """Raises what an answer is missing for, whatever the callers made of it. Pending in most cases."""
        if self._parking is not None and self._parking.problem is not None:
            raise type(self._parking.problem)(str(self._parking.problem))

    async def land(self, is_paid: Callable[[asyncio.Task[object]], bool]) -> None:
        """What was sent is paid, so it is waited for and kept; what was not is given up, and nothing else begins."""
        self._landing = True
        if self._parking is not None:
            await self._parking.close()
        for task in self._flying.values():
            if not is_paid(task):
                task.cancel()
        flying = list(self._flying.values())
        if flying:
            _, late = await asyncio.wait(flying, timeout=GRACE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _obtained(self, attempt: Attempt) -> tuple[Stored, bool]:
        """An answer that nobody has yet, live or from a provider batch, and whether it cost nothing."""
        if self._is_live(attempt.endpoint, attempt.call_id):
            return await self._asked(attempt)
        stored = await self._parked(_chat(attempt, lambda: self._asked(attempt)))
        assert isinstance(stored, Stored)
        return stored, True

    async def _in_batch(self, endpoint: Endpoint, model: str, key: bytes, text: str) -> bytes:
        parked = _embedding(endpoint, model, key, text, lambda: self._calls.embed(endpoint, model, {key: text}))
        stored = await asyncio.shield(self._flight(key, lambda: self._parked(parked)))
        assert isinstance(stored, StoredVector)
        return stored.vector

    async def _parked(self, parked: Parked) -> Answer:
        """The answer where another process has collected it meanwhile. Raises Pending where nobody has."""
        assert self._parking is not None
        stored = await self._parking.park(parked)
        self._usage.count_cached(parked.endpoint.role)
        return stored

    def _is_live(self, endpoint: Endpoint, call_id: bytes) -> bool:
        """Whether it is asked live. Raises Unusable for what failed in a batch and would fail again."""
        if self._parking is None or self._desk is None or not endpoint.batch:
            return True
        fate = self._desk.fate(call_id)
        if fate is not None and fate.reason in FINAL:
            raise Unusable(fate.reason, "")
        return fate is not None and endpoint.batch_failures == "live"

    async def _asked(self, attempt: Attempt) -> tuple[Stored, bool]:
        """The answer of the endpoint, or of another process that was asking for it."""
        async with self._cache.asking(attempt.call_id) as kept:
            if kept is not None:
                self._usage.count_cached(attempt.endpoint.role)
                return kept, True
            return await self._calls.chat(attempt), False

    def _flight(self, call_id: bytes, begin: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        """The task that obtains an answer, one for all who want it."""
        if call_id not in self._flying:
            self._flying[call_id] = asyncio.create_task(begin())
            self._flying[call_id].add_done_callback(lambda done: self._landed(call_id, done))
            if self._landing:  # nobody would wait for its answer: a caller whose answer was not usable asks again
                self._flying[call_id].cancel()
        return self._flying[call_id]

    def _begun(self, begin: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._flight(b"gathered %d" % next(self._begins), begin)

    def _landed(self, call_id: bytes, task: asyncio.Task[Any]) -> None:
        self._flying.pop(call_id, None)
        if not task.cancelled():
            task.exception()  # every caller may be gone: asyncio would complain of an error that nobody saw

    def _is_still(self, parked: int) -> bool:
        """Whether the parked requests are all that is under way."""
        return len(self._flying) == parked


def _chat(attempt: Attempt, live: Callable[[], Awaitable[object]]) -> Parked:
    request = attempt.request
    return Parked(
        endpoint=attempt.endpoint,
        model=request.model,
        path="/chat/completions",
        asked=Asked(call_id=attempt.call_id, tokens_in=upper_tokens(request), prompt_hash=attempt.prompt_hash),
        max_tokens=request.sampling.max_tokens,
        has_schema=request.schema is not None,
        body=lambda dialect: chat_body(request, attempt.number, dialect),
        live=live,
    )


def _embedding(endpoint: Endpoint, model: str, key: bytes, text: str, live: Callable[[], Awaitable[object]]) -> Parked:
    """One text a request: then a text is known wherever it waits, whatever it was asked with."""
    return Parked(
        endpoint=endpoint,
        model=model,
        path="/embeddings",
        asked=Asked(call_id=key, tokens_in=upper_tokens_of([text]), texts=(key,)),
        max_tokens=0,
        body=lambda dialect: embedding_body([text], model, dialect),
        live=live,
    )


async def _all(work: Iterator[Awaitable[T]]) -> list[T]:
    """All results in order; when one fails the others are cancelled before its error is raised."""
    tasks = [asyncio.ensure_future(item) for item in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
