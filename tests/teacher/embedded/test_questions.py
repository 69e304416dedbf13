"""What the embedded teacher asks about a passage: exact answers, no two alike, no question that hangs on the passage.

The bar is held on fifty fixed passages of Python's own language reference, and the yield on all of it. Its text differs
by Python version, so no question is expected by its words there.
"""

import re

import pytest

from synth_dagster.parts.text.words import one_line
from synth_dagster.teacher.embedded import fifty
from synth_dagster.teacher.embedded.grammar import lower_first
from synth_dagster.teacher.embedded.questions import questions
from synth_dagster.teacher.embedded.reading import sentences

# A reader of the question alone could not know what is meant.
UNRESOLVED = re.compile(
    r"\b(?:it|this|these|those|they|them|such|the former|the latter|following|above|below|aforementioned|this section"
    r"|the passage|the text|the author)\b|\bthat (?:is|was)\b|::=|>>>|\[\d+\]",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def asked(server):
    """Passage and item for everything that is asked about the fifty passages, over HTTP."""
    return [(passage, item) for passage in fifty.fixed() for item in fifty.ask(server.base_url, passage)]


def test_the_fifty_passages_carry_questions(asked):
    assert len(fifty.fixed()) == 50
    assert len(asked) >= 40


def test_answers_are_exact_pieces_of_their_evidence_on_one_line_and_evidence_of_the_passage(asked):
    for passage, item in asked:
        assert item["answer"] in one_line(item["evidence"])
        assert item["evidence"] in passage.text


def test_no_two_questions_of_a_passage_are_equal(asked):
    seen = [(passage.text, item["question"].lower()) for passage, item in asked]
    assert len(seen) == len(set(seen))


def test_no_question_hangs_on_a_pronoun_or_on_the_passage(asked):
    hanging = [item["question"] for _, item in asked if UNRESOLVED.search(re.sub(r'"[^"]*"', '""', item["question"]))]
    assert hanging == []


def test_questions_are_whole_and_marked_as_such(asked):
    for _, item in asked:
        assert item["question"].endswith("?")
        assert item["question"][0].isupper()
        assert 5 <= len(item["question"].split()) <= 40
        assert item["question"].count('"') % 2 == 0
        assert "\n" not in item["question"]


def test_no_answer_is_code_or_a_table(asked):
    assert not [item["answer"] for _, item in asked if re.search(r"::=|>>>|\|.*\||\+--|\n\s*\n", item["answer"])]


def test_the_whole_reference_gives_enough_from_enough_topics():
    found = {}
    for passage in fifty.passages():
        for item in questions(passage.text, passage.title):
            found.setdefault(passage.topic, []).append(item)
    assert sum(len(items) for items in found.values()) >= 450
    assert len(found) >= min(70, 0.85 * len({passage.topic for passage in fifty.passages()}))
    assert len({item.kind for items in found.values() for item in items}) >= 10


@pytest.mark.parametrize(
    ("text", "question", "answer"),
    [
        pytest.param(
            "A block is a piece of text that is run as a unit.",
            "What is a block?",
            None,
            id="too short to stand alone",
        ),
        pytest.param(
            "A generator iterator is an object that\nproduces a series of values.",
            "What is a generator iterator?",
            "an object that produces a series of values",
            id="definition, on one line however it is wrapped",
        ),
        pytest.param(
            "If the second operand is zero, a ZeroDivisionError is raised.",
            "Which exception is raised if the second operand is zero?",
            "ZeroDivisionError",
            id="which exception",
        ),
        pytest.param(
            "When the outer loop has ended early, the inner loop is not entered.",
            "What happens when the outer loop has ended early?",
            "the inner loop is not entered",
            id="condition",
        ),
        pytest.param(
            "Formal parameters are used to give names to arguments.",
            "What are formal parameters used for?",
            "to give names to arguments",
            id="purpose",
        ),
        pytest.param(
            "Unlike mutable lists, a tuple is fixed once it has been made.",
            "How does a tuple differ from mutable lists?",
            "a tuple is fixed once it has been made",
            id="comparison",
        ),
        pytest.param(
            "A function which contains a yield is called a *generator function*.",
            "What is a function which contains a yield called?",
            "a *generator function*",
            id="naming",
        ),
        pytest.param(
            "The returned value is bound to the function name.", None, None, id="who knows which returned value"
        ),
        pytest.param(
            "One underscore can occur between digits.",
            "Where can one underscore occur?",
            "between digits",
            id="what occurs has a place",
        ),
        pytest.param(
            "*Only names are meant here. A frozen set is stored in the cache.*",
            "Where is a frozen set stored?",
            "in the cache",
            id="emphasis that began before",
        ),
        pytest.param("A frozen set may be stored in the future.", None, None, id="a time is no place"),
        pytest.param("It is raised when this happens.", None, None, id="pronouns"),
        pytest.param("The following table lists the operators.", None, None, id="points elsewhere"),
        pytest.param("The value is a string.", None, None, id="who knows which value"),
        pytest.param("stmt ::= 'a' | 'b'", None, None, id="grammar"),
        pytest.param("+----+----+\n| a  | b  |\n+----+----+", None, None, id="table"),
        pytest.param(">>> x = 1\n>>> print(x)", None, None, id="code"),
        pytest.param("", None, None, id="empty"),
        pytest.param(" \n\n\t", None, None, id="blank"),
        pytest.param("\ud800 \x00 \u202e", None, None, id="odd characters"),
    ],
)
def test_a_form_of_sentence_and_its_question(text, question, answer):
    found = {re.sub("^In Python, w", "W", one.question): one.answer for one in questions(text)}
    if answer is None:
        assert found == {}
    else:
        assert found[question] == answer


def test_a_question_names_its_topic_when_it_does_not_speak_of_it_anyway():
    (found,) = questions("If the suite ends early, the lock is released by Python.", 'The "with" statement')
    assert found.question == 'With Python\'s "with" statement, what happens if the suite ends early?'


def test_the_beginning_of_a_sentence_before_code_is_no_heading():
    code = 'The simple form, "x", is equivalent to\n\n   if y:\n      z\n\n'
    text = f"{code}A lock of Python is an object that one thread holds."
    assert [one.question for one in questions(text)] == ["What is a lock of Python?"]


def test_what_stands_under_a_signature_is_asked_about_it():
    found = questions("str.swapcase()\n\n   Return a copy of the string with cases swapped.\n\n   New in version 3.3.")
    assert {one.question: one.answer for one in found} == {
        "In Python, what does str.swapcase() return?": "a copy of the string with cases swapped",
        "In which version of Python was str.swapcase() added?": "3.3",
    }


def test_fewer_are_returned_than_asked_for_when_the_passage_has_no_more(ask):
    schema = fifty.SCHEMA
    prompt = '<passage title="{}">\n{}\n</passage>\n<count>5</count>'
    assert ask(prompt.format("Loops", "It ends. They do not."), schema) == {"items": []}
    one = prompt.format("The &quot;for&quot; loop", "If a loop has no items, its body is never run by Python.")
    (item,) = ask(one, schema)["items"]
    assert item["answer"] == "its body is never run by Python"


def test_a_passage_may_speak_of_tags(ask):
    text = "If a page has no closing </passage> tag, the whole page is refused by the reader."
    found = ask(f'<passage title="Pages">\n{text}\n</passage>\n<count>2</count>', fifty.SCHEMA)["items"]
    assert all(item["evidence"] in text for item in found)


def test_sentences_keep_their_place_and_know_abbreviations():
    text = "Heading\n=======\n\nA loop, e.g. a for loop, ends\nhere. Mr. Smith agrees with it.\n\n   x = 1\n   y = 2\n"
    found = sentences(text)
    assert [one_line(one.raw) for one in found] == ["A loop, e.g. a for loop, ends here.", "Mr. Smith agrees with it."]
    assert all(text[one.start :].startswith(one.raw) for one in found)


@pytest.mark.parametrize(
    ("text", "lowered"),
    [
        ("The valley", "the valley"),
        ("An OR pattern", "an OR pattern"),
        ("Jonas Weir", "Jonas Weir"),
        ("PEP 8", "PEP 8"),
        ("Python code", "Python code"),
        ("A valley", "a valley"),
    ],
)
def test_a_name_at_the_start_keeps_its_capital(text, lowered):
    assert lower_first(text) == lowered
