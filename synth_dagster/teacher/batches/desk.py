"""Collects what provider batches gave into the answer cache.

Answers are durable in the cache first, then the batch is ended in the ledger with what it cost; a kill between the two
repeats the first and changes nothing. It is done alone: no other process submits or collects meanwhile.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from synth_dagster.errors import TeacherError
from synth_dagster.teacher.batches.ledger import Collected, Fate, Ledger, Paid, ProviderBatch
from synth_dagster.teacher.batches.provider import Busy, Provider, Seen
from synth_dagster.teacher.batches.taking import Taking
from synth_dagster.teacher.cache import AnswerCache
from synth_dagster.teacher.faults import shown_address
from synth_dagster.teacher.prices import Prices
from synth_dagster.teacher.roles import Endpoint

T = TypeVar("T")

GONE = "gone"  # a batch that the provider does not know any more
GRACE_S = 30.0  # how long after an upload a batch that was asked for may still appear in the provider's list


@dataclass
class Desk:
    """The provider batches of a dataset, looked after by a sensor, a command, or a stage that is made."""

    endpoints: Mapping[str, Endpoint]
    cache: AnswerCache
    ledger: Ledger
    prices: Prices
    problems: Sequence[str] = ()  # what kept a batch from being looked at, the last time
    _fates: Mapping[bytes, Fate] = field(default_factory=dict)

    # ------------------------------------------------------------------------------------------------------- collecting

    async def collect(self, *, wait_s: float = 600) -> Collected:
        """Look at each open batch and take what has ended into the cache. Raises LakeError when others are at it."""
        found = Collected()
        if self.ledger.open():
            async with entered(self.ledger.alone(wait_s=wait_s)):
                for endpoint, batches in self._by_endpoint(self.ledger.open()):
                    found += await self._collected_at(endpoint, batches)
        self._fates, self.problems = self.ledger.fates(), found.problems
        return found

    def fate(self, call_id: bytes) -> Fate | None:
        """How a request failed in batches, as of the last look."""
        return self._fates.get(call_id)

    async def _collected_at(self, endpoint: Endpoint | None, batches: Sequence[ProviderBatch]) -> Collected:
        if endpoint is None:
            return Collected(waiting=len(batches), problems=tuple(sorted({_no_role(batch) for batch in batches})))
        found = Collected()
        async with Provider(endpoint) as provider:
            for batch in batches:
                try:
                    found += await self._looked_at(provider, batch)
                except (TeacherError, Busy) as problem:
                    found += Collected(waiting=1, problems=(str(problem),))
        return found

    async def _looked_at(self, provider: Provider, batch: ProviderBatch) -> Collected:
        known = await self._found_again(provider, batch)
        if known is None:
            return Collected(waiting=int(batch.file_id is not None))
        return await self._noted(provider, known, await provider.look(str(known.provider_id)))

    async def _noted(self, provider: Provider, batch: ProviderBatch, seen: Seen | None) -> Collected:
        """How a batch stands is written down, and what an ended one gave is taken."""
        seen = seen or Seen(str(batch.provider_id), GONE)
        self.ledger.change(batch.key, status=seen.status, done=seen.done, failed=seen.failed)
        if not seen.ended and seen.status != GONE:
            return Collected(waiting=1)
        return await self._taken(provider, batch, seen)

    async def _found_again(self, provider: Provider, batch: ProviderBatch) -> ProviderBatch | None:
        """The batch with its provider's id; one whose submission was cut off is looked for at the provider."""
        if batch.provider_id is not None:
            return batch
        seen = await provider.find(batch.key) if batch.file_id is not None else None
        if seen is not None:
            self.ledger.change(batch.key, state="submitted", provider_id=seen.provider_id, status=seen.status)
            return replace(batch, state="submitted", provider_id=seen.provider_id)
        if batch.file_id is None or time.time() - batch.changed_at > GRACE_S:
            self.ledger.settle(batch, "dropped", {}, Paid())
        return None

    async def _taken(self, provider: Provider, batch: ProviderBatch, seen: Seen) -> Collected:
        """Everything that an ended batch gave, in the cache; then it is ended in the ledger too."""
        asked = {one.call_id.hex(): one for one in self.ledger.lines(batch.key)}
        taking = Taking(batch, asked, self.cache, self.prices.of(batch.model))
        for file_id in filter(None, (seen.output_file, seen.error_file)):
            async with provider.rows(file_id) as rows:
                await taking.read(rows or ())
        paid = taking.end(_missing(seen))
        self.ledger.settle(batch, "collected", taking.outcomes, paid)
        return Collected(batches=1, answers=paid.calls, failed=len(asked) - paid.calls)

    # ------------------------------------------------------------------------------------------------------- giving up

    async def give_up(self, batch: ProviderBatch) -> Collected:
        """Have the provider end a batch. What it has answered by then is collected: now, or when it says it has ended.

        Raises TeacherError where the provider cannot be asked, or perhaps is just making the batch.
        """
        async with entered(self.ledger.alone()):
            ((endpoint, _),) = self._by_endpoint([batch])
            if endpoint is None:
                raise TeacherError(_no_role(batch))
            async with Provider(endpoint) as provider:
                known = await self._found_again(provider, batch)
                if known is None:
                    return Collected()
                self.ledger.change(known.key, state="giving_up")
                seen = await provider.cancel(str(known.provider_id))
                return await self._noted(provider, replace(known, state="giving_up"), seen)

    def _by_endpoint(self, batches: Sequence[ProviderBatch]) -> list[tuple[Endpoint | None, list[ProviderBatch]]]:
        """The batches with the role's endpoint that reaches them: its own, else another at the same address."""
        grouped: dict[str, tuple[Endpoint | None, list[ProviderBatch]]] = {}
        for batch in batches:
            own = self.endpoints.get(batch.role)
            others = [one for one in self.endpoints.values() if one.base_url == batch.address]
            endpoint = own if own is not None and own.base_url == batch.address else next(iter(others), None)
            name = f"{endpoint.role if endpoint else ''} {batch.address}"
            grouped.setdefault(name, (endpoint, []))[1].append(batch)
        return list(grouped.values())


@asynccontextmanager
async def entered(held: AbstractContextManager[T]) -> AsyncIterator[T]:
    """A blocking context, entered and left beside the event loop."""
    inside = await asyncio.to_thread(held.__enter__)
    try:
        yield inside
    finally:
        await asyncio.to_thread(held.__exit__, None, None, None)


def _missing(seen: Seen) -> str:
    """Why a request has no answer that no file speaks of."""
    if seen.errors:
        return seen.errors[0]
    return "answers_gone" if seen.status == "completed" else seen.status


def _no_role(batch: ProviderBatch) -> str:
    name = batch.provider_id or batch.key
    return (
        f"No role of the recipe is at {shown_address(batch.address)} any more, where the provider batch {name} is. "
        f"Put its address back, or drop the batch with 'synth batches --forget {name}'."
    )
