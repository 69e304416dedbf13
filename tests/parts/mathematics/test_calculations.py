"""Calculations in a solution are worked out again; what is no calculation is not judged."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.mathematics.calculations import wrong_calculations

GSM8K = Path(__file__).parents[4] / "shared" / "data" / "gsm8k"
with_gsm8k = pytest.mark.skipif(not GSM8K.is_dir(), reason="the GSM8K files of the shared data are not here")


@pytest.mark.parametrize(
    "text",
    [
        "At first there are 8 * 11 = 88 beads. There remain 88 / 2 = 44 beads.",
        "Of 88 it is 88 * 75 / 100 = 66, so 88 - 66 = 22 beads are left.",
        "1,450 - 13 = 1,437 and then $3.50 \u00d7 2 = $7.",
        "10 / 3 = 3.33",
        "25% of 80 = 20, and 25% of 80 + 3 = 23",
        "x * 2 + 3 = 7, so 2x = 4 and x - 3 = -1.",
        "2 + 3 = 5x",
        "20 - 2(3 + 4) = 6",
        "The score was 3-1. That is 4.",
        "1/0 = 3 + 1",
        "60 students x 2/3 = 40 students, and $50 x 20/100 = $10",
        "A quarter is worth .25 / .05 = 5 nickels, which is 2 / 10 = .2 of it.",
        "That is 17/3 = 5 and 2/3 loads, or $1 / 2 = 50 cents each.",
        "25 / 1/3 = 75, as much as 25 / (1/3) = 75",
        "She had 40 marbles - 3 - 5 = 32 marbles at 6:00+48=6:48.",
        "",
    ],
)
def test_what_holds_or_is_no_calculation(text):
    assert wrong_calculations(text) == []


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
        ("So 2 + 3 = 5 + 1 = 6.", ["2 + 3 = 5 + 1"]),  # a chain that nobody should write is wrong in its first link
    ],
)
def test_what_does_not_hold_is_named(text, wrong):
    assert wrong_calculations(text) == wrong


@given(st.text(alphabet="0123456789 .,=+-*/()$x%", max_size=80))
def test_no_text_is_too_odd(text):
    assert isinstance(wrong_calculations(text), list)


@with_gsm8k
@pytest.mark.prove
def test_of_solutions_that_people_wrote_hardly_one_is_named_and_those_miscalculate():
    rows = [json.loads(line) for line in (GSM8K / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    found = [wrong for row in rows if (wrong := wrong_calculations(re.sub("<<.*?>>", "", row["answer"])))]
    assert len(rows) == 7473 and len(found) <= 30  # 0.4 %
    # as they stand in GSM8K
    assert {"192*100 = 1920", "14*20 = 140", "50-8 = 44", "4+4+6 = 18", "2*8 = 24"} <= {
        one for some in found for one in some
    }


@with_gsm8k
def test_of_real_models_wrong_solutions_are_named_four_times_as_often_as_right_ones():
    named, judged = {True: 0, False: 0}, {True: 0, False: 0}
    for line in (GSM8K / "model_solutions.jsonl").read_text(encoding="utf-8").splitlines():
        for model in (one for one in json.loads(line).values() if isinstance(one, dict)):
            judged[model["is_correct"]] += 1
            named[model["is_correct"]] += bool(wrong_calculations(re.sub("<<.*?>>", "", model["solution"])))
    assert sum(judged.values()) == 2800 and named[False] > 90
    # 103 of 1,728 and 13 of 1,072
    assert named[True] / judged[True] < 0.015 and named[False] / judged[False] > 4 * named[True] / judged[True]
