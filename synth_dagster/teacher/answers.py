"""The answer of one attempt: kept from before, in flight for another caller, in a provider batch, or paid for now."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from synth_dagster.services import Unusable
from synth_dagster.teacher.attempts import Attempt
from synth_dagster.teacher.batches.desk import Desk
from synth_dagster.teacher.batches.ledger import FINAL, Asked
from synth_dagster.teacher.batches.parking import Parked, Parking, Submitted
from synth_dagster.teacher.cache import AnswerCache, Stored
from synth_dagster.teacher.forms import chat_body, upper_tokens
from synth_dagster.teacher.paid import Calls
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
    ) -> None:
        """With `desk` and `submit`, roles that are asked in provider batches are asked so."""
        self._cache, self._calls, self._usage, self._desk = cache, calls, usage, desk
        self._flying: dict[bytes, asyncio.Task[tuple[Stored, bool]]] = {}
        self._parking = Parking(submit, self._is_still) if submit else None

    async def of(self, attempt: Attempt) -> tuple[Stored, bool]:
        """The answer, and whether it cost nothing: kept before, or in flight for another caller."""
        stored = await self.moving(self._cache.get(attempt.call_id))
        if stored is not None:
            self._usage.count_cached(attempt.endpoint.role)
            return stored, True
        flying = self._flying.get(attempt.call_id)
        if flying is None:
            task = asyncio.create_task(self._obtained(attempt))
            self._flying[attempt.call_id] = task
            task.add_done_callback(lambda done: self._landed(attempt.call_id, done))
            return await asyncio.shield(task)
        stored, _ = await asyncio.shield(flying)
        self._usage.count_cached(attempt.endpoint.role)
        return stored, True

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
        """What was sent is paid, so it is waited for and kept; what was not sent is given up."""
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
        if self._parking is None or self._desk is None or not attempt.endpoint.batch:
            return await self._asked(attempt)
        fate = self._desk.fate(attempt.call_id)
        if fate is not None and fate.reason in FINAL:
            raise Unusable(fate.reason, "")
        if fate is not None and attempt.endpoint.batch_failures == "live":
            return await self._asked(attempt)
        # it is there only where another process has collected it meanwhile
        stored = await self._parking.park(_parked(attempt))
        self._usage.count_cached(attempt.endpoint.role)
        return stored, True

    async def _asked(self, attempt: Attempt) -> tuple[Stored, bool]:
        """The answer of the endpoint, or of another process that was asking for it."""
        async with self._cache.asking(attempt.call_id) as kept:
            if kept is not None:
                self._usage.count_cached(attempt.endpoint.role)
                return kept, True
            return await self._calls.chat(attempt), False

    def _landed(self, call_id: bytes, task: asyncio.Task[tuple[Stored, bool]]) -> None:
        self._flying.pop(call_id, None)
        if not task.cancelled():
            task.exception()  # every caller may be gone: asyncio would complain of an error that nobody saw

    def _is_still(self, parked: int) -> bool:
        """Whether the parked requests are all that is under way."""
        return len(self._flying) == parked


def _parked(attempt: Attempt) -> Parked:
    request = attempt.request
    return Parked(
        endpoint=attempt.endpoint,
        model=request.model,
        path="/chat/completions",
        asked=Asked(call_id=attempt.call_id, tokens_in=upper_tokens(request), prompt_hash=attempt.prompt_hash),
        max_tokens=request.sampling.max_tokens,
        body=lambda dialect: chat_body(request, attempt.number, dialect),
    )
