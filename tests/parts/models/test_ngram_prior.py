"""Probabilities by counting are those of the formula, sum to 1, and the likeliest words are the likeliest."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.errors import MethodError
from synth_dagster.parts.models.ngram_prior import NgramPrior, PriorSettings, tokens_of

SMALL = NgramPrior.learnt([" a b a b a c"], PriorSettings(order=2))


def test_probabilities_are_those_of_witten_and_bell():
    # one word: a 3, b 2, c 1 of 6, 3 kinds; 1/4 for each of three words and the unknown ones
    # P(a) = (3 + 3/4) / 9, P(b) = (2 + 3/4) / 9, P(c) = (1 + 3/4) / 9, unknown (3/4) / 9
    alone = [SMALL.probabilities([word])[0] for word in (" a", " b", " c", " d")]
    assert alone == pytest.approx([3.75 / 9, 2.75 / 9, 1.75 / 9, 0.75 / 9])
    # after a: b 2, c 1 of 3, 2 kinds: P(b | a) = (2 + 2 * 2.75/9) / 5, and so on
    after = [SMALL.probabilities([" a", word])[1] for word in (" a", " b", " c", " d")]
    assert after == pytest.approx([2 * 3.75 / 45, (2 + 5.5 / 9) / 5, (1 + 3.5 / 9) / 5, 2 * 0.75 / 45])
    # after a word that was never seen, what is known of one word
    assert SMALL.probabilities([" d", " a"])[1] == pytest.approx(3.75 / 9)


WORDS = st.sampled_from([" a", " b", " c", " the", " of", ",", ".", "\n"])
TEXTS = st.lists(st.lists(WORDS, min_size=1, max_size=30).map("".join), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None)
@given(texts=TEXTS, before=st.lists(WORDS, max_size=6), order=st.integers(1, 5))
def test_after_any_words_the_probabilities_of_all_words_sum_to_1(texts, before, order):
    prior = NgramPrior.learnt(texts, PriorSettings(order=order))
    every = [*prior.words, " never seen"]
    assert sum(prior.probabilities([*before, word])[-1] for word in every) == pytest.approx(1)


@settings(max_examples=40, deadline=None)
@given(texts=TEXTS, before=st.lists(WORDS, max_size=6), most=st.integers(1, 9))
def test_the_likeliest_words_are_those_of_all_words(texts, before, most):
    prior = NgramPrior.learnt(texts, PriorSettings())
    tokens = [*before, prior.words[0]]
    (found,) = prior.likeliest(tokens, [len(before)], most)
    every = sorted((-prior.probabilities([*before, word])[-1], word) for word in prior.words)[:most]
    assert found.log_probabilities == pytest.approx(np.log([-chance for chance, _ in every]))
    assert len(set(found.tokens)) == len(every)
    assert [prior.probabilities([*before, word])[-1] for word in found.tokens] == pytest.approx(
        [-chance for chance, _ in every]
    )


def test_places_of_one_text_are_looked_at_together_as_one_by_one():
    tokens = tokens_of(" a b a c a b")
    together = SMALL.likeliest(tokens, [5, 0, 3], 2)
    for place, found in zip([5, 0, 3], together, strict=True):
        (alone,) = SMALL.likeliest(tokens, [place], 2)
        assert found.tokens == alone.tokens and np.array_equal(found.log_probabilities, alone.log_probabilities)
    assert SMALL.likeliest(tokens, [], 2) == []


def test_the_order_of_the_texts_changes_nothing_and_the_bytes_are_the_same():
    texts = [f" a b {number} c" for number in range(20)]
    one = NgramPrior.learnt(texts, PriorSettings())
    random.Random(0).shuffle(texts)
    other = NgramPrior.learnt(texts, PriorSettings())
    assert one.packed() == other.packed() and one.name == other.name
    assert one.name != NgramPrior.learnt(texts[1:], PriorSettings()).name


def test_a_model_survives_its_bytes():
    again = NgramPrior.unpacked(SMALL.packed())
    tokens = tokens_of(" a b a c d")
    assert np.array_equal(again.probabilities(tokens), SMALL.probabilities(tokens))
    with pytest.raises(MethodError, match="no safetensors"):
        NgramPrior.unpacked(b"pickle")


@pytest.mark.parametrize(
    "text", ["", " \n ", "One two,\n\n  three.\n", "don't \u2014 naïve 漢字 x_1\u00a0", "\x00\x01"]
)
def test_tokens_joined_are_the_text_again(text):
    assert "".join(tokens_of(text)) == text


def test_a_model_of_nothing_knows_nothing():
    empty = NgramPrior.learnt([], PriorSettings())
    assert list(empty.probabilities(["a", " b"])) == [1.0, 1.0]  # one kind of word there is: the unknown ones
    assert empty.likeliest(["a"], [0], 5)[0].tokens == []
