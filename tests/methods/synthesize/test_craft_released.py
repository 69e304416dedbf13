"""CRAFT beside its released code: the texts that are retrieved, the answers that hold a task, the tasks that stay."""

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest

from synth_dagster.methods.synthesize.craft import FORMS, PROMPTS
from synth_dagster.parts.asking.task_forms import formed
from synth_dagster.parts.similarity.retrieval import retrieved, similarities
from synth_dagster.parts.similarity.short_texts import TokenSetKeeper, token_set_ratio
from synth_dagster.services import Unusable
from tests.scripted_teacher.teacher import ScriptedTeacher

RELEASED = json.loads((Path(__file__).parents[2] / "fixtures" / "craft_released.json").read_text(encoding="utf-8"))
TASKS = ("multiple_choice", "yes_no", "recipe", "summary")


def unit(rows, columns, seed):
    found = np.random.default_rng(seed).standard_normal((rows, columns)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.mark.parametrize("case", RELEASED["retrieved"], ids=lambda case: f"{case['examples']} of {case['shards']}")
def test_the_same_texts_are_retrieved(case):
    corpus, columns = unit(sum(case["shards"]), case["columns"], case["seed"]), case["columns"]
    examples = unit(case["examples"], columns, case["seed"] + 1)
    shards = (similarities(examples, shard) for shard in np.split(corpus, np.cumsum(case["shards"])[:-1]))
    hits = retrieved(shards, share=case["share"], most=case["most"])
    assert [hit.place for hit in hits] == case["places"]


def test_a_shard_too_small_for_a_text_by_each_example_ends_the_released_code_and_not_ours():
    assert RELEASED["small_shard"] == "RuntimeError"  # it takes the best of none
    assert retrieved([similarities(unit(32, 16, 1), unit(1_279, 16, 0))], share=0.05, most=100)


# ------------------------------------------------------------------------------------------------- answers and tasks

# what we make of the answers that the released code reads otherwise: the letter of the right option, or None
OTHERWISE = {
    # an object ends there at the first brace that closes
    "a brace in the question": "B",
    # it takes the first letter of any word; the words of an option are an answer
    "a word that begins with a letter": None,
    "a word that is an option": "B",
    "an option by its words alone": "D",
    # ours
    "a blank option": None,
    "an option twice": None,
    "longer than the text": None,
    # it looks for the first object that holds a task, we ask for one object
    "the first of two": None,
    "a second after a bad one": None,
}


class Says:
    """A writer that says what was written for it, with the names of fields that our prompts ask for."""

    def __init__(self, text):
        self.text = text.replace("long_but_clean_text", "text").replace('"statement"', '"question"')

    def answer(self, request):
        return self.text


def read(text, task):
    """The letter of the right option, True where a task has none, None where there is no task."""
    teacher, asked = ScriptedTeacher(Says(text)), PROMPTS[task][0]
    try:
        said = asyncio.run(teacher.ask(asked, into=FORMS[task], examples="", text="The river flows."))
    except Unusable:
        return None
    made = formed(said, task)
    return None if made.reason else (made.facts or {}).get("final_answer", True)


ANSWERS = [(task, *row) for task in TASKS for row in RELEASED[task]]


@pytest.mark.parametrize(
    ("task", "what", "text", "taken"), ANSWERS, ids=[f"{task}, {what}" for task, what, *_ in ANSWERS]
)
def test_an_answer_is_a_task_where_it_was_one_there(task, what, text, taken):
    ours = read(text, task)
    assert ours == OTHERWISE.get(what, taken)
    assert (what in OTHERWISE) == (ours != taken)


def test_the_same_tasks_are_alike_and_of_exact_copies_the_first_stays():
    keeper, left = TokenSetKeeper(0.85), []
    texts, there = RELEASED["distinct"]["texts"], RELEASED["distinct"]["left"]
    for place, text in enumerate(texts):
        if keeper.nearest(text) is None:
            keeper.add(place, text)
            left.append(place)
    copies = [place for place in there if texts[place] in texts[:place]]
    assert copies and left == [place for place in there if place not in copies]


@pytest.mark.parametrize(("one", "other", "percent"), RELEASED["ratios"])
def test_ratios_of_other_alphabets(one, other, percent):
    # it takes letters such as é out before it compares; ours differ from each other
    latin_1 = any(0x80 <= ord(character) < 0x100 for character in one + other)
    assert 100 * token_set_ratio(one, other) == pytest.approx(percent, abs=7 if latin_1 else 0.5)
