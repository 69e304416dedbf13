"""What runs and leaves a result is kept, everything else is dropped with its reason."""

import asyncio
from collections import Counter
from math import comb
from statistics import NormalDist

import numpy as np
import pytest

from synth_dagster.methods.synthesize.tinygsm import Tinygsm
from synth_dagster.parts.mathematics.programs import bare_program, result_of
from synth_dagster.parts.mathematics.voting import vote
from synth_dagster.records import Instruction
from synth_dagster.sandbox.local import LocalSandbox
from synth_dagster.services import Drop, Limits, Unusable
from tests.scripted_teacher.arithmetic import BROKEN, ProgramWorld, answer_of, same_number, seeds
from tests.scripted_teacher.teacher import ScriptedTeacher


def made(method, records, teacher):
    async def run():
        ways = (method.synthesize(record, writer=teacher, sandbox=LocalSandbox()) for record in records)
        return await asyncio.gather(*ways, return_exceptions=True)

    return asyncio.run(run())


def result(program):
    return asyncio.run(result_of(program, LocalSandbox(), Limits(cpu_s=1)))


# ------------------------------------------------------------------------------------------------------------ programs


@pytest.mark.parametrize(
    ("program", "found"),
    [
        pytest.param("a = 2\nresult = a * 3", ("6", None), id="sound"),
        pytest.param("print('noise')\nresult = 2.5", ("2.5", None), id="prints too"),
        pytest.param("result = (", (None, "syntax_error"), id="does not parse"),
        pytest.param("while True: pass\nresult = 1", (None, "time_out"), id="never ends"),
        pytest.param("answer = 1", (None, "no_result"), id="no result"),
        pytest.param("result = None", (None, "no_result"), id="a result of nothing"),
        pytest.param("import sys\nsys.exit()\nresult = 1", (None, "no_result"), id="leaves before its end"),
        pytest.param("result = 1 / 0", (None, "program_failed"), id="raises"),
        pytest.param("result = [0] * 10**12", (None, "out_of_memory"), id="asks for all memory"),
        pytest.param("", (None, "no_result"), id="nothing"),
    ],
)
def test_a_program_gives_its_result_or_the_reason(program, found):
    assert result(program) == found


def test_a_program_is_taken_out_of_its_fence():
    assert bare_program("Here:\n```python\nresult = 1\n```\nDone.") == "result = 1"
    assert bare_program("```\na\n```\n```py\nb\n```") == "b" and bare_program("result = 2\n") == "result = 2"
    assert bare_program("```python\nresult = 3") == "result = 3"  # the fence was cut


# -------------------------------------------------------------------------------------------------- planted and counted


def test_every_broken_pair_is_dropped_with_its_reason_and_every_sound_one_kept():
    world = ProgramWorld(broken=dict.fromkeys(BROKEN, 0.08) | {"endless": 0.03})
    records = [one for found in made(Tinygsm(problems=5, cpu_s=1), seeds(3), ScriptedTeacher(world)) for one in found]
    assert Counter(one.attributes["route"] for one in records) == {"one_step": 15, "two_step": 15, "ic": 15}
    assert [one.reason for one in records] == [BROKEN.get(world.planted(one.instruction)) for one in records]
    assert len({one.reason for one in records}) > 3, "several faults were planted"
    kept = [one for one in records if one.status == "current"]
    assert len(kept) > 20
    for one in kept:
        assert same_number(one.attributes["result"], answer_of(one.instruction))
        assert one.response == f"```python\n{bare_program(one.response)}\n```"
    assert Counter(parent.record_id for one in records for parent in one.parents) == {s.record_id: 15 for s in seeds(3)}


@pytest.mark.parametrize(
    ("routes", "calls"),
    [
        pytest.param(("one_step",), 1, id="one call for all pairs"),
        pytest.param(("two_step",), 1 + 10, id="one for the problems, one for each program"),
        pytest.param(("one_step", "two_step", "ic"), 1 + 11 + 11, id="all three"),
    ],
)
def test_calls_are_those_of_the_card(routes, calls):
    teacher = ScriptedTeacher(ProgramWorld())
    (records,) = made(Tinygsm(routes=routes), seeds(1), teacher)
    assert len(teacher.requests) == calls and len(records) == 10 * len(routes)
    assert {one.status for one in records} == {"current"}


def test_the_prompt_asks_for_irrelevant_facts_on_that_route_only():
    teacher = ScriptedTeacher(ProgramWorld())
    made(Tinygsm(problems=1), seeds(1), teacher)
    assert sum("nothing to do with its answer" in request.user for request in teacher.requests) == 1


def test_a_problem_that_is_none_costs_no_program():
    teacher = ScriptedTeacher(ProgramWorld(broken={"no_digits": 1.0}))
    (records,) = made(Tinygsm(routes=("two_step",)), seeds(1), teacher)
    assert len(teacher.requests) == 1 and {one.reason for one in records} == {"no_number"}


# ------------------------------------------------------------------------------------------------------------ bad input


def test_an_empty_seed_is_dropped_before_anyone_is_asked():
    teacher = ScriptedTeacher(ProgramWorld())
    (dropped,) = made(Tinygsm(), [Instruction.single("", "", record_id=b"r" * 16)], teacher)
    assert isinstance(dropped, Drop) and dropped.reason == "blank_instruction" and teacher.requests == []


@pytest.mark.parametrize("fault", ["refusal", "broken_json", "truncation"])
def test_a_teacher_that_gives_nothing_usable_makes_a_reject_of_the_seed(fault):
    faults = {task: {fault: 1.0} for task in ("pairs", "variants")}
    (problem,) = made(Tinygsm(), seeds(1), ScriptedTeacher(ProgramWorld(), faults=faults))
    assert isinstance(problem, Unusable)


def test_a_program_that_was_cut_costs_that_pair():
    teacher = ScriptedTeacher(ProgramWorld(), faults={"program": {"truncation": 0.5}})
    (records,) = made(Tinygsm(routes=("two_step",), problems=12), seeds(1), teacher)
    assert Counter(one.reason for one in records) == {"cut": len(teacher.planted), None: 12 - len(teacher.planted)}
    assert 0 < len(teacher.planted) < 12


# -------------------------------------------------------------------------------- a verifier beside a vote, by planting

RIGHT, CANDIDATES, PROBLEMS = 0.4, 48, 400


def chosen(auc, together, seed):
    """Shares of problems that a vote and that the best of 48 get right. A wrong candidate gives, with the chance
    `together`, the one wrong answer that lies near, else one of its own; a verifier's scores are normal and right ones
    are higher by as much as gives its AUC."""
    rng = np.random.default_rng(seed)
    right = rng.random((PROBLEMS, CANDIDATES)) < RIGHT
    near = rng.random(right.shape) < together
    scores = rng.normal(size=right.shape) + right * distance(auc)
    answers = [
        ["1" if good else "2" if same else str(3 + place) for place, (good, same) in enumerate(zip(*row, strict=True))]
        for row in zip(right, near, strict=True)
    ]
    voted = np.mean([vote(one).answer == "1" for one in answers])
    return float(voted), float(right[np.arange(PROBLEMS), scores.argmax(axis=1)].mean())


def distance(auc):
    """Between the means of two normals: one draw is above the other with this chance."""
    return 2**0.5 * NormalDist().inv_cdf(auc)


def best_is_right(auc):
    """By quadrature: one of 48 has a score and is right, the 47 others have lower ones, right or wrong."""
    wrong, right = NormalDist(0), NormalDist(distance(auc))
    below = [(x / 200, RIGHT * right.cdf(x / 200) + (1 - RIGHT) * wrong.cdf(x / 200)) for x in range(-1_200, 1_800)]
    return sum(CANDIDATES * RIGHT * right.pdf(x) * share**47 / 200 for x, share in below)


@pytest.mark.parametrize("auc", [0.6, 0.7, 0.8, 0.9])
def test_where_wrong_answers_are_one_answer_a_verifier_chooses_better_than_a_vote(auc):
    # a vote is right where over 24 of 48 are, or 24 and the first: P(Bin(48, .4) > 24) + P(= 24) / 2 = .082
    voting = sum(comb(48, k) * 0.4**k * 0.6 ** (48 - k) / (2 if k == 24 else 1) for k in range(24, 49))
    voted, best = chosen(auc, together=1.0, seed=0)
    sigma = (0.25 / PROBLEMS) ** 0.5
    assert abs(voted - voting) < 4 * sigma and abs(best - best_is_right(auc)) < 4 * sigma
    assert best > voted


@pytest.mark.parametrize("auc", [0.6, 0.7, 0.8, 0.9])
def test_where_each_wrong_answer_stands_alone_a_vote_chooses_better_than_a_verifier(auc):
    # a vote is wrong where no two of 48 are right: .6^48 + 48 * .4 * .6^47 < 1e-8
    voted, best = chosen(auc, together=0.0, seed=0)
    assert voted == 1.0 > best


def test_the_order_turns_where_as_many_give_the_near_wrong_answer_as_the_right_one():
    # right .4; the near wrong answer .6 * .5 = .3 of the candidates, then .6 * .9 = .54
    assert np.greater(*chosen(0.7, together=0.5, seed=1))
    assert np.less(*chosen(0.7, together=0.9, seed=1))
