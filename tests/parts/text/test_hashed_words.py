"""Texts as flat arrays of hashes: which pieces there are, and which are the same."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.parts.text.hashed_words import characters, distinct, hash_texts, ngrams, normalise, words


def strings(*texts):
    return pa.array(texts, pa.string())


def groups(pieces):
    return [pieces.hashes[pieces.offsets[i] : pieces.offsets[i + 1]].tolist() for i in range(len(pieces))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Café, THÉ!", "cafe the", id="case, diacritics, punctuation"),
        pytest.param("  a\t\nb  ", "a b", id="blanks"),
        pytest.param("don't", "don t", id="an apostrophe is punctuation"),
        pytest.param("東京タワー ok", "東 京 タ ワ ー ok", id="a script without blanks"),
        pytest.param("snake_case", "snake case", id="underscore"),
        pytest.param("", "", id="empty"),
        pytest.param(None, "", id="null"),
        pytest.param("?!", "", id="only punctuation"),
    ],
)
def test_normal_form(text, expected):
    assert normalise(strings(text)).to_pylist() == [expected]


def test_digits_become_zero_when_asked():
    assert normalise(strings("7 of 12"), digits_to_zero=True).to_pylist() == ["0 of 00"]
    assert normalise(strings("7 of 12")).to_pylist() == ["7 of 12"]


def test_equal_words_have_equal_hashes_and_empty_texts_have_none():
    first, empty, last = groups(words(strings("a b a", "", "b")))
    assert first[0] == first[2] != first[1] and last == [first[1]] and empty == []


def test_hashes_are_the_same_in_every_run():
    # the first 8 bytes of BLAKE2b with digest size 8 of "word", little endian
    import hashlib

    expected = int.from_bytes(hashlib.blake2b(b"word", digest_size=8).digest(), "little")
    assert hash_texts(strings("word")).tolist() == [expected]


def test_grams_stay_inside_their_text():
    # 4 words have 3 pairs, 1 word none, 2 words one: no pair spans two texts
    pairs = ngrams(words(strings("a b c d", "e", "c d")), 2)
    assert pairs.counts.tolist() == [3, 0, 1]
    assert groups(pairs)[0][2] == groups(pairs)[2][0]
    assert pairs.places.tolist() == [0, 1, 2, 0]
    assert pairs.owners.tolist() == [0, 0, 0, 2]


def test_the_order_of_words_matters():
    assert groups(ngrams(words(strings("a b", "b a")), 2))[0] != groups(ngrams(words(strings("a b", "b a")), 2))[1]


def test_characters_count_code_points():
    assert characters(strings("aé𝕏a", "")).counts.tolist() == [4, 0]
    first = groups(characters(strings("aé𝕏a")))[0]
    assert first[0] == first[3] and len(set(first)) == 3


def test_taking_texts_keeps_their_pieces_in_the_order_asked():
    pieces = words(strings("a b", "c", "", "d e f"))
    assert groups(pieces.take(pa.array([3, 2, 0]).to_numpy())) == [groups(pieces)[i] for i in (3, 2, 0)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abc"), max_size=8), max_size=6), st.integers(1, 4))
def test_grams_and_sets_agree_with_plain_python(texts, n):
    pieces = ngrams(words(strings(*[" ".join(text) for text in texts])), n)
    plain = [[tuple(text[i : i + n]) for i in range(len(text) - n + 1)] for text in texts]
    assert pieces.counts.tolist() == [len(grams) for grams in plain]
    assert distinct(pieces).counts.tolist() == [len(set(grams)) for grams in plain]
    assert len(set(pieces.hashes.tolist())) == len({gram for grams in plain for gram in grams})
