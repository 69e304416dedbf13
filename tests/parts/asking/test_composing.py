"""What a query says more than its simplified form, and how a constraint is put into another query."""

import random
from collections import Counter

import pytest

from synth_dagster.parts.asking.composing import (
    Frequencies,
    Triple,
    added_sentence,
    as_sentence,
    has_residue,
    why_not_composed,
    with_sentence,
)


@pytest.mark.parametrize(
    ("simplified", "query", "added"),
    [
        pytest.param("Name a tree.", "Name a tree. Use one word.", "Use one word.", id="at the end"),
        pytest.param("Name a tree.", "Be kind! Name a tree.", "Be kind!", id="at the start"),
        pytest.param("Name it. Go.", "Name it. Be kind. Go.", "Be kind.", id="in the middle"),
        pytest.param("Name a tree.", "Name a tree. One word. No more.", "One word. No more.", id="two sentences"),
        pytest.param("Name a tree.", "Name a tall tree.", "", id="inside a sentence"),
        pytest.param("Name a tree.", "Name a tree in one word.", "", id="another end of a sentence"),
        pytest.param("Name a bush.", "Name a tree. Use one word.", "", id="more was changed"),
        pytest.param("Name a tree.", "Name a tree.", "", id="the same"),
        pytest.param("Go. Go.", "Go. Go. Go.", "Go.", id="a sentence that stood there before"),
        pytest.param("", "Use one word.", "Use one word.", id="all of it"),
    ],
)
def test_only_whole_sentences_that_were_added_are_taken_over(simplified, query, added):
    assert added_sentence(simplified, query) == added


def test_a_constraint_that_stood_inside_a_sentence_is_added_as_it_was_named():
    triple = Triple("numerical", "use one word", "Name a tree.", "Name a tree in one word.", "One word?", None)
    assert triple.sentence == "Use one word." == as_sentence("Use one word.")


@pytest.mark.parametrize(
    ("query", "composed"),
    [
        ("Name a tree", "Name a tree. Be kind."),
        ("Name a tree! ", "Name a tree! Be kind."),
        ('Say "Go."', 'Say "Go." Be kind.'),
        ("Sort these:\nb\na\n", "Sort these:\nb\na\n\nBe kind."),  # below the data, not in its last line
    ],
)
def test_a_sentence_is_put_where_a_person_would(query, composed):
    assert with_sentence(query, "Be kind.") == composed


@pytest.mark.parametrize(
    ("composed", "reason"),
    [
        (" ...", "blank"),
        ("name a  tree", "copy"),
        ("New query: Name a tall tree.", "residue"),
        ("Here is the new version: Name a tall tree.", "residue"),
        ("<query>Name a tall tree.</query>", "residue"),
        ("Name a tall tree.", None),
        ("Write a new query: it is for our data base.", None),  # not at the beginning: it may be what is asked for
    ],
)
def test_a_composed_query_is_new_and_free_of_its_prompt(composed, reason):
    assert why_not_composed(composed, "Name a tree.") == reason
    assert has_residue(composed) == (reason == "residue")


def test_a_draw_keeps_to_free_types_and_to_their_frequencies():
    def triple(kind, constraint):
        return Triple(kind, constraint, "", "", "?", None)

    many = [triple("content", "a")] * 6 + [triple("content", "b")] * 3 + [triple("format", "c")]
    frequencies, rng = Frequencies(many), random.Random(0)
    drawn = Counter(frequencies.drawn((), rng).constraint for _ in range(4_000))
    # 6, 3 and 1 of 10; three standard deviations of 4,000 draws are at most 3 * sqrt(.25 / 4000) = .024
    assert all(abs(drawn[name] / 4_000 - share) < 0.024 for name, share in {"a": 0.6, "b": 0.3, "c": 0.1}.items())
    assert {frequencies.drawn(("content",), rng).constraint for _ in range(20)} == {"c"}
    assert frequencies.drawn(("content", "format"), rng) is None
