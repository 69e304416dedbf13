"""Evidence is found exactly, or not at all."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.text.grounding import find_verbatim, is_inside, narrowed, span_of, support
from synth_dagster.records import Span

TEXT = "The finally\n    clause runs. It always runs (even after return)."


@pytest.mark.parametrize(
    ("piece", "found"),
    [
        pytest.param("finally clause", "finally\n    clause", id="spacing of the text is kept"),
        pytest.param("(even after return).", "(even after return).", id="brackets are letters like others"),
        pytest.param("clause  runs", "clause runs", id="spacing of the piece does not matter"),
        pytest.param("The final", None, id="ends inside a word"),
        pytest.param("lause runs", None, id="starts inside a word"),
        pytest.param("the finally", None, id="another case is another piece"),
        pytest.param("runs always", None, id="words in another order"),
        pytest.param(" \n", None, id="blank"),
    ],
)
def test_a_piece_is_found_with_exact_offsets(piece, found):
    place = find_verbatim(piece, TEXT)
    assert (TEXT[slice(*place)] if place else None) == found


@given(st.text(alphabet="ab.()\\ \n", min_size=1, max_size=40), st.data())
def test_every_run_of_whole_words_of_any_text_is_found(text, data):
    pieces = text.split()
    start = data.draw(st.integers(0, max(0, len(pieces) - 1)))
    piece = "  ".join(pieces[start : start + 3])
    span = span_of(piece, text, b"id")
    assert (span is None) == (piece == "")
    assert span is None or (text[span.start : span.end] == span.text and span.text.split() == piece.split())


def test_narrowed_evidence_keeps_the_offsets_of_the_root():
    whole = "One. Two three. Four."
    spans = [Span(b"root", 0, 4, "One."), Span(b"root", 5, 15, "Two three.")]
    span = narrowed("three", spans)
    assert span == Span(b"root", 9, 14, "three")
    assert whole[span.start : span.end] == "three"
    assert narrowed("Four", spans) is None


@pytest.mark.parametrize(
    ("answer", "inside"),
    [
        pytest.param("It always runs.", True, id="part"),
        pytest.param("it ALWAYS runs", True, id="case does not matter"),
        pytest.param("always run", False, id="cut inside a word"),
        pytest.param("...", False, id="marks only"),
    ],
)
def test_a_span_answer_is_a_part_of_its_evidence(answer, inside):
    assert is_inside(answer, TEXT) is inside


@pytest.mark.parametrize(
    ("answer", "share"),
    [
        # finally, clause, runs: all three stand in the evidence
        pytest.param("The finally clause runs.", 1.0, id="all of it"),
        # finally, clause, run (stem of running), quickly: 3 of 4
        pytest.param("The finally clause, running quickly.", 0.75, id="three of four"),
        pytest.param("Bananas are yellow.", 0.0, id="nothing of it"),
        pytest.param("The finally clause runs 3 times.", 0.0, id="an invented number"),
        pytest.param("1. The finally clause runs.", 1.0, id="a list marker is no number"),
        pytest.param("", 0.0, id="blank"),
    ],
)
def test_support_is_the_share_of_added_words_that_the_evidence_holds(answer, share):
    assert support(answer, TEXT) == share


@pytest.mark.parametrize(
    ("answer", "question", "share"),
    [
        pytest.param("A Python clause.", "What is this in Python?", 1.0, id="python is asked, clause is shown"),
        pytest.param("Python.", "What is this in Python?", 0.0, id="python is shown nowhere"),
        # added to the question: run, midnight; run is shown
        pytest.param("A finally clause runs at midnight.", "What does a finally clause do?", 0.5, id="half invented"),
        pytest.param("A finally clause.", "Is it an except or a finally clause that runs?", 1.0, id="a choice"),
    ],
)
def test_words_of_the_question_prove_nothing(answer, question, share):
    assert support(answer, TEXT, question) == share


def test_a_piece_that_stands_inside_a_word_first_is_found_where_it_stands_whole():
    text = "A finalist. The final clause."
    place = find_verbatim("final", text)
    assert place == (16, 21)
    assert text[slice(*place)] == "final"


@given(st.text(" \n\tab.", max_size=12), st.text(" \n\u2003ab.", max_size=40))
def test_a_piece_is_found_where_a_pattern_of_its_words_finds_it(piece, text):
    words = piece.split()
    before = r"(?<!\w)" if words and words[0][0].isalnum() else ""
    after = r"(?!\w)" if words and words[-1][-1].isalnum() else ""
    pattern = before + r"\s+".join(map(re.escape, words)) + after
    assert (find_verbatim(piece, text) is not None) == bool(words and re.search(pattern, text))
