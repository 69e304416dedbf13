"""The two taxonomies: prompts with all choices, in several orders, and the letters of answers."""

import string

import pytest

from synth_dagster.parts.pages.web_domains import ASKED, CHOICES, FORMATS, ORDERS, SIDES, TOPICS
from synth_dagster.services import Answer, Call


def answer(text, finish="stop"):
    return Answer(text, finish, Call(b"", "judge"))


def test_there_are_twenty_four_of_each_and_every_order_has_them_all():
    assert len(TOPICS) == len(FORMATS) == 24
    for (side, _), asked in ASKED.items():
        assert sorted(asked.labels) == sorted(CHOICES[side])
        assert all(f"{letter}: " in asked.prompt.system for letter in string.ascii_uppercase[:24])
    assert all(len({ASKED[side, order].labels for order in range(ORDERS)}) == ORDERS for side in SIDES)


@pytest.mark.parametrize("text", ["C", "(c)", "**C.**", "C) some words", "Answer: C", "the answer is (C)", " C\n"])
def test_a_letter_is_read_in_the_ways_that_models_write_it(text):
    asked = ASKED["topic", 0]
    assert asked.label_of(answer(text)) == asked.labels[2]


@pytest.mark.parametrize("text", ["A page about law", "I cannot say.", "Z", "Y", "AB", "Bananas", "", "C or D", "法律"])
def test_what_is_no_letter_of_a_choice_is_none(text):
    assert ASKED["format", 1].label_of(answer(text)) is None


def test_an_answer_that_was_cut_is_none():
    assert ASKED["format", 1].label_of(answer("C", "length")) is None
