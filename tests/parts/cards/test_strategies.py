"""Strategies are drawn as often as said, each at most once for a text, and each has a form that its examples meet."""

import random
import re
from collections import Counter
from math import log

import pytest

from synth_dagster.parts.cards.strategies import STRATEGIES, drawn
from tests.scripted_teacher.rephrasing import facts_of, said_as

EVERY = tuple(STRATEGIES)


def test_one_in_five_talks_and_all_come_evenly():
    number, rng = 22_000, random.Random(2)
    seen = Counter(name for _ in range(number) for name in drawn(EVERY, 1, 0.2, rng))
    talk = sum(count for name, count in seen.items() if STRATEGIES[name].talks)
    assert abs(talk / number - 0.2) < 0.01  # 1 % of the mixture; the deviation is (0.2 * 0.8 / 22,000)^0.5 = 0.0027
    # 2 that talk with 0.1 each and 9 others with 0.8 / 9 = 0.089: nearly even
    entropy = -sum(count / number * log(count / number) for count in seen.values()) / log(len(EVERY))
    assert len(seen) == 11 and entropy >= 0.95


@pytest.mark.parametrize("number", [3, 11, 20])
def test_a_text_meets_a_strategy_once_and_never_more_than_there_are(number):
    found = drawn(EVERY, number, 0.2, random.Random(0))
    assert len(found) == len(set(found)) == min(number, 11)


@pytest.mark.parametrize("talking", [0.0, 1.0])
def test_where_none_of_a_kind_is_left_the_other_kind_is_drawn(talking):
    quiet = [name for name in EVERY if not STRATEGIES[name].talks]
    assert set(drawn(quiet, 9, talking, random.Random(0))) == set(quiet)
    first = drawn(EVERY, 1, talking, random.Random(0))
    assert STRATEGIES[first[0]].talks == bool(talking)


@pytest.mark.parametrize("name", EVERY)
def test_a_form_is_met_by_what_was_written_in_it_and_by_no_plain_prose(name):
    assert re.search(STRATEGIES[name].form, said_as(name, facts_of(1)))
    plain = "It stands by the river. Nobody knows since when."
    assert not STRATEGIES[name].form or not re.search(STRATEGIES[name].form, plain)
