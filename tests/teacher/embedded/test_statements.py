"""Sentences of a source as answers: whole ones, and the few words that the brief model leaves of them."""

import re

import pytest

from synth_dagster.teacher.embedded import fifty
from synth_dagster.teacher.embedded.questions import questions
from synth_dagster.teacher.embedded.statements import brief, stated


@pytest.mark.parametrize(
    ("sentence", "answer"),
    [
        pytest.param("Return a copy of\n   the string.", "It returns a copy of the string.", id="returns"),
        pytest.param("Called to implement deletion.", "It is called to implement deletion.", id="called"),
        pytest.param("New in version 3.4.", "It is new in version 3.4.", id="new"),
        pytest.param("Note that loops end.", "Loops end.", id="label"),
        pytest.param('**Programmer’s note:** "global" is a directive.', '"global" is a directive.', id="bold label"),
        pytest.param("Split the text, and return a pair.", "It splits the text, and returns a pair.", id="order"),
        pytest.param("Lists are sequences.", "Lists are sequences.", id="a verb that is a noun"),
        pytest.param("Access to names is free.", "Access to names is free.", id="a noun that is a verb"),
        pytest.param("A display is a series in braces:", "A display is a series in braces.", id="leads to code"),
        pytest.param("It is a literal; see Literals.", "It is a literal.", id="points elsewhere"),
        pytest.param("It is used (see section Loops).", "It is used.", id="points elsewhere in brackets"),
        pytest.param('The left-\n   hand side of “"="”.', 'The left-hand side of "=".', id="wrapped word"),
    ],
)
def test_a_sentence_about_what_stands_above_it_becomes_one_that_answers(sentence, answer):
    assert stated(sentence) == answer


@pytest.mark.parametrize(
    ("sentence", "answer"),
    [
        pytest.param(
            'Return the lowest index in the string where substring *sub* is found within the slice "s[start:end]".',
            "It returns the lowest index in the string.",
            id="not before emphasis",
        ),
        pytest.param("An attempt raises a *signal* error.", "An attempt raises a *signal* error.", id="with emphasis"),
        pytest.param('The operator "not" yields "True".', 'The operator "not" yields "True".', id="with quotation"),
        pytest.param("If no *count* is given, all three will be replaced.", "All three will be replaced.", id="effect"),
        pytest.param("The loop ends; nothing is printed.", "The loop ends.", id="first clause"),
        pytest.param(
            'The suite of the "else" clause, if present, is executed.',
            'The suite of the "else" clause is executed.',
            id="without an aside",
        ),
        pytest.param('Accept sets, lists, and dicts (not "x (y)").', "It accepts sets, lists, and dicts.", id="a list"),
        pytest.param(
            "A mark that is kept by the compiler if any methods in a class body refer to one of their bases.",
            "A mark that is kept by the compiler.",
            id="no clause without its verb",
        ),
    ],
)
def test_a_brief_answer_is_a_sentence_or_phrase_of_its_own(sentence, answer):
    assert brief(sentence) == answer


def test_brief_answers_about_the_reference_cut_no_markup_and_end_on_no_word_that_asks_for_more():
    said = {brief(one.answer): one.answer for passage in fifty.passages() for one in questions(passage.text)[:1]}
    assert len(said) > 150
    for short, answer in said.items():
        assert re.search(r"[.!?][\"”]?$", short)
        bare = re.sub(r"\"[^\"]*\"|\([^()]*\)", "", short)
        assert '"' not in bare
        assert bare.count("*") % 2 == re.sub(r"\"[^\"]*\"", "", answer).count("*") % 2
        assert not re.search(r"\b(?:the|an?|of|to|with|by|and|or|that|which|where|as)\.$", bare)
