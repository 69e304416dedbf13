"""MetaMath beside its released code: which numbers are hidden, where the question begins, which answers are right."""

import json
from pathlib import Path

import pytest

from synth_dagster.methods.augment.metamath import masked, split_clause
from synth_dagster.parts.mathematics.answers import final_answer, same_answer

RELEASED = json.loads((Path(__file__).parents[2] / "fixtures" / "metamath_released.json").read_text(encoding="utf-8"))

# what we make of a token, where the released code makes something else of it
TOKENS = {
    "half": "x",  # there "x%", which is no half
    "$4.": "$x.",  # there the dollar goes when a mark follows
    "$3.": "$x.",
    # marks that stand in times, lists and formulas; there only some of them
    "[3]": None,
    "{3}": None,
    "'5'": None,
    "5'": None,
    "2—3": None,
    "“7”": None,
    "5µ": None,  # a letter
}


def hidden(token, unknown="x"):
    found = list(masked(token, unknown))
    return found[0].question if found else None


@pytest.mark.parametrize(("token", "theirs"), [row[:2] for row in RELEASED["tokens"]])
def test_the_same_tokens_are_hidden(token, theirs):
    assert hidden(token) == TOKENS.get(token, theirs)
    assert (token in TOKENS) == (hidden(token) != theirs)


@pytest.mark.parametrize(("token", "theirs"), [(row[0], row[2]) for row in RELEASED["tokens"]])
def test_as_for_the_other_data_set_but_for_words_and_dollars(token, theirs):
    ours = hidden(token, "X")
    if token.isalpha():
        assert theirs is None  # that code hides no words there
    elif token not in TOKENS:
        assert (ours or "").removeprefix("$") == (theirs or "")  # a dollar sign opens a formula there


@pytest.mark.parametrize(("question", "theirs"), RELEASED["questions"])
def test_a_question_comes_once_for_each_number(question, theirs):
    found = [(one.question, one.masked) for one in masked(question)]
    assert found == [(backward, number.strip("$%.,?")) for backward, number in theirs]


CLAUSES = {
    # a mark counts there inside a number, and at the very end, so that nothing is left that asks
    "How much is 1,200 and $2.50?": ("", "How much is 1,200 and $2.50?"),
    "There are x. Say how many.": ("There are x.", "Say how many."),
    # and with no mark at all nothing asks either
    "How many are there?": ("", "How many are there?"),
}


@pytest.mark.parametrize(("question", "rest", "clause"), RELEASED["clauses"])
def test_the_clause_that_asks_begins_at_the_same_place(question, rest, clause):
    assert split_clause(question) == CLAUSES.get(question, (rest, clause))
    assert (question in CLAUSES) == (split_clause(question) != (rest, clause))


# what we say of an answer, where the released code says something else
RIGHT = {
    "So there are 9 left.": False,  # the last number of any text is a guess
    "The answer is 3/4": True,  # the known one is 0.75: equal numbers are equal
    "The answer is: 5 apples and 7 pears": False,  # the number that comes first, there the last one
    "The answer is: ten": True,
    "\\boxed{10,\\!000}": True,
    "\\boxed{10,000}": True,
}


@pytest.mark.parametrize(("response", "known", "right"), [*RELEASED["gsm8k"], *RELEASED["math"]])
def test_the_same_answers_are_right(response, known, right):
    answer = final_answer(response)
    ours = answer is not None and same_answer(answer, known)
    assert ours == RIGHT.get(response, right)
    assert (response in RIGHT) == (ours != right)
