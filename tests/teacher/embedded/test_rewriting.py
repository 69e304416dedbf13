"""The embedded teacher writes prose anew by rule: quotations stay, code is left out, too little is refused."""

import pytest

from synth_dagster.methods.augment.wrap import REPHRASE
from synth_dagster.parts.asking.calls import tagged
from synth_dagster.parts.text.rewriting import STYLES, refuses
from synth_dagster.teacher.embedded.answers import answer
from synth_dagster.teacher.embedded.chance import Chance
from synth_dagster.teacher.embedded.writing import EXTRACTIVE

TEXT = """
The "assert" statement is used to check a condition that must hold.
If the condition is false, an exception is raised; the program terminates.

   assert x > 0

See section Exceptions for more.
"""


def asked(style, text=TEXT, title="Assertions"):
    values = {"passage": tagged("passage", text, title=title)}
    return answer(REPHRASE[style].messages(values), model=EXTRACTIVE, chance=Chance.of(0), schema=None)


def test_each_style_says_it_in_its_own_words():
    assert asked("easy") == (
        'The "assert" statement is used to check a condition that must hold. '
        "If the condition is false, an exception is raised; the program ends."
    )
    assert asked("medium") == (
        'The "assert" statement serves to check a condition that must hold. '
        "If the condition is false, an exception is raised; the program terminates."
    )
    assert asked("hard") == (
        'The "assert" statement is employed to check a condition that must hold; '
        "if the condition is false, an exception is raised; the program terminates."
    )


def test_a_conversation_has_questions_that_the_text_answers():
    said = asked("qa")
    assert said.startswith("Question: ") and "\nAnswer: " in said
    assert '"assert" statement' in said and "Python" not in said


def test_a_condition_goes_behind_what_follows_from_it():
    text = "If the condition is false, an exception is raised. If a name is bound, it keeps its value until the end."
    assert asked("medium", text) == (
        "An exception is raised if the condition is false. If a name is bound, it keeps its value until the end."
    )


def test_what_stands_in_quotes_stays():
    text = (
        'The keyword "contains used" starts a block. A block contains statements that are used and evaluated later on.'
    )
    assert '"contains used"' in asked("easy", text) and "has statements" in asked("easy", text)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("text", ["   assert x > 0\n", "x ::= y", "One line.", "|a|b|\n|-|-|"])
def test_too_little_prose_is_refused(style, text):
    assert refuses(asked(style, text, title="T"))
