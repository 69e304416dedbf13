"""UltraFeedback's bookkeeping, repair and binarise rules, by hand and over all orders."""

import random
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.asking.preferring import all_pairs, best_against_other, lineup, mean, repaired, unshuffled

SCORES = st.lists(st.one_of(st.none(), st.sampled_from([1.0, 2.5, 3.0, 4.75, 5.0])), max_size=6)


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
def test_ratings_land_on_their_text_for_each_of_the_24_orders(order):
    tags = ["a", "b", "c", "d"]
    shown = [tags[place] for place in order]
    assert unshuffled([f"about {tag}" for tag in shown], order) == [f"about {tag}" for tag in tags]


@pytest.mark.parametrize(
    ("overall", "fine", "score"),
    [
        pytest.param(10, 1.5, 1, id="a ten that the ratings belie"),
        pytest.param(10, 2.0, 1, id="the lower boundary"),
        pytest.param(10, 3.0, "ask", id="a ten in doubt"),
        pytest.param(10, 4.0, "ask", id="the upper boundary"),
        pytest.param(10, 4.5, 10, id="a deserved ten"),
        pytest.param(9, 1.0, 9, id="not a ten"),
        pytest.param(10, None, 10, id="nothing to compare with"),
        pytest.param(None, 1.0, None, id="no score"),
    ],
)
def test_the_score_repair(overall, fine, score):
    assert repaired(overall, fine) == score


def test_a_mean_leaves_out_what_is_not_applicable():
    assert mean([5, None, 4]) == 4.5
    assert mean([None]) is None


@pytest.mark.parametrize(
    ("scores", "how", "allowed"),
    [
        pytest.param([4.5, 4.5, 3, 2], {}, set(), id="shared best is a tie"),
        pytest.param(
            [4.5, 4.5, 3, 2], {"shared_best": "draw"}, {(0, 2), (0, 3), (1, 2), (1, 3)}, id="shared best drawn"
        ),
        pytest.param([4.5, 4, 3, 2], {}, {(0, 1), (0, 2), (0, 3)}, id="best against any other"),
        pytest.param([4.5, 4, 3, 2], {"rejected": "worst"}, {(0, 3)}, id="best against worst"),
        pytest.param([2, 2, 2], {"shared_best": "draw"}, set(), id="all the same"),
        pytest.param([None, 3, None], {}, set(), id="one score is no pair"),
        pytest.param([], {}, set(), id="none"),
    ],
)
def test_the_best_is_paired_with_a_strictly_worse_one(scores, how, allowed):
    drawn = {pair for seed in range(60) for pair in best_against_other(scores, random.Random(seed), **how)}
    assert drawn == allowed


@given(SCORES)
def test_all_pairs_are_every_two_different_scores_once_and_the_better_first(scores):
    pairs = all_pairs(scores)
    assert all(scores[better] > scores[worse] for better, worse in pairs)
    places = [place for place, score in enumerate(scores) if score is not None]
    different = sum(scores[a] != scores[b] for a in places for b in places if a < b)
    assert len(set(pairs)) == len(pairs) == different


def test_models_are_distinct_as_long_as_there_are_enough_and_then_take_turns():
    rng = random.Random(1)
    assert len({model for model, _ in lineup("abcdefg", 4, rng)}) == 4
    two = lineup("ab", 4, rng)
    assert sorted(two) == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
