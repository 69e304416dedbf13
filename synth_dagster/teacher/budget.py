"""The budget: a hard cap that is reserved before a call and settled after it.

What a call may cost at most is known beforehand, because a token is at least one byte of the request and every request
limits its answer. While calls are under way, the next one waits for them to settle, so that the cap is neither passed
nor reported too early. A call whose fate is unknown (a timeout) stays reserved: it may have been paid.
"""

import asyncio
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Protocol

from synth_dagster.errors import OverBudget, TeacherError
from synth_dagster.teacher.prices import Prices
from synth_dagster.teacher.roles import Endpoint

DEFAULT_TOKENS = 5_000_000  # the cap of a real endpoint when a recipe names none


@dataclass(frozen=True, slots=True)
class Cost:
    """Money (None where the price is unknown), tokens and calls."""

    usd: Decimal | None = Decimal(0)
    tokens: int = 0
    calls: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        usd = None if self.usd is None or other.usd is None else self.usd + other.usd
        return Cost(usd, self.tokens + other.tokens, self.calls + other.calls)

    def __sub__(self, other: "Cost") -> "Cost":
        usd = None if self.usd is None or other.usd is None else self.usd - other.usd
        return Cost(usd, self.tokens - other.tokens, self.calls - other.calls)


class Caps(Protocol):
    """What stands under `budget:` in a recipe; None is no cap."""

    @property
    def usd_per_run(self) -> float | None: ...
    @property
    def tokens_per_run(self) -> int | None: ...
    @property
    def calls_per_run(self) -> int | None: ...


class Reservation:
    """The upper estimate of one call. Its end is told by exactly one of settle, release and hold."""

    def __init__(self, budget: "Budget", number: int, model: str) -> None:
        self._budget, self._number, self._model = budget, number, model

    def settle(self, tokens_in: int, tokens_out: int) -> Decimal | None:
        """The call was answered; returns what it cost, None where the price is unknown."""
        cost = self._budget.cost(self._model, tokens_in, tokens_out)
        self._budget.close(self._number, cost)
        return cost.usd

    def release(self) -> None:
        """The call was certainly not paid."""
        self._budget.close(self._number, Cost())

    def hold(self) -> None:
        """Nobody knows whether the call was paid: it counts as its upper estimate for the rest of the run."""
        self._budget.keep(self._number)


class Budget:
    """The caps of one run, for all its roles; safe for many tasks, loops and threads of a process."""

    def __init__(
        self,
        usd_per_run: float | Decimal | None = None,
        tokens_per_run: int | None = None,
        calls_per_run: int | None = None,
        *,
        prices: Prices | None = None,
    ) -> None:
        self.usd_per_run = None if usd_per_run is None else Decimal(str(usd_per_run))
        self.tokens_per_run, self.calls_per_run = tokens_per_run, calls_per_run
        self.prices = prices or Prices.load()
        self.spent, self._reserved = Cost(), Cost()  # decimals, so that what is added and taken away leaves nothing
        self._open: dict[int, Cost] = {}
        self._numbers = count()
        self._lock = threading.Lock()
        self._waiting: list[Future[None]] = []
        for name, cap in self._caps():
            if cap is not None and not float(cap) >= 0:  # also refuses not-a-number
                raise TeacherError(f"'{name}' is {cap} and must be at least 0. Correct 'budget' in the recipe.")

    @classmethod
    def of(cls, caps: Caps, *, prices: Prices | None = None) -> "Budget":
        """The budget that a recipe's caps allow one run."""
        return cls(caps.usd_per_run, caps.tokens_per_run, caps.calls_per_run, prices=prices)

    @property
    def reserved(self) -> Cost:
        """What the calls under way, and those whose fate is unknown, may cost at most."""
        return self._reserved

    def admit(self, endpoints: Iterable[Endpoint]) -> None:
        """Refuses a money cap over an unknown price; gives real endpoints without any cap the default one."""
        real = [endpoint for endpoint in endpoints if endpoint.kind == "endpoint"]
        unknown = sorted({m for endpoint in real for m in endpoint.models if self.prices.of(m) is None})
        if unknown and self.usd_per_run is not None:
            raise TeacherError(
                f"The budget has a money cap (usd_per_run) and the price of {', '.join(unknown)} is unknown. "
                "Cap tokens instead (tokens_per_run, without usd_per_run), or name the price in a price file."
            )
        if real and all(cap is None for _, cap in self._caps()):
            self.tokens_per_run = DEFAULT_TOKENS

    def cost(self, model: str, tokens_in: int, tokens_out: int, *, calls: int = 1, share: Decimal = Decimal(1)) -> Cost:
        """What calls of that size together cost, at a share of the price."""
        price = self.prices.of(model)
        return Cost(price and price.of(tokens_in, tokens_out) * share, tokens_in + tokens_out, calls)

    @contextmanager
    def wait(self) -> Iterator[Future[None]]:
        """A future that is done as soon as any reservation ends."""
        future: Future[None] = Future()
        with self._lock:
            self._waiting.append(future)
        try:
            yield future
        finally:
            with self._lock:
                if future in self._waiting:
                    self._waiting.remove(future)

    async def reserve(
        self, model: str, tokens_in: int, tokens_out: int, *, calls: int = 1, share: Decimal = Decimal(1)
    ) -> Reservation:
        """Sets aside the upper estimate of a call, or of several together. Raises OverBudget where no cap holds it."""
        wanted = self.cost(model, tokens_in, tokens_out, calls=calls, share=share)
        while True:
            with self.wait() as settled:
                with self._lock:
                    refusal = self._refusal(wanted)
                    if refusal is None:
                        number = next(self._numbers)
                        self._open[number] = wanted
                        self._reserved += wanted
                        return Reservation(self, number, model)
                    if not self._open:
                        raise OverBudget(refusal)
                await asyncio.wrap_future(settled)

    def close(self, number: int, cost: Cost) -> None:
        """The call of that number cost this much. A second word on the same call changes nothing."""
        with self._lock:
            reserved = self._open.pop(number, None)
            if reserved is not None:
                self._reserved -= reserved
                self.spent += cost
            self._wake()

    def keep(self, number: int) -> None:
        """The call of that number may have been paid."""
        with self._lock:
            self._open.pop(number, None)
            self._wake()

    def _caps(self) -> tuple[tuple[str, Decimal | int | None], ...]:
        return (
            ("usd_per_run", self.usd_per_run),
            ("tokens_per_run", self.tokens_per_run),
            ("calls_per_run", self.calls_per_run),
        )

    def _refusal(self, wanted: Cost) -> str | None:
        """Why a call of that cost does not fit, or None."""
        for name, cap in self._caps():
            spent, held, more = (_amount(cost, name) for cost in (self.spent, self._reserved, wanted))
            if cap is not None and spent + held + more > cap:
                return (
                    f"The cap of this run is reached: {name} is {_say(cap, name)}, {_say(spent, name)} is spent, "
                    f"{_say(held, name)} is reserved and the next call may need {_say(more, name)}. "
                    f"Raise 'budget: {name}' and run again: what was paid is in the cache."
                )
        return None

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)


def _amount(cost: Cost, name: str) -> Decimal | int:
    if name == "usd_per_run":
        return cost.usd if cost.usd is not None else Decimal(0)  # admit() has refused unknown prices under this cap
    return cost.tokens if name == "tokens_per_run" else cost.calls


def _say(amount: Decimal | int, name: str) -> str:
    return f"${amount:.4f}" if name == "usd_per_run" else f"{amount:,} {name.split('_', 1)[0]}"
