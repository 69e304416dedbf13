"""The limits that a recipe states for one endpoint, held over all processes of the machine that share it."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from synth_dagster.teacher.limits.rate import HEADROOM, Spacing
from synth_dagster.teacher.limits.shares import Shares, key_of
from synth_dagster.teacher.roles import Endpoint

EVER = float("inf")


class Ceiling:
    """Requests in flight, requests a minute and tokens a minute, as the roles of one endpoint state them.

    Of several roles the largest number in flight holds, as the roles share it, and the smallest rate, as a rate is the
    endpoint's own limit.
    """

    def __init__(self, endpoints: Sequence[Endpoint], folder: Path | None = None) -> None:
        self.most = max((one.max_in_flight for one in endpoints if one.max_in_flight is not None), default=None)
        self._requests_s = _per_second(one.requests_per_minute for one in endpoints)
        self._tokens_s = _per_second(one.tokens_per_minute for one in endpoints)
        self._requests, self._tokens = Spacing(self._requests_s), Spacing(self._tokens_s)
        self.in_flight = 0
        self.shares: Shares | None = None
        if folder and endpoints[0].kind == "endpoint" and (self.most, self._requests_s, self._tokens_s) != (None,) * 3:
            self.shares = Shares(folder, key_of(endpoints[0].addresses, endpoints[0].api_key), self.most)
        self._here = self.most

    @property
    def here(self) -> int | None:
        """What this process may have in flight; None is no limit."""
        return self._here

    @property
    def requests_a_second(self) -> float | None:
        """This process's share of the stated rate."""
        return self._requests.per_second

    def look(self, waiting: int) -> None:
        """Adapts this process's share."""
        if self.shares is None:
            return
        self.shares.look(self.in_flight, self.in_flight + waiting)
        self._here = self.shares.slots
        part = self.shares.now.rate
        self._requests.per_second = None if self._requests_s is None else self._requests_s * part
        self._tokens.per_second = None if self._tokens_s is None else self._tokens_s * part

    def rest(self) -> None:
        """Gives this process's share back."""
        if self.shares is not None:
            self.shares.rest()
            self._here = self.shares.slots

    def wait(self, now: float) -> float:
        """Seconds until a request may go: 0 is now, infinity when another has come back or the share has grown."""
        if self._here is not None and self.in_flight >= self._here:
            return EVER
        return max(self._requests.wait(now), self._tokens.wait(now))

    def take(self, now: float, tokens: float) -> None:
        self.in_flight += 1
        self._requests.take(now)
        self._tokens.take(now, tokens)

    def leave(self) -> None:
        self.in_flight -= 1

    def correct(self, tokens: float) -> None:
        """A request took so many tokens more than it was taken for."""
        self._tokens.correct(tokens)

    def close(self) -> None:
        if self.shares is not None:
            self.shares.close()


def _per_second(a_minute: Iterable[float | None]) -> float | None:
    stated = [one for one in a_minute if one is not None]
    return HEADROOM * min(stated) / 60 if stated else None
