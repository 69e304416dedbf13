"""What each text adds to those before it, counted by hand."""

from random import Random

import pyarrow as pa
import pytest

from synth_dagster.parts.similarity.growth import growth_of


def grown(*texts, **how):
    return growth_of(pa.chunked_array([pa.array(texts, pa.string())]), **how)


def test_runs_of_five_words_by_hand():
    # abcde bcdef; bcdef cdefg; of the last text's seven runs abcde stands twice and counts once, and two are old
    told = grown("a b c d e f", "b c d e f g", "A, b c d e f! A b c d e")
    assert told.runs.tolist() == [2, 2, 6] and told.new_runs.tolist() == [2, 1, 4]
    assert told.is_new.tolist() == [True, True, True]
    assert told.different_runs(2) == 3 / 4 and told.different_runs(3) == 7 / 10 and told.different_runs(0) is None


@pytest.mark.parametrize(
    ("texts", "is_new"),
    [
        pytest.param(["a b c d e f", "a b c d e f"], [True, False], id="the same"),
        # of three runs one stands before: abcde, then bcdex and cdexy
        pytest.param(["a b c d e", "a b c d e x y"], [True, True], id="a third is old"),
        # of three runs two stand before
        pytest.param(["a b c d e f", "a b c d e f x"], [True, False], id="two thirds are old"),
        pytest.param(["a b c d e", "f g h i j", "a b c d e f g h i j"], [True, True, True], id="two joined"),
        pytest.param(["yes", "no", "yes"], [True, True, False], id="fewer words than a run"),
        pytest.param(["!", "?", "", ""], [True, True, True, False], id="no words"),
    ],
)
def test_a_near_copy_has_more_than_half_of_its_runs_before_it(texts, is_new):
    assert grown(*texts).is_new.tolist() == is_new


def test_nothing_adds_nothing():
    told = growth_of(pa.chunked_array([], pa.string()))
    assert told.is_new.tolist() == [] and told.different_runs(0) is None


@pytest.mark.parametrize("seed", range(3))
def test_a_sample_of_the_runs_tells_copies_as_all_runs_do(seed):
    draw = Random(seed)
    texts = [" ".join("".join(draw.choices("abcdefghij", k=5)) for _ in range(200)) for _ in range(200)]
    texts = draw.sample([*texts, *texts[:100]], 300)
    every, some = grown(*texts), grown(*texts, most_runs=6_000)  # of about 60,000 runs one in eleven or so
    assert some.runs.sum() < every.runs.sum() / 8
    assert (every.is_new == some.is_new).all() and every.is_new.sum() == 200
    assert some.different_runs(300) == pytest.approx(every.different_runs(300), abs=0.03)
