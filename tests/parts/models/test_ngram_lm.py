"""The counting language model: chances by hand, and reading on is as having read all at once."""

import numpy as np
import pyarrow as pa
import pytest

from synth_dagster.parts.models.ngram_lm import STRENGTH, VOCABULARY, NgramLM


def test_chances_by_hand():
    model = NgramLM.learnt(pa.array(["a b a b", "a c"]), order=2)
    # a stands three times among six words: (3 + 4 / 2^20) / (6 + 4); at the beginning always: (2 + 4 p) / (2 + 4)
    floor = 1 / VOCABULARY
    a = (3 + STRENGTH * floor) / (6 + STRENGTH)
    first = (2 + STRENGTH * a) / (2 + STRENGTH)
    # b stands twice; after a, which is followed by b twice and c once, twice of three
    b = (2 + STRENGTH * floor) / (6 + STRENGTH)
    after_a = (2 + STRENGTH * b) / (3 + STRENGTH)
    found = model.bits(pa.array(["a", "a b", ""]))
    assert found.tolist() == pytest.approx([-np.log2(first), -np.log2(first) - np.log2(after_a), 0])
    assert model.bits_per_byte(pa.array(["a b"])) == pytest.approx(found[1] / 3)


def test_reading_on_is_as_reading_all():
    one, other = ["the cat sat", "the dog ran"], ["a cat ran home", None]
    both = NgramLM.learnt(pa.array(one + other)).bits(pa.array(["the cat ran"]))
    on = NgramLM.learnt(pa.array(one)).gone_on(pa.array(other))
    assert on.bits(pa.array(["the cat ran"])) == pytest.approx(both) and on.tokens == 10


def test_a_word_that_was_never_seen_costs_about_as_much_as_the_vocabulary_is_large():
    model = NgramLM.learnt(pa.array(["a b c d"] * 50))
    assert model.bits(pa.array(["zebra"]))[0] > 20


def test_nothing_read_and_nothing_asked():
    empty = NgramLM.learnt(pa.array([], pa.string()))
    assert empty.bits_per_byte(pa.array([], pa.string())) == 0
    assert empty.bits(pa.array(["a"]))[0] == pytest.approx(20)  # 2^20 words are equally probable
