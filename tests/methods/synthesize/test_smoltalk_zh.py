"""Dialogues out of a task alone: unclear requests go no further, calls are counted, and planted faults all go."""

import asyncio
from collections import Counter

import pytest

from synth_dagster.methods.synthesize.smoltalk_zh import SmoltalkZh
from synth_dagster.records import Document, digest
from synth_dagster.services import Drop, Unusable
from tests.scripted_teacher.chinese import ChineseWorld
from tests.scripted_teacher.teacher import ScriptedTeacher

TASK = Document(title="生活常识", body="你是一位熟悉手艺和农事的助手，回答人们日常的问题。", record_id=digest("task"))


def made(world, task=TASK, faults=None, **settings):
    teacher = ScriptedTeacher(world, faults=faults)
    found = asyncio.run(SmoltalkZh(**settings).synthesize(task, writer=teacher, judge=teacher))
    return found, teacher


def told(record):
    return record.attributes["smoltalk_zh"]


def test_a_dialogue_costs_four_calls_and_is_scored_and_tagged():
    found, teacher = made(ChineseWorld(), per_task=20)
    assert len(found) == 20 and len(teacher.requests) == 80
    assert {one.status for one in found} == {"current"} and len({one.instruction for one in found}) > 15
    assert {(told(one)["task"], told(one)["clarity"], told(one)["tag"]) for one in found} == {
        ("生活常识", 4, "information_seeking")
    }
    assert [message.role for message in found[0].messages] == ["user", "assistant"]
    assert all(one.parents == (TASK,) for one in found)


def test_more_turns_cost_two_calls_each():
    found, teacher = made(ChineseWorld(), per_task=5, turns=3)
    assert all([message.role for message in one.messages] == ["user", "assistant"] * 3 for one in found)
    assert len(teacher.requests) == 5 * (2 * 3 + 2)


def test_unclear_requests_cost_two_calls_and_stay_as_eliminated_records():
    found, teacher = made(ChineseWorld(unclear=0.4), per_task=60)
    reasons = Counter(one.reason for one in found)
    unclear = reasons["request_unclear"]
    assert 0 < unclear < 60 and reasons[None] == 60 - unclear
    assert len(teacher.requests) == 4 * (60 - unclear) + 2 * unclear
    assert all(told(one)["clarity"] < 3 for one in found if one.reason)


def test_the_least_clarity_is_a_setting():
    found, _ = made(ChineseWorld(unclear=1.0), per_task=5, min_clarity=1)
    assert {one.reason for one in found} == {None}


def test_planted_refusals_and_english_answers_go():
    found, _ = made(ChineseWorld(spoilt=0.2), per_task=80)
    for one in found:
        answer = one.messages[-1].content
        english = "answer_other_language" if answer.startswith("The") else None
        expected = "answer_refused" if "抱歉" in answer else english
        assert one.reason == expected
    assert {one.reason for one in found} == {"answer_refused", "answer_other_language", None}


def test_an_answer_that_cannot_be_read_costs_its_dialogue_and_no_other():
    found, teacher = made(ChineseWorld(), per_task=60, faults={"tags": {"broken_json": 0.3}})
    reasons = Counter(one.reason for one in found)
    # two dialogues may ask the same, and then one broken answer is that of both
    assert reasons["unparsable"] >= len(teacher.planted) > 0 and reasons[None] == 60 - reasons["unparsable"] > 0


def test_a_cut_answer_goes_and_a_service_that_says_nothing_is_a_reject():
    found, _ = made(ChineseWorld(), per_task=2, faults={"completion": {"truncation": 1.0}})
    assert {one.reason for one in found} == {"request_cut"}

    class Silent:
        def answer(self, request):
            return " "

    with pytest.raises(Unusable):
        made(Silent(), per_task=2)


def test_a_task_without_words_is_dropped():
    found, teacher = made(ChineseWorld(), task=Document(body=" "))
    assert isinstance(found, Drop) and found.reason == "blank_task" and not teacher.requests
