"""Teachers: the roles of a recipe, answered from the cache where they can be and from an endpoint where they must.

One answer's way: the replay table, the cache, a request that is already in flight, and only then a paid call. An answer
that cannot be parsed is shown to its teacher with what is wrong with it, under the next attempt number; so the attempts
replay as they happened.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from synth_dagster.errors import UnknownName
from synth_dagster.services import Call, Embedder, Teacher, Unusable, record, recording, role_of
from synth_dagster.teacher.answers import Answers
from synth_dagster.teacher.anywhere import run_anywhere
from synth_dagster.teacher.asked_roles import RoleEmbedder, RoleTeacher
from synth_dagster.teacher.attempts import Attempt, asked_next
from synth_dagster.teacher.batches.desk import Desk
from synth_dagster.teacher.batches.ledger import StageLedger
from synth_dagster.teacher.batches.submit import Submitter
from synth_dagster.teacher.budget import Budget
from synth_dagster.teacher.cache import AnswerCache, Request, Stored, vector_id
from synth_dagster.teacher.forms import Reading
from synth_dagster.teacher.lexical import LexicalEmbedder
from synth_dagster.teacher.paid import Calls, PaidCalls
from synth_dagster.teacher.probe import Probes
from synth_dagster.teacher.roles import EMBEDDER, Endpoint
from synth_dagster.teacher.usage import RoleUsage, Usage
from synth_dagster.teacher.wire import HandOver
from synth_dagster.teacher.wires import Wires

if TYPE_CHECKING:
    from synth_dagster.teacher.telemetry import Telemetry

T = TypeVar("T")

AGAIN = ("unparsable", "empty")  # of such answers there is a next try


class Teachers:
    """The roles of one run. `teachers["writer"]` is a Teacher, `teachers.embedder` an Embedder."""

    def __init__(
        self,
        endpoints: Mapping[str, Endpoint],
        *,
        cache: AnswerCache,
        budget: Budget,
        run_id: str,
        on_progress: Callable[[Usage], None] | None = None,
        retry_rejects: bool = False,
        batches: StageLedger | None = None,
        telemetry: "Telemetry | None" = None,
        shares: Path | None = None,
        calls: Calls | None = None,
    ) -> None:
        """With `batches`, roles that the recipe asks in provider batches are asked so; without, all are asked live.

        `shares` is the folder where the processes of this machine share the limits of their endpoints. `calls` answers
        instead of the endpoints.
        """
        self._endpoints, self._cache, self._retry_rejects = dict(endpoints), cache, retry_rejects
        self.usage = Usage({role: RoleUsage() for role in endpoints}, on_progress)
        self._wires = Wires(shares)
        probes = Probes(self._wires, cache, budget, self.usage)
        told = {"run_id": run_id, "telemetry": telemetry}
        self._calls = calls or PaidCalls(self._wires, cache, budget, self.usage, probes, **told)
        self._desk = submit = None
        if batches is not None:
            self._desk = Desk(self._endpoints, cache, batches, budget.prices)
            submit = Submitter(self._desk, batches, budget, probes.dialect)
        self._answers = Answers(cache, self._calls, self.usage, desk=self._desk, submit=submit, gathers=calls is None)
        budget.admit(self._endpoints.values())

    @classmethod
    def open(cls, endpoints: Mapping[str, Endpoint], **options: Any) -> AbstractAsyncContextManager["Teachers"]:
        """Teachers for an `async with`; the options are those of the constructor."""
        return cls(endpoints, **options)._opened()

    @classmethod
    def run(cls, work: Callable[["Teachers"], Awaitable[T]], endpoints: Mapping[str, Endpoint], **options: Any) -> T:
        """What `work` returns, for callers that are not asynchronous; also inside a thread that runs a loop."""

        async def story() -> T:
            async with cls.open(endpoints, **options) as teachers:
                return await work(teachers)

        return run_anywhere(story)

    def __getitem__(self, role: str) -> Teacher:
        return RoleTeacher(self, self._endpoint(role if role in self._endpoints else role_of(role)))

    @property
    def embedder(self) -> Embedder:
        """That of the endpoint, or without one the lexical embedder."""
        endpoint = self._endpoints.get(EMBEDDER)
        return RoleEmbedder(self, endpoint) if endpoint and not endpoint.is_lexical else LexicalEmbedder()

    def check_whole(self) -> None:
        """Raises what an answer is missing for, whatever the callers made of it. Pending in most cases."""
        self._answers.check_whole()

    def usage_by_role(self) -> Mapping[str, RoleUsage]:
        """What each role did so far, and how its endpoint is asked just now."""
        for role, standing in self._wires.standings().items():
            self.usage.roles[role].standing = standing
        return self.usage.roles

    def recording(self) -> AbstractContextManager[list[bytes]]:
        """The ids of all calls used inside the block, by this task and those that it starts."""
        return recording()

    async def obtain(
        self, endpoint: Endpoint, request: Request, prompt_hash: str, read: Reading[T]
    ) -> tuple[T, Stored, Call]:
        """A usable answer to the request: the one that was used before, else the first attempt that `read` accepts."""
        logical, moving = request.logical_id(), self._answers.moving
        noted = await moving(self._cache.replayed(logical))
        if noted and (stored := await moving(self._cache.get(noted))):
            self.usage.count_cached(endpoint.role)
            return await self._replay(request, noted, stored, prompt_hash, read)
        fresh, asked, wrong = 0, request, None
        for number in count():
            call_id = request.call_id(number)
            try:
                stored, cached = await self._answers.of(Attempt(endpoint, asked, number, call_id, prompt_hash))
            except HandOver:
                return await self._handed_over(endpoint, request, prompt_hash, read)
            except Unusable as refused:  # where it was to be repaired, the wrong answer is what there is
                raise wrong or refused from None
            fresh += not cached
            try:
                used = self._used(call_id, stored, prompt_hash, read)
            except Unusable as problem:
                if not self._try_again(endpoint, problem.reason, number, fresh):
                    self.usage.count_failed(endpoint.role, problem.reason)
                    raise
                asked, wrong = asked_next(request, asked, problem), problem
                continue
            if number and (won := await moving(self._cache.remember(logical, call_id))) != call_id:
                stored = await moving(self._cache.get(won))  # another process was faster: its answer is the one
                return used if stored is None else await self._replay(request, won, stored, prompt_hash, read)
            return used
        raise AssertionError("attempts are counted without end")

    async def vectors(self, endpoint: Endpoint, texts: Sequence[str]) -> list[bytes]:
        """The embeddings of these texts as float32 bytes; only those that nobody asked for before are paid."""
        model, moving = endpoint.models[0], self._answers.moving
        keys = [vector_id(text, model, endpoint.revision) for text in texts]
        found = {key: stored.vector for key, stored in (await moving(self._cache.vectors(set(keys)))).items()}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if found:
            self.usage.count_cached(endpoint.role, len(found))
        found |= await self._answers.vectors(endpoint, model, missing)
        for key in set(keys):
            record(key)
        return [found[key] for key in keys]

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator["Teachers"]:
        self._wires.open(self._endpoints.values())
        try:
            if self._desk is not None:
                await self._desk.collect()
            yield self
        finally:
            self._wires.end()
            await self._answers.land(self._wires.is_paid)
            await self._wires.close()

    def _endpoint(self, role: str) -> Endpoint:
        if role not in self._endpoints:
            raise UnknownName("teacher role", role, self._endpoints, "Name it under 'teachers' in the recipe.")
        return self._endpoints[role]

    async def _handed_over(
        self, endpoint: Endpoint, request: Request, prompt_hash: str, read: Reading[T]
    ) -> tuple[T, Stored, Call]:
        """The answer of the role's fallback, noted so that a rerun uses it again."""
        other = self._endpoints.get(endpoint.fallback or "")
        if other is None:
            raise UnknownName("teacher role", endpoint.fallback or "", self._endpoints, "Correct 'fallback'.")
        asked = replace(request, model=other.models[0], revision=other.revision)
        used = await self.obtain(other, asked, prompt_hash, read)
        await self._answers.moving(self._cache.remember(request.logical_id(), used[2].call_id))
        return used

    async def _replay(
        self, request: Request, noted: bytes, stored: Stored, prompt_hash: str, read: Reading[T]
    ) -> tuple[T, Stored, Call]:
        """The noted answer; recorded with the attempts before it, as when it was asked for."""
        for number in count():
            call_id = request.call_id(number)
            if call_id == noted or await self._answers.moving(self._cache.get(call_id)) is None:
                break
            record(call_id)
        return self._used(noted, stored, prompt_hash, read)

    def _used(self, call_id: bytes, stored: Stored, prompt_hash: str, read: Reading[T]) -> tuple[T, Stored, Call]:
        call = Call(call_id, stored.model, prompt_hash)
        record(call_id)
        try:
            return read(stored), stored, call
        except Unusable as problem:
            problem.call = call
            raise

    def _try_again(self, endpoint: Endpoint, reason: str, number: int, fresh: int) -> bool:
        if self._retry_rejects and fresh == 0:
            return True  # what was rejected before is asked for anew
        return reason in AGAIN and (fresh if self._retry_rejects else number + 1) < endpoint.tries
