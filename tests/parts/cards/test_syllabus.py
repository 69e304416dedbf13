"""What is drawn from a syllabus is what the stated distribution says, and everything that can be drawn is."""

import random
from collections import Counter
from itertools import combinations
from math import comb

from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.cards.syllabus import Session, one_session, two_sessions

FIVE = Session("first", tuple("abcde"))
OTHER = Session("second", tuple("vwxyz"))


def chi_square(seen, expected):
    return sum((seen[key] - count) ** 2 / count for key, count in expected.items())


def test_all_31_sets_of_one_session_come_as_often_as_said():
    # the size is one of 1 to 5, each 1/5, and then each of C(5, size) sets alike: 31 in all
    draws, rng = 20_000, random.Random(0)
    sets = [one for size in range(1, 6) for one in combinations("abcde", size)]
    expected = {one: draws / 5 / comb(5, len(one)) for one in sets}
    seen = Counter(one_session([FIVE], rng).concepts for _ in range(draws))
    assert len(sets) == 31 and seen.keys() == expected.keys()
    assert chi_square(seen, expected) < 59.7  # 30 degrees of freedom, p = .001


def test_all_575_mixed_sets_of_two_sessions_come_and_no_other():
    # sum over i = 2..5 of C(10, i) - 2 C(5, i) = 25 + 100 + 200 + 250 = 575; a size is one of four, each 1/4
    draws, rng = 40_000, random.Random(0)
    sets = [
        one for size in range(2, 6) for one in combinations("abcdevwxyz", size) if set(one) & set("abcde") < set(one)
    ]
    sets = [one for one in sets if set(one) & set("abcde")]
    many = Counter(map(len, sets))
    expected = {one: draws / 4 / many[len(one)] for one in sets}
    found = [two_sessions([FIVE, OTHER], rng) for _ in range(draws)]
    seen = Counter(tuple(sorted(topic.concepts)) for topic in found)
    assert len(sets) == 575 and seen.keys() == expected.keys()
    assert chi_square(seen, expected) < 685  # 574 degrees of freedom: mean 574, deviation 33.9, p = .001 at 684
    assert {frozenset(topic.sessions) for topic in found} == {frozenset({"first", "second"})}


def test_fifty_draws_for_each_session_meet_every_session():
    # a session is missed with (1 - 1/30)^1500 < 1e-22
    sessions = [Session(str(number), ("a", "b")) for number in range(30)]
    rng = random.Random(1)
    assert {one_session(sessions, rng).sessions[0] for _ in range(50 * 30)} == {one.name for one in sessions}


def test_without_two_sessions_that_differ_there_is_no_mixed_set():
    rng = random.Random(0)
    assert two_sessions([FIVE], rng) is two_sessions([], rng) is two_sessions([FIVE, FIVE], rng) is None


@given(st.lists(st.sets(st.sampled_from("abcdefgh"), min_size=1), min_size=1, max_size=4), st.integers(0, 9))
def test_what_is_drawn_is_of_its_sessions_and_of_both(concepts, seed):
    sessions = [Session(str(place), tuple(sorted(one))) for place, one in enumerate(concepts)]
    of = {one.name: set(one.concepts) for one in sessions}
    alone, mixed = one_session(sessions, random.Random(seed)), two_sessions(sessions, random.Random(seed))
    assert set(alone.concepts) <= of[alone.sessions[0]] and 1 <= len(alone.concepts) <= 5
    if mixed is not None:
        first, second = (of[name] for name in mixed.sessions)
        drawn = set(mixed.concepts)
        assert drawn <= first | second and drawn & first and drawn & second and 2 <= len(drawn) <= 5
