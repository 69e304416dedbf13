"""Later copies of long runs of words are cut out of a page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.methods.refine.repetition_removal import without_copies


def run(count, mark):
    return " ".join(f"{mark}{number}" for number in range(count))


@pytest.mark.parametrize(("count", "cut"), [(60, True), (50, True), (49, False)])
def test_a_second_copy_goes_from_fifty_words_on(count, cut):
    first, copy, end = run(80, "x"), run(count, "y"), run(30, "z")
    text = f"{copy} {first}\n{copy}\n{end}"
    assert without_copies(text, 50) == (f"{copy} {first}\n{end}" if cut else text)


def test_all_copies_but_the_first_go():
    copy = run(55, "y")
    assert without_copies(f"{copy}\n{copy}\n{copy}", 50) == copy


def test_of_one_word_over_and_over_one_run_stays():
    assert without_copies(" ".join(["no"] * 500), 50).split() == ["no"] * 50


def test_blanks_and_lines_of_what_stays_are_as_they_were():
    text = "  one\ttwo\n\nthree   four one\ttwo\nthree"
    assert without_copies(text, 3) == "  one\ttwo\n\nthree   four"
    assert without_copies("", 2) == "" and without_copies(" \n", 2) == " \n"


def by_plain_search(words, length):
    """The same, with every run looked for in all that stand before it."""
    goes = [False] * len(words)
    for start in range(len(words) - length + 1):
        first = next(at for at in range(start + 1) if words[at : at + length] == words[start : start + length])
        if start - first >= length:
            goes[start : start + length] = [True] * length
    return [word for word, gone in zip(words, goes, strict=True) if not gone]


@given(st.lists(st.sampled_from("abc"), max_size=40), st.integers(2, 6))
def test_it_is_what_a_plain_search_leaves(words, length):
    assert without_copies(" ".join(words), length).split() == by_plain_search(words, length)
