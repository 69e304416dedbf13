"""Formulas are the same when they are worth the same, and what is no formula is left alone."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.mathematics.answers import final_answer, same_answer
from synth_dagster.parts.mathematics.expressions import value_of, values_of
from synth_dagster.parts.mathematics.voting import agreed, vote


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x(x+1)", "x^2 + x"),
        ("2(x+1)", "2x + 2"),
        ("(a-b)(a+b)", "a**2 - b**2"),
        ("\\frac{x+1}{2}", "0.5x + 1/2"),
        ("\\frac12x", "x/2"),
        ("\\dfrac{1}{x-1} - \\frac{1}{x+1}", "\\frac{2}{x^2 - 1}"),
        ("\\left(x + \\frac{1}{3}\\right)^2", "x^2 + 2x/3 + 1/9"),
        ("4\\pi r^2", "\u03c0 \u00b7 (2r)^2"),
        ("x_1 + x_2", "x_{2} + x_{1}"),
        ("-x^2", "-(x\u00b2)"),
        ("x^{-1}", "1 / x"),
        ("2^3^2", "512"),
        ("2 * (3 + 4)", "14"),
        ("\\sqrt{16} + x", "x + 4"),
        ("y = 3x", "3x"),
    ],
)
def test_formulas_that_are_worth_the_same(one, other):
    assert same_answer(one, other, symbolic=True) and same_answer(other, one, symbolic=True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2x", "3x"),
        ("x + 1", "y + 1"),
        ("x^2", "2x"),
        ("a/(b c)", "a/b c"),
        ("3-1", "2"),  # a score, or a range
        ("3/4/2020", "3/8080"),  # a date
        ("blue", "lube"),
        ("A", "B"),
        ("(1,5)", "15"),
        ("x + 1", "x + 1.0000001"),
        ("x = 1 or x = 2", "x = 2"),
        ("\\sqrt{2}", "\\sqrt{3}"),
        ("1/(x-x)", "0"),
        ("", ""),
    ],
)
def test_what_is_not_the_same(one, other):
    assert not same_answer(one, other, symbolic=True)


@pytest.mark.parametrize(
    "text", ["blue", "x", "12 apples and pears", "x = y", "2 +", "(x", "x)", "[1, 2)", "1 2", "\\text{no}2"]
)
def test_what_is_no_formula_has_no_values(text):
    assert values_of(text) is None


def test_a_formula_of_numbers_is_worth_a_number():
    assert values_of("2(3+4)/7") == Fraction(2) and value_of("1,450 - 13") == Fraction(1437) and value_of("x") is None


def test_without_the_option_formulas_are_texts():
    assert not same_answer("2(x+1)", "2x+2") and same_answer("2 (x + 1)", "2(x+1)")


def test_a_solution_that_ends_with_a_formula_names_it_whole():
    assert final_answer("So the answer is: 2x + 1.") == "2x + 1"
    assert final_answer("The answer is: 5 * 3 = 15") == "15"


def test_votes_are_counted_by_value():
    assert vote(["2x+2", "2(x+1)", "x"], symbolic=True).votes == 2 and vote(["2x+2", "2(x+1)", "x"]).votes == 1
    assert agreed([["x+x"], ["2x"], ["x"]], symbolic=True) == [True, True, False]


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5_000,
        "x^" * 149 + "2",
        "9^" * 90 + "9",
        "x^99",
        "((((x^24)^24)^24)^24)",
        "\\frac" * 50,
        "1/0",
        "-" * 299,
        "x" * 300,
    ],
)
def test_what_would_cost_much_costs_little_and_is_no_formula(text):
    assert values_of(text) is None


# ---------------------------------------------------------------------------------------- formulas of any form, by rule

LEAVES = st.sampled_from(["x", "y", "z_1", "2", "7", "0.5", "1/3"])


@st.composite
def formulas(draw, depth=3):
    if depth == 0 or draw(st.booleans()):
        return draw(LEAVES)
    one, other = draw(formulas(depth=depth - 1)), draw(formulas(depth=depth - 1))
    return draw(st.sampled_from([f"({one}) + ({other})", f"({one})({other})", f"({one}) - {{{other}}}", f"({one})^2"]))


def same_formula(one, other):
    return values_of(one) is not None and values_of(one) == values_of(other)


@given(formulas(), formulas(), formulas())
def test_the_laws_of_arithmetic_hold(a, b, c):
    assert same_formula(f"({a}) * (({b}) + ({c}))", f"({a})({b}) + ({c})({a})")
    assert same_formula(f"(({a}) - ({b}))^2", f"({a})^2 - 2({a})({b}) + ({b})^2")
    assert not same_formula(f"({a}) * 3 + x", f"({a}) * 3 + x + 1")


@given(st.text(alphabet="xy01.,+-*/^(){}[]\\ fracsqtpi_$=", max_size=60))
def test_no_text_is_too_odd(text):
    found = values_of(text)
    assert found is None or same_answer(text, text, symbolic=True)
