"""A discipline becomes subjects, syllabi and pairs; every session is met, and what goes wrong stays with its reason."""

import asyncio
from collections import Counter

import pytest

from synth_dagster.methods.synthesize.glan import LONGEST, Glan
from synth_dagster.records import Document, digest
from synth_dagster.services import Answer, Call, Drop, Unusable
from tests.assets.project import Programs, small_project
from tests.runner.by_hand import ByHand
from tests.scripted_teacher.syllabi import SESSIONS, SUBJECTS, SyllabusWorld
from tests.scripted_teacher.teacher import ScriptedTeacher


def discipline(name="Botany"):
    return Document(body=name, record_id=digest("discipline", name))


def taught(method, writer, answerer=None, of=None):
    return asyncio.run(method.synthesize(of or discipline(), writer=writer, answerer=answerer or writer))


def test_a_kept_pair_costs_a_question_and_an_answer_and_its_share_of_the_courses():
    writer, answerer = ScriptedTeacher(SyllabusWorld()), ScriptedTeacher(SyllabusWorld(), models=("cheap",))
    made = taught(Glan(questions=8), writer, answerer)
    assert len(made) == SUBJECTS * 8 and {one.status for one in made} == {"current"}
    # 10 listings and 5 syllabi, each with a call that brings it into form; 40 questions; 40 answers of the other role
    assert (len(writer.requests), len(answerer.requests)) == (2 * 10 + 2 * 5 + 40, 40)
    assert {one.model_id for one in made} == {"cheap-2026"}


def test_disciplines_are_covered_wholly_and_sessions_too():
    # 50 questions a session: 6 sessions, 300 questions; one is missed with less than (5/6)^300
    names = ("Botany", "Law", "Music")
    for name in names:
        made = taught(Glan(questions=50 * SESSIONS), ScriptedTeacher(SyllabusWorld()), of=discipline(name))
        met = {session for one in made for session in one.attributes["session_names"]}
        assert {one.attributes["discipline"] for one in made} == {name}
        assert len(met) == SUBJECTS * SESSIONS  # 100 % of them


def test_a_question_is_about_concepts_of_its_sessions_with_the_whole_syllabus_before_the_writer():
    writer = ScriptedTeacher(SyllabusWorld())
    made = taught(Glan(questions=30), writer)
    shares = Counter(len(one.attributes["session_names"]) for one in made)
    assert shares[1] > 40 and shares[2] > 40  # of 150, each half: 75, with a deviation of 6.1
    for one in made:
        of = {concept.rpartition(" ")[2].split(".")[0] for concept in one.attributes["key_concepts"]}
        assert of == {name.rpartition(" ")[2] for name in one.attributes["session_names"]}
        assert all(concept in one.instruction for concept in one.attributes["key_concepts"])
    asked = [request for request in writer.requests if "question of homework" in request.user]
    assert all(len(request.tag("syllabus").splitlines()) == SESSIONS for request in asked)


@pytest.mark.parametrize(("share", "sessions"), [(0.0, 1), (1.0, 2)])
def test_the_share_of_questions_about_two_sessions_is_a_setting(share, sessions):
    made = taught(Glan(questions=5, two_sessions=share), ScriptedTeacher(SyllabusWorld()))
    assert {len(one.attributes["session_names"]) for one in made} == {sessions}


def test_of_a_fifth_of_broken_conversions_none_is_lost():
    faults = {task: {"broken_json": 0.2} for task in ("subjects", "syllabus")}
    spoiled = ScriptedTeacher(SyllabusWorld(), faults=faults, seed=3)
    made = taught(Glan(questions=2, subject_queries=20), spoiled)
    assert len(spoiled.planted) >= 2
    assert len(made) == SUBJECTS * 2 and {one.status for one in made} == {"current"}


def test_another_discipline_changes_nothing_of_this_one():
    alone = taught(Glan(questions=3), ScriptedTeacher(SyllabusWorld()))
    teacher = ScriptedTeacher(SyllabusWorld(), jitter=5)
    taught(Glan(questions=3), teacher, of=discipline("Law"))
    again = taught(Glan(questions=3), teacher)
    assert [(one.content(), one.attributes) for one in again] == [(one.content(), one.attributes) for one in alone]


RECIPE = """
dataset: tiny
sources:
  - {name: disciplines, reader: files, path: inbox/disciplines/, license: CC0-1.0, lang: en, shard: 1}
teachers:
  writer: {use: embedded}
  answerer: {use: embedded}
stages:
  seed_corpus: []
  generated_instructions: [{glan: {subject_queries: 3, questions: 1}}]
  filtered_mix: {of: generated_instructions}
"""


def test_one_more_discipline_makes_its_own_batch_and_no_other(tmp_path):
    writer = ScriptedTeacher(SyllabusWorld())
    hand = ByHand(small_project(tmp_path / "p", RECIPE, Programs(writer)))
    hand.project.deliver({name: name for name in ("Botany", "Law", "Music")}, source="disciplines")
    first = hand.batches()["generated_instructions"]
    assert len(first) == 3
    before, asked = hand.project.versions("generated_instructions"), len(writer.requests)
    hand.project.deliver({"Physics": "Physics"}, "physics.jsonl", source="disciplines")
    (again,) = hand.batches()["generated_instructions"]
    after = hand.project.versions("generated_instructions")
    assert again not in first and after.keys() - before.keys() == {again}
    assert {batch: after[batch] for batch in before} == before
    assert all("Physics" in request.user for request in writer.requests[asked:])


# --------------------------------------------------------------------------------------------------------- bad input


def test_a_subject_without_a_syllabus_is_eliminated_and_the_others_stay():
    made = taught(Glan(questions=2), ScriptedTeacher(SyllabusWorld(without=frozenset({"Botany 2"}))))
    assert Counter(one.reason for one in made) == {None: 8, "syllabus_does_not_fit": 1}


def test_questions_and_answers_that_are_refused_or_cut_stay_with_their_reason():
    faults = {"completion": {"refusal": 0.2, "truncation": 0.2}}
    made = taught(Glan(questions=20), ScriptedTeacher(SyllabusWorld()), ScriptedTeacher(SyllabusWorld(), faults=faults))
    reasons = Counter(one.reason for one in made)
    assert reasons.keys() == {None, "answer_refused", "answer_cut"} and sum(reasons.values()) == 100
    writer = Fails("length", after=SyllabusWorld())
    made = taught(Glan(questions=2), writer, ScriptedTeacher(SyllabusWorld()))
    assert {one.reason for one in made} == {"question_cut"}


class Fails(ScriptedTeacher):
    """A writer whose questions alone are cut."""

    def __init__(self, finish_reason, *, after):
        super().__init__(after)
        self.finish_reason = finish_reason

    async def tell(self, prompt, /, **given):
        said = await super().tell(prompt, **given)
        return Answer(said.text, self.finish_reason, said.call) if "concepts" in given else said


class Says(ScriptedTeacher):
    """A teacher whose questions are all the same."""

    async def tell(self, prompt, /, **given):
        said = await super().tell(prompt, **given)
        return Answer("How do these depend on each other: all?", "stop", said.call) if "concepts" in given else said


def test_a_question_that_stood_before_is_eliminated():
    made = taught(Glan(questions=2), Says(SyllabusWorld()))
    assert Counter(one.reason for one in made) == {None: 1, "repeated_question": 9}


class Refuses:
    models = ("scripted",)

    async def tell(self, prompt, /, **given):
        raise Unusable("refused", "No.", Call(bytes(16), "scripted", prompt.hash))

    ask = tell


def test_a_writer_that_always_refuses_leaves_a_reject():
    with pytest.raises(Unusable, match="refused"):
        taught(Glan(), Refuses())


def test_a_writer_that_never_gives_a_form_leaves_a_reject_after_its_tries():
    faults = {"subjects": {"broken_json": 1.0}}
    writer = ScriptedTeacher(SyllabusWorld(), faults=faults)
    with pytest.raises(Unusable, match="unparsable"):
        taught(Glan(subject_queries=2, tries=3), writer)
    assert writer.asked["subjects"] <= 2 * 3


@pytest.mark.parametrize(
    ("body", "reason"),
    [(" \n ", "blank_discipline"), ("word " * LONGEST, "no_discipline")],
)
def test_what_names_no_discipline_is_dropped_before_anybody_is_asked(body, reason):
    writer = ScriptedTeacher(SyllabusWorld())
    made = taught(Glan(), writer, of=Document(body=body, record_id=b"d"))
    assert isinstance(made, Drop) and made.reason == reason and writer.requests == []
