"""Connected components: the same as merging sets one by one, whatever the shape of the graph."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.parts.similarity.graphs import components


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.tuples(*[st.integers(0, n - 1)] * 2)))))
def test_components_agree_with_merging_sets_one_by_one(graph):
    count, edges = graph
    groups = [{node} for node in range(count)]
    for a, b in edges:
        merged = groups[a] | groups[b]
        for node in merged:
            groups[node] = merged
    left, right = (np.array([edge[side] for edge in edges], np.int64) for side in (0, 1))
    assert components(count, left, right).tolist() == [min(group) for group in groups]


def test_a_long_chain_is_one_component():
    count = 20_000
    order = np.random.default_rng(3).permutation(count)
    assert not components(count, order[:-1], order[1:]).any()
