"""Conditions over what filters measured: joined by AND or OR, and no more than conditions."""

import pyarrow as pa
import pytest
from pydantic import ValidationError

from synth_dagster.errors import MethodError
from synth_dagster.methods.select.sql_filter import SqlFilter


def pool():
    return pa.table(
        {
            "record_id": pa.array([b"a", b"b", b"c", b"d", b"e"]),
            "source": ["x"] * 5,
            "text": ["one", "two", "select", None, "five"],
            "tokens": pa.array([1, 2, 3, 4, 5], pa.int64()),
            "gopher__words": pa.array([10, 60, 70, None, 80], pa.int64()),
            "edu__score": pa.array([3.0, 1.0, 4.0, 5.0, None], pa.float64()),
        }
    )


@pytest.mark.parametrize(
    ("join", "kept"),
    [
        # 60 70 80 have words enough, 3 4 5 are good enough: both only c; what has no value does not hold
        ("and", [b"c"]),
        ("or", [b"a", b"b", b"c", b"d", b"e"]),  # a by its score, b and e by words, d by its score
    ],
)
def test_two_criteria_are_joined(join, kept):
    method = SqlFilter(criteria=("gopher__words >= 50", "edu__score > 2"), join=join)
    assert method.signals_read() == ("edu__score", "gopher__words")
    found = method.select(pool())
    assert [row["record_id"] for row in found.to_pylist() if row["selected"]] == kept
    assert {row["reason"] for row in found.to_pylist() if not row["selected"]} <= {"criteria"}


def test_a_signal_may_stand_in_quotes_and_a_text_may_hold_any_word():
    method = SqlFilter(criteria=("\"gopher__words\" > 60 or text = 'select; from x__y'",))
    assert method.signals_read() == ("gopher__words",)
    assert [row["selected"] for row in method.select(pool()).to_pylist()] == [False, False, True, False, True]


@pytest.mark.parametrize("criterion", ["select 1", "1; drop table x", "text in (select 1)", " ", "true from x"])
def test_what_is_no_condition_is_refused(criterion):
    with pytest.raises(ValidationError, match="is one condition"):
        SqlFilter(criteria=(criterion,))


@pytest.mark.parametrize("criterion", ["nothing > 1", "read_text('/etc/hostname') is null", "tokens >"])
def test_a_condition_that_cannot_be_asked_is_told_without_words_of_records(criterion):
    with pytest.raises(MethodError, match="no condition over the pool"):
        SqlFilter(criteria=(criterion,)).select(pool())


def test_a_comment_does_not_take_the_rest_along():
    method = SqlFilter(criteria=("tokens > 2 -- more than two", "tokens < 5"))
    assert [row["selected"] for row in method.select(pool()).to_pylist()] == [False, False, True, True, False]


def test_without_criteria_and_without_records_all_stay():
    assert SqlFilter().select(pool())["selected"].to_pylist() == [True] * 5
    assert SqlFilter(criteria=("tokens > 1",)).select(pool().slice(0, 0)).num_rows == 0
