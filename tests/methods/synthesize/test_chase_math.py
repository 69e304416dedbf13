"""Every chain that is kept is what an exact solver finds, and what is bad goes with its reason."""

import asyncio
from collections import Counter
from fractions import Fraction

import pytest

from synth_dagster.methods.synthesize.chase_math import ChaseMath
from synth_dagster.parts.mathematics.answers import number_of
from synth_dagster.parts.mathematics.leaked_numbers import says_number
from synth_dagster.records import Instruction, digest
from synth_dagster.services import Drop, Unusable
from tests.scripted_teacher.chains import BAD, ChainWorld, parsed, seeds, value_of
from tests.scripted_teacher.faults import share
from tests.scripted_teacher.teacher import ScriptedTeacher


def made(method, records, teacher):
    async def run():
        ways = (method.synthesize(record, writer=teacher, verifier=teacher) for record in records)
        return await asyncio.gather(*ways, return_exceptions=True)

    return asyncio.run(run())


def chains(method, count, world, **teacher):
    return [record for (record,) in made(method, seeds(count), ScriptedTeacher(world, **teacher))]


def kept(records):
    return [record for record in records if record.status == "current"]


def failures(records):
    return Counter(reason for record in records for reason in record.attributes["failed_attempts"])


def is_right(record):
    return value_of(record.instruction) == number_of(record.attributes["final_answer"])


# -------------------------------------------------------------------------------------------------- planted and counted


def test_every_kept_chain_is_what_an_exact_solver_finds_whatever_is_planted():
    bad = dict.fromkeys((*BAD, "leak", "repeats", "back"), 0.05)
    records = chains(ChaseMath(), 60, ChainWorld(bad, mends_badly=0.3))
    assert len(kept(records)) > 50 and all(is_right(record) for record in kept(records))
    assert {record.attributes["depth"] for record in kept(records)} <= {2, 3, 4, 5}
    assert set(BAD.values()) <= set(failures(records))


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_step_is_refused_for_what_is_bad_about_it(fault):
    records = chains(ChaseMath(attempts=3), 4, ChainWorld({fault: 1.0}))
    assert {(record.status, record.reason) for record in records} == {("eliminated", BAD[fault])}
    assert failures(records) == {BAD[fault]: 3 * 4}


def test_no_context_says_an_answer_on_the_way_and_the_words_around_it_stay_whole():
    records = kept(chains(ChaseMath(), 40, ChainWorld({"leak": 0.5})))
    added = [record.attributes["contexts"][1:] for record in records]
    on_the_way = [[number_of(one) for one in record.attributes["intermediate_answers"]] for record in records]
    for contexts, answers in zip(added, on_the_way, strict=True):
        assert not any(
            says_number(text, answer) for place, text in enumerate(contexts) for answer in answers[: place + 1]
        )
    leaks = [text for contexts in added for text in contexts if text.startswith("Some say")]
    assert len(leaks) > 40 and all(" has " in text and " or so." in text and "  " not in text for text in leaks)


def test_what_was_said_just_before_is_not_said_again():
    records = kept(chains(ChaseMath(depth=2), 30, ChainWorld({"repeats": 0.5})))
    assert len(records) > 25
    texts = [record.attributes["contexts"] for record in records]
    long = [contexts[0] for contexts in texts if len(contexts[0].split()) >= 8]
    assert len(long) > 15 and all(
        record.instruction.count(text) == 1 for text in long for record in records if text in record.instruction
    )


@pytest.mark.parametrize(("verifiers", "rate"), [(2, 0.3), (3, 0.5)])
def test_wrong_steps_pass_verifiers_of_independent_errors_as_often_as_all_of_them_err(verifiers, rate):
    count = 400
    method = ChaseMath(depth=1, min_depth=1, attempts=1, verifiers=verifiers)
    passed = len(kept(chains(method, count, ChainWorld({"wrong": 1.0}, errs=rate))))
    # v^2 = 0.09 of 400 are 36, v^3 = 0.125 of 400 are 50; three standard deviations of a binomial are added
    expected = rate**verifiers
    assert passed <= count * expected + 3 * (count * expected * (1 - expected)) ** 0.5
    assert passed > 0, "verifiers that err let some pass"


def test_a_chain_whose_parts_are_right_and_whose_whole_is_wrong_falls_back_to_a_shorter_one():
    world = {"back": 0.25}
    unchecked = kept(chains(ChaseMath(whole_chain=False, attempts=6), 80, ChainWorld(world)))
    checked = kept(chains(ChaseMath(attempts=6), 80, ChainWorld(world)))
    assert sum(not is_right(record) for record in unchecked) > 5, "verifying three steps at a time lets these through"
    assert len(checked) > 60 and all(is_right(record) for record in checked)


def test_a_solver_that_errs_in_some_steps_is_right_less_often_the_deeper_the_chain():
    records = kept(chains(ChaseMath(), 150, ChainWorld()))
    accuracy = [sum(solved_by_a_careless(record, depth) for record in records) for depth in range(2, 6)]
    assert len(records) > 140 and accuracy == sorted(set(accuracy), reverse=True)


def solved_by_a_careless(record, depth):
    """Whether a solver that errs in 15 % of all steps, whatever their place, gets through the first ones."""
    facts = parsed(record.instruction).steps
    until = len(facts) - record.attributes["depth"] + depth
    return all(share(digest("step", record.instruction, place), "errs") >= 0.15 for place in range(until))


# ---------------------------------------------------------------------------------------------------------------- cost


@pytest.mark.parametrize(
    ("settings", "calls"),
    [
        # each step is written and solved by two; from the second on grammar is mended
        pytest.param({"depth": 2}, 2 * (1 + 2) + 1, id="two steps"),
        pytest.param({"depth": 3}, 3 * (1 + 2) + 2 + 2, id="three steps, and the whole"),
        pytest.param({"depth": 5, "verifiers": 3}, 5 * (1 + 3) + 4 + 3, id="five steps by three verifiers"),
        pytest.param({"depth": 5, "whole_chain": False}, 5 * (1 + 2) + 4, id="as the released code"),
    ],
)
def test_calls_are_those_of_the_card(settings, calls):
    teacher = ScriptedTeacher(ChainWorld())
    ((record,),) = made(ChaseMath(**settings), seeds(1), teacher)
    assert record.attributes["depth"] == settings["depth"] and len(teacher.requests) == calls


def test_verifiers_are_the_models_of_their_role_and_never_see_the_answer():
    teacher = ScriptedTeacher(ChainWorld(), models=("one", "two"))
    ((record,),) = made(ChaseMath(depth=2), seeds(1), teacher)
    solving = [request for request in teacher.requests if request.task == "completion"]
    assert [request.model for request in solving] == ["one", "two"] * 2
    answers = [Fraction(record.attributes["intermediate_answers"][1]), Fraction(record.attributes["final_answer"])]
    asked = [request.tag("problem") for request in solving[::2]]
    assert not any(says_number(text, answer) for text, answer in zip(asked, answers, strict=True))


def test_who_disagrees_first_ends_the_solving():
    teacher = ScriptedTeacher(ChainWorld({"wrong": 1.0}))
    made(ChaseMath(attempts=4), seeds(1), teacher)
    assert teacher.asked == {"extend": 4, "completion": 4}


# ------------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("question", "answer", "reason"),
    [
        pytest.param("", "The answer is: 4", "blank_instruction", id="nothing"),
        pytest.param("Who came first?", "The answer is: Ann", "no_number_to_go_on_with", id="no number"),
        pytest.param("Who came first?", "Ann did.", "no_number_to_go_on_with", id="no answer"),
        pytest.param("Many words " * 300, "The answer is: 4", "too_long", id="too long"),
    ],
)
def test_a_seed_that_cannot_grow_is_dropped_before_anyone_is_asked(question, answer, reason):
    teacher = ScriptedTeacher(ChainWorld())
    (dropped,) = made(ChaseMath(), [Instruction.single(question, answer, record_id=b"r" * 16)], teacher)
    assert isinstance(dropped, Drop) and dropped.reason == reason and teacher.requests == []


@pytest.mark.parametrize("fault", ["refusal", "broken_json", "truncation"])
def test_a_writer_that_gives_nothing_usable_makes_a_reject_of_the_seed(fault):
    (problem,) = made(ChaseMath(), seeds(1), ScriptedTeacher(ChainWorld(), faults={"extend": {fault: 1.0}}))
    assert isinstance(problem, Unusable)


def test_an_answer_that_is_lost_costs_an_attempt_and_a_correction_that_is_lost_nothing():
    faults = {"extend": {"refusal": 0.3}, "mend": {"broken_json": 1.0}}
    records = chains(ChaseMath(attempts=20), 10, ChainWorld(), faults=faults)
    assert len(kept(records)) == 10 and failures(records)["refused"] > 5


def test_verifiers_that_refuse_confirm_nothing():
    records = chains(ChaseMath(attempts=2), 3, ChainWorld(), faults={"completion": {"refusal": 1.0}})
    assert {record.reason for record in records} == {"not_confirmed"}


def test_a_chain_names_its_seed_and_what_it_consists_of():
    (record,) = chains(ChaseMath(depth=3), 1, ChainWorld())
    assert [parent.record_id for parent in record.parents] == [seeds(1)[0].record_id]
    its = record.attributes
    assert len(its["contexts"]) == len(its["reasonings"]) == 1 + 3 and len(its["intermediate_answers"]) == 3
    assert record.instruction.startswith(" ".join(its["contexts"]))
    assert record.response.endswith(f"The answer is: {its['final_answer']}")
    assert record.response.count("The answer is") == 1
