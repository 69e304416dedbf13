"""Personas come from texts, then from each other for up to six rounds; who says the same as one before goes."""

from collections import Counter
from dataclasses import replace

import pytest

from synth_dagster.methods.synthesize.persona_hub import TEXT_TO_PERSONA, PersonaHub
from synth_dagster.records import Document, digest
from synth_dagster.services import Call, Unusable
from synth_dagster.teacher.lexical import LexicalEmbedder
from tests.methods.rounds import all_rounds
from tests.scripted_teacher.embedding import BagOfWords
from tests.scripted_teacher.personas import GERMAN, PersonaWorld
from tests.scripted_teacher.teacher import ScriptedTeacher


def texts(count=30):
    told = "The ferry crosses the river at noon, and whoever waits can read the timetable of village number"
    return [Document(body=f"{told} {number}.", record_id=digest("text", number)) for number in range(count)]


def grown(method, teacher, pool=None, embedder=None):
    given = texts() if pool is None else pool
    made, drops, _ = all_rounds(method, given, writer=teacher, embedder=embedder or BagOfWords())
    return made, drops


def test_a_persona_costs_one_call():
    teacher = ScriptedTeacher(PersonaWorld())
    made, drops = grown(PersonaHub(most_alike=1.0, most_near=1.0), teacher)
    assert Counter(one.attributes["hop"] for one in made) == dict.fromkeys(range(7), 30)  # six rounds after the first
    assert len(teacher.requests) == len(made) == 7 * 30 and not drops
    assert teacher.asked == {"completion": 30, "related": 180}


@pytest.mark.parametrize(("hops", "relations", "made"), [(0, 1, 6), (2, 1, 18), (2, 3, 6 + 18 + 54)])
def test_rounds_and_relations_are_settings(hops, relations, made):
    method = PersonaHub(hops=hops, relations=relations, most_alike=1.0, most_near=1.0)
    assert len(grown(method, ScriptedTeacher(PersonaWorld()), texts(6))[0]) == made


def test_texts_are_asked_about_in_all_four_ways_and_each_persona_says_which():
    teacher = ScriptedTeacher(PersonaWorld())
    made, _ = grown(PersonaHub(hops=0, per_text=4, most_alike=1.0, most_near=1.0), teacher, texts(5))
    assert Counter(one.attributes["asked"] for one in made) == dict.fromkeys(TEXT_TO_PERSONA, 5)
    drawn, _ = grown(PersonaHub(hops=0), ScriptedTeacher(PersonaWorld()), texts(60))
    # 60 texts, four ways: each is missed with less than (3/4)^60
    assert {one.attributes["asked"] for one in drawn} == set(TEXT_TO_PERSONA)


def test_every_persona_leads_back_to_its_text_and_none_is_its_own_relation():
    made, _ = grown(PersonaHub(), ScriptedTeacher(PersonaWorld()))
    by_id = {one.record_id: one for one in made}
    for one in made:
        (parent,) = one.parents
        assert one.body != parent.body or one.reason == "self_relation"
        if parent.record_id in by_id:
            assert parent.attributes["hop"] == one.attributes["hop"] - 1 and parent.status == "current"
        else:
            assert one.attributes["hop"] == 0 and parent.body.startswith("The ferry")


def test_of_planted_copies_all_go_and_name_the_one_that_stayed():
    world = PersonaWorld(copies=0.3)
    made, _ = grown(PersonaHub(most_near=1.0), ScriptedTeacher(world), texts(60))
    assert len(world.copied) > 50
    stayed = {one.attributes["persona"]: one.body for one in made if one.status == "current"}
    assert len(set(stayed.values())) == len(stayed)
    known = {text.replace(",", "") for text in stayed.values()}
    for one in made:
        if one.reason == "near_duplicate":
            near, score = one.attributes["nearest"]
            assert score >= 0.9 and near in stayed
    assert all(text.replace(",", "") in known for text in world.copied)
    assert Counter(one.reason for one in made).keys() <= {None, "near_duplicate", "self_relation"}


def test_what_means_the_same_goes_after_what_says_the_same():
    method, embedder = PersonaHub(most_alike=1.0, most_near=0.7, hops=0), LexicalEmbedder()
    loose, _ = grown(method, ScriptedTeacher(PersonaWorld()), embedder=embedder)
    reasons = Counter(one.reason for one in loose)
    assert reasons["same_meaning"] > 0 and reasons["near_duplicate"] <= reasons["same_meaning"]


def test_one_that_was_refused_is_no_beginning_of_others():
    made, _ = grown(PersonaHub(), ScriptedTeacher(PersonaWorld(copies=0.5)))
    gone = {one.record_id for one in made if one.status == "eliminated"}
    assert gone and not gone & {parent.record_id for one in made for parent in one.parents}


def test_a_text_of_any_length_is_shown_from_its_beginning():
    teacher = ScriptedTeacher(PersonaWorld())
    long = Document(body="word " * 50_000, record_id=b"long")
    grown(PersonaHub(hops=0, text_tokens=100), teacher, [long])
    assert len(teacher.requests[0].tag("text").split()) == 100


# --------------------------------------------------------------------------------------------------------- bad input


class Says(ScriptedTeacher):
    """A writer whose every persona is the same."""

    def __init__(self, text):
        super().__init__(PersonaWorld())
        self.text = text

    async def tell(self, prompt, /, **given):
        return replace(await super().tell(prompt, **given), text=self.text)

    async def ask(self, prompt, /, **given):
        reply = await super().ask(prompt, **given)
        reply.persona = self.text
        return reply


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "blank"),
        ("I am sorry, but I cannot do that.", "refusal"),
        ("A baker.", "too_short"),
        ("A baker who bakes. " * 40, "too_long"),
        (GERMAN, "other_language"),
        ("A reader who says in this passage all is well.", "meta_phrase"),
        (texts(1)[0].body, "self_relation"),
    ],
)
def test_what_describes_nobody_goes_with_its_reason(text, reason):
    made, _ = grown(PersonaHub(), Says(text), texts(1))
    assert [one.reason for one in made] == [reason]


def test_a_persona_that_is_repeated_for_ever_ends_the_rounds():
    made, _ = grown(PersonaHub(), Says("A baker who works at night and sleeps at noon."), texts(5))
    assert Counter(one.reason for one in made) == {None: 1, "near_duplicate": 4, "self_relation": 1}


class Refuses:
    models = ("scripted",)

    async def tell(self, prompt, /, **given):
        raise Unusable("refused", "No.", Call(bytes(16), "scripted", prompt.hash))

    ask = tell


def test_a_writer_that_always_refuses_leaves_each_refusal_with_its_text():
    made, drops = grown(PersonaHub(), Refuses(), texts(3))
    assert [(one.reason, one.parents) for one in made] == [("refused", (text,)) for text in texts(3)] and not drops


def test_broken_forms_and_cut_texts_stay_with_their_reason():
    faults = {"completion": {"truncation": 0.3}, "related": {"broken_json": 0.3, "truncation": 0.1}}
    made, _ = grown(PersonaHub(), ScriptedTeacher(PersonaWorld(), faults=faults))
    assert {"cut", "unparsable"} <= {one.reason for one in made}


def test_texts_of_nothing_are_dropped_and_a_pool_of_nothing_ends():
    made, drops = grown(PersonaHub(), ScriptedTeacher(PersonaWorld()), [Document(body=" ", record_id=b"b"), *texts(2)])
    assert [drop.reason for drop in drops] == ["blank_text"] and made
    assert grown(PersonaHub(), ScriptedTeacher(PersonaWorld()), []) == ([], [])
