"""What a text takes over from the texts behind it, counted by hand and against a count word by word."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.parts.text.copying import PIECE, Behind, claims_of, longest_copies, longest_runs, supported
from synth_dagster.parts.text.hashed_words import normalise, words


def hashed(*texts):
    return words(normalise(pa.array(texts)))


@pytest.mark.parametrize(
    ("text", "other", "run"),
    [
        pytest.param("a b c d e f g", "x a b c d e f y", 6, id="six words"),
        pytest.param("a b c d", "a b c d", 0, id="four are no run"),
        pytest.param("a b c d e x a b c d e f", "a b c d e f", 6, id="the longer of two"),
        pytest.param("", "a b c d e", 0, id="nothing"),
    ],
)
def test_the_longest_run_by_hand(text, other, run):
    assert longest_runs(hashed(text), hashed(other), np.array([0]), np.array([0])).tolist() == [run]


WORDS = st.lists(st.sampled_from("abc"), max_size=14)


@settings(max_examples=80, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=3), st.lists(WORDS, min_size=1, max_size=3))
def test_runs_agree_with_counting_piece_by_piece(texts, others):
    text, other = (grid.ravel() for grid in np.indices((len(texts), len(others))))
    found = longest_runs(hashed(*map(" ".join, texts)), hashed(*map(" ".join, others)), text, other)
    for a, b, run in zip(text, other, found, strict=True):
        there = {tuple(others[b][at : at + PIECE]) for at in range(len(others[b]) - PIECE + 1)}
        longest = held = 0
        for at in range(len(texts[a]) - PIECE + 1):
            held = held + 1 if tuple(texts[a][at : at + PIECE]) in there else 0
            longest = max(longest, held + PIECE - 1 if held else 0)
        assert run == longest


def test_the_support_of_claims_by_hand():
    claims, of = claims_of(pa.array(["The mill grinds wheat. It sells dragons!", "", None]))
    assert claims.to_pylist() == ["The mill grinds wheat.", "It sells dragons!", "", ""] and of.tolist() == [0, 0, 1, 2]
    others = pa.array(["A mill that grinds wheat", "dragons"])
    # the first record was made from the first text: mill, grinds, wheat are there; of sells, dragons none is
    found, has_any = supported(claims, of, [behind(others, [0, 1], [0, 1])])
    assert found[:2].tolist() == [1.0, 0.0] and np.isnan(found[2:]).all()
    assert has_any.tolist() == [True, True, True, False]
    both, _ = supported(claims, of, [behind(others, [0, 0], [0, 1])])
    assert both[:2].tolist() == [1.0, 0.5]


def behind(texts, record, text):
    return Behind(texts, np.array(record, np.int64), np.array(text, np.int64))


TEXTS = st.lists(st.sampled_from(["mill", "mills", "wheat", "bread", "corn", "a"]), max_size=12).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_texts_that_come_in_parts_say_what_they_say_at_once(data):
    texts = data.draw(st.lists(TEXTS, min_size=1, max_size=4))
    others = data.draw(st.lists(TEXTS, min_size=1, max_size=5))
    pairs = st.tuples(st.integers(0, len(texts) - 1), st.integers(0, len(others) - 1))
    links = data.draw(st.lists(st.tuples(pairs, st.integers(0, 2)), max_size=10))
    whole = [behind(pa.array(others), *_columns([pair for pair, _ in links]))]
    parts = [behind(pa.array(others), *_columns([pair for pair, part in links if part == n])) for n in range(3)]
    own = hashed(*texts)
    assert longest_copies(own, parts).tolist() == longest_copies(own, whole).tolist()
    claims, of = claims_of(pa.array([text.replace(" a ", ". ") for text in texts]))
    for one, other in zip(supported(claims, of, parts), supported(claims, of, whole), strict=True):
        assert np.array_equal(one, other, equal_nan=one.dtype == float)


def _columns(pairs):
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]
