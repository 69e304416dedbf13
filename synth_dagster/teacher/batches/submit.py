"""Submits the requests that wait as provider batches, within the provider's limits and the budget.

A batch is written down, uploaded, and made, in this order, each step durable before the next; so after a kill at any
moment the ledger and the provider's own list tell what there is. It is done alone: no other process submits or collects
meanwhile.
"""

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import uuid4

from synth_dagster.errors import LakeError, OverBudget, Pending, SynthError, TeacherError
from synth_dagster.records import digest
from synth_dagster.services import Unusable
from synth_dagster.spending import Cost, said
from synth_dagster.teacher.batches.desk import Desk, entered
from synth_dagster.teacher.batches.ledger import Alone, Paid, ProviderBatch, StageLedger, parked_name
from synth_dagster.teacher.batches.lines import in_parts, line_of
from synth_dagster.teacher.batches.parking import Answer, Parked, Submitted
from synth_dagster.teacher.batches.provider import Busy, Provider, TooLarge, Unclear
from synth_dagster.teacher.budget import Budget, Reservation
from synth_dagster.teacher.dialects import Dialect
from synth_dagster.teacher.probe import REMEMBERED_S
from synth_dagster.teacher.roles import Endpoint

MOST_TRIES = 3  # in batches; a request that failed in so many is no longer the provider's bad day
REFUSED = ("HTTP 400", "HTTP 401", "HTTP 403", "HTTP 404", "HTTP 422")  # what may be wrong with all requests alike
TRIED = '"answered"'
AGAIN_S = 300.0  # until a provider that had no room is asked once more

Ready: TypeAlias = tuple[Parked, bytes]
"""A request and its line in the provider's file."""


@dataclass(slots=True)
class Sent:
    """What became of requests that are alike: the batches that hold the first of them, and why not all."""

    group: Sequence[Parked]
    answers: dict[bytes, Answer] = field(default_factory=dict)  # of what was asked live
    keys: set[str] = field(default_factory=set)
    requests: int = 0
    why: SynthError | Busy | None = None

    @property
    def left(self) -> Sequence[Parked]:
        return self.group[self.requests :]


@dataclass(frozen=True, slots=True)
class Submitter:
    """Submits for one stage that is being made over one batch, within its budget."""

    desk: Desk
    ledger: StageLedger
    budget: Budget
    dialect: Callable[..., Awaitable[Dialect]]  # of a model there

    async def __call__(self, parked: Sequence[Parked]) -> Submitted:
        """Submit what no batch holds yet. What others have collected meanwhile is answered."""
        async with entered(self.ledger.alone()) as alone:
            answers = {one.asked.call_id: found for one in parked if (found := await self._answered(one)) is not None}
            left = [one for one in parked if one.asked.call_id not in answers]
            held = self.ledger.waiting([one.asked.call_id for one in left])
            fresh = [one for one in left if one.asked.call_id not in held]
            self._refuse_hopeless(fresh)
            sent = [await self._submitted(group, alone) for group in _alike(fresh)]
        for one in sent:
            answers |= one.answers
        left = [one for one in left if one.asked.call_id not in answers]
        if not left:
            return Submitted(answers, None)
        awaits = set(held.by_call.values()).union(*(one.keys for one in sent))
        stopped = [one for one in sent if one.why is not None]
        if not awaits:
            self._refuse_what_does_not_pass(stopped)
        self.ledger.pause(awaits, not_before=0.0 if awaits else time.time() + max(map(_wait_s, stopped)))
        return Submitted(answers, Pending(self._sentence(awaits, len(left), stopped)))

    async def _answered(self, parked: Parked) -> Answer | None:
        cache, texts = self.desk.cache, parked.asked.texts
        return (await cache.vectors(texts)).get(texts[0]) if texts else await cache.get(parked.asked.call_id)

    def _refuse_hopeless(self, parked: Sequence[Parked]) -> None:
        """Raises for requests that failed in batch after batch."""
        failed = [fate for one in parked if (fate := self.desk.fate(one.asked.call_id)) and fate.tries >= MOST_TRIES]
        if failed:
            reasons = ", ".join(sorted({fate.reason for fate in failed}))
            raise TeacherError(
                f"{len(failed)} requests of the teacher role '{parked[0].endpoint.role}' failed in {MOST_TRIES} "
                f"provider batches ({reasons}). Write 'batch_failures: live' for the role in the recipe: they are "
                "then asked one by one, which also says what is wrong with them."
            )

    def _refuse_what_does_not_pass(self, stopped: Sequence[Sent]) -> None:
        """Raises what a person has to do something about, where nothing could be submitted."""
        for one in stopped:
            if isinstance(one.why, OverBudget):
                raise OverBudget(f"{one.why} {self._missing(one)}")
            if isinstance(one.why, SynthError):
                raise one.why

    async def _submitted(self, group: Sequence[Parked], alone: Alone) -> Sent:
        """Requests that are alike, in as many batches as the provider's limits and the caps make of them."""
        endpoint, sent = group[0].endpoint, Sent(group)
        try:
            async with Provider(endpoint) as provider:
                await provider.check()
                await self._try_one(sent)
                has_schema = any(one.has_schema for one in group)
                ready = _lines(sent.group, await self.dialect(endpoint, group[0].model, has_schema=has_schema))
                for part in in_parts(ready, _size, most=endpoint.batch_requests, most_bytes=endpoint.batch_bytes):
                    await self._part(provider, part, sent, alone)
        except (Busy, SynthError) as stopped:
            sent.why = stopped
        return sent

    async def _try_one(self, sent: Sent) -> None:
        """Asks one request live where nobody knows whether the model takes such: what is wrong with all is said then.

        Raises TeacherError for what the endpoint refuses, and OverBudget.
        """
        cache, refused = self.desk.cache, [one for one in sent.group if self._was_refused(one)]
        first = min(refused or sent.group, key=lambda one: one.asked.call_id)
        tried = tried_id(first.endpoint, first.model, first.path, has_schema=first.has_schema)
        if not refused and await cache.ability(tried, time.time() - REMEMBERED_S):
            return
        with suppress(Unusable):  # it is about this request alone
            await first.live()
        await cache.note_ability(tried, TRIED)
        answer = await self._answered(first)
        if answer is not None:
            sent.answers[first.asked.call_id] = answer
            sent.group = [one for one in sent.group if one is not first]

    def _was_refused(self, parked: Parked) -> bool:
        fate = self.desk.fate(parked.asked.call_id)
        return fate is not None and fate.reason in REFUSED

    async def _part(self, provider: Provider, part: Sequence[Ready], sent: Sent, alone: Alone) -> None:
        """One batch, or more where the provider takes no file of that size. Raises what keeps a rest from going."""
        reserved, refused = await self._afforded(part)
        affordable = part[: reserved.calls] if reserved else []
        try:
            if reserved:
                sent.keys.add(await self._made(provider, affordable, reserved, alone))
                sent.requests += len(affordable)
        except TooLarge:
            if len(affordable) == 1:
                raise TeacherError(_too_large(affordable[0])) from None
            half = len(affordable) // 2
            for piece in (affordable[:half], affordable[half:]):
                await self._part(provider, piece, sent, alone)
        if refused:
            raise refused

    async def _afforded(self, part: Sequence[Ready]) -> tuple[Reservation | None, OverBudget | None]:
        """What is set aside for as many of these requests, from the first on, as the caps can hold."""
        try:
            return await self._reserved(part), None
        except OverBudget as problem:
            fit = await self._fitting(part)
            return await self._reserved(part[:fit]) if fit else None, problem

    async def _fitting(self, part: Sequence[Ready]) -> int:
        fit, too_many = 0, len(part)
        while too_many - fit > 1:
            middle = (fit + too_many) // 2
            try:
                (await self._reserved(part[:middle])).release()
                fit = middle
            except OverBudget:
                too_many = middle
        return fit

    async def _reserved(self, part: Sequence[Ready]) -> Reservation:
        read, written = _most_tokens([one for one, _ in part])
        return await self.budget.reserve(part[0][0].model, read, written, calls=len(part), batch=True)

    async def _made(self, provider: Provider, part: Sequence[Ready], reserved: Reservation, alone: Alone) -> str:
        """One batch: written down, uploaded, made. Its key."""
        first, place = part[0][0], self.ledger.place
        batch = ProviderBatch(
            key=uuid4().hex,
            stage=place["stage"],
            batch=place["batch"],
            role=first.endpoint.role,
            address=first.endpoint.base_url,
            model=first.model,
            path=first.path,
            requests=len(part),
            created_at=time.time(),
            dataset=place["dataset"],
            session_id=place["session_id"],
            run_id=place["run_id"],
        )
        try:
            self.ledger.intend(batch, [one.asked for one, _ in part])
        except SynthError:
            reserved.release()
            raise
        reserved.park(parked_name(batch.key))
        try:
            file_id = await provider.upload(f"synth-{batch.key}.jsonl", [line for _, line in part])
            self.ledger.change(batch.key, file_id=file_id)
            alone.check()
            seen = await provider.create(file_id, first.path, batch.key)
        except Unclear:
            return batch.key  # the next look finds out; until then it may be there
        except (TooLarge, Busy, SynthError):
            self.ledger.settle(batch, "dropped", {}, Paid())
            raise
        if not self.ledger.change(batch.key, state="submitted", provider_id=seen.provider_id, status=seen.status):
            await provider.cancel(seen.provider_id)
            raise LakeError("Another process took this one for dead and submits the same. Run the command again.")
        return batch.key

    # --------------------------------------------------------------------------------------------------- what is said

    def _sentence(self, awaits: set[str], answers: int, stopped: Sequence[Sent]) -> str:
        place = f"{self.ledger.place['stage']} [{self.ledger.place['batch']}]"
        rest = sum(len(one.left) for one in stopped)
        if not awaits:
            return (
                f"{place} needs {answers:,} answers and the provider has no room for a batch now. "
                "Run the same command later."
            )
        batches = "1 provider batch" if len(awaits) == 1 else f"{len(awaits)} provider batches"
        count = "1 answer" if answers - rest == 1 else f"{answers - rest:,} answers"
        waits = f"{place} waits for {count} from {batches}."
        parts = [
            f"{waits} Run the same command later: it collects what is ready.",
            *(f"{len(one.left):,} more could not be submitted yet: {one.why} {self._missing(one)}" for one in stopped),
            *(f"A provider batch could not be looked at: {problem}" for problem in self.desk.problems),
        ]
        return " ".join(part.strip() for part in parts)

    def _missing(self, sent: Sent) -> str:
        """What the requests that a cap kept back would cost at most."""
        if not isinstance(sent.why, OverBudget):
            return ""
        read, written = _most_tokens(sent.left)
        price = self.budget.prices.of(sent.group[0].model)
        most = Cost(price and price.most(read, written, batch=True), read + written)
        money = "an unknown price" if most.usd is None else f"{said(most, 'usd')} at the batch price"
        return f"These {len(sent.left):,} requests need at most {said(most, 'tokens')} and {money}."


def _lines(group: Sequence[Parked], dialect: Dialect) -> Iterator[Ready]:
    """One by one, so that no more of them are in memory than go into one batch."""
    return ((one, line_of(one.asked.call_id, one.path, one.body(dialect))) for one in group)


def tried_id(endpoint: Endpoint, model: str, path: str, *, has_schema: bool) -> bytes:
    """Names what is remembered of a model that has answered such a request."""
    return digest("tried", endpoint.base_url, model, path, has_schema)


def _alike(parked: Sequence[Parked]) -> list[list[Parked]]:
    """Requests that may stand in one batch: one address and key, one model, one path."""
    groups: dict[tuple[str, ...], list[Parked]] = {}
    for one in parked:
        groups.setdefault((one.endpoint.base_url, one.endpoint.api_key, one.model, one.path), []).append(one)
    return list(groups.values())


def _most_tokens(requests: Sequence[Parked]) -> tuple[int, int]:
    """Tokens that they may read and write at most."""
    return sum(one.asked.tokens_in for one in requests), sum(one.max_tokens for one in requests)


def _wait_s(stopped: Sent) -> float:
    after = stopped.why.after if isinstance(stopped.why, Busy) else None
    return max(after or 0.0, AGAIN_S)


def _size(ready: Ready) -> int:
    return len(ready[1])


def _too_large(ready: Ready) -> str:
    parked, line = ready
    return (
        f"One request of the teacher role '{parked.endpoint.role}' has {len(line):,} bytes, and the provider takes no "
        "batch with it. Cut the passages shorter ('chunk' of the source), or write 'batch: false' for the role."
    )
