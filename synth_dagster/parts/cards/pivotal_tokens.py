"""Which tokens of an answer decide whether it ends well: a search by halves (phi-4, arXiv:2412.08905, section 4.3).

A segment that changes the chance of success by less than the gap is left; another is split at the middle of its
log-probability, down to single tokens. Two tokens that undo each other inside one segment stay unseen, as in the paper.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from synth_dagster.parts.asking.calls import together


@dataclass(frozen=True, slots=True)
class Pivot:
    """A token by its place, and the chance of success without it and with it."""

    place: int
    before: float
    after: float


async def pivots(surprise: Sequence[float], success: Callable[[int], Awaitable[float]], *, gap: float) -> list[Pivot]:
    """The tokens that move the chance of success by at least the gap, in order.

    `surprise` is the negative log-probability of each token, or 1 for each where nobody knows it. `success(n)` is the
    chance after the first n tokens; it is asked once for each n.
    """
    known: dict[int, float] = {}

    async def at(place: int) -> float:
        if place not in known:
            known[place] = await success(place)
        return known[place]

    spent = [0.0, *accumulate(surprise)]

    async def within(first: int, last: int) -> list[Pivot]:
        before, after = await at(first), await at(last)
        if abs(after - before) < gap or first == last:
            return []
        if last - first == 1:
            return [Pivot(first, before, after)]
        middle = _middle(spent, first, last)
        await at(middle)  # both halves need it
        halves = await together(within(first, middle), within(middle, last))
        return [pivot for half in halves for pivot in half]

    return await within(0, len(surprise))


def _middle(spent: Sequence[float], first: int, last: int) -> int:
    """The place inside a segment that comes nearest to half of its surprise; of equals the first."""
    half = (spent[first] + spent[last]) / 2
    return min(range(first + 1, last), key=lambda place: abs(spent[place] - half))
