"""The elimination rules b, c and d of Evol-Instruct, counted by hand."""

import pytest

from synth_dagster.parts.asking.evolution import is_apology, leaks_template, says_nothing

SORRY_79 = "Sorry " + "word " * 78
SORRY_80 = "Sorry " + "word " * 79


@pytest.mark.parametrize(
    ("answer", "dropped"),
    [
        pytest.param(SORRY_79, True, id="79 words with sorry"),
        pytest.param(SORRY_80, False, id="80 words with sorry"),
        pytest.param("I'm SORRY, I cannot answer.", True, id="capitals"),
        pytest.param("The prince is a sorrowful man.", False, id="only inside another word"),
    ],
)
def test_a_short_answer_that_says_sorry_is_an_apology(answer, dropped):
    assert is_apology(answer) is dropped


@pytest.mark.parametrize(
    ("answer", "dropped"),
    [
        pytest.param("It is, and so on... of the above!", True, id="stop words and marks"),
        pytest.param("?!... -- ;", True, id="marks only"),
        pytest.param("42", False, id="a number is an answer"),
        pytest.param("The cat.", False, id="one content word"),
    ],
)
def test_an_answer_without_content_words_says_nothing(answer, dropped):
    assert says_nothing(answer) is dropped


@pytest.mark.parametrize(
    ("instruction", "dropped"),
    [
        pytest.param("#Rewritten Prompt#: Name a river.", True, id="with hashes"),
        pytest.param("Make the given prompt harder.", True, id="without hashes"),
        pytest.param("Name a river of the #Created Prompt#.", True, id="breadth"),
        pytest.param("Give a prompt reply about a rewritten law.", False, id="the same words apart"),
    ],
)
def test_an_instruction_that_speaks_of_its_prompt_leaks_the_template(instruction, dropped):
    assert leaks_template(instruction) is dropped
