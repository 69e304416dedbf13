"""Solutions of one problem that vote, as KPMath has it (arXiv:2403.02333): those stay that agree with most.

A solution may answer several questions. Which agree is `parts.voting`'s; here solutions that have no vote are told from
those that lose, and one in the words of another goes when both have voted.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from synth_dagster.parts.mathematics.voting import agreed, consensus
from synth_dagster.parts.text.words import normalised
from synth_dagster.services import Call


@dataclass(frozen=True, slots=True)
class Solution:
    """One answer to a problem; `reason` says why it has no vote or lost."""

    text: str
    call: Call | None
    answers: list[str] = field(default_factory=list)
    reason: str | None = None


def voted(solutions: Sequence[Solution], *, max_questions: int) -> list[tuple[Solution, float | None]]:
    """The solutions with the share that agrees with each; what agrees less than others, or with none, goes.

    Formulas are compared by what they are worth. Of a problem that asks for more than `max_questions` none stays.
    """
    voting = [one for one in solutions if one.reason is None]
    if voting and most_questions(voting) > max_questions:
        return [(replace(one, reason=one.reason or "too_many_questions"), None) for one in solutions]
    rows = [one.answers for one in voting]
    keeps = iter(agreed(rows, symbolic=True))
    judged = [one if one.reason or next(keeps) else replace(one, reason="not_agreed") for one in solutions]
    shares = iter(consensus(rows, symbolic=True))
    found = [None if one.reason else float(next(shares)) for one in solutions]
    return list(zip(without_copies(judged), found, strict=True))


def most_questions(solutions: Sequence[Solution]) -> int:
    """How many things a problem asks for, as most of its solutions see it; of equals the more."""
    counts = Counter(len(one.answers) for one in solutions)
    return max(counts, key=lambda size: (counts[size], size))


def without_copies(solutions: Sequence[Solution]) -> list[Solution]:
    """The solutions, of those with the same words the first; each of them had its vote."""
    seen: set[str] = set()
    found: list[Solution] = []
    for one in solutions:
        again = one.reason is None and normalised(one.text) in seen
        seen |= {normalised(one.text)} if one.reason is None else set()
        found.append(replace(one, reason="repeated_solution") if again else one)
    return found
