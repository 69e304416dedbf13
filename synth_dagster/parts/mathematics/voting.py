"""Votes among several solutions of one problem: which answer most of them give, and how far they agree.

Answers that say the same count as one (`parts.answers`); a solution without an answer has no vote, and counts as one of
those who were asked. The plurality filter is that of phi-4 (arXiv:2412.08905, section 2.2), the consensus over
sub-questions that of KPMath (arXiv:2403.02333).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from synth_dagster.parts.mathematics.answers import Key, answer_key


@dataclass(frozen=True, slots=True)
class Vote:
    """How a vote ended. `answer` is the first among equals, as it was first written; None where nobody answered."""

    answer: str | None
    votes: int
    asked: int
    different: int  # how many different answers were given

    @property
    def share(self) -> Fraction:
        """The part of those asked who gave the answer."""
        return Fraction(self.votes, self.asked) if self.asked else Fraction(0)

    @property
    def too_easy(self) -> bool:
        """Whether all who were asked gave one answer: nothing is learnt from it."""
        return 0 < self.asked == self.votes

    @property
    def too_hard(self) -> bool:
        """Whether no two gave the same answer: too hard, or asked ambiguously."""
        return self.votes <= 1 < self.asked


def vote(answers: Sequence[str | None], *, symbolic: bool = False) -> Vote:
    """The answer that most give; of several with as many votes the one that was given first."""
    keys = [answer_key(answer, symbolic=symbolic) if answer is not None else None for answer in answers]
    counts: dict[Key, int] = {}
    for key in keys:
        if key is not None:
            counts[key] = counts.get(key, 0) + 1
    if not counts:
        return Vote(None, 0, len(answers), 0)
    best = max(counts, key=counts.__getitem__)  # the first of the largest: a dictionary keeps its order
    return Vote(answers[keys.index(best)], counts[best], len(answers), len(counts))


def consensus(solutions: Sequence[Sequence[str | None]], *, symbolic: bool = False) -> list[Fraction]:
    """For each solution the share of all that agree with it on the sub-question on which most do, itself included.

    Shape: m solutions of up to k sub-answers each; a missing sub-answer agrees with none. As KPMath takes the maximum,
    a solution that agrees on one part only may score as high as one that agrees on all.
    """
    keys = [[_key(answer, symbolic) for answer in row] for row in solutions]
    return [max((_agreeing(keys, row, place) for place in range(len(row))), default=Fraction(0)) for row in keys]


def agreed(solutions: Sequence[Sequence[str | None]], *, symbolic: bool = False) -> list[bool]:
    """Which solutions KPMath keeps: those of the highest consensus, unless nobody agrees with anybody."""
    found = consensus(solutions, symbolic=symbolic)
    best = max(found, default=Fraction(0))
    return [score == best and score > Fraction(1, len(solutions)) for score in found]


def _agreeing(keys: Sequence[Sequence[Key | None]], row: Sequence[Key | None], place: int) -> Fraction:
    if row[place] is None:
        return Fraction(0)
    return Fraction(sum(place < len(other) and other[place] == row[place] for other in keys), len(keys))


def _key(answer: str | None, symbolic: bool) -> Key | None:
    return answer_key(answer, symbolic=symbolic) if answer is not None else None
