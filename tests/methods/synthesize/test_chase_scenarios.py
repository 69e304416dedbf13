"""Of scenarios that share 60 % of their words the first stays."""

from itertools import combinations

import pytest

from synth_dagster.methods.synthesize.chase_scenarios import ChaseScenarios
from synth_dagster.parts.cards.scenarios import Scenario
from synth_dagster.parts.similarity.short_texts import jaccard
from synth_dagster.records import Document
from tests.methods.rounds import all_rounds
from tests.scripted_teacher.lookups import LookupWorld, scenarios
from tests.scripted_teacher.teacher import ScriptedTeacher

TOP, OFFICE = "hr manager at a top law firm", "hr manager at a law office"


def grown(method, seeds, teacher):
    return all_rounds(method, seeds, writer=teacher)


def kept(records):
    return [record for record in records if record.status == "current"]


def test_personas_of_the_card_share_five_of_eight_words():
    # hr, manager, at, a, law are in both; top, firm, office in one
    assert jaccard(TOP, OFFICE) == 5 / 8


@pytest.mark.parametrize(
    ("collection", "mean", "stays"),
    [pytest.param("court records", 0.8125, False, id="same"), pytest.param("tax forms", 0.3125, True, id="another")],
)
def test_the_mean_of_persona_and_collection_decides(collection, mean, stays):
    assert Scenario(TOP, "court records").likeness(Scenario(OFFICE, collection)) == mean
    assert (mean < ChaseScenarios().most_alike) == stays


def test_no_two_scenarios_that_stay_are_alike():
    records, _, _ = grown(ChaseScenarios(scenarios=15), scenarios(5), ScriptedTeacher(LookupWorld(alike=0.3)))
    there = [Scenario.read(one) for one in (*scenarios(5), *kept(records))]
    assert max(one.likeness(other) for one, other in combinations(there, 2)) < 0.6
    assert len(kept(records)) >= 15 and {one.reason for one in records} == {None, "too_alike"}


def test_a_scenario_names_those_that_it_was_made_from():
    records, _, _ = grown(ChaseScenarios(scenarios=5, shown=3), scenarios(5), ScriptedTeacher(LookupWorld()))
    seeds = {one.record_id for one in scenarios(5)}
    assert all(len(one.parents) == 3 and {parent.record_id for parent in one.parents} <= seeds for one in records)


def test_a_request_is_one_call_and_a_writer_who_repeats_ends_it():
    teacher = ScriptedTeacher(LookupWorld(alike=1.0))
    records, _, number = grown(ChaseScenarios(requests_a_round=2, patience=3), scenarios(3), teacher)
    assert number == 3 and len(teacher.requests) == 2 * 3 and len(records) == 5 * 2 * 3
    assert {one.reason for one in records} == {"too_alike"}


@pytest.mark.parametrize("seeds", [[], [Document(body="one line", record_id=b"r" * 16)]])
def test_without_a_scenario_nobody_is_asked(seeds):
    teacher = ScriptedTeacher(LookupWorld())
    assert grown(ChaseScenarios(), seeds, teacher) == ([], [], 0) and teacher.requests == []


@pytest.mark.parametrize("fault", ["refusal", "broken_json", "truncation"])
def test_a_writer_that_gives_nothing_usable_gives_drops_with_the_reason(fault):
    teacher = ScriptedTeacher(LookupWorld(), faults={"scenarios": {fault: 1.0}})
    records, drops, _ = grown(ChaseScenarios(), scenarios(2), teacher)
    assert records == [] and len(drops) == 4 * 3 and len({drop.reason for drop in drops}) == 1


def test_another_round_asks_for_other_scenarios():
    teacher = ScriptedTeacher(LookupWorld(alike=1.0))
    grown(ChaseScenarios(), scenarios(1), teacher)
    assert len({request.key for request in teacher.requests}) == 3, "one scenario, three rounds"
