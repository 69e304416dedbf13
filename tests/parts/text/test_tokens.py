"""One count for mixtures, caps and budgets, equal in Python and in SQL on any string."""

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.parts.text.tokens import NAME, count, token_count_sql

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@pytest.fixture(scope="module")
def in_sql():
    connection = duckdb.connect()
    query = f"select {token_count_sql('t')} from (select ?::varchar as t)"
    return lambda text: connection.execute(query, [text]).fetchall()[0][0]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        pytest.param("", 0, id="empty"),
        pytest.param(" \t\r\n\u00a0\u2003", 0, id="white space"),
        pytest.param("It rained all day.", 5, id="4 words and a full stop"),
        pytest.param("x_1 = f(y)", 6, id="x_1, =, f, (, y, )"),
        pytest.param("it's", 3, id="it, apostrophe, s"),
        pytest.param("größer über naïve", 3, id="accents are letters"),
        pytest.param("Привет мир", 2, id="cyrillic"),
        pytest.param("a" * 33, 3, id="33 letters are pieces of 16, 16 and 1"),
        pytest.param("你好世界", 4, id="a character each"),
        pytest.param("สวัสดี", 6, id="thai, a character each"),
        pytest.param("안녕 하세요", 5, id="hangul"),
        pytest.param("🎉🎉", 2, id="emoji"),
        pytest.param("…“quoted”—", 5, id="typographic marks around a word"),
        pytest.param("a\0b", 2, id="NUL separates"),
    ],
)
def test_words_and_marks_are_counted(text, tokens, in_sql):
    assert count(text) == tokens
    assert in_sql(text) == tokens


@given(ANY_TEXT)
@settings(max_examples=300, deadline=None)
def test_python_and_sql_agree_on_any_string(in_sql, text):
    assert in_sql(text) == count(text)


def test_python_and_sql_agree_on_every_character(in_sql):
    # between letters, so that a blank, a mark and a letter give three different counts: 2, 3 and 1
    points = [point for point in range(1, 0x110000) if not 0xD800 <= point <= 0xDFFF]
    column = [f"a{chr(point)}a" for point in points]
    connection = duckdb.connect()
    connection.execute("create table characters as select unnest(?::varchar[]) as t", [column])
    rows = connection.execute(f"select t, {token_count_sql('t')} from characters").fetchall()
    assert len(rows) == len(points)
    assert [(ascii(text), tokens) for text, tokens in rows if tokens != count(text)] == []


def test_a_null_has_no_tokens(in_sql):
    assert in_sql(None) == count(None) == 0


def test_the_counter_has_a_name_to_quote():
    assert NAME == "words_and_marks"
