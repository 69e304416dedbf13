"""ProX: programs end as in the published code, rules by hand; a planted corpus is cleaned of its noise alone."""

import asyncio
import json
import random
from pathlib import Path

import pytest
from pydantic import ValidationError

from synth_dagster.methods.refine.prox import Prox, is_kept
from synth_dagster.parts.pages.edit_programs import Executed
from synth_dagster.parts.pages.published_programs import executed_as_published, read_as_published
from synth_dagster.records import Document, digest
from synth_dagster.services import Drop
from synth_dagster.teacher.embedded.answers import answer as embedded_answer
from synth_dagster.teacher.embedded.chance import Chance
from synth_dagster.teacher.embedded.cleaning import is_noise
from synth_dagster.teacher.embedded.writing import EXTRACTIVE
from tests.scripted_teacher.teacher import ScriptedTeacher

# text, program, what is left of it (null: the text itself) and the errors, written down from a run of GAIR-NLP/ProX's
# utils/chunk_utils.py at 2081188 over programs drawn from 33 forms of calls, most of them malformed
PUBLISHED = json.loads((Path(__file__).parents[2] / "fixtures/prox_programs.json").read_text())


class Says:
    """Answers a document with one call and windows with programs, in order."""

    def __init__(self, *programs, whole="keep_doc()"):
        self.programs, self.whole, self.seen = list(programs), whole, []

    def answer(self, request):
        if request.tag("document"):
            return self.whole
        self.seen.append(request.tag("lines"))
        return self.programs.pop(0)


class Embedded:
    """The rules of the embedded teacher, without its server."""

    def answer(self, request):
        turns = [{"role": "system", "content": request.system}, {"role": "user", "content": request.user}]
        return embedded_answer(turns, model=EXTRACTIVE, chance=Chance("0"), schema=None)


def refined(document, world, **settings):
    return asyncio.run(Prox(**settings).refine(document, refiner=ScriptedTeacher(world)))


def doc(body):
    return Document(body=body, record_id=digest(body))


PAGE = (
    "Home | About\nThe river rises in the hills and runs for ninety miles to the sea.\nIt is slow.\nAll rights reserved"
)


def test_240_programs_end_as_with_the_published_functions():
    assert len(PUBLISHED) == 240
    for text, program, left, errors in PUBLISHED:
        done = executed_as_published(text, read_as_published(program))
        assert (Prox().fate(text, done), done.errors) == (text if left is None else left, errors), program


@pytest.mark.parametrize(
    ("words", "left", "errors", "fate"),
    [
        pytest.param(400, 20, 1, "drop", id="a twentieth is left: noise"),
        pytest.param(400, 21, 1, "edit", id="a word more than a twentieth"),
        pytest.param(400, 20, 2, "keep", id="a twentieth is left, by a program that is not trusted"),
        pytest.param(30, 10, 0, "drop", id="ten words"),
        pytest.param(30, 10, 5, "drop", id="ten words, whatever the errors"),
        pytest.param(30, 11, 1, "edit", id="eleven words"),
        pytest.param(30, 11, 2, "keep", id="two errors"),
    ],
)
def test_every_branch_of_the_fallback(words, left, errors, fate):
    text, after = "word " * words, "word " * left
    assert Prox().fate(text, Executed(after, errors)) == {"drop": "", "edit": after, "keep": text}[fate]


def test_the_rule_over_the_36_pairs_of_scores():
    # kept: 3, 4, 5 with any of six (18), and 2 with 4 or 5 (2)
    kept = {(e, c) for e in range(6) for c in range(6) if is_kept(e, c)}
    assert kept == {(e, c) for e in (3, 4, 5) for c in range(6)} | {(2, 4), (2, 5)}


def test_a_document_is_cleaned_and_says_by_which_program():
    document = doc(PAGE)
    found = refined(document, Says("remove_lines(0, 0)\nremove_lines(3, 3)"))
    assert found.body == "\n".join(PAGE.split("\n")[1:3])
    assert found.parents == (document,) and found.model_id is None  # no word of it is a model's
    program = "remove_lines(line_start=0, line_end=0)\nremove_lines(line_start=3, line_end=3)"
    assert found.attributes["prox"] == {"program": program, "errors": 0, "edited": True}


def test_a_document_to_keep_is_the_same_record_and_one_to_drop_says_why():
    document = doc(PAGE)
    assert refined(document, Says("keep_chunk()")) is document
    assert refined(document, Says(whole="I would drop_doc() this")).reason == "drop_doc"
    assert refined(document, Says("remove_lines(0, 2)")).reason == "nothing_left"
    assert refined(doc(" \n"), Says()) == Drop("blank_document")


def test_a_program_with_two_errors_changes_nothing_and_is_noted():
    found = refined(doc(PAGE), Says("remove_lines(0, 0)\nremove_lines(0, 9)\nnormalize('sky', '')"))
    assert found.body == PAGE
    assert found.attributes["prox"]["errors"] == 2 and not found.attributes["prox"]["edited"]


def test_a_replacement_that_brings_words_is_a_models():
    found = refined(doc(PAGE), Says('normalize("ninety", "eighty")'))
    assert "eighty" in found.body and found.model_id == "scripted-2026"
    assert refined(doc(PAGE), Says('normalize("ninety miles to the sea", "the sea")')).model_id is None


def test_numbers_go_on_from_window_to_window():
    lines = [f"Line {n} tells of the river and of the hills that it comes from." for n in range(12)]
    world = Says("keep_chunk()", "remove_lines(5, 5)", "remove_lines(0, 0)")
    # 15 words and marks and 3 for the number: five lines fit into 90
    found = refined(doc("\n".join(lines)), world, window_tokens=90)
    assert [seen[:5] for seen in world.seen] == ["[000]", "[005]", "[010]"]
    assert found.body == "\n".join(lines[:5] + lines[6:])
    assert found.attributes["prox"]["errors"] == 1  # the third window was not shown line 0


def test_scores_may_be_asked_for_instead():
    class Scoring(Says):
        def answer(self, request):
            return {"educational": 2, "clean": 3 if "menu" in request.user.split("</document>")[0] else 4}

    class Asked(ScriptedTeacher):
        async def ask(self, prompt, /, *, into, **given):
            asked = self._request(prompt.messages({"document": given["document"]}), frozenset(), None, 0)
            return into.model_validate(self.worlds[0].answer(asked))

    def verdict(text):
        method = Prox(documents="scores", chunks=False)
        return asyncio.run(method.refine(doc(text), refiner=Asked(Scoring())))

    assert verdict(PAGE).body == PAGE
    assert verdict("A menu and little else.").reason == "low_scores"


def test_a_step_that_would_do_nothing_is_refused():
    with pytest.raises(ValidationError, match="does nothing"):
        Prox(documents="keep", chunks=False)


# ------------------------------------------------------------------------------------------ planted noise, by the rules

NOISE = ("Home | About us | Contact", "Share this post", "Copyright 2024 Acme Ltd.", "1 2 3 Next", "=====", "Log in")
PLACES = [
    "river",
    "harbour",
    "library",
    "market",
    "bridge",
    "orchard",
    "railway",
    "theatre",
    "windmill",
    "quarry",
    "valley",
    "station",
    "garden",
]


def planted(number):
    """A page of prose in which about a fifth of the lines are noise: the page, and which lines those are."""
    rng = random.Random(number)
    lines, noisy = [], set()
    for place in range(30):
        if rng.random() < 0.2:
            noisy.add(place)
            lines.append(rng.choice(NOISE))
        else:
            words = [rng.choice(PLACES) for _ in range(rng.randint(6, 12))]
            lines.append(f"The {words[0]} is near the {' and the '.join(words[1:])}; the menu is at home, as we share.")
    return lines, noisy


def test_planted_noise_goes_and_no_clean_line_does():
    right = wrong = missed = 0
    for number in range(60):
        lines, noisy = planted(number)
        found = refined(doc("\n".join(lines)), Embedded())
        kept = set(found.body.split("\n"))
        gone = {place for place, line in enumerate(lines) if line not in kept}
        right, wrong, missed = right + len(gone & noisy), wrong + len(gone - noisy), missed + len(noisy - gone)
    assert wrong == 0
    assert 2 * right / (2 * right + wrong + missed) > 0.9  # the card's line F1


@pytest.mark.parametrize(
    "line",
    [
        "The home page has a menu.",
        "Contact with water is dangerous.",
        "Search trees are fast",
        "A | B",
        "",
        "x = y - 1",
    ],
)
def test_a_sentence_about_a_menu_is_no_menu(line):
    assert not is_noise(line)


def test_a_page_of_menus_is_dropped():
    assert refined(doc("Home\nAbout\nLog in\nSearch\n12\nWelcome to us"), Embedded()).reason == "drop_doc"
