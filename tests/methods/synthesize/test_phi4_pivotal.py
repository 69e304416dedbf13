"""Where one word decides whether a solution ends well, the pair is that word against the other, and no other word."""

import asyncio

import pytest

from synth_dagster.methods.synthesize.phi4_pivotal import Phi4Pivotal
from synth_dagster.records import Instruction
from synth_dagster.services import Drop, Unusable
from tests.scripted_teacher.arithmetic import seeds
from tests.scripted_teacher.teacher import ScriptedTeacher
from tests.scripted_teacher.turning import BEGINNING, RIGHT, WRONG, TurningWorld


def made_of(method, records, writer):
    async def run():
        return await asyncio.gather(*(method.synthesize(one, writer=writer) for one in records), return_exceptions=True)

    return asyncio.run(run())


def test_the_word_that_decides_is_found_in_every_run_and_no_other():
    # The chance jumps from .5 to 0 or 1. Of 48 continuations a share errs by .072, the difference of two by .102: a
    # gap of .4 is four times that for a word that decides nothing, and the jump is five times that away from 0.
    writer, method = ScriptedTeacher(TurningWorld()), Phi4Pivotal(rollouts=48, gap=0.4)
    for question, made in zip(seeds(4), made_of(method, seeds(4), writer), strict=True):
        (pair,) = made
        assert pair.status == "current" and pair.parents[0].record_id == question.record_id
        assert pair.attributes["prefix"] == f"{BEGINNING} "
        assert (pair.attributes["chosen_token"], pair.attributes["rejected_token"]) == (RIGHT, WRONG)
        assert pair.chosen[0].content == f"{BEGINNING} {RIGHT}" and pair.rejected[0].content == f"{BEGINNING} {WRONG}"
        assert (pair.chosen_score, pair.rejected_score) == (1.0, 0.0)
        assert abs(pair.attributes["p_before"] - 0.5) < 0.3
        assert [turn.role for turn in pair.prompt] == ["user"] and pair.prompt[0].content == question.instruction


def test_each_beginning_costs_its_continuations_once():
    writer = ScriptedTeacher(TurningWorld())
    made_of(Phi4Pivotal(rollouts=32), seeds(1), writer)
    beginnings = {request.tag("solution") for request in writer.requests}
    assert len(writer.requests) == 32 * len(beginnings) and len(beginnings) < 20  # of some 30 words of two solutions
    assert {one.temperature for one in writer.samplings} == {1.0}


@pytest.mark.parametrize(("skill", "reason"), [(0.02, "too_hard"), (0.98, "too_easy")])
def test_a_question_that_is_nearly_always_right_or_wrong_is_not_searched(skill, reason):
    writer = ScriptedTeacher(TurningWorld(skill=skill))
    ((record,),) = made_of(Phi4Pivotal(rollouts=20), seeds(1), writer)
    assert record.reason == reason and len(writer.requests) == 20


def test_where_no_word_moves_the_chance_by_the_gap_there_is_no_pair():
    # from .5 to 1 is no step of .9
    ((found,),) = made_of(Phi4Pivotal(gap=0.9), seeds(1), ScriptedTeacher(TurningWorld()))
    assert found.reason == "no_pivot" and found.chosen == ()


@pytest.mark.parametrize(
    ("asked", "answer", "reason"),
    [(" ", "The answer is: 4", "blank_instruction"), ("Why?", "Because.", "no_final_answer")],
)
def test_what_cannot_succeed_is_dropped_before_anyone_is_asked(asked, answer, reason):
    writer = ScriptedTeacher(TurningWorld())
    (found,) = made_of(Phi4Pivotal(), [Instruction.single(asked, answer, record_id=b"q" * 16)], writer)
    assert isinstance(found, Drop) and found.reason == reason and writer.requests == []


def test_refused_and_cut_continuations_have_failed_and_only_all_of_them_make_a_reject():
    faults = {"completion": {"refusal": 0.1, "truncation": 0.1}}
    ((pair,),) = made_of(Phi4Pivotal(rollouts=48), seeds(1), ScriptedTeacher(TurningWorld(), faults=faults))
    assert pair.status == "current" and pair.chosen_score < 1.0
    always = ScriptedTeacher(TurningWorld(), faults={"completion": {"refusal": 1.0}})
    assert all(isinstance(one, Unusable) for one in made_of(Phi4Pivotal(), seeds(2), always))
