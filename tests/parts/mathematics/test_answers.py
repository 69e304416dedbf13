"""The final answer is found where a solution names it, and two answers are compared by what they say."""

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.mathematics.answers import final_answer, last_boxed, number_of, same_answer

GSM8K = Path(__file__).parents[4] / "shared" / "data" / "gsm8k"
with_gsm8k = pytest.mark.skipif(not GSM8K.is_dir(), reason="the GSM8K files of the shared data are not here")


def lines_of(name):
    return [json.loads(line) for line in (GSM8K / name).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    ("solution", "answer"),
    [
        pytest.param("3 * 4 = 12\n#### 12", "12", id="gsm8k"),
        pytest.param("So it is \\boxed{\\frac{1}{2}}, or 0.5 for short.", "\\frac{1}{2}", id="box with braces in it"),
        pytest.param("First \\boxed{1}, no: \\boxed{2}", "2", id="the last box"),
        pytest.param("The answer is: $1,200.", "$1,200", id="thousands and a full stop"),
        pytest.param("The answer is 5. Wait.\nThe answer is 7 dollars.", "7 dollars", id="the last marker"),
        pytest.param("The value of x is: 3/4", "3/4", id="the unknown"),
        pytest.param("The answer is 5, because 2 + 3 = 5.", "5", id="a reason behind it"),
        pytest.param("A: 18", "18", id="the letter A on its line"),
        pytest.param("**Answer: 9**", None, id="a marker that does not begin its line"),
        pytest.param("The answer is: (B)", "(B)", id="no number"),
        pytest.param("There are 3 boxes of 4.", None, id="numbers that nobody calls the answer"),
        pytest.param("The answer is:", None, id="cut behind the marker"),
        pytest.param("It is \\boxed{12", None, id="cut inside the box"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_what_a_solution_ends_with(solution, answer):
    assert final_answer(solution) == answer


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("\\frac{1}{2}", "0.5", id="latex fraction"),
        pytest.param("\\dfrac12", "1/2", id="short latex fraction"),
        pytest.param("1 1/2", "3/2", id="mixed number"),
        pytest.param("$1,200", "1200.00", id="currency, thousands, zeros"),
        pytest.param("1{,}200", "1200", id="latex thousands"),
        pytest.param("18 dollars per day", "\\$18", id="unit in words"),
        pytest.param("5 km/h", "5", id="unit with a slash"),
        pytest.param("12\\text{ cm}^2", "12", id="latex unit"),
        pytest.param("50\\%", "50", id="percent sign"),
        pytest.param("90^\\circ", "90", id="degrees"),
        pytest.param("x = 5", "5", id="named"),
        pytest.param("-$3", "\u22123", id="minus sign"),
        pytest.param("Three", "3.0", id="a word"),
        pytest.param("half", "1/2", id="half"),
        pytest.param("\\text{East}", "east.", id="text"),
        pytest.param("\\left( 1, 2 \\right)", "(1,2)", id="a pair"),
    ],
)
def test_the_same_answer_in_another_form(one, other):
    assert same_answer(one, other) and same_answer(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("3", "-3", id="sign"),
        pytest.param("1/3", "0.333", id="a rounded fraction is another number"),
        pytest.param("(1,5)", "15", id="a pair is no number"),
        pytest.param("3x", "3", id="a term is no number"),
        pytest.param("1/0", "0", id="no such number"),
        pytest.param("", "", id="nothing equals nothing"),
        pytest.param("12,34", "1234", id="a comma that groups nothing"),
    ],
)
def test_other_answers_are_other_answers(one, other):
    assert not same_answer(one, other)


@given(st.fractions(max_denominator=999), st.sampled_from(["{}", "${}", "{} apples", "{}%", " {}. ", "x={}"]))
def test_every_fraction_is_read_back_exactly(value, form):
    written = form.format(value) if value >= 0 else f"-{form.format(-value)}" if form == "${}" else form.format(value)
    assert number_of(written) == value


@given(st.text(max_size=80))
def test_no_text_is_too_odd_to_compare(text):
    assert same_answer(text, text) in (True, False)
    found = final_answer(text)
    assert found is None or found.strip()
    assert last_boxed(f"\\boxed{{{text}}}") is not None or text.count("{") != text.count("}")


def test_a_number_of_a_thousand_digits_costs_no_time_and_is_none():
    assert number_of("9" * 1_000) is None


@with_gsm8k
def test_all_answers_of_gsm8k_are_found_as_they_stand_there():
    solutions = [line["answer"] for line in lines_of("train.jsonl")]
    wanted = [solution.rpartition("####")[2].strip() for solution in solutions]
    assert len(solutions) == 7473
    assert [final_answer(solution) for solution in solutions] == wanted
    assert all(isinstance(number_of(answer), Fraction) for answer in wanted)


@with_gsm8k
def test_real_model_solutions_are_right_or_wrong_as_their_publishers_marked_them():
    disagree = judged = 0
    for line in lines_of("model_solutions.jsonl"):
        wanted = final_answer(line["ground_truth"])
        for model in (one for one in line.values() if isinstance(one, dict)):
            said = final_answer(model["solution"])
            judged += 1
            disagree += (said is not None and same_answer(said, wanted)) != model["is_correct"]
    assert (judged, disagree) == (2800, 0)
