"""Words straight from bytes: the same as by Arrow's functions, for any text, whole or cut, valid or not."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.text import folded_words as module
from synth_dagster.parts.text.folded_words import folded_words
from synth_dagster.parts.text.hashed_words import normalise, words

LETTERS = st.sampled_from(
    [*"aBé ß1٣.,-\n\t“”日本ไท한Ωạ̃कि中。", "word", "Ⱥx", "İ", "\u00a0", "\u200b", "😀", "و", "א", "a" * 9]
)
TEXTS = st.lists(st.one_of(st.none(), st.text(), st.lists(LETTERS).map("".join)), max_size=6)


def numbered(found):
    """Words by number, from 0 in the order of their first appearance, text by text."""
    seen = {}
    numbers = [seen.setdefault(one, len(seen)) for one in found.hashes.tolist()]
    return [numbers[start:end] for start, end in zip(found.offsets[:-1], found.offsets[1:], strict=True)]


def agrees(texts, digits_to_zero=False):
    column = pa.array(texts, pa.string())
    slow = words(normalise(column, digits_to_zero=digits_to_zero))
    return numbered(folded_words(column, digits_to_zero=digits_to_zero)) == numbered(slow)


@given(TEXTS, st.booleans())
def test_the_words_are_those_of_the_normalised_text(texts, digits_to_zero):
    assert agrees([known(text) for text in texts], digits_to_zero)


def known(text):
    """Without what newer and older Unicode tables see differently, and what is not folded character by character."""
    return text and "".join(one for one in text if one in "日本한中😀" or (ord(one) < 0x3100 and not is_special(one)))


def is_special(character):
    """A lone vowel sign or Hangul letter joins with its neighbours; some capitals have a longer small letter."""
    from unicodedata import category, combining, normalize

    decomposed = normalize("NFD", character.lower())
    return (
        category(character) in {"Cn", "Mc", "Me"}
        or any(category(one) in {"Mc", "Me"} or (combining(one) and category(one) != "Mn") for one in decomposed)
        or 0x1100 <= ord(character) < 0x1200
        or len(decomposed.encode()) > len(normalize("NFD", character).encode())
        or len(character.lower()) > 1
    )


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param(["One, two; ONE two"], [[0, 1, 0, 1]], id="case and punctuation"),
        pytest.param(["naïve résumé", "naive resume"], [[0, 1], [0, 1]], id="accents"),
        pytest.param(["12 apples", "13 apples"], [[0, 1], [2, 1]], id="digits"),
        pytest.param(["日本 日"], [[0, 1, 0]], id="no blanks between words"),
        pytest.param(["日本abc日"], [[0, 1, 2, 0]], id="two scripts"),
        pytest.param(["a", "", None, "a"], [[0], [], [], [0]], id="nothing"),
        pytest.param(["שלום עולם", "مرحبا"], [[0, 1], [2]], id="right to left"),
        pytest.param(["ab", "c"], [[0], [1]], id="texts do not run into each other"),
    ],
)
def test_what_a_word_is(texts, expected):
    assert numbered(folded_words(pa.array(texts, pa.string()))) == expected


@pytest.mark.parametrize("digits_to_zero", [False, True])
@pytest.mark.parametrize("beside", ["", "é"], ids=["ASCII alone", "beside others"])
def test_every_character_of_ascii_is_what_it_is_in_the_normal_form(digits_to_zero, beside):
    assert agrees([f"w{chr(code)}w {beside}" for code in range(128)], digits_to_zero)


def test_long_words_differ_by_any_character():
    base = "".join(chr(97 + number % 26) for number in range(70))
    others = [base[:place] + "_x_"[1] + base[place + 1 :] for place in range(70) if base[place] != "x"]
    shorter = [base[:size] for size in range(1, 70)]
    found = folded_words(pa.array([base, *others, *shorter]))
    assert len(np.unique(found.hashes)) == len(found.hashes) == 1 + len(others) + len(shorter)


@pytest.mark.parametrize("text", ["some words of one long text " * 40, "日本語の文章" * 60, "unbroken" * 90])
def test_a_text_that_is_cut_into_pieces_has_its_words(text, monkeypatch):
    whole = folded_words(pa.array(["before", text, "after"]))
    monkeypatch.setattr(module, "BYTES_AT_ONCE", 100)
    cut = folded_words(pa.array(["before", text, "after"]))
    if "unbroken" not in text:  # without a blank it has to be cut inside a word
        assert cut.hashes.tolist() == whole.hashes.tolist() and cut.offsets.tolist() == whole.offsets.tolist()
    again = folded_words(pa.array(["other and longer text before", text]))
    assert again.take(np.array([1])).hashes.tolist() == cut.take(np.array([1])).hashes.tolist()


@given(st.lists(st.binary(max_size=12), max_size=5))
def test_broken_bytes_are_words_of_some_kind(parts):
    offsets = np.cumsum([0, *map(len, parts)], dtype=np.int32)
    buffers = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(b"".join(parts))]
    column = pa.Array.from_buffers(pa.string(), len(parts), buffers)
    assert len(folded_words(column)) == len(parts)
