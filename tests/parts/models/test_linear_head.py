"""The head is the ridge regression that the normal equations give, and tells honestly how good it is."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.errors import MethodError, SynthError
from synth_dagster.parts.models.linear_head import (
    HeadSettings,
    TextHead,
    learnt,
    macro_f1,
    on_the_simplex,
    targets_of,
)


def normal_equations(vectors, targets, ridge):
    """Weights and bias where only the weights cost: of centred data (X'X + r I) w = X'y."""
    middle, mean = vectors.mean(axis=0), targets.mean(axis=0)
    x, y = vectors - middle, targets - mean
    weights = np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ y)
    return weights, mean - middle @ weights


def planted(texts, dimensions, seed=0):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(texts, dimensions))
    return vectors, vectors @ rng.normal(size=(dimensions, 2)) + rng.normal(size=(texts, 2)) + 3


@pytest.mark.parametrize(("texts", "dimensions"), [(40, 6), (8, 20)], ids=["more texts", "more dimensions"])
def test_weights_are_those_of_the_normal_equations(texts, dimensions):
    vectors, targets = planted(texts, dimensions)
    weights, bias = normal_equations(vectors, targets, 0.5)
    head = learnt(vectors, targets, [0.5]).head
    assert np.allclose(head.weights, weights, atol=1e-5) and np.allclose(head.bias, bias, atol=1e-5)


@pytest.mark.parametrize(("texts", "dimensions"), [(25, 5), (9, 20)], ids=["more texts", "more dimensions"])
def test_what_is_said_of_left_out_texts_is_what_learning_without_each_says(texts, dimensions):
    vectors, targets = planted(texts, dimensions)
    for place in range(texts):
        others = np.arange(texts) != place
        weights, bias = normal_equations(vectors[others], targets[others], 2.0)
        assert np.allclose(learnt(vectors, targets, [2.0]).left_out[place], vectors[place] @ weights + bias, atol=1e-6)


def test_the_ridge_is_chosen_that_misses_left_out_texts_least():
    vectors, targets = planted(12, 30)
    misses = {ridge: ((learnt(vectors, targets, [ridge]).left_out - targets) ** 2).sum() for ridge in (0.1, 1, 10, 90)}
    assert learnt(vectors, targets, list(misses)).head.ridge == min(misses, key=misses.get)


def test_equal_texts_and_equal_targets_are_no_division_by_zero():
    same = learnt(np.ones((5, 3)), np.full((5, 1), 2.0), [1.0])
    assert np.allclose(same.head.scores(np.ones((1, 3))), 2) and np.isfinite(same.left_out).all()
    assert np.allclose(learnt(np.ones((1, 3)), np.ones((1, 1)), [1.0]).head.scores(np.zeros((1, 3))), 1)
    with pytest.raises(MethodError, match="needs texts"):
        learnt(np.ones((0, 3)), np.ones((0, 1)), [1.0])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=8))
def test_on_the_simplex_nothing_is_below_zero_the_sum_is_one_and_no_distribution_is_nearer(scores):
    row = np.array([scores])
    found = on_the_simplex(row)
    assert (found >= 0).all() and found.sum() == pytest.approx(1)
    corners = np.eye(len(scores))
    # the nearest point of a convex set: no corner lies beyond it as seen from the scores
    assert ((corners - found) @ (row - found)[0] <= 1e-9).all()


def test_macro_f1_by_hand():
    wanted, said = np.array([1, 1, 1, 0, 0, 0]), np.array([1, 1, 0, 0, 0, 1])
    # of both values 2 of 3 are found and 2 of 3 named are right: F1 is 2/3 each
    assert macro_f1(wanted, said) == pytest.approx(2 / 3)
    # nothing found of 1: F1 0; of 0 all three found among six named: 2 * 3 / (3 + 6) = 2/3
    assert macro_f1(wanted, np.zeros(6)) == pytest.approx(1 / 3)


TEXTS = pa.array(["the cell divides", "a cell has a wall", "buy shoes now", "shoes at a low price", None])
LABELS = ["biology", "biology", "shop", "shop", "shop"]


def test_a_head_over_classes_tells_texts_apart_and_survives_being_packed():
    head = TextHead.learnt(TEXTS.fill_null(""), LABELS, "class", HeadSettings())
    again = TextHead.unpacked(head.packed())
    assert again.names == ("biology", "shop") and again.packed() == head.packed()
    shares = again.shares(pa.array(["the wall of a cell", "shoes now", ""]))
    assert shares[0, 0] > shares[0, 1] and shares[1, 1] > shares[1, 0]
    assert np.allclose(shares.sum(axis=1), 1)


def test_a_text_has_its_score_whatever_stands_beside_it():
    head = TextHead.learnt(TEXTS.fill_null(""), ["5", "4", "0", "1", "0"], "number", HeadSettings())
    many = pa.array(["a cell divides", *["shoes"] * 700])
    assert head.scores(many)[0] == pytest.approx(head.scores(many.slice(0, 1))[0], abs=1e-6)


def test_shares_are_targets_and_other_labels_are_told():
    names, targets = targets_of(['{"a": 3, "b": 1}', '{"b": 1}'], "shares")
    assert names == ("a", "b") and targets.tolist() == [[0.75, 0.25], [0, 1]]
    with pytest.raises(SynthError, match="'good' is no number"):
        targets_of(["good"], "number")
    with pytest.raises(SynthError, match="class -> share"):
        targets_of(["good"], "shares")
