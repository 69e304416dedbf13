"""Which texts are read another time: none that says something else without a disguise is passed over."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.parts.privacy.disguises import hidden, read_otherwise
from synth_dagster.parts.privacy.look_alikes import folded
from synth_dagster.parts.text.hashed_words import normalise

LETTERS = st.text(
    st.one_of(st.sampled_from("aZ 1аοɴé\u0301\u0336\u200b\u202eＡ①٣\U000e0041"), st.characters(codec="utf-8"))
)


def undone(text):
    """What look-alikes and hidden characters of a text say, read one by one."""
    return [*([folded(text)] if folded(text) != text else []), *hidden(text)]


def read(texts):
    found = list(read_otherwise(pa.array(texts, pa.string())))
    said = [(row, one.text) for row, one in found if one.how in ("look-alikes", "hidden characters")]
    return [[text for row, text in said if row == place] for place in range(len(texts))]


def test_each_character_that_is_folded_is_looked_at():
    points = [point for point in range(0x80, 0x30000) if not 0xD800 <= point < 0xE000]
    texts = [f"e{chr(point)}" for point in points if folded(f"e{chr(point)}") != f"e{chr(point)}"]
    assert len(texts) > 5_000 and [said[:1] for said in read(texts)] == [[folded(text)] for text in texts]


@settings(max_examples=60, deadline=None)
@given(st.lists(LETTERS, max_size=8))
def test_what_is_read_one_by_one_is_read_in_a_column(texts):
    assert read(texts) == [undone(text) for text in texts]


def new_words(texts, **how):
    """Readings that have other words than their text."""
    found = list(read_otherwise(pa.array(texts, pa.string()), **how))
    plain = normalise(pa.array(texts, pa.string())).to_pylist()
    read = normalise(pa.array([one.text for _, one in found], pa.string())).to_pylist()
    return [(row, one) for (row, one), words in zip(found, read, strict=True) if words != plain[row]]


@settings(max_examples=60, deadline=None)
@given(st.lists(LETTERS, max_size=8))
def test_for_words_alone_no_other_word_is_passed_over(texts):
    assert new_words(texts, words_alone=True) == new_words(texts)


def test_each_character_that_makes_another_word_is_looked_at():
    texts = [f"e{chr(point)}e" for point in range(0x80, 0x30000) if not 0xD800 <= point < 0xE000]
    assert new_words(texts, words_alone=True) == new_words(texts)


def test_punctuation_and_accents_are_no_sign_where_words_alone_are_compared():
    texts = ["你好，世界！", "Vie\u0302\u0323t", "10\u00a0km… “so”", "हड़ताल"]
    assert list(read_otherwise(pa.array(texts), words_alone=True)) == []
    assert len(list(read_otherwise(pa.array(texts)))) == 3
