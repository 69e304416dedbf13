"""Sets come once each, in an order that stays when more are wanted."""

from itertools import combinations
from math import comb
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.mixing.combinations import drawn, unranked


@pytest.mark.parametrize(("count", "size"), [(20, 2), (20, 3), (7, 7), (5, 1), (6, 4)])
def test_ranks_are_the_lexicographic_order(count, size):
    assert [unranked(rank, count, size) for rank in range(comb(count, size))] == list(combinations(range(count), size))


@given(st.integers(0, 12), st.integers(1, 4), st.integers(0, 600), st.integers(0, 600), st.integers(0, 9))
def test_more_of_them_begin_with_the_fewer(count, size, one, other, seed):
    few, many = (list(drawn(count, size, most, Random(seed))) for most in sorted((one, other)))
    assert many[: len(few)] == few
    assert len(many) == len(set(many)) == min(max(one, other), comb(count, size))
    assert set(many) <= set(combinations(range(count), size))


def test_every_set_is_as_likely_to_be_first():
    firsts = [next(drawn(6, 3, 1, Random(seed))) for seed in range(2_000)]
    # 20 sets, 2,000 draws: 100 of each, with a deviation of 9.7; five of them on each side
    counts = [firsts.count(one) for one in combinations(range(6), 3)]
    assert min(counts) > 100 - 49 and max(counts) < 100 + 49


def test_a_few_of_very_many_are_drawn_without_the_rest():
    few = list(drawn(5_000, 3, 10, Random(1)))
    assert len(set(few)) == 10 and all(0 <= a < b < c < 5_000 for a, b, c in few)
