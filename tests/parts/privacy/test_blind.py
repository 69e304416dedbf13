"""What is told apart without a model: texts of another topic, time or length, and no others."""

import random

import numpy as np
import pytest

from synth_dagster.parts.privacy.blind import blind, by_words, latest_years
from tests.parts.made_up_prose import prose


def test_texts_of_one_kind_are_not_told_apart():
    found = blind(prose(1, 100), prose(2, 100))
    assert found.keys() == {"topic", "length"}  # they name no year
    # of 100 against 100 the deviation by chance is sqrt(201 / (12 * 100 * 100)) = 0.041
    assert all(abs(told.auc - 0.5) < 4 * 0.041 for told in found.values())


def test_another_topic_is_told_by_its_words():
    others = [text.replace("ba", "shu").replace("ke", "fle") for text in prose(2, 100)]
    assert blind(prose(1, 100), others)["topic"].auc > 0.95


def test_another_time_is_told_by_its_years():
    draw = random.Random(1)
    old = [f"{text} In {draw.randint(1990, 2014)}." for text in prose(1, 60)]
    new = [f"{text} In {draw.randint(2010, 2024)}." for text in prose(2, 60)]
    told = blind(old, new)["time"]
    assert told.high < 0.2  # members name earlier years: below a half is as telling as above


def test_years_by_hand():
    assert latest_years(["From 1850 to 1911.", "No year.", "Room 12345 and 2024", "Page 3000 of 1599"]) == [1911, 2024]


def test_log_odds_by_hand():
    # three texts a side, each in a fold of its own: a word that all members have, and no other text
    members, others = ["red one", "red two", "red three"], ["blue four", "blue five", "blue six"]
    scores, rest = by_words(members, others)
    # of a member's other two texts both have `red`, of the others none of three: ln(2.5/3) - ln(.5/4); its own second
    # word occurs in no other text: ln(.5/3) - ln(.5/4)
    wanted = np.log(2.5 / 3) - np.log(0.5 / 4) + np.log(0.5 / 3) - np.log(0.5 / 4)
    assert scores == pytest.approx([wanted] * 3) and rest == pytest.approx([-wanted] * 3)


def test_few_texts_say_nothing():
    assert blind(prose(1, 19), prose(2, 100)) == {} and blind([], []) == {}
