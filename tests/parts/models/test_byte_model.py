"""The model that counts: its sums by hand, its limited memory, and that it is a distribution everywhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.parts.models.byte_model import ByteModel, rows_for


def context(text):
    return np.array([int.from_bytes(text[-8:], "big")], np.uint64)


def test_witten_and_bell_by_hand():
    # "aab": a twice, b once; 2 kinds of 3. After one a: a once, b once; 2 kinds of 2
    model = ByteModel.learnt([b"aab"], context=1, rows=1 << 12)
    first_a, first_b = (2 + 2 / 256) / 5, (1 + 2 / 256) / 5
    likely = model.following(context(b"a"))[0]
    assert likely[ord("a")] == pytest.approx((1 + 2 * first_a) / 4)
    assert likely[ord("b")] == pytest.approx((1 + 2 * first_b) / 4)
    assert model.following(context(b"z"))[0][ord("a")] == pytest.approx(first_a)  # z was not seen: no context at all


def test_a_model_of_nothing_finds_all_bytes_alike():
    assert ByteModel.learnt([]).following(context(b"abc"))[0] == pytest.approx(np.full(256, 1 / 256))


def test_a_text_begins_anew_and_knows_nothing_of_the_one_before():
    one, other = ByteModel.learnt([b"xy", b"za"], context=2), ByteModel.learnt([b"za", b"xy"], context=2)
    assert (one.counts == other.counts).all() and (one.first == other.first).all()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=30), max_size=5), st.binary(min_size=1, max_size=12), st.integers(1, 8))
def test_after_any_context_the_bytes_are_a_distribution(texts, text, orders):
    model = ByteModel.learnt(texts, context=orders)
    likely = model.following(context(text))
    assert (likely > 0).all() and likely.sum() == pytest.approx(1, abs=1e-4)
    own, mean, spread = model.scored(text)
    assert len(own) == len(mean) == len(spread) == len(text)
    assert (own <= 0).all() and (mean <= 0).all() and (spread >= 0).all()


def test_long_texts_are_scored_in_pieces_that_join(monkeypatch):
    model = ByteModel.learnt([bytes(range(200))])
    whole = model.scored(bytes(range(200)))
    monkeypatch.setattr("synth_dagster.parts.models.byte_model._AT_ONCE", 7)
    assert [part.tolist() for part in model.scored(bytes(range(200)))] == [part.tolist() for part in whole]
    assert [len(part) for part in model.scored(b"")] == [0, 0, 0]


def test_memory_grows_with_the_texts_and_has_an_end():
    assert [rows_for(size) for size in (0, 128 * 64, 128 * 65, 128 * 1024, 1 << 40)] == [64, 64, 128, 1024, 1 << 15]
