"""The rate that an address takes, learned from what it accepted before it refused.

It is spaced out evenly just below what was accepted, so that one second of refusals is all that the learning costs.
After a long quiet it rises slowly, because limits change; a refusal then brings it down again and makes the next
quiet longer.
"""

from collections import deque

from synth_dagster.teacher.limits.rate import HEADROOM, Spacing

SLOWER = 0.9
FASTER = 1.01  # a second, after the quiet
HOLD_S = 60.0
LONGEST_HOLD_S = 1_800.0
LONG_STOP_S = 2.0  # an endpoint that refuses for longer than this counts over more than a second
REMEMBERED_S = 3.0


class LearnedRate:
    """Requests a second; unlimited until a refusal was found to be one of time."""

    def __init__(self, wall: float) -> None:
        self.spacing = Spacing()
        self._wall = wall  # what the clock on the wall is ahead of the times here
        self._went: deque[float] = deque()  # when the requests of the last seconds went that were not refused
        self._hold_until, self._hold_s = 0.0, HOLD_S
        self._stop_at = self._cycle_at = -float("inf")
        self._slowed_at = self._learned_at = float(
            "nan"
        )  # the stops that lowered the rate, and that gave the first one
        self._accepted = self._accepted_before = 0
        self._was_long = False

    def sent(self, now: float) -> None:
        self._speed_up(now)
        self.spacing.take(now)
        self._went.append(now)
        while self._went[0] < now - REMEMBERED_S:
            self._went.popleft()

    def accepted(self) -> None:
        self._accepted += 1

    def forget(self, sent_at: float) -> None:
        """What went then was refused."""
        if sent_at in self._went:
            self._went.remove(sent_at)
            if self._learned_at == self._stop_at:
                self.spacing.per_second = self._estimate()

    def stop(self, now: float) -> None:
        """The endpoint begins to refuse."""
        self._cycle_at, self._stop_at = self._stop_at, now
        self._accepted_before, self._accepted = self._accepted, 0

    def resume(self, now: float) -> None:
        """It takes requests again."""
        self._was_long = now - self._stop_at > LONG_STOP_S

    def slow_down(self) -> None:
        """What it refused since the stop came too soon after one another."""
        rate = self.spacing.per_second
        if self._slowed_at == self._stop_at:
            return  # this stop has had its effect
        if rate is None:
            self.spacing.per_second = self._estimate()
        else:
            rate *= SLOWER
            if self._was_long:  # what it lets through over a whole cycle of going and standing still
                rate = min(rate, HEADROOM * max(1, self._accepted_before) / max(1.0, self._stop_at - self._cycle_at))
            self.spacing.per_second, self._hold_s = rate, min(2 * self._hold_s, LONGEST_HOLD_S)
        if self.spacing.per_second is not None:
            self._slowed_at = self._stop_at
            self._learned_at = self._stop_at if rate is None else self._learned_at
            self._hold_until = self._stop_at + self._hold_s
            self._was_long = False

    def _estimate(self) -> float | None:
        """Requests a second, from what was accepted in the second before the stop; None where nothing was.

        A server that counts by fixed windows may have let two windows' worth through in that second, never more. Its
        windows are most likely the clock's seconds, so what went in the running one is the best guess in between.
        """
        within = [went for went in self._went if self._stop_at - 1.0 <= went <= self._stop_at]
        running = (self._stop_at + self._wall) % 1.0
        here = sum(went >= self._stop_at - running for went in within)
        return HEADROOM * max(here, len(within) / 2) or None

    def _speed_up(self, now: float) -> None:
        rate = self.spacing.per_second
        if rate is not None and now > self._hold_until:
            self.spacing.per_second = rate * FASTER ** min(now - self._hold_until, 1.0)
            self._hold_until = now
