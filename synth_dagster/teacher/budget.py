"""The budget: hard caps that are reserved before a call and settled after it, shared by all processes of a lake.

What a call may cost at most is known beforehand, because a token is at least one byte of the request and every request
limits its answer. The ledger grants this process an allowance, and calls are reserved within that, so that few of them
wait for a transaction: what a call did not need is room for the next one. While calls are under way, here or in another
process, the next one waits for them to settle, so that a cap is neither passed nor reported too early. A call whose
fate is unknown (a timeout) counts as spent at its upper estimate: it may have been paid.
"""

import asyncio
import logging
import random
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from itertools import count
from typing import Any, Protocol, Self

from synth_dagster.errors import OverBudget, SynthError, TeacherError
from synth_dagster.spending import (
    NOTHING,
    PERIODS,
    Cap,
    Cost,
    MemoryLedger,
    Period,
    Refusal,
    SpendingLedger,
    Unit,
    amount,
)
from synth_dagster.teacher.allowance import Allowance, Heart
from synth_dagster.teacher.prices import Prices
from synth_dagster.teacher.roles import Endpoint

log = logging.getLogger(__name__)

DEFAULT_TOKENS = 5_000_000  # the cap of a real endpoint when a recipe names none
POLL_S = 0.1  # how often it is asked whether another process has given something back

CAPS: Mapping[str, tuple[Period, Unit]] = {
    "usd_per_run": ("run", "usd"),
    "tokens_per_run": ("run", "tokens"),
    "calls_per_run": ("run", "calls"),
    "usd_per_recipe": ("recipe", "usd"),
    "tokens_per_recipe": ("recipe", "tokens"),
    "usd_per_month": ("month", "usd"),
    "tokens_per_month": ("month", "tokens"),
}


class Caps(Protocol):
    """What stands under `budget:` in a recipe: a number for each name of `CAPS`; None is no cap."""

    def model_dump(self) -> dict[str, Any]: ...


class Reservation:
    """The upper estimate of a call, or of several. Its end is told by exactly one of settle, release, hold and park."""

    def __init__(self, budget: "Budget", number: int, model: str, calls: int) -> None:
        self._budget, self._number, self._model, self.calls = budget, number, model, calls

    def settle(self, tokens_in: int, tokens_out: int, *, cached_in: int = 0) -> Decimal | None:
        """The call was answered; returns what it cost, None where the price is unknown."""
        cost = self._budget.cost(self._model, tokens_in, tokens_out, cached_in=cached_in)
        self._budget.end(self._number, spent=cost)
        return cost.usd

    def release(self) -> None:
        """The call was certainly not paid."""
        self._budget.end(self._number)

    def hold(self) -> None:
        """Nobody knows whether the call was paid: it counts as spent, at its upper estimate."""
        self._budget.end(self._number, is_known=False)

    def park(self, name: str) -> None:
        """The answer comes later, perhaps to another process: it stays reserved under this name until it is settled.

        Durable when this returns. `LakeLedger.settle_parked` ends it.
        """
        self._budget.park(self._number, name)


class Budget:
    """The caps of one run, for all its roles; safe for many tasks, loops and threads of a process.

    Runs of one `session` share the caps per run, runs of one `dataset` those per recipe and month, and all that use the
    ledger the `shared` ones. Close it, or use it as a context, so that what it holds goes back at once.
    """

    def __init__(
        self,
        *,
        prices: Prices | None = None,
        ledger: SpendingLedger | None = None,
        session: str = "session",
        dataset: str = "recipe",
        shared: Iterable[Cap] = (),
        **caps: float | Decimal | None,
    ) -> None:
        self.caps = [*caps_of(caps), *shared]
        self.prices = prices or Prices.load()
        self.ledger: SpendingLedger = ledger or MemoryLedger()
        self.spent, self.unconfirmed = NOTHING, NOTHING  # of this run, in this process
        self._session, self._dataset = session, dataset
        self._allowances: list[Allowance] = []  # the last one is used; those of an earlier month only end
        self._open: dict[int, tuple[Allowance, Cost]] = {}
        self._numbers = count()
        self._lock, self._talk = threading.RLock(), threading.Lock()
        self._waiting: list[Future[None]] = []
        self._hungry: dict[int, Cost] = {}
        self._growing: Future[tuple[Cost, Refusal | None, bool]] | None = None
        self._pool = ThreadPoolExecutor(1, "budget")  # the loop's own may be full of what waits for this
        self._heart: Heart | None = None

    @classmethod
    def of(cls, caps: Caps, **options: Any) -> "Budget":
        """The budget that a recipe's caps allow one run; the options are those of the constructor."""
        return cls(**caps.model_dump(), **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def reserved(self) -> Cost:
        """What the calls under way may cost at most."""
        return sum((cost for _, cost in self._open.values()), NOTHING)

    def admit(self, endpoints: Iterable[Endpoint]) -> None:
        """Refuses a money cap over an unknown price; gives real endpoints without any cap the default one."""
        real = [endpoint for endpoint in endpoints if endpoint.kind == "endpoint"]
        money = [cap for cap in self.caps if cap.unit == "usd"]
        unknown = sorted({m for endpoint in real for m in endpoint.models if self.prices.of(m) is None})
        if unknown and money:
            raise TeacherError(unknown_price(unknown, money[0].name))
        if money:
            self._refuse_unknown_totals(money)
        if real and not self.caps:
            self.caps = caps_of({"tokens_per_run": DEFAULT_TOKENS})

    def cost(self, model: str, tokens_in: int, tokens_out: int, *, cached_in: int = 0) -> Cost:
        """What one call of that size costs; `cached_in` of its tokens came from the provider's own cache."""
        price = self.prices.of(model)
        return Cost(price and price.of(tokens_in, tokens_out, cached_in=cached_in), tokens_in + tokens_out, 1)

    async def reserve(
        self, model: str, tokens_in: int, tokens_out: int, *, calls: int = 1, batch: bool = False
    ) -> Reservation:
        """Sets aside the upper estimate of a call, or of several together, which may wait in a provider batch.

        Raises OverBudget when a cap cannot hold it.
        """
        price = self.prices.of(model)
        wanted = Cost(price and price.most(tokens_in, tokens_out, batch=batch), tokens_in + tokens_out, calls)
        number = next(self._numbers)
        while not self._take(number, wanted):
            with self.wait() as settled:
                refusal, is_last_word = await self._grow(number, wanted)
                if refusal is None or self._take(number, wanted):
                    continue
                if not (is_last_word or self._open):
                    continue  # what was under way has ended meanwhile
                if is_last_word and not refusal.waits:
                    raise OverBudget(str(replace(refusal, wanted=wanted)))
                pause = POLL_S * random.uniform(0.5, 1.5) if refusal.waits else None
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await asyncio.wrap_future(settled)
        return Reservation(self, number, model, calls)

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

    def end(self, number: int, *, spent: Cost = NOTHING, is_known: bool = True) -> None:
        """The call of that number cost this much, or what nobody knows. A second word on a call changes nothing."""
        with self._lock:
            allowance, reserved = self._open.pop(number, (None, NOTHING))
            if allowance is not None:
                lost = NOTHING if is_known else reserved
                allowance.end(reserved, spent, lost)
                self.spent, self.unconfirmed = self.spent + spent, self.unconfirmed + lost
            waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def park(self, number: int, name: str) -> None:
        """The call of that number is reserved under a name, apart from what this process holds."""
        with self._talk:
            with self._lock:
                allowance, reserved = self._open.pop(number)
                allowance.end(reserved, NOTHING, NOTHING)
                report = allowance.report()
            try:
                self.ledger.park(report, name, reserved)
            except BaseException:
                with self._lock:
                    allowance.take_back(report)
                    allowance.end(NOTHING, NOTHING, reserved)
                raise

    def close(self) -> None:
        """Tells the ledger what was spent and gives the rest back. A call that is still open may have been paid."""
        if self._heart is not None:
            self._heart.stop()
        for number in list(self._open):
            self.end(number, is_known=False)
        with self._talk, self._lock:
            while self._allowances:
                try:
                    self.ledger.close(self._allowances.pop().report())
                except SynthError as error:  # it is written off when it is not heard of for a while
                    log.warning("The ledger was not told what this run has spent: %s", error)
        self._pool.shutdown(wait=False)

    def tell(self) -> None:
        """Says what was spent and gives back what no open call needs, so that others may use it."""
        with self._talk:
            for allowance in list(self._allowances):
                with self._lock:
                    is_over = allowance.is_over() and not allowance.is_open
                    if not (is_over or allowance.has_news()):
                        continue
                    report = allowance.report()
                    if is_over:
                        self._allowances.remove(allowance)
                try:
                    (self.ledger.close if is_over else self.ledger.exchange)(report)
                except BaseException:
                    with self._lock:
                        allowance.take_back(report)
                    raise

    # ------------------------------------------------------------------------------------------------- the allowance

    def _take(self, number: int, wanted: Cost) -> bool:
        """Reserves a call within what is held; true also when that was done before."""
        with self._lock:
            allowance = self._allowances[-1] if self._allowances else None
            if number in self._open:
                return True
            if allowance is None or allowance.is_over() or not allowance.reserve(wanted):
                return False
            self._open[number] = allowance, wanted
            return True

    async def _grow(self, number: int, wanted: Cost) -> tuple[Refusal | None, bool]:
        """Has the allowance grow for all who wait at this moment; why it does not for this one, or None.

        Also whether that is the last word: no call was under way here, whose end could change it.
        """
        with self._lock:
            self._hungry[number] = wanted
            if self._growing is None:
                self._growing = self._pool.submit(self._exchange)
            growing = self._growing
        try:
            least, refusal, is_last_word = await asyncio.shield(asyncio.wrap_future(growing))
        finally:
            with self._lock:
                self._hungry.pop(number, None)
        return (refusal if refusal is not None and least.fits(wanted.known()) else None), is_last_word

    def _exchange(self) -> tuple[Cost, Refusal | None, bool]:
        """The smallest call that waits, why not even that fits, or None, and whether no call was under way."""
        try:
            with self._talk:
                allowance = self._current()
                with self._lock:
                    hungry = sorted(self._hungry.values(), key=lambda cost: (cost.tokens, cost.of("usd")))
                    report = allowance.report()
                    wish = allowance.wish(hungry, self.caps)
                try:
                    found = self.ledger.exchange(report, wish)
                except BaseException:
                    with self._lock:
                        allowance.take_back(report)
                    raise
                with self._lock:
                    allowance.grow(found if isinstance(found, Cost) else NOTHING)
                return wish.least, (found if isinstance(found, Refusal) else None), report.kept.calls == 0
        finally:
            with self._lock:
                self._growing = None

    def _current(self) -> Allowance:
        """The allowance of this month; the first one starts the heartbeat."""
        if not self._allowances or self._allowances[-1].is_over():
            month = self.ledger.month()
            names = self._accounts(month.name)
            with self._lock:
                self._allowances.append(Allowance(names, month.seconds_left))
        if self._heart is None and self.ledger.renewal_s is not None:
            self._heart = Heart(self.tell, self.ledger.renewal_s)
        return self._allowances[-1]

    def _accounts(self, month: str) -> dict[Period, str]:
        return accounts_of(self._session, self._dataset, month)

    def _refuse_unknown_totals(self, money: Iterable[Cap]) -> None:
        names = self._accounts(self.ledger.month().name)
        found = self.ledger.read(list(names.values()))
        for cap in money:
            unpriced = found[names[cap.period]].unpriced
            if unpriced:
                raise TeacherError(
                    f"The cap {cap.name} counts money, and {amount(unpriced, 'calls')} of {PERIODS[cap.period]} had an "
                    f"unknown price, so that nobody knows what is left. {price_cure(cap.name)}"
                )


def accounts_of(session: str, dataset: str, month: str) -> dict[Period, str]:
    """The accounts of the ledger that a call of this session and recipe counts in."""
    return {
        "run": f"run/{session}",
        "recipe": f"recipe/{dataset}",
        "month": f"month/{month}/{dataset}",
        "lake_month": f"month/{month}",
    }


def caps_of(values: Mapping[str, Any]) -> list[Cap]:
    """The caps that these values are. Raises TeacherError for a name or a number that cannot be one."""
    caps: list[Cap] = []
    for name, value in values.items():
        if name not in CAPS:
            raise TeacherError(f"No cap is called '{name}'. Known: {', '.join(CAPS)}.")
        if value is None:
            continue
        period, unit = CAPS[name]
        if not float(value) >= 0:  # also refuses not-a-number
            raise TeacherError(f"'{name}' is {value} and must be at least 0. Correct 'budget' in the recipe.")
        caps.append(Cap(name, period, unit, Decimal(str(value)) if unit == "usd" else int(value)))
    return caps


def shared_caps(env: Mapping[str, str]) -> list[Cap]:
    """The caps over all recipes of a lake in a month: SYNTH_USD_PER_MONTH and SYNTH_TOKENS_PER_MONTH.

    Raises TeacherError for one that is no number of at least 0.
    """
    caps: list[Cap] = []
    units: tuple[tuple[Unit, bool], ...] = (("usd", False), ("tokens", True))
    for unit, whole in units:
        name = f"SYNTH_{unit.upper()}_PER_MONTH"
        given = env.get(name, "").strip().replace("_", "")
        if not given:
            continue
        try:
            limit = int(given) if whole else Decimal(given)
        except (ValueError, InvalidOperation):
            limit = Decimal("nan")
        if not (isinstance(limit, int) or limit.is_finite()) or limit < 0:
            kind = "a whole number" if whole else "a number"
            raise TeacherError(f"{name} is '{env[name]}', and must be {kind} of at least 0. Correct it or unset it.")
        caps.append(Cap(name, "lake_month", unit, limit, name))
    return caps


def unknown_price(models: Iterable[str], cap: str) -> str:
    """The sentence on a money cap that cannot be held."""
    return f"The budget has a money cap ({cap}) and the price of {', '.join(models)} is unknown. {price_cure(cap)}"


def price_cure(cap: str) -> str:
    """What to do about a price that nobody knows."""
    tokens = cap.replace("usd", "tokens").replace("USD", "TOKENS")
    return f"Cap tokens instead ({tokens}, without {cap}), or name the price in a price file (docs/budget.md)."
