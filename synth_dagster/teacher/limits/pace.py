"""The pace at one address: how many requests in flight and how many a second it takes, learned from what it does.

A 429 does not say whether too many were in flight or too many came in too short a time, and the cures differ. What
tells them apart is a refusal while little is in flight. So after a refusal everything waits, then one request goes
alone: if it is refused too, the limit is one of time, and from then on requests are spaced by what was accepted in
the second before; if not, the number in flight was at fault, and it stays below the number that was refused.
"""

import random
from dataclasses import dataclass

from synth_dagster.teacher.limits.climb import MOST, START, Climb
from synth_dagster.teacher.limits.learned import LearnedRate
from synth_dagster.teacher.limits.rate import Allowance, Told

CAUTION_S = 0.1  # how long a request that goes alone is watched: a refusal comes at once, an answer takes its time
A_WINDOW_S = 0.1  # who asks to wait for so long counts over time, not what is in flight
FEW = 0.75  # of what was accepted in flight: a refusal below it cannot be for the number in flight
LONGEST_PAUSE_S = 15.0
EVER = float("inf")


@dataclass(slots=True)
class Sent:
    """One request on its way."""

    at: float
    beside: int  # in flight when it went, itself among them
    requests: float  # how many requests and tokens had gone with it
    tokens: float


class Pace:
    """What may go to one address, and when. Times are those of the event loop."""

    def __init__(
        self,
        *,
        most: int | None = None,
        timeout_s: float = 120.0,
        first_pause_s: float = 0.25,
        wall: float = 0.0,
    ) -> None:
        # Whoever names a ceiling knows it, and does not wait for a climb.
        self.climb = Climb(START if most is None else most, MOST if most is None else most, timeout_s)
        self.rate = LearnedRate(wall)
        self.requests, self.tokens = Allowance(), Allowance()
        self.in_flight = 0
        self._first_pause_s = first_pause_s
        self._proven = 0  # the most in flight that was accepted
        self._wave_at = -EVER  # when a refusal came last that was news
        self._before_stop = self.climb.limit
        self._waves = 0  # since the endpoint began to refuse
        self._quiet_until = 0.0
        self._told_to_wait = False
        self._careful = False
        self._alone: Sent | None = None  # went to find out whether others may

    def wait(self, now: float, tokens: float = 0.0) -> float:
        """Seconds until a request may go: 0 is now, infinity when another has come back."""
        if self.in_flight >= self.climb.limit:
            self.climb.pressed = True
            return EVER
        wait = self._quiet_until - now
        if self._alone is not None:
            wait = max(wait, self._alone.at + CAUTION_S - now)
        wait = max(wait, self.rate.spacing.wait(now))
        if self.requests.known:
            wait = max(wait, self.requests.wait(now))
        if self.tokens.known:
            wait = max(wait, self.tokens.wait(now, tokens))
        return max(0.0, wait)

    def send(self, now: float, tokens: float = 0.0) -> Sent:
        """A request goes now."""
        self.in_flight += 1
        self.rate.sent(now)
        self.requests.take(now)
        self.tokens.take(now, tokens)
        sent = Sent(now, self.in_flight, self.requests.taken, self.tokens.taken)
        if self._alone is not None:
            self._resume(now)  # nothing was heard of the first for long enough: it was let in
        elif self._careful:
            self._alone = sent
        return sent

    def answered(self, sent: Sent, now: float) -> None:
        """Its answer came."""
        self.in_flight -= 1
        self._proven = max(self._proven, sent.beside)
        self.rate.accepted()
        self.climb.landed(sent.at, now)
        if sent is self._alone:
            self._resume(now)
        elif self._careful and self._waves == 1 and not self._told_to_wait and self._has_few():
            self._quiet_until = min(self._quiet_until, now)  # what is found out now is found out cheaply

    def failed(self, sent: Sent, now: float, retry_after: float | None = None) -> None:
        """The server failed, or nothing came in time."""
        self.in_flight -= 1
        self.climb.landed(sent.at, now, bad=True)
        if sent is self._alone:
            self._alone = None
        self._obey(now, retry_after)

    def gone(self, sent: Sent, now: float) -> None:
        """It was given up before anything came, or what came says nothing about the pace."""
        self.in_flight -= 1
        if sent is self._alone:
            self._resume(now)

    def refused(self, sent: Sent, now: float, retry_after: float | None = None) -> None:
        """It was refused for coming too early."""
        self.in_flight -= 1
        self.rate.forget(sent.at)
        few = sent.beside == 1 or sent.beside <= FEW * self._proven
        if sent.at <= self._wave_at:  # it had gone before the first refusal came, and says more of the same
            if not few and self.rate.spacing.per_second is None:
                self.climb.refused(sent.beside, now)
            self._obey(now, retry_after)
            return
        alone = sent is self._alone
        self._stop(now, alone=alone)
        by_time = (few and (alone or self.rate.spacing.per_second is not None)) or (retry_after or 0) >= A_WINDOW_S
        if by_time:
            self.rate.slow_down()
            if self.climb.limit != self._before_stop:
                self.climb.restore(self._before_stop, now)
        elif not few:
            self.climb.refused(sent.beside, now)
        self._told_to_wait = bool(retry_after)
        self._pause(now, retry_after)

    def tell(self, sent: Sent, requests: Told | None, tokens: Told | None, now: float) -> None:
        """What the response's headers say of the endpoint's own allowances."""
        if requests is not None:
            self.requests.tell(requests, sent.requests, now)
        if tokens is not None:
            self.tokens.tell(tokens, sent.tokens, now)

    def pause(self, now: float) -> float:
        """Seconds for which nothing goes because it was refused; 0 is no pause."""
        return max(0.0, self._quiet_until - now)

    @property
    def requests_a_second(self) -> float | None:
        """The rate that its headers tell or its refusals have shown; None as long as there is no sign of one."""
        rates = (self.rate.spacing.per_second, self.requests.a_second)
        return min((rate for rate in rates if rate is not None), default=None)

    def _has_few(self) -> bool:
        return self.in_flight < FEW * min(self.climb.limit, self._proven)

    def _stop(self, now: float, *, alone: bool) -> None:
        if alone:
            self._waves += 1
        else:
            self._waves, self._before_stop = 1, self.climb.limit
            self.rate.stop(now)
        self._wave_at, self._careful, self._alone = now, True, None

    def _resume(self, now: float) -> None:
        self._careful, self._alone = False, None
        self.rate.resume(now)

    def _pause(self, now: float, retry_after: float | None) -> None:
        if retry_after:
            self._obey(now, retry_after)
        else:
            pause = self._first_pause_s * 2.0 ** min(self._waves - 1, 16) * random.uniform(0.5, 1.0)
            self._quiet_until = max(self._quiet_until, now + min(pause, LONGEST_PAUSE_S))

    def _obey(self, now: float, retry_after: float | None) -> None:
        """What was told to wait waits a little longer, and not all of it equally long."""
        if retry_after:
            self._quiet_until = max(self._quiet_until, now + retry_after * random.uniform(1.0, 1.05))
