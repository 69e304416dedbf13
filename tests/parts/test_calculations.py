"""Calculations in a solution are worked out again; what is no calculation is not judged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.calculations import wrong_calculations


@pytest.mark.parametrize(
    "text",
    [
        "At first there are 8 * 11 = 88 beads. There remain 88 / 2 = 44 beads.",
        "Of 88 it is 88 * 75 / 100 = 66, so 88 - 66 = 22 beads are left.",
        "1,450 - 13 = 1,437 and then $3.50 \u00d7 2 = $7.",
        "So 2 + 3 = 5 + 1 = 6.",  # a chain that nobody should write is wrong in its first link
        "10 / 3 = 3.33",
        "25% of 80 = 20, and 25% of 80 + 3 = 23",
        "x * 2 + 3 = 7, so 2x = 4 and x - 3 = -1.",
        "2 + 3 = 5x",
        "20 - 2(3 + 4) = 6",
        "The score was 3-1. That is 4.",
        "1/0 = 3 + 1",
        "",
    ],
)
def test_what_holds_or_is_no_calculation(text):
    assert wrong_calculations(text) == (["2 + 3 = 5 + 1"] if "chain" in text or "5 + 1" in text else [])


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("There are 8 * 11 = 89 beads, and 88 / 2 = 44.", ["8 * 11 = 89"]),
        ("10 / 3 = 3.34", ["10 / 3 = 3.34"]),
        ("10 / 3 = 3", ["10 / 3 = 3"]),
        ("1,450 - 13 = 1,447", ["1,450 - 13 = 1,447"]),
        ("first 2 + 2 = 4. Then 3 * 3 = 6.", ["3 * 3 = 6"]),
        ("2 + 2 = 5\n3 + 3 = 6", ["2 + 2 = 5"]),
        ("2 - 5 = 3", ["2 - 5 = 3"]),
    ],
)
def test_what_does_not_hold_is_named(text, wrong):
    assert wrong_calculations(text) == wrong


@given(st.text(alphabet="0123456789 .,=+-*/()$x%", max_size=80))
def test_no_text_is_too_odd(text):
    assert isinstance(wrong_calculations(text), list)
