"""Two answers before a judge, in both orders: what a judgment says, who won, and what many judgments say of the judge.

Paper: arXiv:2306.05685. The released parser takes the first mark in a judgment, even one in the middle of the reasons;
here the last one counts, because the verdict comes last.
"""

import math
import re
import statistics
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from synth_dagster.parts.streams import stream

Verdict: TypeAlias = Literal["A", "B", "tie"]
Winner: TypeAlias = Literal["first", "second", "tie", "error"]

TIE_DELTA = 0.1  # scores no further apart are equal; as released
LOWEST, HIGHEST = 1, 10

_BLANKS = " \n\t\u2581\u0120"  # the last two are how some tokenizers write a space
_LEAST = 1e-12  # probability; keeps the odds of what is certain finite

_VERDICTS: Mapping[str, Verdict] = {"A": "A", "B": "B", "C": "tie"}
_NUMBER = r"(\d{1,4}(?:\.\d{0,4})?)"
_MARK = re.compile(r"\[\[([ABC])\]\]")
_RATING = re.compile(rf"\[\[{_NUMBER}\]\]")
_SCORES = re.compile(rf"\[\[{_NUMBER},\s?{_NUMBER}\]\]")
# With single brackets, as weaker judges write; elsewhere than at the end such a thing is a reference or a list.
_BARE_RATING = re.compile(rf"\[{_NUMBER}\]\W*\Z")
_BARE_SCORES = re.compile(rf"\[{_NUMBER},\s?{_NUMBER}\]\W*\Z")


def verdict(judgment: str) -> Verdict | None:
    """What a judgment with [[A]], [[B]] or [[C]] says; None if it says nothing."""
    marks = _MARK.findall(judgment)
    return _VERDICTS[marks[-1]] if marks else None


def rating(judgment: str) -> float | None:
    """The rating of a judgment with [[r]]; None if there is none from 1 to 10."""
    found = _numbers(judgment, _RATING, _BARE_RATING)
    return found[0] if found else None


def verdict_by_scores(judgment: str) -> Verdict | None:
    """What a judgment with [[a,b]] says; None if it has no two scores from 1 to 10."""
    found = _numbers(judgment, _SCORES, _BARE_SCORES)
    return compared(*found) if found else None


def compared(first: float | None, second: float | None) -> Verdict | None:
    """Which of two scores is higher: a tie up to a difference of 0.1, None where one is missing."""
    if first is None or second is None:
        return None
    difference = round(first - second, 6)  # 1.1 - 1.0 is a little more than 0.1
    return "tie" if abs(difference) <= TIE_DELTA else "A" if difference > 0 else "B"


def log_odds(logprobs: Mapping[str, float]) -> float | None:
    """How much likelier A is than B as the first token of a judgment, in logits; None where neither is likely.

    A letter that is not among the likeliest tokens counts as likely as it can be at most: as the least of them is, and
    as what they leave over.
    """
    likely = {token: math.exp(logprob) for token, logprob in logprobs.items()}
    letters = {letter: sum(p for token, p in likely.items() if token.strip(_BLANKS) == letter) for letter in "AB"}
    if not any(letters.values()):
        return None
    unseen = max(min(*likely.values(), 1 - sum(likely.values())), _LEAST)
    return math.log(letters["A"] or unseen) - math.log(letters["B"] or unseen)


def verdict_by_odds(odds: float | None, margin: float = 0.0) -> Verdict | None:
    """What log-odds of A say: a tie up to the margin, None where there are none."""
    if odds is None:
        return None
    return "tie" if abs(odds) <= margin else "A" if odds > 0 else "B"


def _numbers(judgment: str, *forms: re.Pattern[str]) -> list[float]:
    """The last numbers in the first form that occurs; empty if they are outside the scale."""
    for form in forms:
        if found := list(form.finditer(judgment)):
            numbers = [float(number) for number in found[-1].groups()]
            return numbers if all(LOWEST <= number <= HIGHEST for number in numbers) else []
    return []


def game_winner(said: Verdict | None, *, swapped: bool = False) -> Winner:
    """Who won a game: in the swapped one the second answer was shown as A."""
    if said is None:
        return "error"
    if said == "tie":
        return "tie"
    return "first" if (said == "A") != swapped else "second"


def match_winner(one: Winner, other: Winner) -> Winner:
    """Who won both games: a tie where they name different sides, an error where one has none."""
    if "error" in (one, other):
        return "error"
    return one if one == other else "tie"


# ---------------------------------------------------------------------------------------------------------- the judge


def about_the_judge(
    matches: Sequence[tuple[Winner, Winner]], lengths: Sequence[tuple[int, int]]
) -> Mapping[str, float]:
    """All that is counted here by name: a number of matches, shares, and a correlation, to four decimals."""
    middle, low, high = win_rate(matches)
    return {
        "pairs": len(matches),
        "without_verdict": sum("error" in match for match in matches),
        "consistency": round(consistency(matches), 4),
        "first_position_rate": round(first_position_rate(matches), 4),
        "win_rate": round(middle, 4),
        "win_rate_low": round(low, 4),
        "win_rate_high": round(high, 4),
        "length_correlation": round(length_correlation(matches, lengths), 4),
    }


def consistency(matches: Sequence[tuple[Winner, Winner]]) -> float:
    """Share of matches whose two games name the same, of those without an error; 0 where there is none."""
    sound = [match for match in matches if "error" not in match]
    return sum(one == other for one, other in sound) / len(sound) if sound else 0.0


def first_position_rate(matches: Sequence[tuple[Winner, Winner]]) -> float:
    """Share of decided games in which what was shown first won; a judge without bias has one half."""
    decided = [
        winner == favoured
        for match in matches
        for winner, favoured in zip(match, ("first", "second"), strict=True)
        if winner in ("first", "second")
    ]
    return sum(decided) / len(decided) if decided else 0.0


def win_rate(
    matches: Sequence[tuple[Winner, Winner]], *, rounds: int = 1_000, seed: int = 0
) -> tuple[float, float, float]:
    """Wins of the first side, a tie as half a win, and the 95 % bootstrap interval. Errors do not count."""
    points = [_points(match_winner(*match)) for match in matches if "error" not in match]
    if not points:
        return 0.0, 0.0, 0.0
    draws = stream(seed, b"", "bootstrap")
    means = sorted(statistics.fmean(draws.choices(points, k=len(points))) for _ in range(rounds))
    return statistics.fmean(points), means[int(0.025 * rounds)], means[int(0.975 * rounds)]


def length_correlation(matches: Sequence[tuple[Winner, Winner]], lengths: Sequence[tuple[int, int]]) -> float:
    """Pearson's correlation of the first side's points with how much longer its answer is; 0 where it has none."""
    pairs = [
        (_points(match_winner(*match)), first - second)
        for match, (first, second) in zip(matches, lengths, strict=True)
        if "error" not in match
    ]
    points, longer = [point for point, _ in pairs], [more for _, more in pairs]
    if len(set(points)) < 2 or len(set(longer)) < 2:
        return 0.0
    return statistics.correlation(points, longer)


def _points(winner: Winner) -> float:
    return {"first": 1.0, "second": 0.0}.get(winner, 0.5)
