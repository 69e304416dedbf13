"""Pairs of an answer that keeps every constraint and one that breaks one, by a program that checks both."""

import asyncio

import pytest

from synth_dagster.methods.synthesize.ultraif import Ultraif
from synth_dagster.methods.synthesize.ultraif_pairs import UltraifPairs
from synth_dagster.records import Instruction, Message, digest
from synth_dagster.services import Drop, Unusable
from tests.methods.test_every_method import chained
from tests.scripted_teacher.demands import LOWER, NO_COMMAS, SHORT, DemandWorld, broken, queries
from tests.scripted_teacher.teacher import ScriptedTeacher

ASKED = (SHORT, LOWER, NO_COMMAS)


def query(number, demands=ASKED, *, declared=True):
    text = " ".join([f"Describe the mill of town {number}.", *(one.sentence for one in demands)])
    attributes = {"questions": [one.question for one in demands]} if declared else {}
    return Instruction.single(text, "", record_id=digest("query", number), attributes=attributes)


def made_of(method, records, teacher):
    async def run():
        return await asyncio.gather(
            *(method.synthesize(one, writer=teacher, judge=teacher) for one in records), return_exceptions=True
        )

    return asyncio.run(run())


def pairs(made):
    return [pair for some in made for pair in some]


def test_every_chosen_answer_keeps_all_and_every_rejected_one_breaks_one():
    teacher = ScriptedTeacher(DemandWorld(keeps=0.7))
    made = pairs(made_of(UltraifPairs(), [query(number) for number in range(200)], teacher))
    assert teacher.asked == {"completion": 5 * 200, "evaluate": 5 * 200}
    kept = [one for one in made if one.status == "current"]
    # one of five passes with .343: 1 - .657^5 - .343^5 = .873 of 200 have both sides
    assert len(made) == 200 and 155 < len(kept) < 195
    for one in kept:
        assert broken(one.chosen[0].content, ASKED) == [] and one.chosen_score == 1.0
        lost = broken(one.rejected[0].content, ASKED)
        assert lost and one.rejected_score == pytest.approx(1 - len(lost) / 3)
        assert [demand.question in one.rationale for demand in ASKED] == [demand in lost for demand in ASKED]
        assert one.prompt[0].content == one.parents[0].instruction
    assert {one.reason for one in made if one.status != "current"} == {"none_passed"}  # all five pass: .343^5 = .005


@pytest.mark.parametrize(("keeps", "reason"), [(1.0, "all_passed"), (0.0, "none_passed")])
def test_answers_that_are_all_of_one_side_make_no_pair(keeps, reason):
    ((one,),) = made_of(UltraifPairs(), [query(1)], ScriptedTeacher(DemandWorld(keeps=keeps)))
    assert (one.status, one.reason) == ("eliminated", reason)


def test_a_query_without_questions_has_the_judge_write_them():
    teacher = ScriptedTeacher(DemandWorld(keeps=0.7))
    asked, bare = made_of(UltraifPairs(), [query(3, declared=False), query(4, (), declared=False)], teacher)
    assert asked[0].attributes["questions"] == [one.question for one in ASKED]
    assert bare == Drop("no_questions", "The query has no constraint that an answer could break.")
    assert teacher.asked == {"ask": 2, "completion": 5, "evaluate": 5}


@pytest.mark.parametrize("declared", [None, "Is it short?", [1], ["", "Is it short?"], []])
def test_what_is_no_list_of_questions_counts_as_none(declared):
    record = query(5).but(attributes={"questions": declared}, parents=())
    teacher = ScriptedTeacher(DemandWorld(keeps=0.7))
    made_of(UltraifPairs(), [record], teacher)
    assert teacher.asked["ask"] == 1


@pytest.mark.parametrize(
    ("task", "fault", "reason"),
    [
        ("completion", "refusal", "refused"),
        ("completion", "truncation", "cut"),
        ("evaluate", "broken_json", "judgement_unparsable"),
        ("evaluate", "truncation", "judgement_cut"),
        ("evaluate", "refusal", "judgement_refused"),
    ],
)
def test_answers_that_nobody_could_judge_are_unusable_with_their_reason(task, fault, reason):
    teacher = ScriptedTeacher(DemandWorld(), faults={task: {fault: 1.0}})
    (problem,) = made_of(UltraifPairs(), [query(6)], teacher)
    assert isinstance(problem, Unusable) and problem.reason == reason and problem.call is not None


def test_an_answer_that_was_not_judged_counts_for_neither_side():
    teacher = ScriptedTeacher(DemandWorld(keeps=0.7), faults={"evaluate": {"broken_json": 0.4}})
    made = made_of(UltraifPairs(), [query(number) for number in range(60)], teacher)
    # fewer than two of five are judged with .6 for each in 5 * .6 * .4^4 + .4^5 = .087 of queries
    problems = [one for one in made if isinstance(one, Unusable)]
    assert 0 < len(problems) < 15 and {one.reason for one in problems} == {"judgement_unparsable"}
    kept = [one for one in pairs(one for one in made if one not in problems) if one.status == "current"]
    assert len(kept) > 20
    for one in kept:
        assert broken(one.chosen[0].content, ASKED) == [] and broken(one.rejected[0].content, ASKED)


class Incomplete(DemandWorld):
    """A judge that leaves the last question out."""

    def answer(self, request):
        said = super().answer(request)
        return {"verdicts": said["verdicts"][:-1]} if request.task == "evaluate" else said


def test_a_judgement_that_leaves_a_question_out_is_none():
    (problem,) = made_of(UltraifPairs(), [query(7)], ScriptedTeacher(Incomplete()))
    assert problem.reason == "judgement_incomplete"


@pytest.mark.parametrize(
    ("turns", "reason"),
    [((), "blank_instruction"), ((Message("user", "a"), Message("assistant", "b")) * 2, "conversation")],
)
def test_what_is_no_query_is_dropped_without_a_call(turns, reason):
    teacher = ScriptedTeacher(DemandWorld())
    (drop,) = made_of(UltraifPairs(), [Instruction(messages=turns, record_id=b"1")], teacher)
    assert drop.reason == reason and not teacher.requests


def test_after_ultraif_no_answer_is_bought_again(monkeypatch):
    teacher = ScriptedTeacher(DemandWorld(keeps=0.7))
    chain, _ = chained(Ultraif(), queries(20), in_flight=8, monkeypatch=monkeypatch, teacher=teacher)
    before = len(teacher.requests)
    bought = {request.key for request in teacher.requests}
    kept = [one for one in chain.made if one.status == "current"]
    made_of(UltraifPairs(), kept, teacher)
    again = teacher.requests[before:]
    assert len(kept) > 10 and len(again) == 10 * len(kept)
    assert {request.key for request in again} <= bought  # the same requests: the cache answers them
