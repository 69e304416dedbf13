"""distinct-n: hand values, and what repeating and growing a set does to it."""

import random

import pyarrow as pa
import pytest

from synth_dagster.methods.measure.distinct_n import DistinctN


def numbers(*texts, **settings):
    return DistinctN(**settings).measure(pa.table({"text": pa.array(texts, pa.string())})).numbers


def test_pairs_of_a_b_a_b():
    # ab ba ab: 2 of 3 are different; words: 2 of 4
    found = numbers("a b a b")
    assert (found["distinct_1"], found["distinct_2"], found["words"]) == (0.5, pytest.approx(2 / 3), 4)


def test_grams_do_not_span_records():
    # "ab" twice and never "ba"
    assert numbers("a b", "A, b!")["distinct_2"] == 0.5


def test_a_set_twice_over_has_half_the_share():
    rng = random.Random(1)
    texts = [" ".join(rng.choices("abcdefghijklmnop", k=30)) for _ in range(20)]
    once, twice = numbers(*texts), numbers(*texts, *texts)
    assert all(twice[f"distinct_{n}"] == pytest.approx(once[f"distinct_{n}"] / 2) for n in (1, 2, 3, 4))


def test_segments_of_one_size_make_sets_of_different_size_comparable():
    rng = random.Random(2)
    words = [f"w{letter}{other}" for letter in "abcdefghij" for other in "abcdefghij"]
    small, large = ([" ".join(rng.choices(words, k=100)) for _ in range(count)] for count in (20, 200))
    few, many = numbers(*small, segment=500), numbers(*large, segment=500)
    assert many["distinct_1"] < few["distinct_1"] / 5
    assert many["distinct_1_segment"] == pytest.approx(few["distinct_1_segment"], rel=0.03)


def test_a_segment_counts_its_own_grams():
    # a b | a a: 2 of 2 and 1 of 2; the last a is left over
    assert numbers("a b a a a", segment=2)["distinct_1_segment"] == 0.75


@pytest.mark.parametrize("texts", [(), (None,), ("", "?!")], ids=["none", "missing", "no words"])
def test_no_words_have_no_share(texts):
    assert numbers(*texts) == {"words": 0}
