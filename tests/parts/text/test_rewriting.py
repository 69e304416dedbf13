"""Pieces lose nothing, announcements go and content stays, and what a text does not name is found out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.text.rewriting import (
    STYLES,
    facts,
    invented,
    kept_share,
    pieces,
    refuses,
    speaks_of_task,
    without_lead_in,
)
from synth_dagster.parts.text.tokens import count, place_after

SENTENCE = "The river rises in the hills, and it reaches the sea."  # 11 words and 2 marks: 13 tokens


def test_whole_paragraphs_go_together_as_far_as_they_fit():
    text = "\n\n".join([SENTENCE] * 5)
    assert pieces(text, 30) == [f"{SENTENCE}\n\n{SENTENCE}\n\n"] * 2 + [SENTENCE]


def test_a_long_paragraph_is_cut_between_sentences():
    text = " ".join([SENTENCE] * 5)
    assert [count(piece) for piece in pieces(text, 30)] == [26, 26, 13]
    assert all(piece.strip().endswith("sea.") for piece in pieces(text, 30))


def test_what_has_no_sentences_is_cut_at_line_ends_and_then_anywhere():
    assert pieces("one two three\nfour five six\nseven", 3) == ["one two three\n", "four five six\n", "seven"]
    assert pieces("a b c d e", 2) == ["a b", " c d", " e"]
    assert pieces("x" * 100, 2) == ["x" * 32, "x" * 32, "x" * 32, "x" * 4]  # 16 characters a token


@given(st.text(alphabet="ab .!?\n\u3002\u6f22-", max_size=300), st.integers(1, 40))
def test_pieces_of_any_text_are_short_and_together_the_text(text, most):
    found = pieces(text, most)
    assert "".join(found) == text
    assert all(count(piece) <= most for piece in found)


@given(st.text(max_size=100), st.integers(1, 20))
def test_the_place_after_some_tokens_holds_that_many(text, tokens):
    assert count(text[: place_after(text, tokens)]) == min(tokens, count(text))


CLEAN = "Python has three kinds: lists, tuples and sets."
LEAD_INS = [
    f"Here is a paraphrase of the text: {CLEAN}",
    f"Here's a paraphrased version:\n\n{CLEAN}",
    f"Here is the rewritten text in simple words:\n{CLEAN}",
    f"Sure! Here is a simplified version of the passage: {CLEAN}",
    f"Certainly, here's the text rewritten for a small child:\n\n{CLEAN}",
    f"Of course. Below is the rephrased paragraph:\n{CLEAN}",
    f"The following is a scholarly version of the paragraph:\n\n{CLEAN}",
    f"I have rewritten the text as an encyclopaedia would: {CLEAN}",
    f"I've simplified it for you:\n{CLEAN}",
    f"As requested, a rewritten version: {CLEAN}",
    f"This is a reworded version of the text.\n\n{CLEAN}",
    f"Paraphrase: {CLEAN}",
    f"**Rewritten text:** {CLEAN}",
    f"Sure!\n\n{CLEAN}",
    f"Here are some questions and answers about it:\n\n{CLEAN}",
    f"  \n{CLEAN}\n",
]


@pytest.mark.parametrize("answer", LEAD_INS)
def test_an_announcement_goes_and_the_text_behind_it_stays(answer):
    assert without_lead_in(answer) == CLEAN


@pytest.mark.parametrize(
    "text",
    [
        CLEAN,
        "Here is where the river rises: in the hills of Pell.",
        "Note: the file must exist.",
        "Question: What is a list?\nAnswer: A kind of sequence.",
        "This is a list: it keeps its order.",
        "Sure-footed goats live there.",
    ],
)
def test_a_colon_inside_the_content_is_content(text):
    assert without_lead_in(text) == text


def test_an_answer_that_only_announces_is_nothing():
    assert without_lead_in("Here is the rewritten text:") == ""


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("The original text says that rivers rise.", True),
        ("Rivers rise. Let me know if you need more.", True),
        ("As an AI, I know rivers.", True),
        ("Text is stored as bytes.", False),
        ("A paraphrase keeps its meaning.", False),
    ],
)
def test_what_speaks_of_its_task_is_known(text, spoken):
    assert speaks_of_task(text) == spoken


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("I'm sorry, but no.", True),
        ("I cannot write this anew.", True),
        ("I can say it.", False),
        ("Sorrel grows.", False),
    ],
)
def test_a_refusal_is_known_by_its_beginning(text, refused):
    assert refuses(text) == refused


SOURCE = "In 1871 the town of Corran built two bridges. Call os.path.join() or set MAX_SIZE to 3.5 there."


def test_names_and_numbers_are_facts():
    assert facts(SOURCE) == {"1871", "corran", "os.path.join", "max_size", "3.5"}


@pytest.mark.parametrize(
    ("rewritten", "made_up"),
    [
        pytest.param("Corran had 2 bridges from 1871.", set(), id="a number in words is a number"),
        pytest.param("There, Corran set MAX_SIZE.", set(), id="other words"),
        pytest.param("1. In Corran there are bridges.", set(), id="the number of a list item"),
        pytest.param("In 1872 the town of Pellmark built it.", {"1872", "pellmark"}, id="another year and town"),
        pytest.param("Set MIN_SIZE there.", {"min_size"}, id="a name of code"),
    ],
)
def test_what_the_source_does_not_name_is_made_up(rewritten, made_up):
    assert invented(rewritten, SOURCE) == made_up


def test_the_share_of_facts_that_rewritings_keep_together():
    # of 5: corran and 1871 in the first, 3.5 in the second
    assert kept_share(SOURCE, ["Corran built in 1871."]) == 2 / 5
    assert kept_share(SOURCE, ["Corran built in 1871.", "Set it to 3.5."]) == 3 / 5
    assert kept_share("No facts here.", []) == 1


def test_every_style_says_how():
    assert all(len(style.how.split()) > 8 for style in STYLES.values())
