"""How many requests may be in flight at one address: it climbs while that helps, and steps back when it hurts.

A server that refuses says where its end is. A server that queues does not: there only the latency grows. What is
measured is the gradient of latency over in-flight: by Little's law the throughput is in-flight over latency, so where
the latency grows as the in-flight does, the rest only waits there. A batching server (vLLM) also answers more slowly
the more it has, but by less than it gets, and there the climb goes on; comparing with the latency of an idle server,
as Vegas and Gradient do, would stop it far too early.
"""

import math
from collections import deque
from statistics import median

START = 8
MOST = 256  # where a recipe names no ceiling
LEAST_ROUND = 8  # answers in a round
WORTH = 0.25  # the share of an increase that must come out as throughput
TOO_MANY_BAD = 0.25  # of a round's requests, and more than a few: single failures are no sign of load
A_FEW = 4
DOWN = 0.7
UP = 1.25
REST = 10  # rounds after a vain climb; twice as many after each further one
HOLD_S = 60.0  # how long a number that was refused is not tried again; twice as long after each further refusal
LONGEST_HOLD_S = 1_800.0
NEAR_TIMEOUT = 1 / 3


class Climb:
    """The limit of in-flight requests at one address. Times are seconds of one clock."""

    def __init__(self, start: int, most: int, timeout_s: float) -> None:
        self.limit = min(start, most)
        self.pressed = False  # whether a request had to wait for the limit in this round
        self._most, self._timeout_s = most, timeout_s
        self._doubling, self._rest, self._resting = True, REST, 0
        self._hold_until, self._hold_s = 0.0, HOLD_S
        self._refused_at = 0  # 0 is never
        self._before: tuple[int, float] | None = None  # limit and latency of the last round that counted
        self._slow_alone = 0.0  # a latency that was found to be no queue's doing
        self._shrunk = False
        self._begin(0.0)

    def landed(self, sent_at: float, now: float, *, bad: bool = False) -> None:
        """A request came back; `bad` is a server's error or a timeout."""
        if sent_at < self._since:
            return  # it was sent under another limit
        self._bad += bad
        self._late += bad and now - sent_at >= self._timeout_s
        if not bad:
            self._latencies.append(now - sent_at)
        if len(self._latencies) + self._bad >= max(self.limit, LEAST_ROUND):
            self._end(now)

    def refused(self, at: int, now: float) -> None:
        """A request was refused when so many were in flight, itself among them."""
        self.limit = max(1, min(self.limit, at - 1))
        self._refused_at = self.limit + 1
        self._doubling = False
        if now >= self._hold_until:
            self._hold_until, self._hold_s = now + self._hold_s, min(2 * self._hold_s, LONGEST_HOLD_S)
        self._begin(now)

    def restore(self, limit: int, now: float) -> None:
        """The refusal had another cause than the number in flight."""
        self.limit, self._refused_at, self._hold_until = limit, 0, 0.0
        self._begin(now)

    def _begin(self, now: float) -> None:
        self._since, self._bad, self._late, self.pressed = now, 0, 0, False
        self._latencies: deque[float] = deque()

    def _end(self, now: float) -> None:
        total = len(self._latencies) + self._bad
        if self._bad > max(A_FEW, TOO_MANY_BAD * total):
            limit = int(self.limit * DOWN)
            if self._late:  # so many would have been answered well within the timeout
                limit = min(limit, int(len(self._latencies) / (now - self._since) * self._timeout_s * NEAR_TIMEOUT))
            self._step(max(1, limit))
            self._before, self._shrunk = None, False
        elif self._latencies:
            self._compare(median(self._latencies), now)
        self._begin(now)

    def _compare(self, latency: float, now: float) -> None:
        before, self._before = self._before, (self.limit, latency)
        worth = gain(before, (self.limit, latency))
        if self._shrunk:
            self._shrunk = False
            if worth is not None and before is not None and worth > 2 * WORTH:
                self._slow_alone, self.limit = latency, before[0]  # fewer requests made it no faster: it is no queue
                return
        elif worth is not None and before is not None and self.limit > before[0] and worth < WORTH:
            self._step(before[0])
            self._before = before
            self._rest, self._resting = min(2 * self._rest, 80), self._rest
            return
        if latency > max(NEAR_TIMEOUT * self._timeout_s, 1.5 * self._slow_alone) and self.limit > 1:
            self._step(max(1, int(self.limit * DOWN)))
            self._shrunk = True
        elif self.pressed:
            self._rise(now)

    def _rise(self, now: float) -> None:
        if self._resting > 0:
            self._resting -= 1
        elif self._refused_at and self.limit + 1 >= self._refused_at:
            if now >= self._hold_until:
                self.limit = self._refused_at = min(self._most, self.limit + 1)
        else:
            self.limit = min(self._most, max(self.limit + 1, int(self.limit * (2 if self._doubling else UP))))
            if self._refused_at:
                self.limit = min(self.limit, self._refused_at - 1)

    def _step(self, limit: int) -> None:
        self.limit, self._doubling = limit, False


def gain(before: tuple[int, float] | None, after: tuple[int, float]) -> float | None:
    """The share of a change of in-flight that came out as throughput: 1 is all of it, 0 is a queue.

    Each is the number in flight and the latency there: throughput is the one over the other, so the share is
    1 - d(log latency)/d(log in-flight). None where nothing was changed.
    """
    if before is None or before[0] == after[0] or min(before[1], after[1]) <= 0:
        return None
    return 1 - math.log(after[1] / before[1]) / math.log(after[0] / before[0])
