"""The published tables of passes come out of the published rates, and a release is given as many copies."""

import json
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.errors import SynthError
from synth_dagster.methods.mix.rehydration import Rehydration, repetitions

PUBLISHED = json.loads((Path(__file__).parents[2] / "fixtures/fineweb2/rehydration.json").read_text("utf-8"))
SHORT = {"kxw_Latn", "tim_Latn"}  # fewer numbers of copies than the window is wide, where the released code differs


def table(sizes, passes):
    """As published: the first number of copies of each stretch of equal passes."""
    runs = groupby(zip(sizes, passes, strict=True), key=lambda pair: int(pair[1]))
    return {str(next(stretch)[0]): passes for passes, stretch in runs}


@pytest.mark.parametrize("most", [3, 5, 10])
@pytest.mark.parametrize("language", sorted(PUBLISHED.keys() - SHORT))
def test_published_passes(language, most):
    given = PUBLISHED[language]
    passes = repetitions(np.array(given["rates"]), given["overall"], most)
    assert table(given["sizes"], passes) == given["passes"][str(most)]


def test_italian_number_by_number():
    given = PUBLISHED["ita_Latn"]
    passes, kept = repetitions(np.array(given["rates"]), given["overall"], 10), np.array(given["kept"])
    found = table(given["sizes"], passes)
    assert {copies: found[copies] for copies in ["1", "2", "3", "4", "5", "7", "8", "11", "17", "145"]} == {
        "1": 1,
        "2": 3,
        "3": 4,
        "4": 5,
        "5": 6,
        "7": 7,
        "8": 8,
        "11": 9,
        "17": 10,
        "145": 1,
    }
    assert (int(kept.sum()), int((kept * passes).sum())) == (238_984_437, 965_462_863)


def test_where_there_are_fewer_numbers_than_neighbours_none_is_smoothed():
    for language in SHORT:
        given = PUBLISHED[language]
        rates, overall = np.array(given["rates"]), given["overall"]
        line = 1 + 9 * (rates - overall) / (rates.min() - overall)
        assert repetitions(rates, overall, 10).tolist() == np.round(np.where(rates < overall, line, 1)).tolist()


def test_passes_by_hand():
    # overall .5, lowest .1 of six numbers: 1 + 4 (r - .5) / (.1 - .5) is 1, 3, 5, 4, 1, 1, and of the two in the middle
    # the means over five are (1 + 3 + 5 + 4 + 1) / 5 = 2.8 and (3 + 5 + 4 + 1 + 1) / 5 = 2.8
    assert repetitions(np.array([0.6, 0.3, 0.1, 0.2, 0.5, 0.7]), 0.5, 5).tolist() == [1, 3, 3, 3, 1, 1]


SIZES = {"1": 700, "2": 900, "3": 300, "12": 100}
REMOVED = {"1": 0.3, "2": 0.1, "3": 0.25, "12": 0.5}


def test_each_number_of_copies_is_seen_in_whole_passes():
    # judged 1,000 + 1,000 + 400 + 200 = 2,600, dropped 300 + 100 + 100 + 100 = 600: overall .2308; only 2 lies below
    mixture = Rehydration(most=4).mix(SIZES, removed=REMOVED)
    assert mixture.tokens == {"1": 700, "2": 3_600, "3": 300, "12": 100}
    assert "2: 4" in mixture.how


def test_the_tail_is_one_number():
    # 3 and 12 together: 600 judged, 200 dropped
    assert Rehydration(most=4, tail=3).mix(SIZES, removed={**REMOVED, "12": 0.0}).tokens["12"] == 100
    # alone, 12 would be the best of all
    assert Rehydration(most=4).mix(SIZES, removed={**REMOVED, "12": 0.0}).tokens["12"] == 400


def test_without_rates_each_page_is_seen_once():
    assert Rehydration().mix(SIZES).tokens == SIZES
    assert Rehydration().mix({"handbook": 5}, removed={"handbook": 0.1}).tokens == {"handbook": 5}
    with pytest.raises(SynthError, match="nothing to mix"):
        Rehydration().mix({})


@given(st.lists(st.floats(0, 0.999), min_size=1, max_size=40), st.floats(0, 1), st.integers(1, 20))
def test_passes_lie_between_one_and_the_most(rates, overall, most):
    passes = repetitions(np.array(rates), overall, most)
    assert ((passes >= 1) & (passes <= most)).all()
