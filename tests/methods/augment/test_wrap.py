"""Every piece is written anew once in every style, and what is no rewriting of it is eliminated with its reason."""

import asyncio
from collections import Counter

import numpy as np
import pytest
from pydantic import ValidationError

from synth_dagster.methods.augment.wrap import Wrap
from synth_dagster.parts.text.rewriting import pieces
from synth_dagster.parts.text.tokens import count
from synth_dagster.readers.python_reference import item_of, topics
from synth_dagster.records import Document, digest
from synth_dagster.services import Drop, Unusable
from synth_dagster.teacher.embedded.answers import answer as embedded_answer
from synth_dagster.teacher.embedded.chance import Chance
from synth_dagster.teacher.embedded.vectors import embed
from synth_dagster.teacher.embedded.writing import EXTRACTIVE
from tests.scripted_teacher.faults import share
from tests.scripted_teacher.teacher import ScriptedTeacher

PLACES = ("Corran", "Pell", "Sulmar", "Arden", "Torvale", "Belcor", "Fanlor", "Quinros")


def document(number):
    """Three paragraphs about one place: 3 pieces of at most 60 tokens."""
    place = PLACES[number % len(PLACES)]
    told = [
        f"The {what} of {place} was built in {1800 + number}. It stands in {place}." for what in ("hall", "mill", "dam")
    ]
    body = "\n\n".join(" ".join([text] * 3) for text in told)
    return Document(body=body, title=place, url="https://example.org", record_id=digest("doc", number), source="atlas")


DOCUMENTS = [document(number) for number in range(40)]


class Rewriter:
    """Says the piece again in other words. `faults` is fault -> share of the answers that have it."""

    def __init__(self, **faults):
        self.faults, self.planted = faults, {}

    def answer(self, request):
        text = " ".join(request.tag("passage").split()).replace("was built", "was put up")
        if request.tag("style") == "qa":
            text = f"Question: What is told here?\nAnswer: {text}"
        drawn = share(request.key, "rewriting")
        for fault, rate in self.faults.items():
            if drawn < rate:
                self.planted[request.key] = fault
                return SPOILED[fault](text, request)
            drawn -= rate
        return text


SPOILED = {
    "lead_in": lambda text, request: f"Sure! Here is the rewritten text: {text}",
    "meta_phrase": lambda text, request: f"{text} Let me know if you need another version.",
    "refusal": lambda text, request: "I'm sorry, I cannot help with that.",
    "invented_fact": lambda text, request: f"{text} It was sold in 1066.",
    "copy": lambda text, request: request.tag("passage"),
    "blank": lambda text, request: "Here is the rewritten text:",
}


def augmented(method, documents, teacher):
    async def run():
        return await asyncio.gather(*(method.augment(one, writer=teacher) for one in documents), return_exceptions=True)

    return asyncio.run(run())


def variants(method, documents, world):
    teacher = ScriptedTeacher(world)
    return [variant for made in augmented(method, documents, teacher) for variant in made]


def test_each_piece_is_rewritten_once_in_each_style():
    made = variants(Wrap(piece_tokens=60), DOCUMENTS[:5], Rewriter())
    assert Counter((one.parents[0].record_id, one.attributes["style"], one.attributes["piece"]) for one in made) == {
        (document.record_id, style, piece): 1
        for document in DOCUMENTS[:5]
        for style in ("easy", "medium", "hard", "qa")
        for piece in range(3)
    }
    assert {one.status for one in made} == {"current"}
    assert {(one.title, one.url) for one in made[:12]} == {("Corran", "https://example.org")}


def test_planted_faults_are_eliminated_for_what_they_are_and_nothing_else_is():
    faults = dict.fromkeys(SPOILED, 0.1)
    world = Rewriter(**faults)
    # without qa, where a fault that spoils the form is called by that
    made = variants(Wrap(styles=("easy", "medium"), piece_tokens=60), DOCUMENTS, world)
    assert set(world.planted.values()) == set(SPOILED)
    for one in made:
        fault = world.planted.get(one.call_id)
        assert one.reason == (None if fault in (None, "lead_in") else fault)
    assert not any("rewritten text" in one.body for one in made if one.status == "current")


def test_a_conversation_must_be_one():
    class NoQuestions(Rewriter):
        def answer(self, request):
            return "The hall was put up long ago."

    made = variants(Wrap(styles=("qa", "easy")), DOCUMENTS[:1], NoQuestions())
    assert [one.reason for one in made] == ["wrong_form", None]


def test_facts_need_not_be_kept_and_may_be_demanded():
    made = variants(Wrap(styles=("easy",), keep_facts=False), DOCUMENTS[:20], Rewriter(invented_fact=1.0))
    assert {one.reason for one in made} == {None}

    class Vague(Rewriter):
        def answer(self, request):
            return "Something stands somewhere and has done so for a long time."

    assert {one.reason for one in variants(Wrap(styles=("easy",)), DOCUMENTS[:2], Vague())} == {None}
    demanding = Wrap(styles=("easy",), min_facts=0.5)
    assert {one.reason for one in variants(demanding, DOCUMENTS[:2], Vague())} == {"lost_facts"}


def test_a_document_of_nothing_is_dropped_and_one_without_any_answer_is_a_reject():
    teacher = ScriptedTeacher(Rewriter())
    (dropped,) = augmented(Wrap(), [Document(body=" \n ", record_id=b"b" * 16)], teacher)
    assert isinstance(dropped, Drop) and dropped.reason == "blank_document" and teacher.requests == []
    silent = ScriptedTeacher(Rewriter(), faults={"completion": {"refusal": 1.0}})
    assert all(isinstance(one, Unusable) for one in augmented(Wrap(), DOCUMENTS[:3], silent))
    some = ScriptedTeacher(Rewriter(), faults={"completion": {"truncation": 0.5}})
    made = [one for variants_ in augmented(Wrap(piece_tokens=60), DOCUMENTS[:5], some) for one in variants_]
    assert {one.reason for one in made if one.call_id in some.planted} == {"cut"}


def test_a_style_is_named_once():
    with pytest.raises(ValidationError, match="named twice"):
        Wrap(styles=("easy", "easy"))


# -------------------------------------------------------------------------------- real text and the embedded teacher


@pytest.fixture(scope="module")
def reference():
    return [item_of(topic, text) for topic, text in sorted(topics().items())]


def test_pieces_of_real_documents_keep_to_the_limit_and_lose_nothing(reference):
    for item in reference:
        found = pieces(item.text, 300)
        assert "".join(found) == item.text
        assert max(count(piece) for piece in found) <= 300


class Embedded:
    """The embedded teacher in this process."""

    def answer(self, request):
        messages = [{"role": "system", "content": request.system}, {"role": "user", "content": request.user}]
        return embedded_answer(messages, model=EXTRACTIVE, chance=Chance.of(0), schema=None)


@pytest.fixture(scope="module")
def rewritten(reference):
    documents = [
        Document(body=item.text, title=item.title, record_id=digest(item.native_key), source="reference")
        for item in reference[::4]
    ]
    made = variants(Wrap(), documents, Embedded())
    return [one for one in made if one.status == "current"]


def test_a_piece_is_nearer_to_its_own_rewriting_than_to_any_other(rewritten):
    some = rewritten[::2]
    own = [pieces(one.parents[0].body, 300)[one.attributes["piece"]] for one in some]
    sources = list(dict.fromkeys(own))
    whose = np.array([sources.index(piece) for piece in own])
    pieces_, texts = (np.array([embed(text) for text in all_]) for all_ in (sources, [one.body for one in some]))
    near = pieces_ @ texts.T
    nearer = [near[of, place] > near[of, whose != of] for place, of in enumerate(whose)]
    assert {one.attributes["style"] for one in some} == {"easy", "medium", "hard", "qa"} and len(sources) > 40
    assert np.concatenate(nearer).mean() >= 0.99


def test_the_styles_differ_as_their_names_say(rewritten):
    grade = {
        style: np.mean([flesch_kincaid(one.body) for one in rewritten if one.attributes["style"] == style])
        for style in ("easy", "medium", "hard")
    }
    assert grade["easy"] < grade["medium"] < grade["hard"]
    asked = [one.body for one in rewritten if one.attributes["style"] == "qa"]
    assert asked and all(body.startswith("Question: ") and "\nAnswer: " in body for body in asked)


def flesch_kincaid(text):
    """The reading grade: 0.39 words a sentence + 11.8 syllables a word - 15.59; a run of vowels is a syllable."""
    import re

    words = re.findall(r"[A-Za-z]+", text)
    sentences = max(1, len(re.findall(r"[.!?](?=\s|$)", text)))
    syllables = sum(max(1, len(re.findall(r"[aeiouy]+", word.lower()))) for word in words)
    return 0.39 * len(words) / sentences + 11.8 * syllables / max(1, len(words)) - 15.59
