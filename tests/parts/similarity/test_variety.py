"""Variety of texts: values by hand, and what repetition and collapse do to them."""

import numpy as np
import pyarrow as pa
import pytest

from synth_dagster.parts.similarity.variety import (
    coordinates,
    frontier,
    group_evenness,
    groups,
    gzip_ratio,
    heaps_slope,
    knee,
    local_density,
    mean_distance,
    nearest_distances,
    reach,
    self_repetition,
    vendi,
    with_margins,
    within_reach,
)
from synth_dagster.parts.text.hashed_words import normalise, words


def said(*texts):
    return words(normalise(pa.array(texts, pa.string())))


@pytest.mark.parametrize(
    ("similarity", "value"),
    [
        (np.eye(4), 4),
        (np.ones((4, 4)), 1),
        (np.kron(np.eye(2), np.ones((2, 2))), 2),
        # eigenvalues of K / 2 are .75 and .25: exp(.75 ln(4/3) + .25 ln 4) = 1.7548
        (np.array([[1, 0.5], [0.5, 1]]), 1.7548),
    ],
    ids=["nothing alike", "all the same", "two pairs", "half alike"],
)
def test_vendi_by_hand(similarity, value):
    assert vendi(similarity) == pytest.approx(value, abs=1e-4)


def test_a_set_twice_over_has_the_same_vendi():
    vectors = unit(np.random.default_rng(1).normal(size=(30, 8)))
    twice = np.concatenate([vectors, vectors])
    assert vendi(twice @ twice.T) == pytest.approx(vendi(vectors @ vectors.T), abs=1e-6)


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_distances_of_three_texts():
    # likenesses .5, 0 and 0: mean distance 1 - .5 / 3, nearest .5, .5, 1
    likeness = np.array([[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]])
    assert mean_distance(likeness) == pytest.approx(1 - 0.5 / 3)
    assert nearest_distances(likeness).tolist() == [0.5, 0.5, 1]
    assert local_density(likeness, 1).tolist() == [0.5, 0.5, 0]
    assert mean_distance(np.ones((1, 1))) is None and len(nearest_distances(np.ones((1, 1)))) == 0


def test_groups_are_found_and_how_even_they_are():
    vectors = np.repeat(np.eye(4), [10, 10, 10, 10], axis=0)
    group = groups(vectors, 4)
    assert len({tuple(group[start : start + 10]) for start in range(0, 40, 10)}) == 4
    assert group_evenness(group, 4) == pytest.approx(1)
    # three quarters in one of four groups, the rest in another: (.75 ln(4/3) + .25 ln 4) / ln 4 = .4056
    assert group_evenness(np.array([0, 0, 0, 1]), 4) == pytest.approx(0.4056, abs=1e-4)
    assert groups(vectors[:0], 4).tolist() == [] and group_evenness(np.zeros(0, int), 4) is None
    assert set(groups(np.repeat(np.eye(2), 3, axis=0), 5).tolist()) <= set(range(5))  # more groups than kinds


def test_coverage_and_density_of_a_reference():
    # of a reference on a circle each text reaches as far as its nearest other: 90 degrees
    aims = np.array([[1.0, 0], [0, 1], [-1, 0]])
    near, far = np.array([[1.0, 0]]), np.array([[0.0, -1]])
    # the text at (1, 0) is within reach of (1, 0) and of (0, 1), not of (-1, 0): 2 of 3, and 2 of k = 1
    found = reach(within_reach(near @ aims.T, aims @ aims.T, 1), 1)
    assert (found.coverage, found.density) == (pytest.approx(2 / 3), 2)
    # the one at (0, -1) is within reach of (1, 0) and (-1, 0)
    assert reach(within_reach(far @ aims.T, aims @ aims.T, 1), 1).coverage == pytest.approx(2 / 3)
    assert reach(within_reach(near[:0] @ aims.T, aims @ aims.T)) is None
    assert reach(within_reach(near @ aims[:1].T, np.ones((1, 1)))) is None


def test_coordinates_have_the_same_products():
    vectors = unit(np.random.default_rng(4).normal(size=(6, 50)))
    found = coordinates(vectors @ vectors.T)
    assert found.shape == (6, 6) and found @ found.T == pytest.approx(vectors @ vectors.T)


def test_runs_that_stand_in_other_texts():
    # "a b c d" stands in one other text of each; "b c d e" in none: the sum of N_i is 1 and 1, so log 2 each;
    # as printed: first text k = 2, log(2 * (2 + 1)), second k = 1, log(1 * (1 + 1)); the third has no run
    repeated, printed = self_repetition(said("a b c d e", "a b c d", "x y"))
    assert repeated == pytest.approx(np.log(2))
    assert printed == pytest.approx((np.log(6) + np.log(2)) / 2)
    assert self_repetition(said("x y")) is None


def test_new_words_that_always_come_have_slope_one_and_none_that_come_have_slope_zero():
    assert heaps_slope(np.arange(2_000)) == pytest.approx(1)
    assert heaps_slope(np.zeros(2_000)) == pytest.approx(0)
    assert heaps_slope(np.arange(3)) is None


def test_repetition_raises_the_gzip_ratio():
    assert gzip_ratio(["one two three"] * 50) > 5 * gzip_ratio(["one two three"]) and gzip_ratio([]) is None


def test_margins_are_those_of_a_mean():
    values = np.random.default_rng(2).normal(size=400)
    found = with_margins(400, lambda some: {"mean": float(values[some].mean()), "none": None}, halves=1_000, seed=0)
    assert list(found) == ["mean"] and found["mean"].value == values.mean()
    # 1.96 * s / sqrt(400) = .098 * s; of 1,000 halves it is known to 1 / sqrt(2 * 999) = 2.2 %: four times that
    assert found["mean"].margin == pytest.approx(1.96 * values.std() / 20, rel=0.09)
    assert with_margins(3, lambda some: {"mean": 1.0}, halves=9, seed=0)["mean"].margin is None


def test_the_knee_of_a_frontier_is_where_quality_stops_paying():
    # the best six differ in all, the other four repeat the first: keeping .6 is best and loses nothing
    likeness = np.eye(10)
    for place in range(6, 10):
        likeness[place, 0] = likeness[0, place] = 1
        likeness[place, 6:10] = 1
    quality = np.array([10, 9, 8, 7, 6, 5, 4, 3, 2, 1.0])
    points = frontier(quality, likeness, (1.0, 0.6, 0.3, 0.1))
    assert [point.quality for point in points] == pytest.approx([5.5, 7.5, 9, 10])
    # ten texts of which five are one: shares 5/10 and five of 1/10
    assert points[0].vendi == pytest.approx(np.exp(-(0.5 * np.log(0.5) + 5 * 0.1 * np.log(0.1))))
    assert [point.vendi for point in points[1:]] == pytest.approx([6, 3, 1])
    assert knee(points).retained == 0.6
    assert knee(points[:2]) is None and knee(frontier(np.ones(10), likeness, (1.0, 0.6, 0.3))) is None
