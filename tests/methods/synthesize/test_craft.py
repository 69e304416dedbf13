"""A few examples find the texts of their topic; each gives a task or a reason, and a copy says what it copies."""

import asyncio
import json
import random
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.errors import SynthError
from synth_dagster.methods.measure.ngram_novelty import NgramNovelty
from synth_dagster.methods.synthesize.craft import Craft, Example, Hit, examples_of, part_of
from synth_dagster.readers.texts import read_texts
from synth_dagster.records import Document, digest
from synth_dagster.runner.corpus import Records
from synth_dagster.services import Drop
from tests.scripted_teacher.crafted import CraftWorld
from tests.scripted_teacher.teacher import ScriptedTeacher

WORLD = Path(__file__).parents[3] / "recipes/gallery/worlds/craft"
ARTICLES = [json.loads(line) for line in (WORLD / "articles.jsonl").read_text().splitlines()]
SHOTS = [json.loads(line) for line in (WORLD / "few_shots.jsonl").read_text().splitlines()]
ALL = {"few_shots": "shots", "top_share": 1.0}


class Rows:
    """The examples of a recipe, by hand."""

    def __init__(self, rows):
        self.given = rows

    def rows(self, path):
        return self.given


class Nobody:
    """The vectors are those of words, and no model is asked for any."""

    async def embed(self, texts):
        raise AssertionError("nobody is to be asked")


def document(text, title="", number=0):
    record_id = digest("article", title, number, text)
    return Document(body=text, title=title or None, record_id=record_id, content_hash=digest(text), lang="en")


DOCUMENTS = [document(one["text"], one["title"]) for one in ARTICLES]


def made(method, documents=DOCUMENTS, teacher=None, shots=SHOTS, number=0, others=()):
    """What comes of a batch that stands in a corpus with others."""
    teacher, corpus = teacher or ScriptedTeacher(CraftWorld()), Records({"b": documents, "c": others})
    verb = method.round(documents, number, writer=teacher, embedder=Nobody(), corpus=corpus, references=Rows(shots))
    return [one if isinstance(one, Drop) else one[0] for one in asyncio.run(verb)]


def test_a_retrieved_text_costs_one_call_and_is_the_only_parent_of_its_task():
    teacher = ScriptedTeacher(CraftWorld())
    found = made(Craft(**ALL, retrieve=14), teacher=teacher)
    assert len(found) == len(teacher.requests) == 8  # int(14 / 2 * 1.2) = 8 by the mean, and 2 of each by 4 examples
    assert all(len(one.parents) == 1 and one.calls == (one.call_id,) for one in found)
    assert {one.status for one in found} == {"current"}
    for one in found:
        options = one.attributes["options"]
        right = options["ABCD".index(one.attributes["final_answer"])]
        assert len(options) == 4 and one.response.endswith(f". {right}")
        assert right in one.parents[0].body and one.evidence[0].text == one.parents[0].body
    assert made(Craft(**ALL), number=1) == []


def test_every_text_is_shown_three_examples_drawn_for_it():
    teacher = ScriptedTeacher(CraftWorld())
    found = made(Craft(**ALL, retrieve=14), teacher=teacher)
    assert all(len(set(one.attributes["shown"])) == 3 for one in found)
    assert len({tuple(one.attributes["shown"]) for one in found}) > 2
    assert all(request.user.count("<example>") == 3 for request in teacher.requests)


# -------------------------------------------------------------------------------------------------- a batch of a corpus


def test_a_batch_makes_tasks_of_its_own_texts_and_only_of_those_that_are_nearest_of_all():
    halves = DOCUMENTS[::2], DOCUMENTS[1::2]
    whole = {one.parents[0].title for one in made(Craft(**ALL, retrieve=14))}
    found = [made(Craft(**ALL, retrieve=14), one, others=other) for one, other in (halves, halves[::-1])]
    assert {one.parents[0].title for some in found for one in some} == whole
    for some, half in zip(found, halves, strict=True):
        assert {one.parents[0].title for one in some} == whole & {one.title for one in half}


def test_a_batch_of_which_nothing_is_retrieved_gives_nothing_and_costs_nothing():
    teacher = ScriptedTeacher(CraftWorld())
    far = [document("Ink is made of galls and iron, and a clock has an escapement. " * 5, "Ink")]
    assert made(Craft(**ALL, retrieve=14), far, teacher, others=DOCUMENTS) == []
    assert teacher.requests == []


@given(
    wanted=st.integers(min_value=1, max_value=50),
    sizes=st.lists(st.integers(min_value=0, max_value=20), min_size=1, max_size=6).filter(any),
)
def test_the_parts_of_all_batches_are_what_is_wanted(wanted, sizes):
    places = iter(range(sum(sizes)))
    parts = [part_of(wanted, [next(places) for _ in range(size)], of=sum(sizes)) for size in sizes]
    assert sum(parts) == wanted
    assert all(part >= size for part, size in zip(parts, sizes, strict=True)) or wanted < sum(sizes)


# ------------------------------------------------------------------------------------------------------ the right texts

_STEMS = ("birch", "coral", "delta", "ember", "flint")
_TOPICS = [[f"{topic}{letter}" for letter in "abcdefghijklmnop"] for topic in _STEMS]
_COMMON = [
    "",
    "the",
    "of",
    "a",
    "and",
    "to",
    "in",
    "is",
    "it",
    "for",
    "on",
    "with",
    "as",
    "by",
    "at",
    "from",
    "that",
    "this",
    "which",
    "one",
    "has",
][1:]


def about(topic, rng):
    """Sixty words, of which a third is of a topic."""
    words = [rng.choice(_TOPICS[topic]) if rng.random() < 0.34 else rng.choice(_COMMON) for _ in range(60)]
    return " ".join(words) + "."


def test_of_a_planted_topic_four_fifths_of_what_is_retrieved():
    rng = random.Random(5)
    corpus = [document(about(0 if place % 10 == 0 else 1 + place % 4, rng), number=place) for place in range(300)]
    shots = [{"Text": about(0, rng), "Instruction": "Ask about this.", "Output": "A"} for _ in range(8)]
    found = made(Craft(**ALL, retrieve=30), corpus, shots=shots)
    on_topic = [one for one in found if set(one.parents[0].body.rstrip(".").split()) & set(_TOPICS[0])]
    # int(30 / 2 * 1.2) = 18 by the mean, 18 // 8 = 2 by each example: 18 to 34 of 300, 30 of which are on the topic
    assert 18 <= len(found) <= 34
    assert len(on_topic) / len(found) >= 0.8


def test_the_articles_of_the_gallery_that_are_retrieved_are_about_bees():
    found = made(Craft(**ALL, retrieve=14))
    bees = ("bee", "hive", "honey", "colony")
    assert all(any(word in one.parents[0].body.lower() for word in bees) for one in found)


# ----------------------------------------------------------------------------------------------- answers in their form

OPTIONS = ["It rises.", "It falls.", "It stays.", "It turns."]


def choice(question="What does the water do at noon?", options=OPTIONS, answer="B"):
    return {"question": question, "options": options, "answer": answer}


MALFORMED = [
    ("", "unparsable"),
    ("No question comes to mind.", "unparsable"),
    ("{", "unparsable"),
    ('{"question": "What does the water do at noon?"}', "unparsable"),
    ('{"question": "What does it do?", "options": ["a", "b", "c", "d"]}', "unparsable"),
    ('["A", "B", "C", "D"]', "unparsable"),
    ("null", "unparsable"),
    (json.dumps(choice())[:-2], "unparsable"),
    (json.dumps(choice(options="It rises.")), "unparsable"),
    (json.dumps(choice(answer=1)), "unparsable"),
    (json.dumps(choice(options=[1, 2, 3, 4])), "unparsable"),
    (choice(question=""), "short_question"),
    (choice(question="What is it?"), "short_question"),
    (choice(question="   What is it?      "), "short_question"),
    (choice(question="123456789012345"), "short_question"),  # fifteen characters
    (choice(options=[]), "number_of_options"),
    (choice(options=OPTIONS[:3]), "number_of_options"),
    (choice(options=[*OPTIONS, "It boils."]), "number_of_options"),
    (choice(options=["Yes", "No"]), "number_of_options"),
    (choice(options=[*OPTIONS[:3], ""]), "blank_option"),
    (choice(options=[*OPTIONS[:3], "D. ..."]), "blank_option"),
    (choice(options=[*OPTIONS[:3], OPTIONS[0]]), "repeated_option"),
    (choice(options=["A. It rises.", "B. it rises", "C. It stays.", "D. It turns."]), "repeated_option"),
    (choice(answer=""), "answer_is_no_option"),
    (choice(answer="E"), "answer_is_no_option"),
    (choice(answer="b"), "answer_is_no_option"),
    (choice(answer="Because it falls."), "answer_is_no_option"),  # begins with the letter B
    (choice(answer="All of them."), "answer_is_no_option"),
    (choice(answer="A and B"), "answer_is_no_option"),
    (choice(answer="2"), "answer_is_no_option"),
]
WELL_FORMED = ["B", "B.", "(B)", "B. It falls.", "It falls.", " B) It falls"]


def sample(reply, method=None, text=None):
    """What comes of one text when the writer says this."""
    text = text or document("The water rises in the morning and falls at noon. " * 5, "Water")
    method = method or Craft(**ALL)
    teacher = ScriptedTeacher(Says(reply))
    shots = examples_of(SHOTS, "shots", at_least=3)
    return asyncio.run(method._sample(Hit(text, 0, 0.5, (1,)), shots, teacher))


class Says:
    def __init__(self, reply):
        self.reply = reply

    def answer(self, request):
        return self.reply


@pytest.mark.parametrize(("reply", "reason"), MALFORMED)
def test_a_malformed_answer_has_its_reason(reply, reason):
    assert sample(reply).reason == reason


def test_thirty_malformed_answers_were_tried():
    assert len(MALFORMED) == 30


@pytest.mark.parametrize("answer", WELL_FORMED)
def test_an_answer_is_a_letter_or_the_words_of_an_option(answer):
    found = sample(choice(answer=answer))
    assert (found.reason, found.answer, found.facts["final_answer"]) == (None, "B. It falls.", "B")
    assert found.question.splitlines()[1:] == ["A. It rises.", "B. It falls.", "C. It stays.", "D. It turns."]


@pytest.mark.parametrize(
    ("task", "reply", "reason", "answer"),
    [
        ("yes_no", choice(options=["Yes", "No"], answer="A"), None, "A. Yes"),
        ("yes_no", choice(), "number_of_options", ""),
        (
            "recipe",
            {"instruction": "Cook a plain soup for two.", "ingredients": ["1 l water", " "], "steps": ["Boil it."]},
            None,
            "Ingredients:\n- 1 l water\nSteps:\nBoil it.",
        ),
        ("recipe", {"instruction": "Cook a plain soup.", "ingredients": [], "steps": ["Boil."]}, "no_ingredients", ""),
        ("recipe", {"instruction": "Cook a plain soup.", "ingredients": ["Water"], "steps": [""]}, "no_steps", ""),
        (
            "summary",
            {"instruction": "Sum the text up in a line.", "summary": "a" * 101, "text": "b" * 501},
            None,
            "a" * 101,
        ),
        (
            "summary",
            {"instruction": "Sum the text up in a line.", "summary": "a" * 501, "text": "b" * 501},
            "summary_not_shorter",
            "",
        ),
        ("summary", {"instruction": "Sum the text up.", "summary": "a" * 100, "text": "b" * 501}, "short_summary", ""),
        ("summary", {"instruction": "Sum the text up.", "summary": "a" * 101, "text": "b" * 500}, "short_text", ""),
        ("summary", {"instruction": "Sum the text up.", "summary": " ", "text": "It falls."}, "no_summary", ""),
        ("summary", {"instruction": "Sum the text up.", "summary": "It falls.", "text": ""}, "no_text", ""),
    ],
)
def test_each_task_has_its_own_form(task, reply, reason, answer):
    found = sample(reply, Craft(**ALL, task=task))
    assert (found.reason, found.answer) == (reason, answer)


def test_a_writer_that_repeats_the_text_or_speaks_another_language_is_seen():
    text = document("The water rises in the morning and falls at noon, and then it stays low until the evening. " * 3)
    assert sample(choice(question=text.body), text=text).reason == "copy"
    german = choice(
        question="Was macht das Wasser am Mittag, wenn die Sonne hoch über dem alten Hafen und der Stadt steht?",
        options=[
            "Es steigt langsam an.",
            "Es fällt ganz schnell.",
            "Es bleibt, wie es war.",
            "Es dreht sich im Kreis.",
        ],
    )
    assert sample(german, text=text).reason == "another_language"


def test_a_prompt_that_is_too_long_is_not_sent():
    teacher = ScriptedTeacher(CraftWorld())
    found = made(Craft(**ALL, retrieve=14, max_prompt_tokens=100), teacher=teacher)
    assert {one.reason for one in found} == {"prompt_too_long"} and teacher.requests == []
    assert all(one.parents and one.call_id is None for one in found)


# ---------------------------------------------------------------------------------------------------------- near copies


def test_what_is_like_an_example_or_an_earlier_task_goes_and_says_which():
    copied = choice(SHOTS[2]["Instruction"].splitlines()[0], SHOTS[2]["Instruction"].splitlines()[1:], "D")
    same = choice(
        "How does a colony of bees live through the cold?", ["It sleeps.", "It flies.", "It dies.", "In a ball."], "D"
    )
    says = {"Drones": copied, "Royal jelly": same, "Winter cluster": same}
    found = made(Craft(**ALL, retrieve=26), teacher=ScriptedTeacher(CraftWorld(says)))
    named = {one.parents[0].title: one for one in found}
    assert named["Drones"].reason == "like_an_example" and named["Drones"].attributes["near"]["example"] == 2
    # exact duplicates go, too, which the released code overlooks
    first, second = sorted(("Royal jelly", "Winter cluster"), key=list(named).index)
    assert (named[first].reason, named[second].reason) == (None, "near_copy")
    assert named[second].attributes["near"] == {"of_text": named[first].parents[0].record_id.hex(), "ratio": 1.0}


def test_of_more_tasks_than_are_wanted_some_are_drawn():
    found = made(Craft(**ALL, retrieve=26, tasks=5))
    assert Counter(one.reason for one in found) == {None: 5, "not_drawn": len(found) - 5}
    again = made(Craft(**ALL, retrieve=26, tasks=5))
    assert [one.reason for one in again] == [one.reason for one in found]
    other = made(Craft(**ALL, retrieve=26, tasks=5, seed=1))
    assert [one.reason for one in other] != [one.reason for one in found]


def test_tasks_share_hardly_a_run_of_five_words_with_a_test_set():
    # the paper: at most .4 % of runs of five words; what people wrote for the same task shares 17.9 %
    tasks = [f"{one.instruction}\n{one.response}" for one in made(Craft(**ALL, retrieve=26))]
    quiz = read_texts(WORLD.parents[2], "held_out")
    by_people = [f"{one['Instruction']}\n{one['Output']}" for one in SHOTS]

    def overlap(texts, test_set):
        method = NgramNovelty(against="test set")
        return 1 - method.measure(pa.table({"text": texts}), references=Texts(test_set)).numbers["novelty_5"]

    assert len(tasks) > 8 and overlap(tasks, quiz) <= 0.004
    # in the manner of the examples, and not their words
    assert 0 < overlap(tasks, by_people) < 0.05
    assert overlap([*tasks[:8], quiz[0]], quiz) > 0.01  # one that was copied is seen


class Texts:
    """The questions of a test set, by hand."""

    def __init__(self, texts):
        self.given = texts

    def texts(self, path):
        return self.given


# ----------------------------------------------------------------------------------------------------------- bad input


def test_texts_of_the_wrong_length_are_not_embedded():
    short, long = document("Too short."), document("word " * 6_000)
    (dropped,) = made(Craft(**ALL), [short, long, document(" \n" * 300)])
    assert isinstance(dropped, Drop) and dropped.reason == "no_text"
    assert made(Craft(**ALL), []) == []


def test_of_a_small_corpus_the_papers_share_is_one_text():
    assert len(made(Craft(few_shots="shots"))) == 1  # int(0.05 * 26 / 2) = 0, and never fewer than one


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("refusal", "refused"), ("broken_json", "unparsable"), ("truncation", "cut")],
)
def test_a_writer_that_never_gives_a_task_leaves_a_reason_for_each_text(fault, reason):
    found = made(Craft(**ALL, retrieve=14), teacher=ScriptedTeacher(CraftWorld(), faults={"choice": {fault: 1.0}}))
    assert {one.reason for one in found} == {reason}
    assert all(one.status == "eliminated" and one.parents for one in found)


@pytest.mark.parametrize(
    "rows",
    [SHOTS[:2], [{"Text": "a", "Instruction": "b"}] * 3, [{"Text": "a", "Instruction": "b", "Output": " "}] * 3],
)
def test_examples_that_are_too_few_or_lack_a_field_stop_before_the_first_call(rows):
    with pytest.raises(SynthError, match="at least 3 examples"):
        made(Craft(**ALL), shots=rows)


def test_the_names_of_the_fields_may_be_written_small():
    rows = [{"text": "a", "instruction": "b", "output": "c"}]
    assert examples_of(rows, "shots", at_least=1) == [Example("a", "b", "c")]
