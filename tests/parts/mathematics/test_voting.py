"""Votes are counted over what answers say, not how they are written; the numbers are those of the papers' rules."""

from fractions import Fraction
from math import sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.mathematics.answers import same_answer
from synth_dagster.parts.mathematics.voting import agreed, consensus, vote

ANSWERS = st.sampled_from(["1", "1.0", "$1", "one", "2", "4/2", "\\frac{1}{2}", "0.5", "x+1", "X + 1", "", None])


@pytest.mark.parametrize(
    ("answers", "answer", "votes", "easy", "hard"),
    [
        pytest.param(["4"] * 8, "4", 8, True, False, id="all agree"),
        pytest.param(list("12345678"), "1", 1, False, True, id="all differ"),
        pytest.param(list("44455789"), "4", 3, False, False, id="a plurality of three eighths"),
        pytest.param(["0.5", "1/2", "\\frac{1}{2}", "2"], "0.5", 3, False, False, id="one number, three writings"),
        pytest.param(["2", "1", "1", "2"], "2", 2, False, False, id="a tie goes to the first"),
        pytest.param([None, "3", None], "3", 1, False, True, id="who is silent has no vote"),
        pytest.param([None, None], None, 0, False, True, id="nobody answers"),
        pytest.param(["7"], "7", 1, True, False, id="one is asked"),
        pytest.param([], None, 0, False, False, id="nobody is asked"),
    ],
)
def test_the_plurality(answers, answer, votes, easy, hard):
    found = vote(answers)
    assert (found.answer, found.votes, found.too_easy, found.too_hard) == (answer, votes, easy, hard)


def test_a_share_is_of_all_who_were_asked():
    assert vote(list("44455789")).share == Fraction(3, 8)


def test_the_rate_of_too_easy_questions_is_the_eighth_power_of_the_accuracy():
    # a solver that is right with 0.9 and else says a number of its own: all eight agree with 0.9^8 = 0.430
    rng, n = Random(7), 2_000
    easy = sum(vote(["1" if rng.random() < 0.9 else str(2 + k) for k in range(8)]).too_easy for _ in range(n)) / n
    q = 0.9**8
    assert abs(easy - q) < 3 * sqrt(q * (1 - q) / n)


def test_consensus_over_sub_questions():
    # 3 of 4 say 3 first; on the second 5 is said by 2 of 4; the last one agrees with nobody
    solutions = [("3", "5"), ("3", "7"), ("3.0", "5"), ("2", "8")]
    assert consensus(solutions) == [Fraction(3, 4)] * 3 + [Fraction(1, 4)]
    assert agreed(solutions) == [True, True, True, False]


@pytest.mark.parametrize(
    ("solutions", "kept"),
    [
        pytest.param([("1",), ("2",), ("3",), ("4",)], [False] * 4, id="all differ"),
        pytest.param([("1", "2"), ("1",)], [True, True], id="a part is missing"),
        pytest.param([(None,), (None,)], [False, False], id="no answers"),
        pytest.param([(), ()], [False, False], id="no sub-questions"),
        pytest.param([("1",)], [False], id="one alone agrees with nobody"),
        pytest.param([], [], id="none"),
    ],
)
def test_which_solutions_are_kept(solutions, kept):
    assert agreed(solutions) == kept


@given(st.lists(ANSWERS, max_size=9), st.randoms())
def test_the_order_of_voters_decides_ties_only(answers, rng):
    found, shuffled = vote(answers), list(answers)
    rng.shuffle(shuffled)
    again = vote(shuffled)
    assert (found.votes, found.different, found.asked) == (again.votes, again.different, again.asked)


@given(st.lists(ANSWERS, max_size=9))
def test_the_winner_has_as_many_votes_as_answers_say_the_same(answers):
    found = vote(answers)
    if found.answer is not None:
        assert found.votes == sum(same_answer(found.answer, one) for one in answers if one is not None)
