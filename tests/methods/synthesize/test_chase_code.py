"""A problem stays whose solution calls helpers, whose test does not, and whose statement is enough to solve it."""

import asyncio
from dataclasses import replace

import pytest

from synth_dagster.methods.synthesize.chase_code import ChaseCode
from synth_dagster.parts.cards.helpers import asserts_of, calls_of, function_of, helpers_of
from synth_dagster.records import Document, digest
from synth_dagster.sandbox.local import LocalSandbox
from synth_dagster.services import Drop, Limits
from tests.scripted_teacher.code_chains import BAD, KNOWN, CodeWorld, helpers
from tests.scripted_teacher.teacher import ScriptedTeacher


def grown(method, documents, teacher):
    """What the rounds made, and what they dropped."""
    made, drops, number = [], [], 0

    async def run():
        nonlocal number
        services = {"writer": teacher, "verifier": teacher, "sandbox": LocalSandbox()}
        while results := await method.round((*documents, *made), number, **services):
            for result in results:
                if isinstance(result, Drop):
                    drops.append(result)
                else:
                    made.extend(replace(one, record_id=digest(len(made), one.instruction)) for one in result)
            number += 1

    asyncio.run(run())
    return made, drops


def one_round(world, teacher=None, **settings):
    teacher = teacher or ScriptedTeacher(world)
    method = ChaseCode(
        **{"problems": 1, "patience": 1, "requests_a_round": 2, "cpu_s": 1, "test_attempts": 2} | settings
    )
    return grown(method, helpers(), teacher)[0]


# -------------------------------------------------------------------------------------------------- planted and counted


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_problem_is_refused_for_what_is_bad_about_it(fault):
    records = one_round(CodeWorld({fault: 1.0}), requests_a_round=1, test_attempts=1)
    assert {record.reason for record in records} == {BAD[fault]}


def test_sound_problems_stay_and_their_tests_call_no_helper():
    records = one_round(CodeWorld(), requests_a_round=4)
    assert len(records) == 4 and {record.status for record in records} == {"current"}
    for record in records:
        its = record.attributes
        assert len(its["helpers"]) == 4 and set(its["helpers"]) <= calls_of(its["answer_code"])
        assert not calls_of(its["test_code"]) & KNOWN.keys()
        assert not any(name in its["problem"] for name in KNOWN)
        assert all(f"def {name}(" in its["repo_context"] for name in its["helpers"])
        assert {parent.record_id for parent in record.parents} == {digest("helper", name) for name in its["helpers"]}


def test_a_context_has_so_many_other_helpers_for_each_that_is_needed():
    for others, shown in ((0, 4), (1, 8), (10, 12)):  # of twelve
        records = one_round(CodeWorld(), others=others)
        assert {record.attributes["repo_context"].count("def ") for record in records} == {shown}


def test_a_vague_statement_is_rewritten_until_a_verifier_can_follow_it():
    teacher = ScriptedTeacher(CodeWorld({"vague": 1.0}, clears=1.0))
    records = one_round(None, teacher, requests_a_round=1)
    assert {record.status for record in records} == {"current"} and teacher.asked["declare"] == 1


@pytest.mark.parametrize(
    ("bad", "calls"),
    [
        # a problem, a trial, a test, a solution
        pytest.param({}, {"code_problem": 1, "trial": 1, "test": 1, "program": 1}, id="sound"),
        pytest.param({"fails": 1.0}, {"code_problem": 1, "trial": 1}, id="no test of what does not run"),
        pytest.param({"wrong_test": 1.0}, {"code_problem": 1, "trial": 1, "test": 2}, id="all tests asked for"),
        pytest.param(
            {"vague": 1.0}, {"code_problem": 1, "trial": 1, "test": 1, "program": 3, "declare": 2}, id="two rewrites"
        ),
    ],
)
def test_calls_are_those_of_the_card(bad, calls):
    teacher = ScriptedTeacher(CodeWorld(bad))
    one_round(None, teacher, requests_a_round=1)
    assert teacher.asked == calls


def test_without_trials_a_problem_costs_the_papers_three_calls():
    teacher = ScriptedTeacher(CodeWorld())
    records = one_round(None, teacher, requests_a_round=1, trial=False)
    assert teacher.asked == {"code_problem": 1, "test": 1, "program": 1} and {len(one.calls) for one in records} == {3}


@pytest.mark.parametrize(
    ("test", "hangs"),
    [
        ("assert f(1) == 2", True),
        ("made = f(1)\nassert made == 2", True),
        ("a, b = f(1)\nc = b + 1\nassert c == 2", True),
        ("for given in (1, 2):\n    for one in f(given):\n        assert one", True),
        ("def check(given):\n    return f(given)\n\nassert check(2)", True),
        ("assert all(one > 0 for one in f(1))", True),
        ("with f(1) as made:\n    assert made", True),
        ("f(1)\nassert 1 == 1", False),
        ("made = f(1)\nmine = 2\nassert mine == 2", False),
        ("assert True\nmade = f(1)", False),
        ("made = f(1", False),
    ],
)
def test_an_assert_hangs_on_a_function_or_on_what_was_made_of_its_result(test, hangs):
    assert asserts_of(test, "f") == hangs


# -------------------------------------------------------------------------------------------------------------- helpers


def test_a_helper_is_run_once_by_a_sandbox_however_many_rounds_ask():
    class Counts(LocalSandbox):
        runs = 0

        async def run(self, program, /, *, limits):
            self.runs += 1
            return await super().run(program, limits=limits)

    sandbox = Counts()
    for _ in range(3):
        found, _ = asyncio.run(helpers_of(helpers()[:4], sandbox, Limits(cpu_s=1)))
        assert len(found) == sandbox.runs == 4
    asyncio.run(helpers_of(helpers()[:4], sandbox, Limits(cpu_s=2)))
    assert sandbox.runs == 8  # another limit may be another verdict


def test_helpers_that_are_alike_or_do_not_run_are_left_out_with_the_reason():
    sums = 'def sum_of_list(numbers):\n    """Add all numbers of the list."""\n    return sum(numbers)'
    again = 'def sum_of_rows(rows):\n    """Add all numbers of the rows."""\n    return sum(map(sum, rows))'
    other = 'def sum_of_words(text):\n    """Count letters."""\n    return len(text)'
    bodies = [sums, again, other, "def broken(:", "x = 1", "def late(n=1 / 0):\n    return n"]
    documents = [Document(body=body, record_id=digest(body)) for body in bodies]
    found, drops = asyncio.run(helpers_of(documents, LocalSandbox(), Limits(cpu_s=1)))
    # sum, of and list, rows: 2 of 4 parts of the names; five of seven words of what they are for
    assert [one.name for one in found] == ["sum_of_list", "sum_of_words"]
    assert [drop.reason for drop in drops] == ["too_alike", "no_function", "no_function", "helper_program_failed"]


def test_a_docstring_says_what_a_helper_is_for():
    helper = function_of(helpers()[0].body)
    assert helper and (helper.name, helper.objective) == ("double_entries", "Multiply every value by two.")


# ------------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize("documents", [[], helpers()[:3], [Document(body="no code", record_id=b"r" * 16)]])
def test_with_too_few_helpers_nobody_is_asked(documents):
    teacher = ScriptedTeacher(CodeWorld())
    made, drops = grown(ChaseCode(patience=1), documents, teacher)
    assert made == [] and teacher.requests == []
    assert len(drops) == sum(function_of(one.body) is None for one in documents)


@pytest.mark.parametrize(
    ("task", "reason"),
    [("trial", "trial_unparsable"), ("test", "test_unparsable"), ("program", "not_solved")],
    ids=["no trial", "no test", "no solution"],
)
def test_an_answer_that_is_lost_costs_the_problem(task, reason):
    teacher = ScriptedTeacher(CodeWorld(), faults={task: {"broken_json": 1.0}})
    assert {record.reason for record in one_round(None, teacher)} == {reason}


@pytest.mark.parametrize("fault", ["refusal", "broken_json", "truncation"])
def test_a_writer_that_gives_no_problem_gives_drops(fault):
    teacher = ScriptedTeacher(CodeWorld(), faults={"code_problem": {fault: 1.0}})
    made, drops = grown(ChaseCode(patience=1, requests_a_round=2), helpers(), teacher)
    assert made == [] and len(drops) == 2
