"""Takes what a provider batch gave into the answer cache, some hundred answers at a time.

A batch may hold 50,000 answers: they pass through, and only a word for each request is kept in memory.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import islice
from typing import TypeVar

from synth_dagster.teacher.batches.ledger import ANSWERED, GIVEN_UP, Asked, Paid, ProviderBatch
from synth_dagster.teacher.batches.lines import Result, Vectors, results
from synth_dagster.teacher.cache import AnswerCache, Stored
from synth_dagster.teacher.forms import shared_out
from synth_dagster.teacher.prices import Price

T = TypeVar("T")

AT_ONCE = 256  # answers that become durable together
CANCELLED = "cancelled"


@dataclass
class Taking:
    """The answers of one batch on their way into the cache. Repeated after a kill it changes nothing and sums alike."""

    batch: ProviderBatch
    asked: Mapping[str, Asked]  # by call id in hex, which is the `custom_id`
    cache: AnswerCache
    price: Price | None
    outcomes: dict[bytes, str] = field(default_factory=dict)
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    usd: Decimal | None = Decimal(0)

    async def read(self, rows: Iterable[bytes]) -> None:
        """Keep what a file holds: of each request the first answer, else the first failure."""
        found = results(rows, self.asked, self.batch.model)
        while part := list(islice(found, AT_ONCE)):
            await asyncio.gather(*(self._put(*fresh) for fresh in self._fresh(part)))

    def end(self, missing: str) -> Paid:
        """What all of it cost. Requests that no file spoke of have this outcome."""
        for one in self.asked.values():
            self.outcomes.setdefault(one.call_id, missing)
        if self.batch.state == "giving_up":  # no failure: nobody waited for the provider to answer it
            self.outcomes = {call: GIVEN_UP if said == CANCELLED else said for call, said in self.outcomes.items()}
        return Paid(self.calls, self.tokens_in, self.tokens_out, None if self.usd is None else float(self.usd))

    def _fresh(self, part: Iterable[tuple[Asked, Result]]) -> Iterator[tuple[Asked, Stored | Vectors, Decimal | None]]:
        """The answers of requests that had none."""
        for asked, result in part:
            if self.outcomes.get(asked.call_id) == ANSWERED:
                continue
            if result.answer is None:
                self.outcomes.setdefault(asked.call_id, result.outcome)
                continue
            self.outcomes[asked.call_id] = ANSWERED
            yield asked, result.answer, self._count(result.answer)

    def _count(self, answer: Stored | Vectors) -> Decimal | None:
        read, written = answer.tokens_in, answer.tokens_out if isinstance(answer, Stored) else 0
        cost = self.price and self.price.of(read, written, batch=True)
        self.calls, self.tokens_in, self.tokens_out = self.calls + 1, self.tokens_in + read, self.tokens_out + written
        self.usd = None if self.usd is None or cost is None else self.usd + cost
        return cost

    async def _put(self, asked: Asked, answer: Stored | Vectors, usd: Decimal | None) -> None:
        if isinstance(answer, Stored):
            kept = replace(answer, usd=usd, prompt_hash=asked.prompt_hash, run_id=self.batch.run_id)
            await self.cache.put(asked.call_id, kept)
        else:
            made = dict(zip(asked.texts, answer.vectors, strict=True))
            shared = shared_out(made, self.batch.model, answer.tokens_in, usd, self.batch.run_id)
            await self.cache.put_vectors(shared)
