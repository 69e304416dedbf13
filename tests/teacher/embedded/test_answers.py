"""What the embedded teacher does besides asking: it answers, evolves, compares, rates and criticises."""

import itertools
import re

import pytest

from synth_dagster.teacher.embedded import fifty
from synth_dagster.teacher.embedded.chance import Chance
from synth_dagster.teacher.embedded.evolving import DEMANDS, broaden, deepened
from synth_dagster.teacher.embedded.judging import asks_the_same, marks, rationale
from synth_dagster.teacher.embedded.questions import questions
from synth_dagster.teacher.embedded.writing import MODELS, NO_ANSWER, topic_of


def wanted(**properties):
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


TEXT = {"type": "string"}
ANSWER = wanted(answer=TEXT, evidence=TEXT)
EVOLVED = wanted(instruction=TEXT)
EQUAL = wanted(equal={"type": "boolean"}, reason=TEXT)
SCORE = {"type": "integer", "minimum": 1, "maximum": 10}
RATING = wanted(rating={"anyOf": [{"type": "integer", "minimum": 1, "maximum": 5}, {"type": "null"}]}, rationale=TEXT)
RATINGS = wanted(ratings={"type": "array", "items": RATING})
QUESTION = "What happens if a for loop is terminated by break?"


def test_an_answer_rests_on_verbatim_evidence(ask, passage):
    found = ask(f"<passage>\n{passage}\n</passage>\n<instruction>{QUESTION}</instruction>", ANSWER)
    assert found["evidence"] in passage
    assert "\n" in found["evidence"]
    assert "keeps its current value" in found["answer"]


def test_what_the_passage_does_not_hold_is_not_answered(ask, passage):
    prompt = f"<passage>\n{passage}\n</passage>\n<instruction>Who painted the Mona Lisa in Florence?</instruction>"
    assert ask(prompt, ANSWER) == {"answer": NO_ANSWER, "evidence": ""}


@pytest.mark.parametrize("operation", sorted(DEMANDS))
def test_depth_adds_a_demand_and_keeps_the_instruction(ask, operation):
    found = ask(f"<instruction>{QUESTION}</instruction>\n<operation>{operation}</operation>", EVOLVED)["instruction"]
    assert QUESTION in found
    assert 5 <= len(found.split()) - len(QUESTION.split()) <= 20


def test_every_round_adds_another_demand():
    text, seen = QUESTION, [QUESTION]
    for number, operation in enumerate(itertools.islice(itertools.cycle(DEMANDS), 12)):
        text = deepened(text, operation, Chance.of(number))
        seen.append(text)
    assert len(set(seen)) == 13
    sentences = re.split(r"(?<=[.?]) ", text)
    assert len(sentences) == len(set(sentences)) == 13


def test_breadth_asks_something_else_of_the_passage(ask, passage):
    prompt = f"<passage>\n{passage}\n</passage>\n<instruction>{QUESTION}</instruction>\n<operation>breadth</operation>"
    found = ask(prompt, EVOLVED)["instruction"]
    assert found.endswith("?")
    assert not asks_the_same(found, QUESTION)


def test_evolved_instructions_of_the_reference_are_answered_from_its_evidence(ask):
    held = 0
    for passage in fifty.fixed(12):
        for one in questions(passage.text, passage.title)[:2]:
            for place, operation in enumerate(DEMANDS):
                evolved = deepened(one.question, operation, Chance.of(place))
                assert not re.search(r"prompt|<|rewritten", evolved.replace(one.question, ""))
                prompt = f"<passage>\n{one.evidence}\n</passage>\n<instruction>{evolved}</instruction>"
                found = ask(prompt, ANSWER)
                assert found["evidence"] == one.evidence
                held += 1
            assert broaden(one.question, one.evidence, Chance.of(1)) != one.question
    assert held >= 40


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        pytest.param("What is a loop?", "What is a loop?", True, id="equal"),
        pytest.param("What is a loop in Python?", "In Python, what is a loop?", True, id="other order"),
        pytest.param(QUESTION, f"{QUESTION} Answer in one sentence.", False, id="a constraint more"),
        pytest.param("Name 3 loops.", "Name 4 loops.", False, id="other number"),
        pytest.param("Which loops can be nested?", "Which loops can not be nested?", False, id="negated"),
    ],
)
def test_equal_means_the_same_demands(ask, first, second, same):
    assert ask(f"<first>\n{first}\n</first>\n<second>\n{second}\n</second>", EQUAL)["equal"] is same


@pytest.fixture
def texts(tell, passage):
    prompt = f"<reference>\n{passage}\n</reference>\n<instruction>{QUESTION}</instruction>"
    return {model: tell(prompt, model=model) for model in MODELS}


def shown(passage, texts):
    pieces = "".join(f'<text id="{place}">\n{text}\n</text>\n' for place, text in enumerate(texts, start=1))
    return f"<reference>\n{passage}\n</reference>\n<instruction>{QUESTION}</instruction>\n{pieces}"


def test_ratings_come_in_order_and_do_not_depend_on_it(ask, passage, texts):
    def rated(order):
        prompt = f"{shown(passage, [texts[model] for model in order])}<aspect>helpfulness</aspect>"
        return dict(zip(order, [one["rating"] for one in ask(prompt, RATINGS)["ratings"]], strict=True))

    first = rated(MODELS)
    assert all(rated(order) == first for order in itertools.permutations(MODELS))
    assert first["embedded-extractive"] > max(first["embedded-vague"], first["embedded-offtopic"])


def test_an_empty_text_is_not_rated(ask, passage):
    found = ask(f"{shown(passage, ['', 'It keeps its value.'])}<aspect>honesty</aspect>", RATINGS)["ratings"]
    assert [one["rating"] is None for one in found] == [True, False]


def test_a_critique_is_specific_and_agrees_with_its_score(ask, passage, texts):
    schema = wanted(critique=TEXT, overall_score=SCORE)
    found = {model: ask(shown(passage, [text]), schema) for model, text in texts.items()}
    assert found["embedded-extractive"]["overall_score"] > found["embedded-vague"]["overall_score"]
    assert "hedges" in found["embedded-vague"]["critique"]
    assert len({one["critique"] for one in found.values()}) >= 3
    for model, text in texts.items():
        alone = ask(shown(passage, [text]), wanted(overall_score=SCORE))
        assert alone["overall_score"] == found[model]["overall_score"]


def test_marks_by_hand():
    found = marks("The loop ends.", "When does the loop stop?", "The loop ends early.")
    # said {loop, end}; source {loop, end, early, stop}: 2 of 2; wanted {loop, end, early}: 2 of 3;
    # asked {loop, stop}: 1.6 x 1 of 2, as much as .8 x 2 of 2, for both that it says are of what answers
    assert found.faithful == 1
    assert found.complete == pytest.approx(2 / 3)
    assert found.relevant == pytest.approx(0.8)
    # said {early, today}: none is asked, and .8 x 1 of 2 is of what answers
    assert marks("Early, today.", "When does the loop stop?", "The loop ends early.").relevant == pytest.approx(0.4)
    assert (found.definite, found.concise) == (1, 1)


def test_without_tags_the_sentences_nearest_to_the_last_question_answer(tell):
    assert tell("The sky is blue. Grass is green in May. What colour is grass?") == "Grass is green in May."


def test_without_a_source_nothing_is_made_up(tell):
    assert "zebra" in tell('<instruction>How heavy is a "zebra"?</instruction>')
    assert not re.search(r"\d", tell("<instruction>How heavy is a zebra?</instruction>"))


def test_breadth_of_a_single_sentence_is_not_the_old_question_without_its_topic():
    evidence = "Descriptors can be used to create instance variables with other details."
    old = "Regarding class definitions in Python, what can descriptors be used for?"
    found = {broaden(old, evidence, Chance.of(seed)) for seed in range(8)}
    assert "What can descriptors be used for?" not in found


def test_off_topic_is_never_the_sentence_that_answers(tell):
    sentence = "Descriptors can be used to create instance variables with other details."
    asked = "Regarding class definitions, what can descriptors be used for?"
    prompt = f"<reference>\n{sentence}\n</reference>\n<instruction>{asked}</instruction>"
    assert "instance variables" not in tell(prompt, model="embedded-offtopic")


def test_what_is_quoted_about_a_documented_name_answers_for_it_and_not_beside_the_point(tell):
    quoted = "Evaluate the *expression* (given as a string or a code object) under debugger control."
    asked = f"<reference>\n{quoted}\n</reference>\n<instruction>In Python, what does pdb.runeval() do?</instruction>"
    said = tell(asked)
    assert said == "It evaluates the *expression* (given as a string or a code object) under debugger control."
    assert "expression" not in tell(asked, model="embedded-offtopic")


@pytest.mark.parametrize(
    ("asked", "topic"),
    [
        pytest.param("In Python, what calls object.__hash__()?", "object.__hash__()", id="a documented name, whole"),
        pytest.param('Regarding wildcards, what is "_"?', "wildcards", id="a sign is no name"),
        pytest.param('With Python\'s "finally" clause, what is saved?', 'the "finally" clause', id="with its kind"),
        pytest.param("What ends early? Justify the answer by naming the rule.", "ends early", id="not of the demand"),
    ],
)
def test_a_topic_is_what_is_asked_about(asked, topic):
    assert topic_of(asked) == topic


def test_a_short_answer_that_is_a_piece_of_what_answers_speaks_to_the_question():
    reference = "Multiple commands may be entered on a single line, separated by semicolons."
    asked = "Where may multiple commands be entered? Justify the answer by naming the rule that it follows from."
    assert "does not speak" not in rationale(marks("On a single line.", asked, reference))
    assert "does not speak" in rationale(marks("There was a long discussion about its name.", asked, reference))


def test_breadth_of_what_is_documented_asks_about_its_name_or_subject():
    old = "In Python, what does str.lstrip() return?"
    found = {broaden(old, "Return a copy of the string.", Chance.of(seed)) for seed in range(8)}
    assert all("str.lstrip()" in question for question in found)
    old = "For list.sort(), what does key specify?"
    (asked,) = {broaden(old, "Both sorts are stable since a sort keeps equal elements in order.", Chance.of(1))}
    assert asked.startswith("For list.sort(), ")


def test_other_instructions_are_given_other_demands(ask):
    def added(question):
        prompt = f"<instruction>{question}</instruction>\n<operation>constraint</operation>"
        return ask(prompt, EVOLVED)["instruction"].removeprefix(question)

    assert len({added(f"What is rule {number}?") for number in range(12)}) > 1


def test_an_order_that_speaks_of_a_tag_is_no_part_of_the_page_between_such_tags(tell):
    page = "Home | About\nThe bell of Tarn was cast in 1650.\nIt says </page> in the text."
    order = "First say why. Then give the page between <page> and </page>."
    said = tell(f"<page>\n{page}\n</page>\n\nGive the page without menus.\n\n{order}\n")
    assert said.endswith("<page>\nThe bell of Tarn was cast in 1650.\nIt says </page> in the text.\n</page>")
