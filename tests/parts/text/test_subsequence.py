"""The longest common subsequence, and how much of a text stands in another one."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.text.subsequence import common, coverage, least_covered


def by_recursion(some, others):
    @cache
    def length(a, b):
        if a == len(some) or b == len(others):
            return 0
        if some[a] == others[b]:
            return 1 + length(a + 1, b + 1)
        return max(length(a + 1, b), length(a, b + 1))

    return length(0, 0)


@given(st.text("abc", max_size=20), st.text("abc", max_size=20))
def test_it_is_what_the_recursion_says(some, others):
    assert common(some, others) == by_recursion(some, others)


def test_coverage_is_a_share_of_words_and_marks():
    # "the", "cat", "." of "the black cat ." stand there in order
    assert coverage("The black cat.", "the cat sat. Then it slept.") == pytest.approx(3 / 4)
    assert coverage("", "anything") == 1 and coverage("a b", "b a") == 0.5


def test_a_sentence_that_is_made_up_is_seen_in_a_long_copy():
    page = " ".join(
        f"Sentence {number} of the page tells what happened in year {number} to us all." for number in range(60)
    )
    invented = "The mayor promised that dragons would guard the golden treasury until winter."
    assert coverage(f"{page} {invented}", page) > 0.9 > least_covered(f"{page} {invented}", page)
    assert least_covered(page, page) == 1 and least_covered("Only four words here.", "nothing") == 1
