"""Rates: requests or tokens a second, spaced out; and what an endpoint's headers say is left of its own allowance.

A spacing is the generic cell rate algorithm (ITU-T I.371): it keeps one number, the time at which the next unit would
come if all came evenly, and lets nothing through that is earlier than that by more than a small tolerance. So no
second holds more than its share, at any phase of the server's clock, which a bucket of tokens cannot promise.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

HEADROOM = 0.96  # of a limit is used: what is sent evenly still arrives a little unevenly
TOLERANCE_S = 0.025  # how early a unit may come: timers are late by a few ms, and what they lose is caught up

DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
SECONDS = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


class Spacing:
    """Units a second, evenly spaced; None is no limit."""

    def __init__(self, per_second: float | None = None) -> None:
        self.per_second = per_second
        self._next = 0.0

    def wait(self, now: float) -> float:
        """Seconds until something may go; 0 is now."""
        if self.per_second is None:
            return 0.0
        if self.per_second <= 0:
            return float("inf")
        return max(0.0, self._next - TOLERANCE_S - now)

    def take(self, now: float, units: float = 1.0) -> None:
        """So many units go now."""
        if self.per_second:
            self._next = max(self._next, now) + units / self.per_second

    def correct(self, units: float) -> None:
        """What went was so many units more, or less, than it was taken for."""
        if self.per_second:
            self._next += units / self.per_second


@dataclass(frozen=True, slots=True)
class Told:
    """What a response says of an allowance: its size, what is left of it, and the seconds until it is whole again."""

    limit: float
    left: float
    reset_s: float


class Allowance:
    """An allowance of requests or tokens as the endpoint counts it.

    What is left is spread over the time until it is whole again. For a window that begins anew that is exact; for a
    bucket that fills steadily it settles where half is left, at the very rate at which it fills.
    """

    def __init__(self) -> None:
        self._limit: float | None = None
        self._left = self._until = self._period = self._taken = 0.0
        self._newest = -1.0
        self._spacing = Spacing()

    @property
    def known(self) -> bool:
        return self._limit is not None

    @property
    def a_minute(self) -> float | None:
        """Units a minute, as far as the endpoint has said: a limit that is whole again sooner is one of a minute."""
        return None if self._limit is None else 60 * self._limit / max(60.0, self._period)

    @property
    def a_second(self) -> float | None:
        """Units a second that it is spread over just now; None as long as the endpoint has said nothing."""
        return self._spacing.per_second

    @property
    def taken(self) -> float:
        """All units that were ever taken, which a request remembers: what went after it the endpoint did not count."""
        return self._taken

    def tell(self, told: Told, taken: float, now: float) -> None:
        """A response to the request that was sent when `taken` units had gone. An older one tells nothing new."""
        if taken < self._newest or told.limit <= 0:
            return
        self._newest, self._limit = taken, told.limit
        self._left = told.left - (self._taken - taken)
        self._period = max(self._period, told.reset_s)
        self._until = now + told.reset_s
        self._spread(now)

    def wait(self, now: float, units: float = 1.0) -> float:
        """Seconds until so many units may go."""
        if self._limit is None:
            return 0.0
        if now >= self._until:
            self._left, self._until = self._limit, now + self._period
            self._spread(now)
        if self._left < min(units, self._limit):
            return self._until - now
        return self._spacing.wait(now)

    def take(self, now: float, units: float = 1.0) -> None:
        self._taken += units
        if self._limit is not None:
            self._left -= units
            self._spacing.take(now, units)

    def correct(self, units: float) -> None:
        """The endpoint counts for itself, so only what comes before its next word is corrected."""
        self._left -= units

    def _spread(self, now: float) -> None:
        span = self._until - now
        self._spacing.per_second = HEADROOM * max(self._left, 0.0) / span if span > 0 else None


def told_by(headers: Mapping[str, str], what: str) -> Told | None:
    """What the headers x-ratelimit-*-{requests|tokens} say, or None where they do not say all of it."""
    left = headers.get(f"x-ratelimit-remaining-{what}")
    if left is None:
        return None
    try:
        limit = float(headers.get(f"x-ratelimit-limit-{what}", ""))
        reset_s = duration_s(headers.get(f"x-ratelimit-reset-{what}", ""))
        return None if reset_s is None else Told(limit, float(left), reset_s)
    except ValueError:
        return None


def duration_s(text: str) -> float | None:
    """Seconds of a duration such as `6m0s`, `120ms` or `1.5`; None for anything else."""
    parts = DURATION.findall(text.strip())
    if not parts or "".join(number + unit for number, unit in parts) != text.strip():
        return None
    return sum(float(number) * SECONDS[unit] for number, unit in parts)
