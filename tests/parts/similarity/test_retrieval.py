"""What is retrieved is what brute force finds, and as much as the arithmetic says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.similarity.retrieval import retrieved, shards_of, similarities

ALL = 10**9  # more than any corpus here


def found_in(examples, corpus, shard=ALL, part=512, **how):
    """What is retrieved of vectors that come so many at a time."""
    parts = (similarities(examples, corpus[start : start + part]) for start in range(0, len(corpus), part))
    return retrieved(shards_of(parts, shard), **how)


def unit(rows, columns=32, seed=0):
    found = np.random.default_rng(seed).standard_normal((rows, columns)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def brute_force(examples, corpus, most):
    """All similarities at once: int(k / 2 * 1.2) by the mean, an F-th of that by each example."""
    similar, mixed = (examples @ corpus.T).astype(np.float64).round(6), int(most / 2 * 1.2)
    chosen = set(np.argsort(-similar.mean(axis=0), kind="stable")[:mixed].tolist())
    for row in similar:
        chosen |= set(np.argsort(-row, kind="stable")[: mixed // len(examples)].tolist())
    return sorted(chosen)


@pytest.mark.parametrize("shard", [2_000, 700, 333])
def test_with_all_of_every_shard_it_is_brute_force(shard):
    corpus, examples = unit(2_000), unit(8, seed=1)
    # of the smallest shard int(333 / 8 / 2) = 20 are held by each example, more than the 7 that are wanted
    found = found_in(examples, corpus, shard, share=1.0, most=100)
    assert [hit.place for hit in found] == brute_force(examples, corpus, 100)
    means = (examples @ corpus.T).mean(axis=0)
    assert [hit.similarity for hit in found] == pytest.approx([means[hit.place] for hit in found], abs=1e-6)


@pytest.mark.parametrize(
    ("most", "examples", "by_mean", "by_each"),
    [
        # 100 / 2 * 1.2 = 60, 60 // 8 = 7; 50,000: 30,000 and 30,000 // 32 = 937
        pytest.param(100, 8, 60, 7, id="100 of 8"),
        pytest.param(50_000, 32, 30_000, 937, id="50,000 of 32"),
    ],
)
def test_as_many_are_retrieved_as_the_card_says(most, examples, by_mean, by_each):
    # each example points along an axis of its own, with texts of falling similarity beside it and none in common
    number = by_each + 5
    falling = 1 - np.arange(number, dtype=np.float32) / (4 * number)
    corpus = np.concatenate([np.outer(falling, row) for row in np.eye(examples, dtype=np.float32)])
    far = np.zeros((by_mean, examples), np.float32)
    found = found_in(np.eye(examples, dtype=np.float32), np.concatenate([corpus, far]), share=1.0, most=most)
    chosen = [hit for hit in found if hit.examples]
    assert len(chosen) == examples * by_each
    assert by_mean <= len(found) <= by_mean + examples * by_each


def test_a_shard_keeps_a_share_and_a_small_one_none_by_example():
    examples = unit(32, seed=1)
    # int(0.05 * 1280 / 32 / 2) = 1 for each example and 32 by the mean; of 1,279 none for an example
    for size, by_each in ((1_280, 1), (1_279, 0)):
        found = found_in(examples, unit(size), share=0.05, most=ALL)
        assert sum(len(hit.examples) for hit in found) == 32 * by_each
    assert len(found_in(examples, unit(1_279), share=0.05, most=ALL)) == int(0.05 * 1_279 / 2)


def test_shards_do_not_change_what_is_best_when_they_keep_enough():
    corpus, examples = unit(3_000), unit(4, seed=2)
    whole = found_in(examples, corpus, share=0.5, most=40)
    assert [hit.place for hit in whole] == brute_force(examples, corpus, 40)
    assert found_in(examples, corpus, 500, share=0.5, most=40) == whole


def test_equal_texts_go_by_place_and_nothing_gives_nothing():
    same = np.repeat(unit(1), 10, axis=0)
    assert [hit.place for hit in found_in(unit(1), same, share=1.0, most=5)] == [0, 1, 2]  # 5 / 2 * 1.2 = 3
    assert found_in(unit(2), np.zeros((0, 32), np.float32), share=1.0, most=5) == []
    assert retrieved([np.zeros((2, 0))], share=1.0, most=5) == []
    assert found_in(np.zeros((0, 32), np.float32), same, share=1.0, most=5) == []


@given(widths=st.lists(st.integers(min_value=0, max_value=9), max_size=8), size=st.integers(min_value=1, max_value=7))
def test_shards_are_of_one_size_however_the_parts_are_cut(widths, size):
    columns = np.arange(2 * sum(widths)).reshape(2, -1)
    parts = np.split(columns, np.cumsum(widths)[:-1], axis=1) if widths else []
    shards = list(shards_of(parts, size))
    assert [shard.shape[1] for shard in shards[:-1]] == [size] * (len(shards) - 1)
    assert np.array_equal(np.hstack(shards) if shards else columns, columns)
