"""How many requests may be in flight at one address: it climbs while that helps, and steps back when it hurts.

A server that refuses says where its end is. A server that queues does not: there only the latency grows. What is
measured is the gradient of latency over in-flight: by Little's law the throughput is in-flight over latency, so where
the latency grows as the in-flight does, the rest only waits there. A batching server (vLLM) also answers more slowly
the more it has, but by less than it gets, and there the climb goes on; comparing with the latency of an idle server,
as Vegas and Gradient do, would stop it far too early.
"""

import math
from collections import deque
from statistics import fmean, stdev

START = 8
MOST = 256  # where a recipe names no ceiling
LEAST_ROUND = 8  # answers in a round
ENOUGH = 64  # answers with as many in flight, after which no more are waited for to be sure
WORTH = 0.25  # the share of an increase that must come out as throughput
TOO_MANY_BAD = 0.25  # of a round's requests, and more than a few: single failures are no sign of load
A_FEW = 4
MORE_THAN_USUAL = 2.0  # times what fails at an endpoint anyway
LEARNING = 0.2
DOWN = 0.7
UP = 1.25
REST, MOST_REST = 10, 80  # rounds after a vain climb; twice as many after each further one
HOLD_S = 60.0  # how long a number that was refused is not tried again; twice as long after each further refusal
LONGEST_HOLD_S = 1_800.0
NEAR_TIMEOUT = 1 / 3


class Level:
    """The latencies seen with so many in flight, as logarithms: their mean, and how far it may be off."""

    def __init__(self, in_flight: int) -> None:
        self.in_flight = in_flight
        # at least a whole round: the last to come of it are the slow ones
        self.logs: deque[float] = deque(maxlen=max(ENOUGH, in_flight))

    @property
    def latency(self) -> float:
        return math.exp(fmean(self.logs))

    @property
    def error(self) -> float:
        return stdev(self.logs) / math.sqrt(len(self.logs)) if len(self.logs) > 1 else math.inf


class Climb:
    """The limit of in-flight requests at one address. Times are seconds of one clock."""

    def __init__(self, start: int, most: int, timeout_s: float) -> None:
        self.limit = min(start, most)
        self.pressed = False  # whether a request had to wait for the limit in this round
        self._most, self._timeout_s = most, timeout_s
        self._doubling, self._rest, self._resting = True, REST, 0
        self._hold_until, self._hold_s = 0.0, HOLD_S
        self._refused_at = 0  # 0 is never
        self._level = Level(self.limit)
        self._before: Level | None = None  # where the limit stood before
        self._slow_alone = 0.0  # a latency that was found to be no queue's doing
        self._shrunk = False
        self._failing = 0.0  # the share of requests that usually fails
        self._failed: tuple[int, float] | None = None  # limit and share of answers, where too many failed
        self._begin(-math.inf)

    def landed(self, sent_at: float, now: float, *, bad: bool = False) -> None:
        """A request came back; `bad` is a server's error or a timeout."""
        if sent_at < self._since:
            return  # it was sent under another limit
        self._first_at = min(self._first_at, sent_at)
        self._bad += bad
        self._late += bad and now - sent_at >= self._timeout_s
        if not bad:
            self._good += 1
            self._level.logs.append(math.log(max(now - sent_at, 1e-6)))
        # where several came too late, the rest may too: it is not waited for
        if self._good + self._bad >= max(self.limit, LEAST_ROUND) or self._late > A_FEW:
            self._end(now)

    def refused(self, at: int, now: float) -> None:
        """A request was refused when so many were in flight, itself among them."""
        self._stand(Level(max(1, min(self.limit, at - 1))), self._before)
        self._refused_at = self.limit + 1
        self._doubling = False
        if now >= self._hold_until:
            self._hold_until, self._hold_s = now + self._hold_s, min(2 * self._hold_s, LONGEST_HOLD_S)
        self._begin(now)

    def restore(self, limit: int, now: float) -> None:
        """The refusal had another cause than the number in flight."""
        self._refused_at, self._hold_until = 0, 0.0
        self._stand(Level(limit), None)
        self._begin(now)

    def _stand(self, level: Level, before: Level | None) -> None:
        self._level, self._before, self.limit = level, before, level.in_flight

    def _go(self, limit: int) -> None:
        if limit != self.limit:
            self._stand(Level(limit), self._level)

    def _begin(self, now: float) -> None:
        self._since, self._good, self._bad, self._late, self.pressed = now, 0, 0, 0, False
        self._first_at = math.inf

    def _end(self, now: float) -> None:
        share = self._good / (self._good + self._bad)
        many = (self._good + self._bad) * max(TOO_MANY_BAD, MORE_THAN_USUAL * self._failing)
        if self._late > A_FEW or self._bad > max(A_FEW, many):
            self._step_back(share, now)
        else:
            self._failing += LEARNING * (1 - share - self._failing)
            self._failed = None
            if self._good:
                self._compare(now)
        self._begin(now)

    def _step_back(self, share: float, now: float) -> None:
        """Too many failed, and that share did not. Where load is the cause, fewer requests get as many answers."""
        failed, self._failed = self._failed, (self.limit, share)
        self._doubling = self._shrunk = False
        if failed and share and failed[1] and failed[0] != self.limit:
            kept = 1 + math.log(share / failed[1]) / math.log(self.limit / failed[0])
            if kept > 2 * WORTH:  # fewer answers too: it fails as often with less to do
                self._failing, self._failed = 1 - share, None
                self._stand(Level(failed[0]), None)
                return
        self._stand(Level(self._fewer(now) if self._late else max(1, int(self.limit * DOWN))), None)

    def _fewer(self, now: float) -> int:
        """A lower limit: what would be answered well within the timeout, at the rate of this round."""
        in_time = self._good / (now - self._first_at) * self._timeout_s * NEAR_TIMEOUT
        return max(1, min(int(self.limit * DOWN), int(in_time)))

    def _compare(self, now: float) -> None:
        before, latency = self._before, self._level.latency
        worth, error = gain(before, self._level)
        if before and self._shrunk:
            self._shrunk, self._before = False, None
            if worth + error > 2 * WORTH:  # fewer requests made it no faster: it is no queue
                self._slow_alone = latency
                self._stand(before, None)
                return
            self._doubling = False
        elif before and before.in_flight < self.limit:
            sure, enough = abs(worth - WORTH) > error, len(self._level.logs) >= ENOUGH
            if not sure and not enough:
                self.pressed = False  # it may be chance: more is asked with as many in flight
            elif worth < (WORTH if sure else 0):
                self._stand(before, None)
                self._doubling = False
                self._rest, self._resting = min(2 * self._rest, MOST_REST), self._rest
                return
            else:
                self._before = None
        if latency > max(NEAR_TIMEOUT * self._timeout_s, 1.5 * self._slow_alone) and self.limit > 1:
            self._go(self._fewer(now))
            self._shrunk = True
        elif self.pressed:
            self._rise(now)

    def _rise(self, now: float) -> None:
        if self._resting > 0:
            self._resting -= 1
        elif self._refused_at and self.limit + 1 >= self._refused_at:
            if now >= self._hold_until:
                self._refused_at = min(self._most, self.limit + 1)
                self._go(self._refused_at)
        else:
            limit = min(self._most, max(self.limit + 1, int(self.limit * (2 if self._doubling else UP))))
            self._go(min(limit, self._refused_at - 1) if self._refused_at else limit)


def gain(before: Level | None, after: Level) -> tuple[float, float]:
    """The share of a change of in-flight that came out as throughput, and how far that may be off.

    1 is all of it, 0 is a queue. Throughput is in-flight over latency, so the share is
    1 - d(log latency)/d(log in-flight). Where nothing can be compared, all of it and nothing sure.
    """
    if before is None or not before.logs or before.in_flight == after.in_flight:
        return 1.0, math.inf
    step = math.log(after.in_flight / before.in_flight)
    return 1 - (fmean(after.logs) - fmean(before.logs)) / step, math.hypot(before.error, after.error) / abs(step)
