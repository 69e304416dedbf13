"""Scores of membership, as the papers' formulas give them, and how well they tell."""

import math

import numpy as np
import pytest

from synth_dagster.parts.models.byte_model import ByteModel
from synth_dagster.parts.models.membership import Scored, by_score, scores_of, told_apart
from tests.parts.made_up_prose import prose


def test_min_k_plus_plus_of_three_symbols():
    # (.7, .2, .1): mean .7 ln .7 + .2 ln .2 + .1 ln .1 = -0.80182, deviation 0.70313
    likely = np.array([0.7, 0.2, 0.1])
    mean = float((likely * np.log(likely)).sum())
    spread = math.sqrt(float((likely * np.log(likely) ** 2).sum()) - mean**2)
    assert (mean, spread) == (pytest.approx(-0.80182, abs=1e-5), pytest.approx(0.70313, abs=1e-5))
    for own, term in zip(np.log(likely), (0.6331, -1.1486, -2.1344), strict=True):
        found = Scored(np.array([own]), np.array([mean]), np.array([spread]))
        assert scores_of("a", found)["min_k_plus"] == pytest.approx(term, abs=1e-4)


def test_the_model_gives_the_mean_and_deviation_that_its_distribution_has():
    model = ByteModel.learnt([b"abacab"], context=2)
    likely = model.following(np.array([ord("a")], np.uint64))[0].astype(float)
    _, mean, spread = model.scored(b"ab")
    assert mean[1] == pytest.approx((likely * np.log(likely)).sum(), abs=1e-4)
    assert spread[1] == pytest.approx(np.sqrt((likely * np.log(likely) ** 2).sum() - mean[1] ** 2), abs=1e-4)


def test_loss_and_the_least_likely_fifth_by_hand():
    found = scores_of("aaaaaaaaaa", Scored(np.array([-1.0] * 8 + [-5.0, -7.0])))
    # the mean is -2; of ten symbols the lowest two are -5 and -7; zlib makes 11 bytes of ten equal ones
    assert found == {"loss": -2.0, "zlib": -2.0 / 11, "min_k": -6.0}
    assert scores_of("", Scored(np.zeros(0))) == {}


def test_the_area_by_hand():
    told = told_apart(np.array([3.0, 1.0]), np.array([2.0, 0.0]))
    assert told.auc == 0.75 and told.low < 0.75 < told.high  # of four pairs three are in order
    assert told_apart(np.full(50, 2.0), np.full(50, 1.0)).at_5 == 1.0
    assert by_score([], [{"loss": 1.0}]) == {}
    assert list(by_score([{"loss": 1.0, "min_k": 1.0}], [{"loss": 1.0}])) == ["loss"]  # what all have


def test_what_was_learnt_16_times_is_told_from_the_rest_better_than_what_was_learnt_once():
    often, once, never, others = (prose(seed, 100) for seed in range(4))
    model = ByteModel.learnt([text.encode() for text in (*often * 16, *once, *others)])

    def scored(texts):
        return [scores_of(text, Scored(*model.scored(text.encode()))) for text in texts]

    unknown, repeated, seen = scored(never), *(by_score(scored(texts), scored(never)) for texts in (often, once))
    assert repeated["min_k_plus"].auc > 0.9 and repeated["min_k_plus"].auc > seen["min_k_plus"].auc > 0.5
    again = by_score(scored(prose(9, 100)), unknown)["min_k_plus"]
    assert again.low < 0.5 < again.high  # two groups that were not learnt are not told apart
