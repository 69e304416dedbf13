"""What the teachers did in a run: calls, answers from the cache, failures, tokens and money, by role."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(slots=True)
class RoleUsage:
    """What a role did in this run. `failed` counts unusable answers; money is None once a price is unknown.

    `retries` counts the requests that were sent again, by what had become of them; `standing` says how its endpoint is
    asked just now, and is empty while nothing is under way.
    """

    calls: int = 0
    cached: int = 0
    failed: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    money: Decimal | None = Decimal(0)
    reasons: Counter[str] = field(default_factory=Counter)  # of what failed
    retries: Counter[str] = field(default_factory=Counter)
    standing: str = ""

    def fail(self, reason: str) -> None:
        self.failed += 1
        self.reasons[reason] += 1

    @property
    def usd(self) -> float | None:
        return None if self.money is None else float(self.money)

    def paid(self, tokens_in: int, tokens_out: int, usd: Decimal | None) -> None:
        self.calls += 1
        self.tokens_in += tokens_in
        self.tokens_out += tokens_out
        self.money = None if self.money is None or usd is None else self.money + usd

    def __add__(self, other: "RoleUsage") -> "RoleUsage":
        return RoleUsage(
            self.calls + other.calls,
            self.cached + other.cached,
            self.failed + other.failed,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            None if self.money is None or other.money is None else self.money + other.money,
            self.reasons + other.reasons,
            self.retries + other.retries,
        )

    def as_json(self) -> dict[str, int | float | None]:
        """The figures that `synth status` shows."""
        return {
            "calls": self.calls,
            "cached": self.cached,
            "failed": self.failed,
            "retried": self.retries.total(),
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "usd": self.usd,
        }


@dataclass(slots=True)
class Usage:
    """What the teachers did, by role; whoever watches is told of each change."""

    roles: dict[str, RoleUsage] = field(default_factory=dict)
    watch: "Callable[[Usage], None] | None" = None

    def count_cached(self, role: str, answers: int = 1) -> None:
        """So many answers cost nothing."""
        self.roles[role].cached += answers
        self.changed()

    def count_retry(self, role: str, kind: str) -> None:
        """A request is sent again, after that kind of fault."""
        self.roles[role].retries[kind] += 1
        self.changed()

    def count_failed(self, role: str, reason: str) -> None:
        """An answer could not be used."""
        self.roles[role].fail(reason)
        self.changed()

    def changed(self) -> None:
        """Tells whoever watches."""
        if self.watch:
            self.watch(self)

    @property
    def total(self) -> RoleUsage:
        return sum(self.roles.values(), RoleUsage())
