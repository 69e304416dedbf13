"""Pieces of text are found wherever they stand, by whatever characters and however the text around them is cut."""

from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.lake import shingles
from synth_dagster.lake.shingles import LONG, Needles, plain

RUN = 48  # letters of a quotation that is always found
WORD = st.text("aß éλΣ€,-_0bcdefghij", min_size=1, max_size=8)
TEXT = st.lists(WORD, max_size=40).map(" ".join)


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        pytest.param("A-b_c 1!", "abc1", id="ascii"),
        pytest.param("Größe: “9 €”…", "größe9", id="letters with marks"),
        pytest.param("你好，世界。", "你好世界", id="no spaces"),
        pytest.param("ΟΔΟΣ ΑΒ", "οδοςαβ", id="a letter that ends a word"),
        pytest.param("\ud800 x", "x", id="half a character"),
    ],
)
def test_a_text_is_its_letters_and_digits(text, letters):
    assert plain(text) == letters


def test_upper_case_is_the_same_text():
    text = "Größe ΟΔΟΣ, naïve Mädchen"
    assert plain(text.replace("ß", "s").upper()) == plain(text.replace("ß", "s"))


@settings(max_examples=60, deadline=None)
@given(
    erased=st.lists(WORD, min_size=30, max_size=60).map(" ".join).filter(lambda text: len(plain(text)) >= RUN),
    before=TEXT,
    after=TEXT,
    share=st.floats(0, 1),
    at_once=st.sampled_from([40, 64, 1 << 16]),
)
def test_a_run_a_little_longer_than_a_window_is_always_found(erased, before, after, share, at_once):
    """A run of 32 + 16 letters holds a whole window, wherever it begins: windows begin every 16 letters."""
    needles, letters = Needles(), plain(erased)
    needles.add(erased)
    start = round(share * (len(letters) - RUN))
    with patch.object(shingles, "AT_ONCE", at_once):  # so that texts are cut where a run may lie across
        found = needles.occur_in([before, f"{before} {letters[start : start + RUN]} {after}", after])
        none = needles.occur_in([before, after])
    assert found
    if not any(window in plain(f"{before}{after}") for window in every_window(letters)):
        assert not none


@pytest.mark.parametrize("length", [32, 40, 63, 64, 65])
def test_the_last_letters_of_a_text_are_found_from_a_window_on(length):
    needles, letters = Needles(), "".join(chr(0x4E00 + place) for place in range(length))  # no letter twice
    needles.add(letters)
    assert needles.occur_in([f"So it ends: {letters[-32:]}"]) and not needles.occur_in([letters[-31:]])


def every_window(letters):
    length = LONG if len(letters) >= LONG else shingles.SHORT
    return [letters[at : at + length] for at in range(max(0, len(letters) - length + 1))]
