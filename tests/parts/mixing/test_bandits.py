"""What was seldom chosen is worth more, and of what was chosen as often the better one comes more often."""

from collections import Counter
from math import log, sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.mixing.bandits import UpperConfidence, spread


def test_sixty_unseen_things_have_a_bonus_of_8585_and_of_6106_once_drawn():
    bounds = UpperConfidence(dict.fromkeys(range(60), 0.0))
    assert bounds.values.tolist() == pytest.approx([8.585] * 60, abs=5e-4)  # 3 sqrt(2 ln 60)
    drawn = bounds.draw(3, Random(1))
    values = dict(zip(bounds.keys, bounds.values.tolist(), strict=True))
    # 63 choices and things: 3 sqrt(2 ln 63 / 2) for a drawn one
    assert [values[key] for key in drawn] == pytest.approx([6.106] * 3, abs=5e-4)
    assert {round(value, 9) for key, value in values.items() if key not in drawn} == {round(3 * sqrt(2 * log(63)), 9)}


def test_all_are_visited_before_one_comes_a_third_time():
    bounds = UpperConfidence({key: key / 59 for key in range(60)})
    rng = Random(2)
    while 0 in bounds.counts:
        bounds.draw(3, rng)
        # the bonus of an unseen one is above 8.5, and of one seen twice at most 8.5 / sqrt(3) + 1: it cannot be ahead
        assert bounds.counts.max() <= 2


def test_over_a_thousand_rounds_the_best_are_drawn_most_and_none_is_left_behind():
    bounds = UpperConfidence({key: key / 99 for key in range(100)})
    rng = Random(3)
    drawn = Counter(key for _ in range(1_000) for key in bounds.draw(3, rng))
    assert dict(zip(bounds.keys, bounds.counts.tolist(), strict=True)) == drawn and drawn.total() == 3_000
    tenths = [sum(drawn[key] for key in range(first, first + 10)) for first in range(0, 100, 10)]
    assert tenths == sorted(tenths) and tenths[-1] > 1.2 * tenths[0]
    # all values stay within what one draw changes, so counts obey the order of the bounds
    assert bounds.values.max() - bounds.values.min() < 1


def test_fewer_than_sixty_give_three_all_the_same():
    # the released code samples 3 of the first int(.05 n), and there are fewer than three of these below 60
    assert len(set(UpperConfidence(dict.fromkeys("abcdefg", 0.0)).draw(3, Random(1)))) == 3
    assert sorted(UpperConfidence(dict.fromkeys("ab", 0.0)).draw(3, Random(1))) == ["a", "b"]
    assert UpperConfidence({}).draw(3, Random(1)) == []


def test_choices_of_before_count():
    bounds = UpperConfidence({"a": 0.0, "b": 0.0}, {"a": 1, "gone": 7})
    assert bounds.counts.tolist() == [1, 0]
    assert bounds.values.tolist() == pytest.approx([3 * sqrt(2 * log(3) / 2), 3 * sqrt(2 * log(3))])


@pytest.mark.parametrize(
    ("amounts", "scores"),
    [({"a": 2, "b": 6, "c": 4}, {"a": 0, "b": 1, "c": 0.5}), ({"a": 3, "b": 3}, {"a": 0.5, "b": 0.5}), ({}, {})],
)
def test_amounts_become_scores_from_0_to_1(amounts, scores):
    assert spread(amounts) == scores


@given(st.integers(1, 80), st.integers(0, 30), st.integers(0, 5))
def test_each_draw_gives_different_things_and_counts_them(count, draws, seed):
    bounds, rng = UpperConfidence(dict.fromkeys(range(count), 0.0)), Random(seed)
    for _ in range(draws):
        drawn = bounds.draw(3, rng)
        assert len(set(drawn)) == len(drawn) == min(3, count)
    assert bounds.counts.sum() == draws * min(3, count)
