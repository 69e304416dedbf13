"""The best by a signal, or a draw in proportion to it."""

import math

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from synth_dagster.methods.select.top_k import TopK


def pool(signal, tokens=None, first=0):
    count = len(signal)
    return pa.table(
        {
            "record_id": pa.array([b"%07d" % (first + number) for number in range(count)]),
            "source": ["a"] * count,
            "text": ["x"] * count,
            "tokens": pa.array(tokens or [1] * count, pa.int64()),
            "f__score": pa.array(signal, pa.float64()),
        }
    )


def order(found):
    return [row["record_id"] for row in sorted(found.to_pylist(), key=lambda row: row["rank"])]


def test_the_highest_come_first_and_those_without_a_value_last():
    found = TopK(signal="f__score").select(pool([1.0, None, 3.0, 2.0, float("nan")]))
    assert [int(one) for one in order(found)] == [2, 3, 0, 1, 4]
    assert found["selected"].to_pylist() == [True] * 5


def test_a_share_of_the_tokens_is_kept():
    # 10 tokens; the best has 4 and the next 2: of .6 both, the third of 3 does not fit
    found = TopK(signal="f__score", share=0.6).select(pool([4.0, 3.0, 2.0, 1.0], tokens=[4, 2, 3, 1]))
    assert found["selected"].to_pylist() == [True, True, False, False]
    assert found["reason"].to_pylist() == [None, None, "over_share", "over_share"]


def test_a_record_of_twice_the_weight_is_first_twice_as_often():
    # weights 2, 1, 1: first in half of 1,000 draws, +- .0158: within four of them
    method = TopK(signal="f__score", draw=True)
    firsts = [
        order(method.select(pool([math.log(2), 0, 0], first=3 * n)))[0] == b"%07d" % (3 * n) for n in range(1_000)
    ]
    assert np.mean(firsts) == pytest.approx(0.5, abs=0.064)


def test_without_a_signal_the_order_is_drawn_by_the_seed_alone():
    some = pool([0.0] * 50)
    assert order(TopK(seed=1).select(some)) == order(TopK(seed=1).select(some)) != order(TopK(seed=2).select(some))


def test_a_name_that_is_no_signal_is_refused():
    with pytest.raises(ValidationError, match="names a filter and its signal"):
        TopK(signal="score")
