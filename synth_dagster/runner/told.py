"""How far a step is and what it costs, in words: for a terminal and for a log."""

import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from synth_dagster.runner.context import UsageLike

WINDOW_S = 60.0  # how far back a rate looks: what came from the cache at first says nothing of the rest


@dataclass
class Rate:
    """How fast a step goes now: over the last minute, or since it began."""

    _seen: deque[tuple[float, int]] = field(default_factory=deque)

    def note(self, done: int, now: float | None = None) -> None:
        """So many inputs are done."""
        now = time.monotonic() if now is None else now
        self._seen.append((now, done))
        while len(self._seen) > 2 and self._seen[1][0] <= now - WINDOW_S:
            self._seen.popleft()

    @property
    def per_second(self) -> float | None:
        """None as long as nothing was seen to move."""
        (began, first), (now, last) = (self._seen[0], self._seen[-1]) if self._seen else ((0.0, 0), (0.0, 0))
        return (last - first) / (now - began) if now > began and last > first else None

    def in_words(self, done: int, total: int) -> list[str]:
        """Rate and time left, as far as they are known."""
        rate = self.per_second
        if rate is None or done >= total:
            return []
        return [f"{rate:.1f}/s" if rate < 10 else f"{rate:.0f}/s", f"{duration((total - done) / rate)} left"]


def duration(seconds: float) -> str:
    """A time in the unit that a person would use."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.1f} h"


def spent(usage: Mapping[str, UsageLike]) -> str:
    """Calls, cache hits, failures, tokens and money in one line; empty when nobody was asked."""
    roles = list(usage.values())
    calls, cached = sum(role.calls for role in roles), sum(role.cached for role in roles)
    if not calls and not cached:
        return ""
    tokens = sum(role.tokens_in + role.tokens_out for role in roles)
    parts = [f"{calls} calls", f"{cached} cached", *failures(roles)]
    return ", ".join([*parts, f"{tokens:,} tokens", money([role.usd for role in roles if role.calls])])


def failures(roles: Iterable[UsageLike]) -> list[str]:
    """What failed as one part of a line, by its kind with a count; nothing where all is well."""
    kinds = sum((Counter(role.reasons) for role in roles), Counter())
    if not kinds:
        return []
    listed = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items(), key=lambda one: (-one[1], one[0])))
    return [f"{sum(kinds.values())} failed ({listed})"]


def money(amounts: list[float | None]) -> str:
    """A sum in dollars; one unknown price makes it unknown."""
    known = [amount for amount in amounts if amount is not None]
    return f"${sum(known):.4f}" if len(known) == len(amounts) else "cost unknown"
