"""Symbols are the text again."""

from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.models.vocabulary import Bytes, Words, pieces_of


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_pieces_and_bytes_are_the_text_again(text):
    assert "".join(pieces_of(text)) == text
    assert Bytes().text(Bytes().symbols(text)) == text
    assert all(0 < symbol < Bytes().size for symbol in Bytes().symbols(text))
    words = Words.of([text])
    assert words.text(words.symbols(text)) == text


def test_words_are_the_commonest_and_others_are_one_symbol():
    words = Words.of(["a a b c12 a b"], most=3)
    assert words.words == (" a", " b", " c")  # " a" and " b" stand there twice; of those seen once " c" comes first
    assert Words.unpacked(words.packed()) == words
    assert words.text(words.symbols(" a b z")) == " a b \ufffd"
    assert words.symbols("z") == [1]
