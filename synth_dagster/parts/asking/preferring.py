"""From ratings to pairs: shuffled judging undone, the score repair and the binarise policies of UltraFeedback.

Paper: arXiv:2310.01377. Pure functions over numbers; a score of None is one that the judge did not give.
"""

import random
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Literal, TypeAlias, TypeVar

T = TypeVar("T")
Score: TypeAlias = float | None
Pair: TypeAlias = tuple[int, int]  # places of the chosen and the rejected completion

# The original release gave 10 to answers that the judge had rated 1; up to this mean rating a 10 is taken for a 1,
# and up to the next one the judge is asked again.
_SURELY_POOR, _DOUBTFUL = 2, 4
_TOP = 10


def lineup(models: Sequence[str], count: int, rng: random.Random) -> list[tuple[str, int]]:
    """Who writes: distinct models in drawn order; with fewer models than places they take turns, sample by sample."""
    order = rng.sample(models, len(models))
    return [(order[place % len(order)], place // len(order)) for place in range(count)]


def draw(weights: Mapping[str, float], rng: random.Random) -> str:
    """One name, as often as its weight says."""
    names = sorted(weights)
    return rng.choices(names, [weights[name] for name in names])[0]


def shuffled(count: int, rng: random.Random) -> list[int]:
    """The order in which texts are shown: the place in the original order of each shown text."""
    return rng.sample(range(count), count)


def unshuffled(shown: Sequence[T], order: Sequence[int]) -> list[T]:
    """What was said about the shown texts, back in the original order."""
    told = dict(zip(order, shown, strict=True))
    return [told[place] for place in range(len(order))]


def mean(ratings: Sequence[int | None]) -> Score:
    """Mean of the ratings that were given; None when none was."""
    given = [rating for rating in ratings if rating is not None]
    return sum(given) / len(given) if given else None


def repaired(overall: int | None, fine: Score) -> int | Literal["ask"] | None:
    """The overall score after the repair: 1 for a 10 that the ratings belie, `ask` where they only doubt it."""
    if overall != _TOP or fine is None or fine > _DOUBTFUL:
        return overall
    return 1 if fine <= _SURELY_POOR else "ask"


def best_against_other(
    scores: Sequence[Score],
    rng: random.Random,
    *,
    rejected: Literal["random", "worst"] = "random",
    shared_best: Literal["drop", "draw"] = "drop",
) -> list[Pair]:
    """The best against one that is strictly worse. Empty on a tie: no worse one, or (unless drawn) a shared best."""
    scored = [place for place, score in enumerate(scores) if score is not None]
    top = max((_score(scores, place) for place in scored), default=0.0)
    best = [place for place in scored if scores[place] == top]
    worse = [place for place in scored if _score(scores, place) < top]
    if not worse or (len(best) > 1 and shared_best == "drop"):
        return []
    chosen = rng.choice(best)
    return [
        (chosen, rng.choice(worse) if rejected == "random" else min(worse, key=lambda place: _score(scores, place)))
    ]


def all_pairs(scores: Sequence[Score]) -> list[Pair]:
    """Every two completions with different scores, the better one first."""
    scored = [place for place, score in enumerate(scores) if score is not None]
    pairs = (sorted(pair, key=lambda place: -_score(scores, place)) for pair in combinations(scored, 2))
    return [(better, worse) for better, worse in pairs if scores[better] != scores[worse]]


def _score(scores: Sequence[Score], place: int) -> float:
    return scores[place] or 0.0
