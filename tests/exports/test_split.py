"""A held-out part: whole groups, no larger than asked, the same for the same seed, and refused in words."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.errors import SynthError
from synth_dagster.exports.files import BadOption
from synth_dagster.exports.split import Split, grouped_split, key_of, keys_of

NO_LINKS = np.zeros((0, 2), np.uint64)


def split(count, links=(), share=0.3, seed=1, rows=None):
    """Records with the keys 0, 1, 2 ...; links may name other things, such as documents, by higher numbers."""
    pairs = np.array(list(links), np.uint64).reshape(-1, 2)
    return grouped_split(np.arange(count, dtype=np.uint64), np.array(rows or [1] * count), pairs, share, seed)


def groups(count, links):
    """The groups by merging sets one by one."""
    merged = {node: {node} for node in [*range(count), *(end for link in links for end in link)]}
    for one, other in links:
        whole = merged[one] | merged[other]
        for node in whole:
            merged[node] = whole
    return {frozenset(node for node in group if node < count) for group in map(frozenset, merged.values())} - {
        frozenset()
    }


@settings(max_examples=100, deadline=None)
@given(
    st.integers(2, 40).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(n, n + 9)), max_size=30))
    ),
    st.floats(0.01, 0.5),
    st.integers(0, 5),
)
def test_no_group_is_on_both_sides_and_no_more_is_held_out_than_asked(graph, share, seed):
    count, links = graph
    try:
        held = split(count, links, share, seed)
    except SynthError:
        assert min(map(len, groups(count, links))) > share * count
        return
    for group in groups(count, links):
        assert len({record in held.validation for record in group}) == 1
    assert 0 < len(held.validation) <= share * count
    assert held.facts["groups"] == len(groups(count, links))


def test_a_tenth_of_single_records_is_a_tenth():
    held = split(1_000, share=0.1)
    assert len(held.validation) == 100 and held.facts["reached"] == 0.1


def test_the_seed_alone_decides_who_is_held_out():
    assert split(200).validation == split(200).validation != split(200, seed=2).validation


def test_the_order_of_records_and_links_does_not_matter():
    links = [(n, 100 + n % 7) for n in range(60)]
    order = np.random.default_rng(1).permutation(60).astype(np.uint64)
    shuffled = grouped_split(order, np.ones(60), np.array(links[::-1], np.uint64), 0.3, 1)
    assert shuffled.validation == split(60, links).validation


def test_a_record_that_the_mixture_repeats_counts_as_often():
    # 0 gives 10 rows of 20: at most 5 rows may be held out, so it never is
    assert all(0 not in split(11, share=0.25, seed=seed, rows=[10] + [1] * 10).validation for seed in range(20))


def test_records_that_the_mixture_leaves_out_are_no_group():
    assert split(4, share=0.5, rows=[1, 1, 0, 0]).facts["groups"] == 2


def test_a_large_group_is_passed_over_for_smaller_ones():
    held = split(20, [(n, 99) for n in range(15)], share=0.2)
    assert len(held.validation) == 4 and held.facts["largest_group_rows"] == 15


@pytest.mark.parametrize("share", [0, -0.1, 0.51, 1, float("nan"), float("inf")])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(BadOption, match=r"Give a number above 0 and at most 0.5"):
        split(10, share=share)


def test_one_group_cannot_be_split():
    with pytest.raises(SynthError, match=r"the 4 rows make 1 group\(s\) that must stay together.*Export without"):
        split(4, [(n, 9) for n in range(4)])


def test_a_share_below_the_smallest_group_says_what_to_ask_for():
    # two groups of 5, a tenth is one row
    with pytest.raises(
        SynthError, match=r"that is 1.0 of 10 rows, and the smallest of the 2 groups .* has 5. Ask .* 0.5"
    ):
        split(10, [(n, 90 + n % 2) for n in range(10)], share=0.1)


def test_a_record_is_found_by_its_id():
    ids = [bytes([n]) * 16 for n in range(4)]
    held = Split(frozenset(keys_of(ids[:1]).tolist()))
    assert [held.side(one) for one in ids] == ["validation", "train", "train", "train"]
    assert Split().side(ids[0]) == "train" and key_of(b"\1") == 1 << 56
