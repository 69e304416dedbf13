"""A text is a table when all of it is one; results are compared by what they say."""

import pytest

from synth_dagster.parts.text.tables import result_text, same_result, spelled, table_of, why_no_answer
from synth_dagster.services import Table


def result(*rows):
    return Table(tuple(f"c{place}" for place in range(len(rows[0]) if rows else 1)), rows)


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [
        pytest.param("a,b\nx,1\ny,2", ("a", "b"), (("x", 1), ("y", 2)), id="commas"),
        pytest.param("a\tb\nx, y\t1.5\nz\t2\n", ("a", "b"), (("x, y", 1.5), ("z", 2.0)), id="tabs"),
        pytest.param("a;b\r\nx;\r\ny;2", ("a", "b"), (("x", None), ("y", 2)), id="semicolons, an empty cell"),
        pytest.param('a,b\n"x\ny","1,200"', ("a", "b"), (("x\ny", 1_200),), id="quoted, with a thousand"),
        pytest.param("a,b\n007,1\n008,n/a", ("a", "b"), (("007", "1"), ("008", "n/a")), id="codes are text"),
        pytest.param(f"a,b\n{'9' * 19},1", ("a", "b"), (("9" * 19, 1),), id="no engine holds so long a number"),
        pytest.param("| a | b |\n|---|:-:|\n| x | -1 |", ("a", "b"), (("x", -1),), id="Markdown"),
    ],
)
def test_a_table_is_read(text, columns, rows):
    assert table_of(text) == Table(columns, rows)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00",
        "A line.\nAnother line.",
        "a,b",
        "a,b\n1",
        "a,b\n1,2,3",
        "a,A\n1,2",
        "a,\n1,2",
        'a,b\n"1,2',
        "|a|\n|-|",
    ],
)
def test_anything_else_is_none(text):
    assert table_of(text) is None


def test_results_are_the_same_in_any_order_and_under_any_name():
    assert same_result(result(("Oslo", 2.0), ("Bergen", None)), Table(("x", "y"), (("bergen ", ""), ("oslo", 2))))
    assert same_result(result((0.1 + 0.2,)), result((0.3,)))
    assert not same_result(result((1,), (1,)), result((1,)))  # how often counts
    assert not same_result(result(("a", "b")), result(("b", "a"))) and not same_result(result((12,)), result((21,)))


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([("Oslo", None)], None),
        ([(0,)], None),
        ([], "empty_result"),
        ([(None,), (" ",)], "empty_result"),
        ([([1, 2],)], "not_flat"),
        ([(float("nan"),)], "not_finite"),
    ],
)
def test_a_result_that_answers_nothing_is_named(rows, reason):
    assert why_no_answer(result(*rows)) == reason


def test_a_result_is_written_as_one_reads_it():
    assert result_text(result(("Oslo", 4.0), ("Bergen", 0.123456789123))) == "Oslo, 4\nBergen, 0.123456789"
    assert [spelled(cell) for cell in (True, None, 12, 1e300, 1e308 * 10)] == ["true", "", "12", "1e+300", "inf"]
