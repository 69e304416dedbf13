"""Passages that show how something follows stay with their scores; notices and small talk go."""

import asyncio
from collections import Counter

import pytest

from synth_dagster.methods.refine.phi4_seeds import Phi4Seeds
from synth_dagster.records import Document
from synth_dagster.services import Drop, Unusable
from tests.scripted_teacher.lessons import LessonWorld, passages
from tests.scripted_teacher.teacher import ScriptedTeacher

NOTICE = Document(body="Open daily from nine to six. Free parking.", title="Shop", record_id=b"n" * 16)


def refined(records, judge, **settings):
    async def run():
        return await asyncio.gather(
            *(Phi4Seeds(**settings).refine(one, judge=judge) for one in records), return_exceptions=True
        )

    return asyncio.run(run())


def test_of_planted_notices_all_go_and_of_lessons_none():
    judge = ScriptedTeacher(LessonWorld())
    found = refined([*passages(), NOTICE], judge)
    assert len(judge.requests) == 5  # a call for each
    assert isinstance(found[-1], Drop) and found[-1].reason == "not_educational" and found[-1].call is not None
    for one, before in zip(found[:-1], passages(), strict=True):
        assert one.body == before.body and one.parents == (before,) and one.model_id is None
        assert one.attributes["rubric_scores"] == {"educational": 4, "factual": 4, "reasoning": 4}


@pytest.mark.parametrize("name", ["educational", "factual", "reasoning"])
def test_each_score_has_its_least(name):
    least = {f"min_{other}": 0 for other in ("educational", "factual", "reasoning")} | {f"min_{name}": 5}
    (found,) = refined(passages(1), ScriptedTeacher(LessonWorld()), **least)
    assert found.reason == f"not_{name}"


@pytest.mark.parametrize(("body", "reason"), [("", "blank_passage"), ("word " * 5_000, "too_long")])
def test_what_is_no_passage_is_dropped_before_anyone_is_asked(body, reason):
    judge = ScriptedTeacher(LessonWorld())
    (found,) = refined([Document(body=body, record_id=b"d")], judge)
    assert found.reason == reason and judge.requests == []


@pytest.mark.parametrize("fault", ["broken_json", "truncation", "refusal"])
def test_a_judgment_that_cannot_be_read_makes_a_reject(fault):
    found = refined(passages(20), ScriptedTeacher(LessonWorld(), faults={"seed_scores": {fault: 0.4}}))
    assert set(Counter(type(one) for one in found)) == {Document, Unusable}
