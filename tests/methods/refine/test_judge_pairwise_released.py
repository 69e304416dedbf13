"""The pairwise judge beside the released code of MT-bench: who won each game, by marks, by scores and by ratings."""

import json
from pathlib import Path

import pytest

from synth_dagster.parts.asking.judging import compared, game_winner, match_winner, rating, verdict, verdict_by_scores

RELEASED = json.loads(
    (Path(__file__).parents[2] / "fixtures" / "judge_pairwise_released.json").read_text(encoding="utf-8")
)
OF_THEIRS = {"model_1": "first", "model_2": "second", "tie": "tie", "error": "error"}

# what we read in a judgment, where the released code reads something else
READ = {
    # the last mark is the verdict; there it is A if [[A]] stands anywhere, and the first scores
    "One might say [[A]], but it is wrong. [[B]]": "second",
    "[[3,4]] or [[4,3]]": "first",
    "[[1,1.1]]": "tie",  # a tenth apart, and by a rounding error more than that
    # scores are from 1 to 10
    "[[11,3]]": "error",
    "[[0,3]]": "error",
}
RATED = {
    # who has no rating has -1 there: he loses, or two of them are equal
    ("Rating: 6", "[[3]]"): "error",
    ("none", "none"): "error",
    ("[[3]] then [[9]]", "[[5]]"): "first",  # again the last one
}


@pytest.mark.parametrize(("one", "other", "first", "second"), RELEASED["pairs"])
def test_both_games_of_a_match_have_the_same_winners(one, other, first, second):
    games = game_winner(verdict(one)), game_winner(verdict(other), swapped=True)
    assert games == (OF_THEIRS[first], OF_THEIRS[second])
    # the rule of the paper: a win only where both games name the same side
    assert match_winner(*games) == (games[0] if games[0] == games[1] else "error" if "error" in games else "tie")


@pytest.mark.parametrize(
    ("read", "judgment", "theirs"),
    [
        *((verdict, text, winner) for text, winner in RELEASED["odd"]),
        *((verdict_by_scores, text, winner) for text, winner in RELEASED["scores"]),
    ],
)
def test_odd_judgments_are_read_the_same(read, judgment, theirs):
    ours = game_winner(read(judgment))
    assert ours == READ.get(judgment, OF_THEIRS[theirs])
    assert (judgment in READ) == (ours != OF_THEIRS[theirs])


@pytest.mark.parametrize(("one", "other", "theirs"), RELEASED["singles"])
def test_ratings_of_each_answer_alone_have_the_same_winner(one, other, theirs):
    ours = game_winner(compared(rating(one), rating(other)))
    assert ours == RATED.get((one, other), OF_THEIRS[theirs])
    assert ((one, other) in RATED) == (ours != OF_THEIRS[theirs])
