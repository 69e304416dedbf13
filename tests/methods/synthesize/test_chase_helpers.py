"""A function stays that is new, says what it is for, and runs when it is called; all else goes with its reason."""

from itertools import combinations

import pytest

from synth_dagster.methods.synthesize.chase_helpers import ChaseHelpers
from synth_dagster.parts.cards.helpers import function_of
from synth_dagster.records import Document
from synth_dagster.sandbox.local import LocalSandbox
from tests.methods.rounds import all_rounds
from tests.scripted_teacher.code_base import BAD, BASE, CodeBase
from tests.scripted_teacher.code_chains import helpers
from tests.scripted_teacher.echo import EchoSandbox
from tests.scripted_teacher.teacher import ScriptedTeacher


class Runs(EchoSandbox):
    """Everything comes to its end, and what was run is noted."""

    def __init__(self):
        self.programs = []

    async def run(self, program, /, *, limits=None):
        self.programs.append(program)
        return await super().run("0", limits=limits)


def grown(method, seeds, teacher, sandbox=None):
    return all_rounds(method, seeds, writer=teacher, sandbox=sandbox or LocalSandbox())


def kept(records):
    return [one for one in records if one.status == "current"]


def one_round(world, **settings):
    method = ChaseHelpers(**{"helpers": 1, "patience": 1, "requests_a_round": 1, "cpu_s": 1} | settings)
    return grown(method, helpers(), ScriptedTeacher(world))[0]


# -------------------------------------------------------------------------------------------------- planted and counted


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_function_is_refused_for_what_is_bad_about_it(fault):
    records = one_round(CodeBase({fault: 1.0}), asked_for=2)
    assert {record.reason for record in records} == {BAD[fault]}


def test_sound_functions_stay_and_name_what_was_shown():
    records = one_round(CodeBase())
    assert len(records) == 5 and {record.status for record in records} == {"current"}
    for record in records:
        function = function_of(record.body)
        assert record.title == function.name in BASE and record.attributes["objective"] == BASE[function.name][0]
        assert len({parent.record_id for parent in record.parents}) == 5


def test_of_planted_functions_exactly_the_sound_ones_stay_and_no_two_are_alike():
    world = CodeBase({"fails": 0.2, "silent": 0.1, "prose": 0.1})
    records, _, _ = grown(ChaseHelpers(helpers=14, patience=1), helpers(), ScriptedTeacher(world))
    stay = {one.title for one in kept(records)}
    assert stay and all(world.fault(name) is None for name in stay)
    assert len(stay) == len(kept(records))  # what is written again is like itself
    functions = [function_of(one.body) for one in (*helpers(), *kept(records))]
    assert not any(one.is_like(other) for one, other in combinations(functions, 2))
    gone = {(one.title, one.reason) for one in records if one.reason and one.reason.startswith("trial")}
    assert {reason for _, reason in gone} == {"trial_program_failed"}
    assert all(world.fault(name) == "fails" for name, _ in gone)


def test_a_request_costs_a_call_and_each_new_function_one_more():
    teacher = ScriptedTeacher(CodeBase({"prose": 0.3}))
    records, _, _ = grown(ChaseHelpers(helpers=1, requests_a_round=2), helpers(), teacher, Runs())
    refused_before = [one for one in records if one.reason in ("no_function", "too_alike")]
    assert teacher.asked == {"helpers": 2, "trial": 10 - len(refused_before)} and len(records) == 10
    assert {len(one.calls) for one in refused_before} == {1} and {len(one.calls) for one in kept(records)} == {2}


def test_each_function_is_run_once_however_many_rounds_there_are():
    sandbox = Runs()
    records, _, rounds = grown(ChaseHelpers(helpers=20), helpers(), ScriptedTeacher(CodeBase()), sandbox)
    tried = [one for one in records if one.reason is None]
    assert rounds > 1 and len(sandbox.programs) == len(set(sandbox.programs)) == 12 + len(tried)


def test_ones_own_are_shown_first_and_later_those_of_the_model():
    def shown(**settings):
        teacher = ScriptedTeacher(CodeBase())
        grown(ChaseHelpers(helpers=15, requests_a_round=1, **settings), helpers(), teacher, Runs())
        asked = [request.tags("helper") for request in teacher.requests if request.task == "helpers"]
        return [{function_of(code).name in BASE for code in codes} for codes in asked]

    assert {frozenset(one) for one in shown()} == {frozenset({False})}
    for settings in ({"seeds_until": 5}, {"seed_requests": 1}):
        first, *later = shown(**settings)
        assert first == {False} and {frozenset(one) for one in later} == {frozenset({True})}


# ------------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize("documents", [[], [Document(body="no code", record_id=b"r" * 16)], [Document(body=" ")]])
def test_without_a_function_to_begin_with_nobody_is_asked(documents):
    teacher = ScriptedTeacher(CodeBase())
    made, drops, _ = grown(ChaseHelpers(patience=1), documents, teacher)
    assert made == [] and teacher.requests == [] and [drop.reason for drop in drops] == ["no_function"] * len(documents)


@pytest.mark.parametrize("fault", ["refusal", "broken_json", "truncation"])
def test_a_writer_that_gives_nothing_gives_drops_that_name_the_call(fault):
    teacher = ScriptedTeacher(CodeBase(), faults={"helpers": {fault: 1.0}})
    made, drops, _ = grown(ChaseHelpers(patience=1, requests_a_round=2), helpers(), teacher, Runs())
    assert made == [] and len(drops) == 2 and {len(drop.calls) for drop in drops} == {1}


@pytest.mark.parametrize(("fault", "reason"), [("refusal", "trial_refused"), ("broken_json", "trial_unparsable")])
def test_a_function_that_nobody_tried_goes(fault, reason):
    teacher = ScriptedTeacher(CodeBase(), faults={"trial": {fault: 1.0}})
    made, _, _ = grown(ChaseHelpers(patience=1, requests_a_round=1), helpers(), teacher, Runs())
    assert {one.reason for one in made} == {reason}


def test_a_writer_that_always_repeats_what_it_saw_ends_after_its_patience():
    class Repeats(CodeBase):
        def answer(self, request):
            return {"programs": request.tags("helper")} if request.task == "helpers" else super().answer(request)

    made, _, rounds = grown(ChaseHelpers(patience=2, requests_a_round=1), helpers(), ScriptedTeacher(Repeats()), Runs())
    assert {one.reason for one in made} == {"too_alike"} and rounds == 2
