"""The one token that decides is found, by few questions, and no other is named."""

import asyncio
from math import ceil, log2

from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.cards.pivotal_tokens import Pivot, pivots


def searched(surprise, chances, gap=0.3):
    asked = []

    async def success(place):
        asked.append(place)
        await asyncio.sleep(0)
        return chances[place]

    return asyncio.run(pivots(surprise, success, gap=gap)), asked


@given(st.lists(st.floats(0.01, 9), min_size=1, max_size=60), st.data())
def test_of_a_chain_in_which_one_token_decides_that_one_is_found(surprise, data):
    place = data.draw(st.integers(0, len(surprise) - 1))
    chances = [0.5] * (place + 1) + [1.0] * (len(surprise) - place)
    found, asked = searched(surprise, chances)
    assert found == [Pivot(place, 0.5, 1.0)]
    assert len(asked) == len(set(asked)) <= len(surprise) + 1


@given(st.integers(1, 200), st.data())
def test_with_equal_tokens_a_search_by_halves_asks_few_questions(count, data):
    place = data.draw(st.integers(0, count - 1))
    _, asked = searched([1.0] * count, [0.2] * (place + 1) + [0.9] * (count - place))
    assert len(asked) <= 2 + ceil(log2(count))  # both ends, and the middle of each segment that holds it


@given(st.lists(st.floats(0, 1), min_size=2, max_size=40), st.floats(0.05, 1))
def test_what_is_named_moves_the_chance_by_the_gap(chances, gap):
    found, _ = searched([1.0] * (len(chances) - 1), chances, gap)
    assert [one.place for one in found] == sorted({one.place for one in found})
    for one in found:
        assert (one.before, one.after) == (chances[one.place], chances[one.place + 1])
        assert abs(one.after - one.before) >= gap
    if abs(chances[-1] - chances[0]) < gap:
        assert found == []  # what moves less as a whole is not looked into


def test_a_segment_is_split_where_half_of_its_surprise_is_spent():
    # 8 of 12 nats are spent on the third token: the middle of all is before it or behind it, 2 against 10
    _, asked = searched([1, 1, 8, 1, 1], [0, 0, 0, 0, 0, 1])
    assert asked[:3] == [0, 5, 2]


def test_nothing_has_no_pivot():
    assert searched([], [0.5]) == ([], [0])
