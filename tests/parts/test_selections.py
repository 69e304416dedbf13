"""What a selection gives back has a row for each record, in the order of the pool."""

import numpy as np
import pyarrow as pa

from synth_dagster.parts.selections import places_by_id, selection

IDS = pa.chunked_array([pa.array([b"c", b"a"], pa.binary()), pa.array([b"b"], pa.binary())])


def test_the_places_of_records_are_those_in_the_order_of_their_ids():
    assert places_by_id(IDS).tolist() == [2, 0, 1]


def test_the_rank_of_a_record_is_its_place_among_the_best_first():
    # the second record is best, then the third, then the first
    found = selection(
        IDS, np.array([0.1, 0.9, 0.5]), np.array([1, 2, 0]), np.array([False, True, False]), "over_budget"
    )
    assert found.to_pylist() == [
        {"record_id": b"c", "score": 0.1, "rank": 2, "selected": False, "reason": "over_budget"},
        {"record_id": b"a", "score": 0.9, "rank": 0, "selected": True, "reason": None},
        {"record_id": b"b", "score": 0.5, "rank": 1, "selected": False, "reason": "over_budget"},
    ]


def test_each_record_may_have_its_own_reason():
    chosen, reasons = np.array([False, True, False]), ["over_budget", "over_budget", "not_reached"]
    found = selection(IDS, np.zeros(3), np.arange(3), chosen, reasons)
    assert found["reason"].to_pylist() == ["over_budget", None, "not_reached"]


def test_a_pool_of_nothing_gives_no_row_and_the_same_columns():
    nothing = selection(IDS[:0], np.zeros(0), np.zeros(0, int), np.zeros(0, bool), "over_budget")
    some = selection(IDS, np.zeros(3), np.arange(3), np.ones(3, bool), "over_budget")
    assert nothing.num_rows == 0 and nothing.schema == some.schema
