"""Source files that nobody wrote or reads: one for each rule, on both sides of its limit."""

import pytest

from synth_dagster.methods.filter.code_quality import CodeQuality

CODE = "def mean(values):\n    total = sum(values)\n    return total / len(values)\n"


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        pytest.param(CODE, None, id="a function"),
        pytest.param(CODE * 40 + "x = '" + "a" * 990 + "'\n", None, id="a line of 996"),
        pytest.param(CODE * 40 + "x = '" + "a" * 996 + "'\n", "long_line", id="a line of 1002"),
        # 3 lines of 110: mean 110 and a bit
        pytest.param("\n".join(["return " + "abc " * 26] * 3), "long_lines", id="long on average"),
        pytest.param("if (((((((((((((((((((((((((((((((((((((((((", "few_letters", id="brackets"),
        pytest.param("# This file was automatically generated.\n" + CODE, "generated", id="generated"),
        pytest.param("\n" * 5 + "# This file was automatically generated.\n" + CODE, None, id="said too late"),
        pytest.param("<?xml version='1.0'?>\n<a>return for while</a>", "markup", id="XML"),
        pytest.param("<!DOCTYPE html>\n<html><body>return</body></html>", "markup", id="HTML"),
        pytest.param("1.5 2.5 3.5\n4.5 5.5 6.5\nabc", "no_keywords", id="data"),
        pytest.param("", "few_letters:no_value", id="nothing"),
    ],
)
def test_one_file_a_rule(text, verdict, verdict_of):
    assert verdict_of(CodeQuality(), text) == verdict


def test_what_is_asked_to_stay_stays(verdict_of):
    generated = "# This file was automatically generated.\n" + CODE
    assert verdict_of(CodeQuality(generated=True), generated) is None
    assert verdict_of(CodeQuality(markup=True), "<?xml version='1.0'?>\n<a>return</a>") is None


def test_signs_of_assignment_are_counted_and_comparisons_are_not(verdict_of):
    text = "def f(a):\n    b = a\n    return a == b or a >= b or a != b\n"
    assert verdict_of(CodeQuality(min_assignments=1), text) is None
    assert verdict_of(CodeQuality(min_assignments=2), text) == "few_assignments"
