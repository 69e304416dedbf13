"""Turns: who may send next, and to which address.

Requests wait in one line, in the order in which they came; one that is sent again goes to its front. The first goes
as soon as the stated limits and any address allow it, to the address with the least work outstanding.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from synth_dagster.teacher.limits.ceiling import Ceiling
from synth_dagster.teacher.limits.replica import Replica, Turn
from synth_dagster.teacher.limits.shares import LOOK_S
from synth_dagster.teacher.roles import Endpoint

EVER = float("inf")


class Asking(Protocol):
    """A request as the line sees it."""

    @property
    def endpoint(self) -> Endpoint: ...
    @property
    def model(self) -> str: ...


@dataclass(slots=True)
class Waiting:
    """One request in the line."""

    turn: asyncio.Future[Turn]
    sending: Asking
    tokens: float


class Turns:
    """The line of one endpoint."""

    def __init__(self, replicas: Sequence[Replica], ceiling: Ceiling) -> None:
        self._replicas, self.ceiling = replicas, ceiling
        self._line: deque[Waiting] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._looking: asyncio.TimerHandle | None = None
        self._next = 0  # of replicas with equally little to do, the one after the last

    @property
    def is_down(self) -> bool:
        """Whether every address is left alone just now."""
        return all(replica.breaker.is_open for replica in self._replicas)

    async def take(self, sending: Asking, tokens: float, *, again: bool) -> Turn:
        """Waits for a turn, which its owner leaves."""
        loop = asyncio.get_running_loop()
        self._look(loop)
        if not self._line:
            turn, _ = self._try(loop.time(), tokens)
            if turn is not None:
                return turn
        waiting = Waiting(loop.create_future(), sending, tokens)
        self._line.appendleft(waiting) if again else self._line.append(waiting)
        self.pump()
        try:
            return await waiting.turn
        except asyncio.CancelledError:
            if waiting.turn.done() and not waiting.turn.cancelled() and not waiting.turn.exception():
                self.leave(waiting.turn.result())
            else:
                waiting.turn.cancel()
            raise

    def leave(self, turn: Turn) -> None:
        """The turn is over: its place in flight is free."""
        turn.replica.gone(turn, asyncio.get_running_loop().time())
        self.ceiling.leave()
        self.pump()

    def next_in(self, now: float) -> float:
        """Seconds until the first in the line may go: 0 is now, infinity when another has come back."""
        tokens = self._line[0].tokens if self._line else 0.0
        wait = self.ceiling.wait(now)
        return wait if wait > 0 else self._least_busy(now, tokens)[1]

    def correct(self, turn: Turn, tokens: float) -> None:
        """The request took so many tokens more than its turn was taken for."""
        self.ceiling.correct(tokens)
        turn.replica.pace.tokens.correct(tokens)

    def send_away(self, why: Callable[[Waiting], Exception | None]) -> None:
        """Ends the waiting of those for whom there is a reason."""
        for waiting in self._line:
            if not waiting.turn.done() and (reason := why(waiting)):
                waiting.turn.set_exception(reason)

    def pump(self) -> None:
        """Gives turns to the first in the line, as many as there are."""
        if not self._line:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._line:
            first = self._line[0]
            if first.turn.done():  # given up, or sent away
                self._line.popleft()
                continue
            turn, wait = self._try(now, first.tokens)
            if turn is None:
                self._pump_in(wait, loop)
                return
            self._line.popleft()
            first.turn.set_result(turn)

    def close(self) -> None:
        for timer in (self._timer, self._looking):
            if timer is not None:
                timer.cancel()
        self.ceiling.close()

    def _try(self, now: float, tokens: float) -> tuple[Turn | None, float]:
        """A turn, or the seconds until there may be one."""
        wait = self.ceiling.wait(now)
        if wait > 0:
            return None, wait
        replica, wait = self._least_busy(now, tokens)
        if replica is None:
            return None, wait
        self.ceiling.take(now, tokens)
        return replica.send(now, tokens), 0.0

    def _least_busy(self, now: float, tokens: float) -> tuple[Replica | None, float]:
        if len(self._replicas) == 1:
            (only,) = self._replicas
            wait = only.wait(now, tokens)
            return (None, wait) if wait > 0 else (only, 0.0)
        found, chosen, least, soonest = None, 0, EVER, EVER
        for step in range(len(self._replicas)):
            number = (self._next + step) % len(self._replicas)
            replica = self._replicas[number]
            wait = replica.wait(now, tokens)
            soonest = min(soonest, wait)
            # one that may be tried again has nothing outstanding, so it is tried
            if wait <= 0 and replica.pace.in_flight < least:
                found, least, chosen = replica, replica.pace.in_flight, number
        if found is None:
            return None, soonest
        self._next = (chosen + 1) % len(self._replicas)
        return found, 0.0

    def _pump_in(self, wait: float, loop: asyncio.AbstractEventLoop) -> None:
        if wait == EVER:
            return  # what comes back pumps
        at = loop.time() + wait
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = loop.call_at(at, self._pump_on_time)

    def _pump_on_time(self) -> None:
        self._timer = None  # a loop may call a little early, and then another timer is needed
        self.pump()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """A process that shares limits adapts its share as long as it has work."""
        if self.ceiling.shares is not None and self._looking is None:
            self.ceiling.look(1)
            self._looking = loop.call_later(LOOK_S, self._look_again)

    def _look_again(self) -> None:
        self._looking = None
        waiting = sum(not one.turn.done() for one in self._line)
        if waiting or self.ceiling.in_flight:
            self.ceiling.look(waiting)
            self._looking = asyncio.get_running_loop().call_later(LOOK_S, self._look_again)
            self.pump()
        else:
            self.ceiling.rest()
