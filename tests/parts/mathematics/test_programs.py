"""A program shows the value of its last line where that has one, and is otherwise what it was."""

import subprocess
import sys

import pytest

from synth_dagster.parts.mathematics.programs import with_last_value_shown


def printed(program):
    asked = [sys.executable, "-X", "utf8", "-c", with_last_value_shown(program)]
    return subprocess.run(asked, capture_output=True, encoding="utf-8", timeout=60, check=True).stdout


@pytest.mark.parametrize(
    ("program", "output"),
    [
        pytest.param("x = 6\nx * 7", "42\n", id="an expression"),
        pytest.param("x = 6; x", "6\n", id="on the line of another"),
        pytest.param("print(1)\n[\n  2,\n  3,\n]", "1\n[2, 3]\n", id="over several lines"),
        pytest.param("def f():\n    print(1)\nf()", "1\n", id="a call that gives nothing"),
        pytest.param("'é' * 2  # twice", "éé\n", id="with a comment"),
    ],
)
def test_the_value_of_a_last_expression_is_printed(program, output):
    assert printed(program) == output


@pytest.mark.parametrize(
    "program",
    [
        "print(1)",
        "[print(x) for x in (1, 2)]",
        "x = 1",
        "if True:\n    1",
        "",
        "# nothing",
        "x = (",
        "1 +",
        "\0",
        "(" * 9_999,
    ],
)
def test_any_other_program_stays_as_it_is(program):
    assert with_last_value_shown(program) == program
