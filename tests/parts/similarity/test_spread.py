"""Examples that differ are drawn, repeats are found in order, and the spread of a set is what it is by hand."""

import json
from pathlib import Path
from random import Random

import numpy as np
import pytest

from synth_dagster.parts.similarity import spread
from synth_dagster.parts.similarity.spread import one_of_each, one_of_each_group, remote_clique, too_near, varied, ward


def points(count, dimensions=3, seed=0):
    return np.random.default_rng(seed).random((count, dimensions))


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_the_spread_of_three_points():
    # the distances are 5, 0 and 5; each pair counts twice, and 3^2 is 9
    assert remote_clique(np.array([[0, 0], [3, 4], [0, 0]])) == pytest.approx(20 / 9)
    assert remote_clique(np.zeros((0, 4))) == remote_clique(np.ones((1, 4))) == 0


def test_the_spread_is_that_of_all_pairs_one_by_one():
    some = points(1_100, 2)  # more than one part
    by_hand = sum(np.linalg.norm(some - one, axis=1).sum() for one in some) / len(some) ** 2
    assert remote_clique(some) == pytest.approx(by_hand)


def test_no_kept_pair_is_closer_than_the_distance_and_greedy_by_hand_keeps_the_same():
    some = points(200)
    found = too_near(some, 0.3)
    kept = []
    for place in range(200):
        close = [other for other in kept if float(((some[place] - some[other]) ** 2).sum()) < 0.09]
        assert found[place] == (close[0] if close else None)
        kept += [] if close else [place]
    assert 20 < len(kept) < 200
    assert all(np.linalg.norm(some[a] - some[b]) >= 0.3 for a in kept for b in kept if a < b)


def test_a_pair_at_the_distance_is_kept():
    assert too_near(np.array([[0.0, 0.0], [0.5, 0.0], [0.25, 0.0]]), 0.5) == [None, None, 0]


def test_examples_are_not_like_any_that_is_chosen():
    groups = np.repeat(np.eye(4), 10, axis=0)  # four directions, ten of each
    for seed in range(20):
        chosen = varied(groups, 4, Random(seed))
        assert len({place // 10 for place in chosen}) == 4  # one of each, though others are like only one of them
    assert len(varied(groups, 7, Random(0))) == len(set(varied(groups, 7, Random(0)))) == 7


def test_of_clusters_one_each_is_drawn():
    clusters = np.repeat(np.eye(3), 5, axis=0)
    for seed in range(10):
        assert sorted(place // 5 for place in one_of_each(clusters, 3, Random(seed))) == [0, 1, 2]
    assert one_of_each(np.zeros((0, 3)), 2, Random(0)) == []


def test_of_few_all_are_drawn_and_of_none_none():
    assert sorted(varied(unit(points(3)), 5, Random(0))) == [0, 1, 2]
    assert varied(np.zeros((0, 3)), 5, Random(0)) == varied(unit(points(3)), 0, Random(0)) == []


def test_the_draws_are_those_of_the_seed():
    some = unit(points(30))
    assert varied(some, 5, Random(1)) == varied(some, 5, Random(1))
    assert len({tuple(varied(some, 5, Random(seed))) for seed in range(10)}) > 5


# what the released code of UniGen, and the package that it clusters by, gave for vectors drawn from these seeds
RELEASED = json.loads((Path(__file__).parents[2] / "fixtures" / "unigen_released.json").read_text())


@pytest.mark.parametrize("case", RELEASED["near"], ids=lambda case: f"{case['vectors']} at {case['distance']}")
def test_items_that_lie_too_close_and_the_spread_are_those_of_the_released_code(case):
    some = np.random.default_rng(case["seed"]).random((case["vectors"], case["dimensions"]))
    found = too_near(some, case["distance"])
    # it names the pairs by the kept one, in the order of these
    assert sorted([kept, place] for place, kept in enumerate(found) if kept is not None) == case["pairs"] != []
    assert remote_clique(some) == pytest.approx(case["spread"])


@pytest.mark.parametrize("case", RELEASED["ward"], ids=lambda case: f"{case['vectors']} in {case['count']}")
def test_ward_groups_are_those_of_the_package_that_the_released_code_uses(case):
    some = unit(np.random.default_rng(case["seed"]).normal(size=(case["vectors"], case["dimensions"])))
    assert ward(some, case["count"]).tolist() == case["labels"]


def test_ward_merges_by_hand():
    # 0, 1 | 4, 6 | 20: the unions cost 1/2 and 2; then (0, 1) with (4, 6) costs 2*2/4 * 4.5^2 = 20.25, less than 20's
    some = np.array([[0.0], [4.0], [1.0], [20.0], [6.0]])
    assert ward(some, 3).tolist() == [0, 1, 0, 2, 1]
    assert ward(some, 2).tolist() == [0, 0, 0, 1, 0]
    assert ward(some, 9).tolist() == [0, 1, 2, 3, 4] and ward(np.zeros((0, 3)), 2).tolist() == []


def test_of_very_many_vectors_the_later_ones_join_the_group_that_is_nearest(monkeypatch):
    monkeypatch.setattr(spread, "MOST_MERGED", 12)
    groups = np.tile(np.eye(3), (10, 1))  # three directions in turn
    assert ward(groups, 3).tolist() == [0, 1, 2] * 10


@pytest.mark.parametrize("seed", range(5))
def test_of_groups_one_each_is_drawn(seed):
    drawn = one_of_each_group(np.array([0, 1, 0, 2, 1]), Random(seed))
    assert [drawn[0] in (0, 2), drawn[1] in (1, 4), drawn[2] == 3] == [True] * 3
