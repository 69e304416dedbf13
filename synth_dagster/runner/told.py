"""How far a step is and what it costs, in words: for a terminal and for a log."""

import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
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


def counted(done: int, total: int) -> str:
    """How far a step is. Of rounds nobody knows how many records they will make."""
    if not total:
        return f"{done} records so far"
    return f"{total} inputs" if done == total else f"{done} of {total} inputs"


def duration(seconds: float) -> str:
    """A time in the unit that a person would use."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.1f} h"


def spent(usage: Mapping[str, UsageLike]) -> str:
    """Calls, cache hits, failures, tokens and money in one line; empty when nobody was asked."""
    roles = list(usage.values())
    calls, cached = sum(role.calls for role in roles), sum(role.cached for role in roles)
    if not calls and not cached and not any(role.retries for role in roles):
        return ""
    tokens = sum(role.tokens_in + role.tokens_out for role in roles)
    parts = [f"{calls} calls", f"{cached} cached", *failures(roles)]
    return ", ".join([*parts, f"{tokens:,} tokens", money([role.usd for role in roles if role.calls])])


def failures(roles: Sequence[UsageLike]) -> list[str]:
    """What failed and what was sent again, each as one part of a line, by its kind; nothing where all is well."""
    return [*_counted("failed", (role.reasons for role in roles)), *_counted("sent again", (r.retries for r in roles))]


def _counted(what: str, counts: Iterable[Mapping[str, int]]) -> list[str]:
    kinds = sum(map(Counter, counts), Counter[str]())
    if not kinds:
        return []
    listed = ", ".join(f"{kind}: {count}" for kind, count in sorted(kinds.items(), key=lambda one: (-one[1], one[0])))
    return [f"{kinds.total()} {what} ({listed})"]


def under_way(usage: Mapping[str, UsageLike]) -> str:
    """How the endpoints are asked just now; with the roles where there are several endpoints. Empty where none is."""
    roles: dict[str, list[str]] = {}
    for role, used in usage.items():
        if used.standing:
            roles.setdefault(used.standing, []).append(role)
    if len(roles) <= 1:
        return "".join(roles)
    return "; ".join(f"{' and '.join(names)}: {standing}" for standing, names in roles.items())


def money(amounts: list[float | None]) -> str:
    """A sum in dollars; one unknown price makes it unknown."""
    known = [amount for amount in amounts if amount is not None]
    return f"${sum(known):.4f}" if len(known) == len(amounts) else "cost unknown"
