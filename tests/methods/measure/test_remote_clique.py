"""The spread of a set: none where all texts are one, and larger the less they have in common."""

import pyarrow as pa
import pytest

from synth_dagster.methods.measure.remote_clique import RemoteClique
from synth_dagster.runner.vectors import NoVectors


def measured(*texts, **settings):
    return (
        RemoteClique(**settings).measure(pa.table({"text": pa.array(texts, pa.string())}), vectors=NoVectors()).numbers
    )


def test_one_text_over_and_over_has_no_spread():
    assert measured("a quiet lake", "a quiet lake", "A quiet lake!")["remote_clique"] == pytest.approx(0, abs=1e-3)


def test_two_texts_without_a_word_in_common():
    # they are sqrt(2) apart, and two of the four ordered pairs are pairs of one text with itself
    assert measured("orchard bloom", "zinc dust")["remote_clique"] == pytest.approx(2**0.5 / 2, abs=0.02)


def test_a_set_twice_over_keeps_its_number():
    texts = ["the harbour opens at six", "a mill by the river", "old maps of the valley", "the harbour closes at ten"]
    once, twice = measured(*texts), measured(*texts, *texts)
    assert twice["remote_clique"] == pytest.approx(once["remote_clique"], abs=0.05)
    assert once["remote_clique"] > measured(texts[0], texts[3], texts[0], texts[3])["remote_clique"]


def test_blank_texts_do_not_count_and_of_many_some_are_taken():
    assert measured("", " \n", None) == {"texts": 0.0}
    assert measured("one text", "", "another one")["texts"] == 2
    assert measured(*(f"text number {n}" for n in range(50)), most=10)["texts"] == 10
