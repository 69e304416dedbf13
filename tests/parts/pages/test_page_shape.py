"""Readability and tokens per character, counted by hand."""

import duckdb
import pyarrow as pa
import pytest

from synth_dagster.parts.pages.page_shape import TOKENS_PER_CHARACTER, eflaw


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # 12 words; the, of, a, it are small: 16 / 2 sentences
        ("The harbour masters reached half of those sailors. Nobody believed a it.", 8.0),
        ("one two three", 5.0),  # 3 words, 2 small, no end of a sentence
        ("Why? Because! So... yes.", 1.75),  # 4 words, all but "Because" small, 4 ends: 7 / 4
        ("", 0.0),
        ("?! ...", 0.0),
    ],
)
def test_eflaw_by_hand(text, value):
    assert eflaw(pa.array([text]))[0] == value


def test_tokens_per_character_and_missing_texts():
    # "ab cd." is three tokens in six characters
    flat = pa.table({"text": ["ab cd.", "", None]})
    found = duckdb.sql(f"select {TOKENS_PER_CHARACTER} as share from flat").to_arrow_table()
    assert flat.num_rows == 3 and found["share"].to_pylist() == [0.5, None, None]
    assert eflaw(pa.array([None, "a b."], pa.string())).tolist() == [0, 4]
    assert eflaw(pa.array([], pa.string())).tolist() == []


def test_texts_are_measured_each_by_itself():
    texts = pa.array(["One two. Three four.", "a", "Long words everywhere", "b c d."] * 3)
    parts = [eflaw(texts.slice(start, 3)) for start in range(0, 12, 3)]
    assert [one for part in parts for one in part] == eflaw(texts).tolist()
