"""Teachers: the roles of a recipe, answered from the cache where they can be and from an endpoint where they must.

One answer's way: the replay table, the cache, a request that is already in flight, and only then a paid call, which is
reserved in the budget before, settled after, and durable in the cache before its caller sees it. An answer that cannot
be parsed is asked for again under the next attempt number, so that the attempts replay as they happened.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from synth_dagster.errors import SynthError, TeacherError, UnknownName
from synth_dagster.services import Call, Embedder, Sampling, Teacher, Unusable, role_of
from synth_dagster.teacher.asked_roles import RoleEmbedder, RoleTeacher
from synth_dagster.teacher.batches.desk import Desk
from synth_dagster.teacher.batches.ledger import FINAL, Asked, StageLedger
from synth_dagster.teacher.batches.parking import Parked, Parking
from synth_dagster.teacher.batches.submit import Submitter
from synth_dagster.teacher.budget import Budget, Reservation
from synth_dagster.teacher.cache import AnswerCache, Request, Stored, vector_id
from synth_dagster.teacher.forms import (
    PER_MESSAGE,
    PER_REQUEST,
    chat_body,
    embedding_body,
    in_calls,
    read_chat,
    read_embeddings,
    shared_out,
    upper_tokens,
)
from synth_dagster.teacher.lexical import LexicalEmbedder
from synth_dagster.teacher.limits.retries import RetryBudget
from synth_dagster.teacher.roles import EMBEDDER, Endpoint
from synth_dagster.teacher.usage import RoleUsage, Usage
from synth_dagster.teacher.wire import Dialect, HandOver, Sending, Wire

if TYPE_CHECKING:
    from synth_dagster.teacher.telemetry import Operation, Telemetry

T = TypeVar("T")

WireKey: TypeAlias = tuple[tuple[str, ...], str]  # the addresses and the key

ATTEMPTS = 2  # for an answer that is empty or does not parse
AGAIN = ("unparsable", "empty")
GRACE_S = 30.0  # how long answers that are already paid are waited for when the work stops

_recorders: ContextVar[tuple[list[bytes], ...]] = ContextVar("recorders", default=())


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
    ) -> None:
        """With `batches`, roles that the recipe asks in provider batches are asked so; without, all are asked live.

        `shares` is the folder where the processes of this machine share the limits of their endpoints.
        """
        self._endpoints, self._cache, self._budget, self._run_id = dict(endpoints), cache, budget, run_id
        self._on_progress, self._retry_rejects, self._telemetry = on_progress, retry_rejects, telemetry
        self._flying: dict[bytes, asyncio.Task[tuple[Stored, bool]]] = {}
        self._wires: dict[WireKey, Wire] = {}
        self._shares, self._retries = shares, RetryBudget()
        self._desk = self._parking = None
        if batches is not None:
            self._desk = Desk(self._endpoints, cache, batches, budget.prices)
            self._parking = Parking(Submitter(self._desk, batches, budget, self._dialect), self._is_still)
        self.usage = Usage({role: RoleUsage() for role in endpoints})
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

        return _run_anywhere(story)

    def __getitem__(self, role: str) -> Teacher:
        role = role if role in self._endpoints else role_of(role)
        if role not in self._endpoints:
            raise UnknownName("teacher role", role, self._endpoints, "Name it under 'teachers' in the recipe.")
        return RoleTeacher(self, self._endpoints[role])

    @property
    def embedder(self) -> Embedder:
        if EMBEDDER not in self._endpoints:
            raise UnknownName("teacher role", EMBEDDER, self._endpoints, "Name it under 'teachers' in the recipe.")
        endpoint = self._endpoints[EMBEDDER]
        return LexicalEmbedder() if endpoint.kind == "embedded" else RoleEmbedder(self, endpoint)

    def check_whole(self) -> None:
        """Raises what an answer is missing for, whatever the callers made of it. Pending in most cases."""
        if self._parking is not None and self._parking.problem is not None:
            raise type(self._parking.problem)(str(self._parking.problem))

    def usage_by_role(self) -> Mapping[str, RoleUsage]:
        """What each role did so far."""
        return self.usage.roles

    @contextmanager
    def recording(self) -> Iterator[list[bytes]]:
        """The ids of all calls used inside the block, by this task and those that it starts.

        The list is complete, sorted and without repetition when the block ends: arrival order would not be the same
        twice.
        """
        calls: list[bytes] = []
        token = _recorders.set((*_recorders.get(), calls))
        try:
            yield calls
        finally:
            _recorders.reset(token)
            calls[:] = sorted(set(calls))

    async def obtain(
        self, endpoint: Endpoint, request: Request, prompt_hash: str, read: Callable[[Stored], T]
    ) -> tuple[T, Stored, Call]:
        """A usable answer to the request: the one that was used before, else the first attempt that `read` accepts."""
        logical = request.logical_id()
        noted = await self._moving(self._cache.replayed(logical))
        if noted and (stored := await self._moving(self._cache.get(noted))):
            self._count_cached(endpoint)
            return await self._replay(request, noted, stored, prompt_hash, read)
        fresh = 0
        for attempt in count():
            call_id = request.call_id(attempt)
            try:
                stored, cached = await self._stored(endpoint, request, call_id, attempt, prompt_hash)
            except HandOver:
                return await self._handed_over(endpoint, request, prompt_hash, read)
            fresh += not cached
            try:
                used = self._used(call_id, stored, prompt_hash, read)
            except Unusable as problem:
                if not self._try_again(problem.reason, attempt, fresh):
                    self.usage.roles[endpoint.role].fail(problem.reason)
                    self._progress()
                    raise
                continue
            if attempt and (won := await self._moving(self._cache.remember(logical, call_id))) != call_id:
                stored = await self._moving(self._cache.get(won))  # another process was faster: its answer is the one
                return used if stored is None else await self._replay(request, won, stored, prompt_hash, read)
            return used
        raise AssertionError("attempts are counted without end")

    async def _handed_over(
        self, endpoint: Endpoint, request: Request, prompt_hash: str, read: Callable[[Stored], T]
    ) -> tuple[T, Stored, Call]:
        """The answer of the role's fallback, noted so that a rerun uses it again."""
        other = self._endpoints.get(endpoint.fallback or "")
        if other is None:
            raise UnknownName("teacher role", endpoint.fallback or "", self._endpoints, "Correct 'fallback'.")
        asked = replace(request, model=other.models[0], revision=other.revision)
        used = await self.obtain(other, asked, prompt_hash, read)
        await self._moving(self._cache.remember(request.logical_id(), used[2].call_id))
        return used

    async def _replay(
        self, request: Request, noted: bytes, stored: Stored, prompt_hash: str, read: Callable[[Stored], T]
    ) -> tuple[T, Stored, Call]:
        """The noted answer; recorded with the attempts before it, as when it was asked for."""
        for attempt in count():
            call_id = request.call_id(attempt)
            if call_id == noted or await self._moving(self._cache.get(call_id)) is None:
                break
            _record(call_id)
        return self._used(noted, stored, prompt_hash, read)

    async def vectors(self, endpoint: Endpoint, texts: Sequence[str]) -> list[bytes]:
        """The embeddings of these texts as float32 bytes; only those that nobody asked for before are paid."""
        model = endpoint.models[0]
        keys = [vector_id(text, model, endpoint.revision) for text in texts]
        found = {key: stored.vector for key, stored in (await self._moving(self._cache.vectors(set(keys)))).items()}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if found:
            self._count_cached(endpoint, len(found))
        made = await self._moving(_all(self._embedded(endpoint, model, part) for part in in_calls(missing)))
        found |= {key: vector for part in made for key, vector in part.items()}
        for key in set(keys):
            _record(key)
        return [found[key] for key in keys]

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator["Teachers"]:
        shared: dict[WireKey, list[Endpoint]] = {}
        for endpoint in self._endpoints.values():
            if not endpoint.base_url:
                raise TeacherError(
                    f"The teacher role '{endpoint.role}' has no address: serve the embedded teacher first."
                )
            shared.setdefault(_wire_key(endpoint), []).append(endpoint)
        self._wires = {
            key: Wire(endpoints, retries=self._retries, shares=self._shares) for key, endpoints in shared.items()
        }
        try:
            if self._desk is not None:
                await self._desk.collect()
            yield self
        finally:
            if self._parking is not None:
                await self._parking.close()
            await self._land()
            for wire in self._wires.values():
                await wire.close()

    async def _land(self) -> None:
        """What was sent is paid, so it is waited for and kept; what was not sent is given up."""
        for wire in self._wires.values():
            wire.closing = True
        for task in self._flying.values():
            if not any(wire.is_paid(task) for wire in self._wires.values()):
                task.cancel()
        flying = list(self._flying.values())
        if flying:
            _, late = await asyncio.wait(flying, timeout=GRACE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _stored(
        self, endpoint: Endpoint, request: Request, call_id: bytes, attempt: int, prompt_hash: str
    ) -> tuple[Stored, bool]:
        """The answer of one attempt, and whether it cost nothing: kept before, or in flight for another caller."""
        stored = await self._moving(self._cache.get(call_id))
        if stored is not None:
            self._count_cached(endpoint)
            return stored, True
        flying = self._flying.get(call_id)
        if flying is None:
            task = asyncio.create_task(self._obtained(endpoint, request, call_id, attempt, prompt_hash))
            self._flying[call_id] = task
            task.add_done_callback(lambda done: self._landed(call_id, done))
            return await asyncio.shield(task)
        stored, _ = await asyncio.shield(flying)
        self._count_cached(endpoint)
        return stored, True

    async def _asked(
        self, endpoint: Endpoint, request: Request, call_id: bytes, attempt: int, prompt_hash: str
    ) -> tuple[Stored, bool]:
        """The answer of the endpoint, or of another process that was asking for it."""
        async with self._cache.asking(call_id) as kept:
            if kept is not None:
                self._count_cached(endpoint)
                return kept, True
            return await self._paid(endpoint, request, call_id, attempt, prompt_hash), False

    def _landed(self, call_id: bytes, task: asyncio.Task[tuple[Stored, bool]]) -> None:
        self._flying.pop(call_id, None)
        if not task.cancelled():
            task.exception()  # every caller may be gone: asyncio would complain of an error that nobody saw

    async def _obtained(
        self, endpoint: Endpoint, request: Request, call_id: bytes, attempt: int, prompt_hash: str
    ) -> tuple[Stored, bool]:
        """An answer that nobody has yet, live or from a provider batch, and whether it cost nothing."""
        if self._parking is None or self._desk is None or not endpoint.batch:
            return await self._asked(endpoint, request, call_id, attempt, prompt_hash)
        fate = self._desk.fate(call_id)
        if fate is not None and fate.reason in FINAL:
            raise Unusable(fate.reason, "")
        if fate is not None and endpoint.batch_failures == "live":
            return await self._asked(endpoint, request, call_id, attempt, prompt_hash)
        parked = Parked(
            endpoint=endpoint,
            model=request.model,
            path="/chat/completions",
            asked=Asked(call_id=call_id, tokens_in=upper_tokens(request), prompt_hash=prompt_hash),
            max_tokens=request.sampling.max_tokens,
            body=lambda dialect: chat_body(request, attempt, dialect),
        )
        stored = await self._parking.park(parked)  # it is there only where another process has collected it meanwhile
        self._count_cached(endpoint)
        return stored, True

    def _is_still(self, parked: int) -> bool:
        """Whether the parked requests are all that is under way."""
        return len(self._flying) == parked

    def _dialect(self, endpoint: Endpoint, model: str) -> Dialect:
        return self._wires[_wire_key(endpoint)].dialect(model)

    async def _moving(self, work: Awaitable[T]) -> T:
        """Work that is under way without being a request: while it runs, not all wait for a provider batch."""
        if self._parking is None:
            return await work
        with self._parking.moving():
            return await work

    async def _paid(
        self, endpoint: Endpoint, request: Request, call_id: bytes, attempt: int, prompt_hash: str
    ) -> Stored:
        usage = self.usage.roles[endpoint.role]
        estimate = upper_tokens(request)
        told = self._told("chat", endpoint, request.model, request.sampling)

        async def keep(answer: Stored, reservation: Reservation) -> Stored:
            if told:
                told.answered(answer.model, answer.tokens_in, answer.tokens_out, answer.finish_reason)
            usd = reservation.settle(answer.tokens_in, answer.tokens_out, cached_in=answer.cached_in)
            usage.paid(answer.tokens_in, answer.tokens_out, usd)
            answer = replace(answer, usd=usd, prompt_hash=prompt_hash, run_id=self._run_id)
            stored = await self._cache.put(call_id, answer)
            self._progress()
            return stored

        sending = Sending(
            endpoint=endpoint,
            model=request.model,
            path="/chat/completions",
            body=lambda dialect: _begun(told, chat_body(request, attempt, dialect)),
            read=lambda found: read_chat(found, request.model, estimate),
            reserve=lambda: self._budget.reserve(request.model, estimate, request.sampling.max_tokens),
            keep=keep,
            text="\n".join(message["content"] for message in request.messages),
            tokens=estimate + request.sampling.max_tokens,
            tokens_of=lambda answer: answer.tokens_in + answer.tokens_out,
            has_schema=request.schema is not None,
            on_retry=lambda: self._count_retry(usage),
        )
        try:
            with told or nullcontext():
                return await self._wires[_wire_key(endpoint)].send(sending)
        except (SynthError, Unusable) as problem:
            usage.fail(problem.reason if isinstance(problem, Unusable) else "not answered")
            raise

    async def _embedded(self, endpoint: Endpoint, model: str, texts: Mapping[bytes, str]) -> dict[bytes, bytes]:
        usage = self.usage.roles[endpoint.role]
        estimate = sum(len(text.encode()) + PER_MESSAGE for text in texts.values()) + PER_REQUEST
        told = self._told("embeddings", endpoint, model)

        async def keep(answer: tuple[list[bytes], int], reservation: Reservation) -> dict[bytes, bytes]:
            vectors, tokens = answer
            if told:
                told.answered(model, tokens, None)
            usd = reservation.settle(tokens, 0)
            usage.paid(tokens, 0, usd)
            made = dict(zip(texts, vectors, strict=True))
            await self._cache.put_vectors(shared_out(made, model, tokens, usd, self._run_id))
            self._progress()
            return made

        sending = Sending(
            endpoint=endpoint,
            model=model,
            path="/embeddings",
            body=lambda dialect: _begun(told, embedding_body(list(texts.values()), model, dialect)),
            read=lambda found: read_embeddings(found, len(texts), estimate),
            reserve=lambda: self._budget.reserve(model, estimate, 0),
            keep=keep,
            text="\n".join(texts.values()),
            tokens=estimate,
            tokens_of=lambda answer: answer[1],
            on_retry=lambda: self._count_retry(usage),
        )
        with told or nullcontext():
            return await self._wires[_wire_key(endpoint)].send(sending)

    def _told(self, name: str, endpoint: Endpoint, model: str, sampling: Sampling | None = None) -> "Operation | None":
        """What telemetry is told of one call, where there is telemetry."""
        return self._telemetry.operation(name, endpoint, model, sampling) if self._telemetry else None

    def _used(
        self, call_id: bytes, stored: Stored, prompt_hash: str, read: Callable[[Stored], T]
    ) -> tuple[T, Stored, Call]:
        call = Call(call_id, stored.model, prompt_hash)
        _record(call_id)
        try:
            return read(stored), stored, call
        except Unusable as problem:
            problem.call = call
            raise

    def _try_again(self, reason: str, attempt: int, fresh: int) -> bool:
        if self._retry_rejects and fresh == 0:
            return True  # what was rejected before is asked for anew
        return reason in AGAIN and (fresh if self._retry_rejects else attempt + 1) < ATTEMPTS

    def _count_cached(self, endpoint: Endpoint, answers: int = 1) -> None:
        self.usage.roles[endpoint.role].cached += answers
        self._progress()

    def _count_retry(self, usage: RoleUsage) -> None:
        usage.retried += 1
        self._progress()

    def _progress(self) -> None:
        if self._on_progress:
            self._on_progress(self.usage)


def _begun(told: "Operation | None", body: dict[str, Any]) -> dict[str, Any]:
    """A request's body, which is written when the request is sent: telemetry hears that it begins."""
    if told:
        told.begin()
    return body


def _wire_key(endpoint: Endpoint) -> WireKey:
    return endpoint.addresses, endpoint.api_key


def _record(call_id: bytes) -> None:
    for calls in _recorders.get():
        calls.append(call_id)


async def _all(work: Iterator[Awaitable[T]]) -> list[T]:
    """All results in order; when one fails the others are cancelled before its error is raised."""
    tasks = [asyncio.ensure_future(item) for item in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _run_anywhere(story: Callable[[], Any]) -> Any:
    """Runs the coroutine in this thread, or in a thread of its own where a loop is running already."""
    from concurrent.futures import ThreadPoolExecutor

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(story())
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(story())).result()
