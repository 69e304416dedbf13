"""What a process holds of the ledger for one month: calls are reserved within it, without a transaction."""

import logging
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from uuid import uuid4

from synth_dagster.errors import SynthError
from synth_dagster.spending import NOTHING, Cap, Cost, Period, Report, Wish

log = logging.getLogger(__name__)

SILENCE_S = 20.0
CALLS = 16  # calls that one upper estimate of tokens is good for: most use far less, and of calls none comes back


class Allowance:
    """One grant that grows and shrinks. The budget's lock guards it."""

    def __init__(self, accounts: Mapping[Period, str], seconds: float) -> None:
        self.token, self.accounts = uuid4().hex, accounts
        self._ends = time.time() + seconds
        self.held, self.reserved = NOTHING, NOTHING
        self._spent, self._lost, self._unpriced = NOTHING, NOTHING, 0  # since the ledger was told
        self._told = time.monotonic()

    @property
    def is_open(self) -> bool:
        """Whether a call is under way in it."""
        return self.reserved.calls > 0

    @property
    def room(self) -> Cost:
        return self.held - self.reserved - self._spent - self._lost

    def is_over(self) -> bool:
        """Whether its month has ended: a call counts in the month in which it was reserved."""
        return time.time() >= self._ends

    def has_news(self) -> bool:
        """Whether there is something to tell or to give back, or nothing was told for so long that it is time."""
        unchanged = self.held == self.reserved and NOTHING == self._spent == self._lost and not self._unpriced
        return not unchanged or time.monotonic() - self._told > SILENCE_S

    def reserve(self, wanted: Cost) -> bool:
        """Sets the cost of a call aside, where there is room for it."""
        if not wanted.fits(self.room):
            return False
        self.reserved += wanted.known()
        return True

    def end(self, reserved: Cost, spent: Cost, lost: Cost) -> None:
        """A call of that reservation has ended."""
        self.reserved -= reserved.known()
        self._spent += spent.known()
        self._lost += lost.known()
        self._unpriced += (spent.calls if spent.usd is None else 0) + (lost.calls if lost.usd is None else 0)

    def report(self) -> Report:
        """What the ledger has to know, which is told with that; only what open calls need is kept."""
        told = Report(self.token, self.accounts, self._spent, self._lost, self._unpriced, self.reserved)
        self._spent, self._lost, self._unpriced = NOTHING, NOTHING, 0
        self.held, self._told = self.reserved, time.monotonic()
        return told

    def take_back(self, report: Report) -> None:
        """The ledger could not be told. What it holds for this process is what it was before, or less."""
        self._spent += report.spent
        self._lost += report.unconfirmed
        self._unpriced += report.unpriced
        self.held += report.spent + report.unconfirmed

    def grow(self, granted: Cost) -> None:
        self.held += granted.known()

    def wish(self, hungry: Sequence[Cost], caps: Sequence[Cap]) -> Wish:
        """Room for all who wait, the smallest first, and as much again as is under way: that is for the next calls.

        What a killed process held counts as spent, so nothing is kept that is not soon needed.
        """
        if not hungry:
            return Wish(NOTHING, NOTHING, caps)
        all_of_them = sum((cost.known() for cost in hungry), NOTHING)
        most = all_of_them + all_of_them + self.reserved
        return Wish(replace(most, calls=most.calls * CALLS), hungry[0].known(), caps)


class Heart:
    """Calls `beat` of an object every so many seconds, from a thread, until it is stopped or the object is gone."""

    def __init__(self, beat: Callable[[], None], seconds: float) -> None:
        self._done = threading.Event()
        arguments = (weakref.WeakMethod(beat), seconds, self._done)
        threading.Thread(target=_beats, args=arguments, daemon=True, name="budget heart").start()

    def stop(self) -> None:
        self._done.set()


def _beats(beat: "weakref.WeakMethod[Callable[[], None]]", seconds: float, done: threading.Event) -> None:
    while not done.wait(seconds):
        tell = beat()
        if tell is None:
            return
        try:
            tell()
        except SynthError as error:  # a server that is being restarted; what is held is believed for a while
            log.warning("The ledger was not told what is spent: %s", error)
        del tell
