"""Collects what provider batches gave into the answer cache.

Answers are durable in the cache first, then the batch is ended in the ledger with what it cost; a kill between the two
repeats the first and changes nothing. It is done alone: no other process submits or collects meanwhile.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal

from synth_dagster.errors import TeacherError
from synth_dagster.teacher.batches.ledger import Asked, Collected, Fate, Ledger, Paid, ProviderBatch
from synth_dagster.teacher.batches.lines import Result, Vectors, merged, results
from synth_dagster.teacher.batches.provider import Busy, Provider, Seen
from synth_dagster.teacher.cache import AnswerCache, Stored
from synth_dagster.teacher.forms import shared_out
from synth_dagster.teacher.prices import Prices
from synth_dagster.teacher.roles import Endpoint

GRACE_S = 30.0  # how long after an upload a batch that was asked for may still appear in the provider's list


@dataclass
class Desk:
    """The provider batches of a dataset, looked after by a sensor, a command, or a stage that is made."""

    endpoints: Mapping[str, Endpoint]
    cache: AnswerCache
    ledger: Ledger
    prices: Prices
    _fates: Mapping[bytes, Fate] = field(default_factory=dict)

    # ------------------------------------------------------------------------------------------------------- collecting

    async def collect(self, *, wait_s: float = 600) -> Collected:
        """Look at each open batch and take what has ended into the cache. Raises LakeError when others are at it."""
        if not self.ledger.open():
            self._fates = self.ledger.fates()
            return Collected()
        async with entered(self.ledger.alone(wait_s=wait_s)):
            found = Collected()
            for endpoint, batches in self._by_endpoint(self.ledger.open()):
                found += await self._collected_at(endpoint, batches)
        self._fates = self.ledger.fates()
        return found

    def fate(self, call_id: bytes) -> Fate | None:
        """How a request failed in batches, as of the last look."""
        return self._fates.get(call_id)

    async def _collected_at(self, endpoint: Endpoint | None, batches: Sequence[ProviderBatch]) -> Collected:
        if endpoint is None:
            where = ", ".join(sorted({batch.address for batch in batches}))
            return Collected(waiting=len(batches), problems=(f"no role of the recipe is at {where} any more",))
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
        seen = await provider.look(str(known.provider_id)) or Seen(str(known.provider_id), "gone")
        self.ledger.change(batch.key, status=seen.status, done=seen.done, failed=seen.failed)
        if not seen.ended and seen.status != "gone":
            return Collected(waiting=1)
        return await self._taken(provider, known, seen)

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
        found: dict[bytes, Result] = {}
        for file_id in filter(None, (seen.output_file, seen.error_file)):
            content = await provider.content(file_id) or b""
            for call_id, result in results(content, asked, batch.model):
                if call_id not in found or (found[call_id].answer is None and result.answer is not None):
                    found[call_id] = result
        outcomes = merged(iter(found.items()), asked.values(), seen.errors[0] if seen.errors else seen.status)
        paid = await self._kept(batch, asked.values(), outcomes)
        self.ledger.settle(batch, "collected", {call_id: one.outcome for call_id, one in outcomes.items()}, paid)
        return Collected(batches=1, answers=paid.calls, failed=len(outcomes) - paid.calls)

    async def _kept(self, batch: ProviderBatch, asked: Iterable[Asked], outcomes: Mapping[bytes, Result]) -> Paid:
        """Answers go into the cache; what they cost. Durable when this returns, however often it is done."""
        calls = tokens_in = tokens_out = 0
        usd: Decimal | None = Decimal(0)
        keeping = []
        for one in asked:
            answer = outcomes[one.call_id].answer
            if answer is None:
                continue
            read, written = answer.tokens_in, answer.tokens_out if isinstance(answer, Stored) else 0
            cost = self._cost(batch.model, read, written)
            calls, tokens_in, tokens_out = calls + 1, tokens_in + read, tokens_out + written
            usd = None if usd is None or cost is None else usd + cost
            keeping.append(self._put(batch, one, answer, cost))
        await asyncio.gather(*keeping)
        return Paid(calls, tokens_in, tokens_out, None if usd is None else float(usd))

    async def _put(self, batch: ProviderBatch, asked: Asked, answer: Stored | Vectors, usd: Decimal | None) -> None:
        if isinstance(answer, Stored):
            kept = replace(answer, usd=usd, prompt_hash=asked.prompt_hash, run_id=batch.run_id)
            await self.cache.put(asked.call_id, kept)
        else:
            made = dict(zip(asked.texts, answer.vectors, strict=True))
            await self.cache.put_vectors(shared_out(made, batch.model, answer.tokens_in, usd, batch.run_id))

    def _cost(self, model: str, tokens_in: int, tokens_out: int) -> Decimal | None:
        price = self.prices.of(model)
        return None if price is None else price.of(tokens_in, tokens_out, batch=True)

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
async def entered(held: AbstractContextManager[object]) -> AsyncIterator[None]:
    """A blocking context, entered and left beside the event loop."""
    await asyncio.to_thread(held.__enter__)
    try:
        yield
    finally:
        await asyncio.to_thread(held.__exit__, None, None, None)
