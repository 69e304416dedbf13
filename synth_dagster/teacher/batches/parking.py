"""Where requests wait for a provider batch, and how it is known that all wait.

All wait when every request under way is parked here and nothing moves while the event loop has turned many times over:
then no coroutine can come further without an answer. Were that seen too early, a batch would only be smaller than it
might have been; the rest goes into the next one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from synth_dagster.errors import SynthError
from synth_dagster.teacher.batches.ledger import Asked
from synth_dagster.teacher.cache import Stored, StoredVector
from synth_dagster.teacher.dialects import Dialect
from synth_dagster.teacher.roles import Endpoint

Answer: TypeAlias = Stored | StoredVector

LOOK_S = 0.05
TURNS = 50  # of the loop: more than there are steps between one answer of a method and its next question


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A request that waits, and what it may cost at most."""

    endpoint: Endpoint
    model: str
    path: str
    asked: Asked
    max_tokens: int
    has_schema: bool = False
    body: Callable[[Dialect], dict[str, Any]]
    live: Callable[[], Awaitable[object]]  # asks it live; then its answer is in the cache


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of parked requests: those that meanwhile have an answer, and why the others have none yet."""

    answers: Mapping[bytes, Answer]
    problem: SynthError | None


class Parking:
    """The parked requests of one run."""

    def __init__(
        self, submit: Callable[[Sequence[Parked]], Awaitable[Submitted]], is_still: Callable[[int], bool]
    ) -> None:
        """`is_still(parked)`: whether nothing but so many parked requests is under way."""
        self._submit, self._is_still = submit, is_still
        self._parked: dict[bytes, tuple[Parked, asyncio.Future[Answer]]] = {}
        self._watch: asyncio.Task[None] | None = None
        self._moves = self._busy = 0
        self.problem: SynthError | None = None  # why the work cannot be whole, whatever its callers made of it

    async def park(self, parked: Parked) -> Answer:
        """The answer, if there is one by the time that all wait. Raises Pending, or why the batch was not made."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._parked[parked.asked.call_id] = parked, future
        self._moves += 1
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._watched())
        try:
            return await future
        finally:
            self._moves += 1
            self._parked.pop(parked.asked.call_id, None)

    @contextmanager
    def moving(self) -> Iterator[None]:
        """Something is under way that is neither parked nor a request: not all wait."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
            self._moves += 1

    async def close(self) -> None:
        """Nothing is submitted any more."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)

    async def _watched(self) -> None:
        while self._parked:
            await self._until_all_wait()
            waiting = dict(self._parked)
            try:
                submitted = await self._submit([parked for parked, _ in waiting.values()])
            except Exception as error:  # noqa: BLE001  # whatever it was, those that wait must hear of it
                submitted = Submitted({}, error if isinstance(error, SynthError) else None)
                for _, future in waiting.values():
                    _fail(future, error)
            self._settle(waiting, submitted)
            await asyncio.sleep(0)

    def _settle(self, waiting: Mapping[bytes, tuple[Parked, asyncio.Future[Answer]]], submitted: Submitted) -> None:
        self.problem = submitted.problem or self.problem
        for call_id, (_, future) in waiting.items():
            self._parked.pop(call_id, None)
            if future.done():
                continue
            if call_id in submitted.answers:
                future.set_result(submitted.answers[call_id])
            elif submitted.problem is not None:
                # a new error for each caller: one object raised in many tasks gathers all their tracebacks
                _fail(future, type(submitted.problem)(str(submitted.problem)))

    async def _until_all_wait(self) -> None:
        while True:
            moves = self._moves
            await asyncio.sleep(LOOK_S)
            if not self._all_wait(moves):
                continue
            for _ in range(TURNS):
                await asyncio.sleep(0)
            if self._all_wait(moves):
                return

    def _all_wait(self, moves: int) -> bool:
        return moves == self._moves and not self._busy and self._is_still(len(self._parked))


def _fail(future: "asyncio.Future[Answer]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
