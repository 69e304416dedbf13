"""Distances to the closest record: copies are near, independent texts are no nearer to one list than to another."""

import numpy as np
import pyarrow as pa
import pytest

from synth_dagster.parts.similarity.closest import Closest, closest, nearer_share, sampled
from synth_dagster.parts.similarity.word_vectors import WordVectors
from tests.parts.made_up_prose import prose


def of(first, second=None, place=None):
    first = np.array(first, float)
    return Closest(
        first,
        np.array(second if second is not None else first, float),
        np.array(place if place is not None else range(len(first))),
    )


def test_shares_and_ratios_by_hand():
    one, other = of([0.1, 0.5, 0.2], [0.4, 0.5, 0.2]), of([0.2, 0.4, 0.2])
    share, chance = nearer_share(one, other)
    assert share == 0.5  # nearer, not nearer, as near: 1 + 0 + 1/2 of 3
    # each text is nearest to one record, or to half of one: 1.96 sqrt(1 + 1 + 1/4 + 1/4) / 6
    assert chance == pytest.approx(1.96 * 2.5**0.5 / 6)
    assert one.ratio.tolist() == pytest.approx([0.25, 1.0, 1.0])
    assert of([0.0]).ratio.tolist() == [1.0]  # like two: not one person's


def test_a_text_that_all_are_near_to_makes_a_share_uncertain():
    records = 400
    apart = nearer_share(of([0.1] * records), of([0.2] * records))
    together = nearer_share(of([0.1] * records, place=[0] * records), of([0.2] * records))
    assert apart == (1.0, pytest.approx(1.96 * 0.5 / records**0.5)) and together == (1.0, pytest.approx(0.98))


@pytest.mark.prove
def test_lists_that_are_alike_are_seldom_told_apart():
    """Of 20 worlds one is expected beyond what chance does in 95 %; more than five come once in 3,000 times."""
    beyond = 0
    for world in range(20):
        one, other, texts = (pa.array(prose(1_000 + 3 * world + n, size)) for n, size in enumerate((60, 60, 300)))
        weights = WordVectors.learnt(pa.concat_arrays([one, other]))
        share, chance = nearer_share(closest(weights, texts, one), closest(weights, texts, other))
        beyond += abs(share - 0.5) > chance
    assert beyond <= 5


def test_the_closest_is_found_over_all_pieces(monkeypatch):
    texts = pa.array(prose(1, 40))
    weights = WordVectors.learnt(texts)
    whole = closest(weights, texts, texts)
    assert whole.first == pytest.approx(np.zeros(40), abs=1e-5) and (whole.second > 0.1).all()
    monkeypatch.setattr("synth_dagster.parts.similarity.closest.AT_ONCE", 7)
    apart = closest(weights, texts, texts, are_same=True)
    assert apart.first == pytest.approx(whole.second, abs=1e-5)
    alone = closest(weights, texts.slice(0, 1), texts.slice(1, 0))
    assert (alone.first.tolist(), alone.second.tolist(), alone.place.tolist()) == ([1.0], [1.0], [-1])


def test_a_sample_is_of_what_texts_say_and_not_of_their_order():
    texts = ["a", None, "b", " ", "b", "c", "d"]
    chosen = [pa.array(order)[int(n)].as_py() for order in (texts, texts[::-1]) for n in sampled(pa.array(order), 3)]
    assert sorted(chosen[:3]) == sorted(chosen[3:]) and len(set(chosen[:3])) == 3
    assert [texts[n] for n in sampled(pa.array(texts), 10)] == ["a", "b", "c", "d"]
    assert sampled(pa.array([], pa.string()), 5).tolist() == []
