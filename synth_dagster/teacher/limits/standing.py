"""How an endpoint is asked just now, in words for whoever watches: what goes, what waits, and what holds it back."""

import math
from collections.abc import Sequence

from synth_dagster.teacher.limits.ceiling import Ceiling
from synth_dagster.teacher.limits.replica import Replica

LONG_S = 1.0  # a shorter wait is nothing to speak of
FAST = 1_000.0  # requests a second; who may send more is not held back by it


def standing(replicas: Sequence[Replica], ceiling: Ceiling, asked: int, next_in: float, now: float) -> str:
    """Requests in flight and waiting, the limits found so far, and why nothing goes.

    So many are asked, and the next of them may go in so many seconds: infinity is when another has come back.
    """
    in_flight = sum(replica.pace.in_flight for replica in replicas)
    parts = [f"{in_flight} of {most(replicas, ceiling)} in flight"]
    if asked > in_flight:
        parts.append(f"{asked - in_flight} waiting")
    if (rate := per_second(replicas, ceiling)) is not None and rate < FAST:
        parts.append(f"at most {rate:.1f} a second" if rate < 10 else f"at most {rate:,.0f} a second")
    if why := held_back(replicas, next_in, now):
        parts.append(why)
    return ", ".join(parts)


def most(replicas: Sequence[Replica], ceiling: Ceiling) -> int:
    """What may be in flight at all addresses, as far as is known: a climb goes on."""
    climbed = sum(replica.pace.climb.limit for replica in replicas)
    return climbed if ceiling.here is None else min(climbed, ceiling.here)


def per_second(replicas: Sequence[Replica], ceiling: Ceiling) -> float | None:
    """Requests a second that are stated, told in headers, or learned from refusals; None where no rate is known."""
    found = [replica.pace.requests_a_second for replica in replicas]
    rates = [ceiling.requests_a_second, None if None in found else sum(rate for rate in found if rate is not None)]
    return min((rate for rate in rates if rate is not None), default=None)


def held_back(replicas: Sequence[Replica], next_in: float, now: float) -> str:
    """That addresses fail and are left alone, that all asked for a pause, or that a limit is used up for a while."""
    if down := sum(replica.breaker.is_open for replica in replicas):
        which = "the endpoint fails" if len(replicas) == 1 else f"{down} of {len(replicas)} addresses fail"
        return f"{which}: one request at a time tries again"
    if not LONG_S <= next_in < math.inf:
        return ""
    is_refused = min(replica.pace.pause(now) for replica in replicas) >= LONG_S
    return f"it refuses: asked again in {next_in:.0f} s" if is_refused else f"the next goes in {next_in:.0f} s"
