"""Ids as numbers sort, meet and are found as their bytes do, also those that share their first half."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.errors import LakeError
from synth_dagster.lake.ids import Ids, numbered, together

# few distinct halves, so that ids share them
HALF = st.sampled_from([0, 1, 2**63 - 1, 2**63, 2**64 - 1]).map(lambda number: number.to_bytes(8, "big"))
MANY = st.lists(st.builds(bytes.__add__, HALF, HALF), max_size=40)


def back(ids):
    return ids.to_arrow().to_pylist()


@settings(deadline=None)
@given(MANY, MANY)
def test_they_behave_as_sets_of_bytes(some, others):
    ids, there = Ids.of(some), Ids.of(others).unique()
    assert back(ids) == some
    assert back(ids.take(ids.order())) == sorted(some)
    assert back(ids.unique()) == sorted(set(some))
    assert back(ids.without(there)) == [one for one in some if one not in others]
    assert [None if at < 0 else back(there)[at] for at in ids.places_in(there)] == [
        one if one in others else None for one in some
    ]
    assert back(together([ids, there])) == some + sorted(set(others))


@settings(deadline=None)
@given(MANY)
def test_numbers_lead_back_to_the_ids(some):
    distinct, numbers = numbered(Ids.of(some))
    assert back(distinct) == sorted(set(some))
    assert back(distinct.take(numbers)) == some


def test_a_part_of_a_column_is_that_part():
    column = pa.array([bytes([n] * 16) for n in range(10)], pa.binary())
    assert back(Ids.from_arrow(column[3:7])) == column[3:7].to_pylist()
    assert back(Ids.from_arrow(pa.chunked_array([column[:2], column[8:]]))) == [
        *column[:2].to_pylist(),
        *column[8:].to_pylist(),
    ]


@pytest.mark.parametrize("wrong", [[b"short"], [b"x" * 17], [None]])
def test_what_is_no_id_is_refused(wrong):
    with pytest.raises(LakeError, match="record id"):
        Ids.from_arrow(pa.array(wrong, pa.binary()))


def test_none_is_none():
    assert back(Ids.none().unique()) == [] and len(Ids.of([b"x" * 16]).places_in(Ids.none())) == 1
    assert Ids.of([b"x" * 16]).places_in(Ids.none()).tolist() == [-1]
    assert np.array_equal(Ids.none().places_in(Ids.of([b"x" * 16])), np.zeros(0))
