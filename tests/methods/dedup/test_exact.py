"""Exact duplicates: the classes of equal texts, and what equal means."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.methods.dedup.exact import Exact


def classes(texts, **settings):
    """For each text the number of the first one of its class."""
    ids = pa.array([number.to_bytes(16, "big") for number in range(len(texts))], pa.binary())
    table = pa.table({"record_id": ids, "text": pa.array(texts, pa.string()), "priority": [0] * len(texts)})
    return [int.from_bytes(one, "big") for one in Exact(**settings).cluster(table)["cluster"].to_pylist()]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text("aB \n", max_size=3), max_size=30))
def test_the_classes_are_those_of_a_dictionary(texts):
    first = {}
    assert classes(texts) == [first.setdefault(text, number) for number, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("texts", "as_bytes", "as_words"),
    [
        pytest.param(["a b", "A  b!", "a b"], [0, 1, 0], [0, 0, 0], id="case, blanks and signs"),
        pytest.param(["a b", "b a", "ab"], [0, 1, 2], [0, 1, 2], id="order and gaps"),
        pytest.param(["", None, "!", "?"], [0, 0, 2, 3], [0, 0, 2, 3], id="texts without a word"),
        pytest.param(["é", "e\u0301"], [0, 1], [0, 0], id="one letter, two spellings"),
        pytest.param(["12", "13"], [0, 1], [0, 1], id="digits count"),
    ],
)
def test_what_is_equal(texts, as_bytes, as_words):
    assert classes(texts) == as_bytes
    assert classes(texts, form="words") == as_words


def test_many_equal_texts_are_one_cluster():
    assert classes(["the same"] * 50_000) == [0] * 50_000
