"""What teachers may spend: amounts, the caps over them, and the ledger that all processes share.

A process never spends what it does not hold. It is granted an allowance by the ledger, reserves its calls within that,
and gives back what they did not need. So every account of the ledger is at all times

    spent + unconfirmed + held by processes  <=  each cap over it

where *unconfirmed* is what may have been paid and nobody will ever know: the upper estimate of a call that timed out,
and what a killed process held. It counts as spent, and is shown apart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal, Protocol, TypeAlias

Unit: TypeAlias = Literal["usd", "tokens", "calls"]
Period: TypeAlias = Literal["run", "recipe", "month", "lake_month"]

PERIODS: Mapping[Period, str] = {
    "run": "this run",
    "recipe": "this recipe",
    "month": "this recipe and month",
    "lake_month": "this month over all recipes",
}


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

    def of(self, unit: Unit) -> Decimal | int:
        """One of the three. Money of an unknown price is 0 here: who caps money has refused unknown prices before."""
        return (self.usd or Decimal(0)) if unit == "usd" else self.tokens if unit == "tokens" else self.calls

    def known(self) -> "Cost":
        """The same with 0 in the place of an unknown price."""
        return self if self.usd is not None else Cost(Decimal(0), self.tokens, self.calls)

    def fits(self, room: "Cost") -> bool:
        """Whether there is room for all three."""
        return self.of("usd") <= room.of("usd") and self.tokens <= room.tokens and self.calls <= room.calls


NOTHING = Cost()
SHARE = 4  # more than the least is given only where it is no larger part than this of what is left


@dataclass(frozen=True, slots=True)
class Cap:
    """One hard cap: its name as a person wrote it, what it counts, and how much of that is allowed in its period."""

    name: str
    period: Period
    unit: Unit
    limit: Decimal | int
    written: str = ""  # where it is raised; the recipe's budget unless named

    @property
    def cure(self) -> str:
        return self.written or f"'budget: {self.name}'"


@dataclass(frozen=True, slots=True)
class Account:
    """What an account of the ledger holds. `unpriced` calls have an unknown price, so its money is unknown."""

    spent: Cost = NOTHING
    unconfirmed: Cost = NOTHING
    held: Cost = NOTHING
    unpriced: int = 0
    parked: Cost = NOTHING  # the part of `held` that waits in provider batches

    @property
    def counted(self) -> Cost:
        """What counts against a cap."""
        return self.spent + self.unconfirmed + self.held

    @property
    def usd(self) -> Decimal | None:
        """The money of it; None where a price was unknown."""
        return None if self.unpriced else self.spent.usd


@dataclass(frozen=True, slots=True)
class Report:
    """What a process tells of its allowance: what was spent since it last did, and what its open calls still need."""

    token: str
    accounts: Mapping[Period, str]
    spent: Cost = NOTHING
    unconfirmed: Cost = NOTHING
    unpriced: int = 0
    kept: Cost = NOTHING


@dataclass(frozen=True, slots=True)
class Wish:
    """More of an allowance: as much as is useful, or the least that helps."""

    most: Cost
    least: Cost
    caps: Sequence[Cap] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an account cannot give more. `waits`: other processes hold a part of it that may come back."""

    cap: Cap
    account: Account
    wanted: Cost
    waits: bool = False

    def __str__(self) -> str:
        cap, unit, account = self.cap, self.cap.unit, self.account
        parts = [f"{said(account.spent, unit)} spent"]
        if account.unconfirmed.of(unit):
            parts.append(f"{said(account.unconfirmed, unit)} counted for calls whose answer never came")
        if account.parked.of(unit):
            parts.append(f"{said(account.parked, unit)} reserved by provider batches")
        if account.held.of(unit) > account.parked.of(unit):
            parts.append(f"{said(account.held - account.parked, unit)} reserved by calls under way")
        wanting = "the next call" if self.wanted.calls <= 1 else f"the next {self.wanted.calls:,} calls"
        return (
            f"The cap of {PERIODS[cap.period]} is reached: {cap.name} is {amount(cap.limit, unit)}, with "
            f"{', '.join(parts)}, and {wanting} may need {said(self.wanted, unit)}. "
            f"Raise {cap.cure} and run again: what was paid is in the cache."
        )


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month in UTC by the ledger's clock, and the seconds until it ends."""

    name: str
    seconds_left: float


class SpendingLedger(Protocol):
    """The books. Each call is one transaction that all processes see whole or not at all; safe from any thread."""

    renewal_s: float | None  # how often a process must be heard of, or what it holds is written off; None is never

    def month(self) -> Month: ...

    def read(self, accounts: Sequence[str]) -> dict[str, Account]:
        """How accounts stand; one that nobody has used yet is empty."""
        ...

    def exchange(self, report: Report, wish: Wish | None = None) -> Cost | Refusal:
        """Note what was spent, hold what is kept, and grant more. What is not kept is given back.

        Gives what was granted, which is at most what is wished for, or why nothing was.
        """
        ...

    def park(self, report: Report, name: str, cost: Cost) -> None:
        """As an exchange; a part of what was held is from now on held under a name, whatever becomes of the process."""
        ...

    def close(self, report: Report) -> None:
        """Note what was spent; the allowance ends."""
        ...


@dataclass(slots=True)
class MemoryLedger:
    """The books of one process, for work that no other process shares a cap with; they end with the process."""

    renewal_s: float | None = None
    accounts: dict[str, Account] = field(default_factory=dict)
    held: dict[str, tuple[frozenset[str], Cost]] = field(default_factory=dict)
    parked: dict[str, tuple[frozenset[str], Cost]] = field(default_factory=dict)

    def month(self) -> Month:
        return Month("0000-00", float("inf"))

    def read(self, accounts: Sequence[str]) -> dict[str, Account]:
        return {name: self._account(name) for name in accounts}

    def exchange(self, report: Report, wish: Wish | None = None) -> Cost | Refusal:
        for name in report.accounts.values():
            self.accounts[name] = noted(self.accounts.get(name, Account()), report)
        self.held.pop(report.token, None)
        others: dict[Period, Account] = {period: self._account(name) for period, name in report.accounts.items()}
        found = grant(others, report.kept, wish) if wish else NOTHING
        more = found if isinstance(found, Cost) else NOTHING
        self.held[report.token] = frozenset(report.accounts.values()), report.kept.known() + more.known()
        return found

    def park(self, report: Report, name: str, cost: Cost) -> None:
        self.exchange(report)
        self.parked[name] = self.held[name] = frozenset(report.accounts.values()), cost.known()

    def close(self, report: Report) -> None:
        self.exchange(report)
        del self.held[report.token]

    def _account(self, name: str) -> Account:
        held, parked = (
            sum((cost for names, cost in kept.values() if name in names), NOTHING) for kept in (self.held, self.parked)
        )
        return replace(self.accounts.get(name, Account()), held=held, parked=parked)


def noted(account: Account, report: Report) -> Account:
    """The account after a report."""
    return replace(
        account,
        spent=account.spent + report.spent.known(),
        unconfirmed=account.unconfirmed + report.unconfirmed.known(),
        unpriced=account.unpriced + report.unpriced,
    )


def grant(others: Mapping[Period, Account], kept: Cost, wish: Wish) -> Cost | Refusal:
    """As much of the wish as every cap allows, where `others` is all that counts besides this process's allowance."""
    if all(_left(cap, others, kept) >= SHARE * wish.most.of(cap.unit) for cap in wish.caps):
        return wish.most
    return _refusal(others, kept, wish.least, wish.caps) or wish.least


def _left(cap: Cap, others: Mapping[Period, Account], kept: Cost) -> Decimal | int:
    return cap.limit - others[cap.period].counted.of(cap.unit) - kept.of(cap.unit)


def _refusal(others: Mapping[Period, Account], kept: Cost, wanted: Cost, caps: Sequence[Cap]) -> Refusal | None:
    for cap in caps:
        account = others[cap.period]
        if wanted.of(cap.unit) > _left(cap, others, kept):
            waits = account.held.of(cap.unit) > account.parked.of(cap.unit)
            return Refusal(cap, replace(account, held=account.held + kept.known()), wanted, waits)
    return None


def said(cost: Cost, unit: Unit) -> str:
    """One part of a cost in words."""
    return amount(cost.of(unit), unit)


def amount(value: Decimal | int, unit: Unit) -> str:
    """$1.5000, 1,000 tokens, 1 call."""
    if unit == "usd":
        return f"${value:,.4f}"
    return f"{value:,} {unit if value != 1 else unit.removesuffix('s')}"
