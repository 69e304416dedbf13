"""A circuit breaker: an address that only fails is left alone, and asked again by one request at a time."""

from collections.abc import Callable

FAILURES = 5  # in a row; one request in twenty that fails makes this once in three million


class Breaker:
    """Closed (all goes), open (nothing goes until a time), half open (one request goes to find out)."""

    def __init__(self, pause_s: Callable[[int], float]) -> None:
        self._pause_s = pause_s  # of the number of failures in a row
        self.failures = 0
        self._until = 0.0
        self._answered_at = -1.0
        self._trying = False

    @property
    def is_open(self) -> bool:
        return self.failures >= FAILURES

    def wait(self, now: float) -> float:
        """Seconds until a request may go: 0 is now, infinity when the one that is out has come back."""
        if not self.is_open:
            return 0.0
        return float("inf") if self._trying else max(0.0, self._until - now)

    def send(self) -> bool:
        """A request goes; whether it goes to find out."""
        self._trying = self.is_open
        return self._trying

    def answered(self, now: float) -> bool:
        """Returns whether the breaker was open until now."""
        was_open = self.is_open
        self.failures, self._trying, self._answered_at = 0, False, now
        return was_open

    def failed(self, sent_at: float, now: float, *, trying: bool) -> bool:
        """Returns whether the breaker opened by it.

        A request that went before the last answer came says nothing: what answered meanwhile is not down. While the
        breaker is open only the one that goes to find out counts.
        """
        if trying:
            self._trying = False
        elif self.is_open or sent_at < self._answered_at:
            return False
        self.failures += 1
        if self.is_open:
            self._until = now + self._pause_s(self.failures)
        return self.failures == FAILURES

    def gone(self, *, trying: bool) -> None:
        """The request that went to find out was given up."""
        if trying:
            self._trying = False
