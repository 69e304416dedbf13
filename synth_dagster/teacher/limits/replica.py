"""One address of an endpoint: its connections, its pace and its breaker."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from synth_dagster.teacher.channel import Channel
from synth_dagster.teacher.faults import Fault, shown_address
from synth_dagster.teacher.limits.breaker import Breaker
from synth_dagster.teacher.limits.pace import Pace, Sent
from synth_dagster.teacher.limits.rate import told_by

log = logging.getLogger("synth_dagster.teacher")

SAID_AGAIN_S = 60.0  # an endpoint that goes and comes is said once in so long


@dataclass(slots=True)
class Turn:
    """The permission to send one request to one address. Its tokens are an estimate until the answer comes."""

    replica: "Replica"
    sent: Sent
    trying: bool
    tokens: float
    came_back: bool = False


class Replica:
    """One address. What comes back from it is told by exactly one of answered, failed and gone."""

    def __init__(self, channel: Channel, pace: Pace, breaker: Breaker, base_url: str) -> None:
        self.channel, self.pace, self.breaker = channel, pace, breaker
        self.where = shown_address(base_url)
        self._said_at = self._came_back_at = -SAID_AGAIN_S

    def wait(self, now: float, tokens: float) -> float:
        """Seconds until a request may go: 0 is now, infinity when another has come back."""
        return max(self.breaker.wait(now), self.pace.wait(now, tokens))

    def send(self, now: float, tokens: float) -> Turn:
        trying = self.breaker.send()
        return Turn(self, self.pace.send(now, tokens), trying, tokens)

    def answered(self, turn: Turn, now: float) -> None:
        turn.came_back = True
        self.pace.answered(turn.sent, now)
        self._works(now)

    def failed(self, turn: Turn, fault: Fault, now: float) -> None:
        """It refused, failed, or said that the request is at fault, which is an answer too."""
        turn.came_back = True
        if fault.what == "busy":
            self.breaker.gone(trying=turn.trying)
            self.pace.refused(turn.sent, now, fault.retry_after)
        elif fault.passing:
            self.pace.failed(turn.sent, now, fault.retry_after)
            if self.breaker.failed(turn.sent.at, now, trying=turn.trying) and now - self._said_at >= SAID_AGAIN_S:
                self._said_at = now
                log.warning(
                    "The endpoint at %s failed %d times in a row (%s). It is left alone, and asked again by one "
                    "request at a time until it answers.",
                    self.where,
                    self.breaker.failures,
                    fault.kind,
                )
        else:
            self.pace.gone(turn.sent, now)
            self._works(now)

    def gone(self, turn: Turn, now: float) -> None:
        """The request was given up before anything came."""
        if not turn.came_back:
            turn.came_back = True
            self.pace.gone(turn.sent, now)
            self.breaker.gone(trying=turn.trying)

    def tell(self, turn: Turn, headers: Mapping[str, str], now: float) -> None:
        """What the headers of a response say of the endpoint's own limits."""
        if "x-ratelimit-remaining-requests" in headers or "x-ratelimit-remaining-tokens" in headers:
            self.pace.tell(turn.sent, told_by(headers, "requests"), told_by(headers, "tokens"), now)

    def _works(self, now: float) -> None:
        if self.breaker.answered(now) and self._said_at > self._came_back_at:
            self._came_back_at = now
            log.warning("The endpoint at %s answers again.", self.where)
