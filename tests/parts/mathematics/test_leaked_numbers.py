"""A number is found by itself, in digits and in words, and goes without its neighbours' spaces."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.mathematics.leaked_numbers import in_words, says_number, tidied, without_number
from synth_dagster.parts.similarity.repeated_phrases import without_repeated


@pytest.mark.parametrize(
    ("text", "number", "left"),
    [
        # the released code makes "She haspens" of it
        pytest.param("She has twenty-one pens", 21, "She has pens", id="in words"),
        pytest.param("She has 21 pens.", 21, "She has pens.", id="in digits"),
        pytest.param("She has 120 pens and 12.", 12, "She has 120 pens and.", id="not out of a longer number"),
        pytest.param("It costs $1,200.00, or 1200 dollars", 1_200, "It costs, or dollars", id="as money"),
        pytest.param("They take 21% of 121 and 1.21", 21, "They take 21% of 121 and 1.21", id="no percentage"),
        pytest.param("One hundred and twenty-one men", 121, "men", id="with an and"),
        pytest.param("One hundred and twenty-one men", 21, "One hundred and twenty-one men", id="not a part of a name"),
        pytest.param("twenty-one and twenty", 20, "twenty-one and", id="not a beginning of a name"),
        pytest.param("two  spaces stay", 7, "two  spaces stay", id="untouched"),
    ],
)
def test_a_number_is_taken_out_where_it_stands_by_itself(text, number, left):
    assert without_number(text, Fraction(number)) == left


def test_a_number_of_a_calculation_is_said():
    assert says_number("21/3=7", Fraction(21)) and says_number("so 2*21 = 42", Fraction(21))
    assert says_number("5/2 is 2.5", Fraction(5, 2)) and not says_number("There are 210.", Fraction(21))


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0, "zero"),
        (19, "nineteen"),
        (80, "eighty"),
        (121, "one hundred twenty-one"),
        (21_300, "twenty-one thousand three hundred"),
    ],
)
def test_numbers_have_their_english_names(number, name):
    assert in_words(number) == name


@given(st.integers(0, 999_999))
def test_a_number_is_found_by_its_name_and_by_its_digits_and_is_gone_afterwards(number):
    for form in (in_words(number), f"{number:,}", str(number)):
        assert says_number(f"There are {form} of them.", Fraction(number))
        assert without_number(f"There are {form} of them.", Fraction(number)) == "There are of them."


def test_names_above_a_million_are_nobody_s():
    with pytest.raises(ValueError, match="Only 0 to 999,999"):
        in_words(1_000_000)


RELEASED = json.loads((Path(__file__).parents[2] / "fixtures" / "chase_released.json").read_text())


@pytest.mark.parametrize(("first", "second", "phrase"), RELEASED["phrases"])
def test_the_phrase_that_the_released_code_finds_is_what_goes(first, second, phrase):
    # it looks for it in both texts one behind the other, and takes it out of the second
    wanted = tidied(second.replace(phrase, "")) if phrase else second
    assert without_repeated(first, second) == wanted


def test_the_longest_phrase_of_both_texts_is_found_and_taken_out():
    said = "the baker sells all of his fresh rolls at the market."  # 11 words
    first, second = f"On Monday {said} He is glad.", f"Later {said} He then buys 4 apples."
    assert without_repeated(first, second) == "Later then buys 4 apples."
    seven = "a b c d e f g"
    assert without_repeated(seven, seven) == seven and without_repeated(f"{seven} h", f"{seven} h i") == "i"
