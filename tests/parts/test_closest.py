"""Distances to the closest record: copies are near, independent texts are no nearer to one list than to another."""

import numpy as np
import pyarrow as pa
import pytest

from synth_dagster.parts.closest import Closest, closest, nearer_share, sampled, wilson
from synth_dagster.parts.word_vectors import WordVectors
from tests.parts.made_up_prose import prose


def test_wilson_by_hand():
    assert wilson(0.9, 50) == (pytest.approx(0.786, abs=1e-3), pytest.approx(0.957, abs=1e-3))
    assert wilson(0.0, 0) == (0.0, 1.0)


def test_shares_and_ratios_by_hand():
    one, other = (
        Closest(np.array([0.1, 0.5, 0.2]), np.array([0.4, 0.5, 0.2])),
        Closest(*(np.array([0.2, 0.4, 0.2]),) * 2),
    )
    assert nearer_share(one, other) == 0.5  # nearer, not nearer, as near: 1 + 0 + 1/2 of 3
    assert one.ratio.tolist() == pytest.approx([0.25, 1.0, 1.0])
    assert Closest(np.zeros(1), np.zeros(1)).ratio.tolist() == [1.0]  # like two: not one person's


def test_the_closest_is_found_over_all_pieces(monkeypatch):
    texts = pa.array(prose(1, 40))
    weights = WordVectors.learnt(texts)
    whole = closest(weights, texts, texts)
    assert whole.first == pytest.approx(np.zeros(40), abs=1e-5) and (whole.second > 0.1).all()
    monkeypatch.setattr("synth_dagster.parts.closest.AT_ONCE", 7)
    apart = closest(weights, texts, texts, are_same=True)
    assert apart.first == pytest.approx(whole.second, abs=1e-5)
    alone = closest(weights, texts.slice(0, 1), texts.slice(1, 0))
    assert (alone.first.tolist(), alone.second.tolist()) == ([1.0], [1.0])


def test_a_sample_is_of_what_texts_say_and_not_of_their_order():
    texts = ["a", None, "b", " ", "b", "c", "d"]
    chosen = [pa.array(order)[int(n)].as_py() for order in (texts, texts[::-1]) for n in sampled(pa.array(order), 3)]
    assert sorted(chosen[:3]) == sorted(chosen[3:]) and len(set(chosen[:3])) == 3
    assert [texts[n] for n in sampled(pa.array(texts), 10)] == ["a", "b", "c", "d"]
    assert sampled(pa.array([], pa.string()), 5).tolist() == []
