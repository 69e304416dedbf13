"""Signatures tell how much two texts share, and keepers let nothing in that is too near to what is there."""

import random
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.parts.similarity.keepers import VectorKeeper, agreement, cosine, signatures_of


def pair_of(similarity, rng, size=100):
    """Two texts of single words, of which as large a share as wanted is in both: shared / (2 size - shared)."""
    shared = round(2 * size * similarity / (1 + similarity))
    words = [f"w{rng.getrandbits(40):x}" for _ in range(2 * size - shared)]
    first, second = words[:size], words[:shared] + words[size:]
    rng.shuffle(second)
    return " ".join(first), " ".join(second), shared / (2 * size - shared)


def estimates(similarity, count, seed):
    rng = random.Random(seed)
    pairs = [pair_of(similarity, rng) for _ in range(count)]
    first, second = (signatures_of([pair[side] for pair in pairs]) for side in (0, 1))
    return (first == second).mean(axis=1), [pair[2] for pair in pairs]


def test_the_estimate_errs_by_less_than_a_twentieth_on_a_thousand_pairs():
    errors = []
    for number in range(10):
        guessed, exact = estimates(0.05 + 0.1 * number, 100, number)
        errors += np.abs(guessed - exact).tolist()
    assert len(errors) == 1_000 and fmean(errors) <= 0.05


def test_the_estimate_spreads_as_theory_says():
    guessed, exact = estimates(0.9, 400, 3)
    # sqrt(.9 * .1 / 128) = 0.0265; the deviation of 400 draws is itself off by 1 / sqrt(800) = 3.5 %, four of them
    assert np.std(guessed - exact) == pytest.approx(0.0265, rel=0.15)
    assert abs(fmean(guessed - exact)) < 4 * 0.0265 / 20


@pytest.mark.parametrize(("similarity", "least", "most"), [(0.95, 0.85, 1.0), (0.6, 0.0, 0.02)])
def test_copies_are_refused_and_what_only_resembles_stays(similarity, least, most):
    rng = random.Random(5)
    pairs = [pair_of(similarity, rng) for _ in range(300)]
    vectors = signatures_of([text for one, other, _ in pairs for text in (one, other)])
    refused = 0
    for place in range(0, len(vectors), 2):
        keeper = VectorKeeper(0.9, agreement)
        keeper.add(place, vectors[place])
        refused += keeper.refused(vectors[place + 1]) is not None
    assert least <= refused / len(pairs) <= most


def test_a_text_without_words_is_like_itself_alone():
    same, other, word = signatures_of(["...", "!!!", "a"])
    assert agreement(np.stack([same, other, word]), signatures_of(["..."])[0]).tolist() == [1.0, 0.0, 0.0]
    assert signatures_of([]).shape == (0, 128)


def test_the_nearest_one_that_stayed_is_named_the_earliest_of_equals():
    keeper = VectorKeeper(0.9, cosine)
    assert keeper.nearest(np.array([1.0, 0.0])) is None
    for key, vector in (("a", [1.0, 0.0]), ("b", [1.0, 0.0]), ("c", [0.6, 0.8])):
        keeper.add(key, np.array(vector))
    assert keeper.refused(np.array([0.0, 1.0])) is None and keeper.nearest(np.array([0.0, 1.0])).key == "c"
    assert keeper.refused(np.array([1.0, 0.0])).key == "a"


@settings(max_examples=25)
@given(st.lists(st.sampled_from("one two three four five six".split()), min_size=1, max_size=40))  # noqa: SIM905
def test_whoever_stays_is_not_near_anything_that_stayed_before(texts):
    keeper, vectors, kept = VectorKeeper(0.9, agreement), signatures_of(texts), []
    for place, vector in enumerate(vectors):
        if keeper.refused(vector) is None:
            keeper.add(place, vector)
            kept.append(texts[place])
    assert kept == list(dict.fromkeys(texts)) and len(keeper) == len(kept)
