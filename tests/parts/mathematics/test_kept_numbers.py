import pytest

from synth_dagster.parts.mathematics.kept_numbers import numbers_in, shared_numbers


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        pytest.param("It costs $1,200.50 for 12 of them.", {"1200.50", "12"}, id="digits"),
        pytest.param("Twelve eggs, and one of TWO boxes", {"12", "2"}, id="names, but for one"),
        pytest.param("no number", set(), id="none"),
    ],
)
def test_numbers_are_read_in_digits_and_by_name(text, numbers):
    assert numbers_in(text) == numbers


def test_shares_by_hand():
    # {3, 4} and {3, 5}: one of three; what has no numbers shares none
    assert shared_numbers(["3 and 4", "3", ""], [numbers_in("3, 5"), frozenset(), frozenset()]).tolist() == [
        pytest.approx(1 / 3),
        0.0,
        0.0,
    ]
