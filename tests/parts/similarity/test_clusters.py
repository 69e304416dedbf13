"""Of each cluster the record of lowest priority stays, of equals the lowest id, however many are met at a time."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.similarity import clusters, graphs
from synth_dagster.parts.similarity.clusters import clusters_of, joined_by

PRIORITIES = st.one_of(st.none(), st.sampled_from([-1.0, 0.0, 0.5, math.nan, math.inf]))


def pool_of(priorities, ids):
    names = [number.to_bytes(16, "big") for number in ids]
    return pa.table({"record_id": pa.array(names, pa.binary()), "priority": pa.array(priorities, pa.float64())})


@st.composite
def pools(draw):
    priorities = draw(st.lists(PRIORITIES, max_size=24))
    ids = draw(st.permutations(range(len(priorities))))
    rows = st.integers(0, max(len(priorities) - 1, 0))
    pairs = draw(st.lists(st.tuples(rows, rows), max_size=20 if priorities else 0))
    return pool_of(priorities, ids), pairs


@given(pools(), st.sampled_from([1, 2, 5, 100]))
def test_clusters_and_who_stays_are_those_of_a_loop(drawn, at_once):
    pool, pairs = drawn
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clusters, "_ROWS_AT_ONCE", at_once)
        patch.setattr(graphs, "_ROWS_AT_ONCE", at_once)
        some = [np.array(half, np.int64) for half in zip(*pairs, strict=True)] or [np.zeros(0, np.int64)] * 2
        found = clusters_of(pool, joined_by(pool.num_rows, [(some[0], some[1])]))
    kept = by_hand(pool.to_pylist(), pairs)
    assert found["record_id"].to_pylist() == pool["record_id"].to_pylist()
    assert found["cluster"].to_pylist() == kept
    assert found["keep"].to_pylist() == [
        one == own for one, own in zip(kept, pool["record_id"].to_pylist(), strict=True)
    ]
    assert found["size"].to_pylist() == [kept.count(one) for one in kept]


def by_hand(rows, pairs):
    """The id that each row's cluster keeps; a priority that is no number comes after all others, and null last."""
    cluster = list(range(len(rows)))
    for left, right in pairs:
        old, new = cluster[left], cluster[right]
        cluster = [new if one == old else one for one in cluster]

    def place(number):
        priority = rows[number]["priority"]
        told = (2, 0.0) if priority is None else (1, 0.0) if math.isnan(priority) else (0, priority)
        return (*told, rows[number]["record_id"])

    best = {one: min((n for n, of in enumerate(cluster) if of == one), key=place) for one in set(cluster)}
    return [rows[best[one]]["record_id"] for one in cluster]
