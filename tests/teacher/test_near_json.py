"""Slips in JSON are overlooked, and nothing is made up."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.teacher.near_json import objects


def first(text):
    return next(objects(text), None)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param('{"a": [1, 2,], "b": "x",}', {"a": [1, 2], "b": "x"}, id="a comma after the last item"),
        pytest.param("{'a': 'x', 'b': ['y']}", {"a": "x", "b": ["y"]}, id="single quotes"),
        pytest.param("{'a': 'say \"hi\"'}", {"a": 'say "hi"'}, id="double quotes within single ones"),
        pytest.param("{'a': 'it\\'s'}", {"a": "it's"}, id="an escaped apostrophe"),
        pytest.param(r"""{"a": "it\'s",}""", {"a": "it's"}, id="an escaped apostrophe in double quotes"),
        pytest.param('{"a": "one\ntwo\tthree"}', {"a": "one\ntwo\tthree"}, id="bare line breaks and tabs"),
        pytest.param("{'a': True, 'b': None, 'c': False}", {"a": True, "b": None, "c": False}, id="Python's words"),
        pytest.param('{a: 1, b_2: "x"}', {"a": 1, "b_2": "x"}, id="keys without quotes"),
        pytest.param('{"a": "True, [x,]",}', {"a": "True, [x,]"}, id="what a string says stays as it is"),
        pytest.param(r'{"a": "\\n", "b": "\n",}', {"a": r"\n", "b": "\n"}, id="escapes mean what they meant"),
        pytest.param('Use { to open, then {"a": 1}', {"a": 1}, id="a brace among words"),
        pytest.param('In {it\'s prose} say {"a": 1}', {"a": 1}, id="braces around words"),
    ],
)
def test_a_slip_is_overlooked(text, value):
    assert first(text) == value


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"a": "x", "b": ["y"', id="cut in a list"),
        pytest.param('{"a": "x"', id="cut before the last brace"),
        pytest.param('{"a": {"b": 1}', id="an inner object of a cut one"),
        pytest.param('{"a": "x", "items": [{"a": "y"}, {"a": "z"}', id="inner objects of a cut list"),
        pytest.param('{"a": "cut {\'b\': 1}', id="an object in a cut string"),
        pytest.param('{"a": "say "hi" now"}', id="quotes that could end the string or not"),
        pytest.param(r'{"a": "\alpha",}', id="an escape that JSON does not know"),
        pytest.param('{"a": 1 "b": 2}', id="a comma that is missing"),
        pytest.param("{'a': 'don't'}", id="an apostrophe that ends the string"),
        pytest.param("{,}", id="a comma and nothing"),
        pytest.param('{"a": yes}', id="a word that is no value"),
        pytest.param('{"a":' * 5_000, id="deeper than anybody nests"),
    ],
)
def test_what_would_have_to_be_guessed_is_no_object(text):
    assert first(text) is None


TEXTS = st.text(alphabet="ab {}[],:'\n1", max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4))
def test_a_damaged_object_is_read_as_it_was_meant(value):
    """Bare line breaks, then a comma before every closing bracket that has something before it."""
    damaged = re.sub(r"\\n", "\n", json.dumps(value))
    assert first(damaged) == value
    assert first(f"Well: {damaged[:-1]},}}\nI hope so.") == value


@given(st.text(alphabet="ab {}[],:'\"\n1", max_size=40))
def test_every_string_that_is_read_stands_in_the_text(text):
    """Without a backslash in the text there are no escapes: a string that is not literally in it was made up."""
    for value in objects(text):
        assert all(said in text for said in strings(value))


@given(st.text(alphabet="ab{}[],:'\"\\n\n\ud800", max_size=40))
def test_no_text_makes_it_fail(text):
    assert all(isinstance(value, dict) for value in objects(text))


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=3))
def test_a_piece_of_what_is_cut_is_never_taken(value):
    whole = json.dumps({"a": [value]})
    for cut in range(1, len(whole)):
        assert list(objects(whole[:cut])) == []


def strings(value):
    """All strings of a value, keys too."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value
