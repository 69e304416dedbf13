"""Judged, rewritten, judged again: drafts that get better, or stay what they were, in a few rounds.

As phi-4's self-revision (arXiv:2412.08905) a rewriting that is judged lower is not taken; as UniGen's self-reflection
(arXiv:2406.18966) the last one stands, whatever was said of it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from synth_dagster.parts.asking.calls import attempted
from synth_dagster.services import Call, Unusable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Judgment:
    """What was said of a draft."""

    score: float
    critique: str = ""
    call: Call | None = None


@dataclass(frozen=True, slots=True)
class Revised(Generic[T]):
    """The draft that stands, what was said of it, and every judgment on the way; or why there is none."""

    draft: T
    judgment: Judgment | None
    trace: tuple[Judgment, ...] = ()
    problem: Unusable | None = None

    @property
    def scores(self) -> list[float]:
        return [judgment.score for judgment in self.trace]


async def revised(
    draft: T,
    judge: Callable[[T, int], Awaitable[Judgment]],
    rewrite: Callable[[T, Judgment, int], Awaitable[T]],
    *,
    rounds: int,
    enough: float,
    may_fall: bool = False,
) -> Revised[T]:
    """The draft after up to so many rounds of rewriting, which end as soon as a score is enough.

    A draft that cannot be judged has a problem. A rewriting that cannot be had or judged leaves the one before it.
    """
    said = await attempted(judge(draft, 0))
    if isinstance(said, Unusable):
        return Revised(draft, None, problem=said)
    trace, standing = [said], said
    for number in range(1, rounds + 1):
        if standing.score >= enough:
            break
        other = await attempted(rewrite(draft, standing, number))
        if isinstance(other, Unusable):
            continue
        again = await attempted(judge(other, number))
        if isinstance(again, Unusable):
            continue
        trace.append(again)
        if may_fall or again.score >= standing.score:
            draft, standing = other, again
    return Revised(draft, standing, tuple(trace))
