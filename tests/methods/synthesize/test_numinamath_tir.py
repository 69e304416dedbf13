"""A solution that runs its programs and ends at the known answer is kept; how any other ends is its reason."""

import asyncio
import math
from collections import Counter

import pytest

from synth_dagster.methods.synthesize.numinamath_tir import NuminamathTir, counting_number
from synth_dagster.parts.mathematics.answers import same_answer
from synth_dagster.records import Instruction
from synth_dagster.sandbox.local import LocalSandbox
from synth_dagster.services import Drop, Ran, Unusable
from tests.scripted_teacher.arithmetic import answer_of, seeds
from tests.scripted_teacher.teacher import ScriptedTeacher
from tests.scripted_teacher.tool_steps import KnownPrograms, Script, StepWorld


def made(method, records, teacher, sandbox, *, judge=None):
    async def run():
        given = {"writer": teacher, "judge": judge or teacher, "sandbox": sandbox}
        return await asyncio.gather(*(method.synthesize(one, **given) for one in records), return_exceptions=True)

    return asyncio.run(run())


def solved(method, records, world, **faults):
    teacher, sandbox = ScriptedTeacher(world, faults=faults), KnownPrograms(world)
    return made(method, records, teacher, sandbox), teacher, sandbox


class EndsAtOnce(KnownPrograms):
    async def run(self, program, /, **_):
        return Ran("finished")


def asked(answer="52"):
    return Instruction.single("What is it?", "", attributes={"final_answer": answer}, record_id=b"r" * 16)


def unanswered(record):
    return Instruction.single(record.instruction, "", record_id=record.record_id)


def by_script(*texts, answer="52", judge=None, script=None):
    method, teacher = NuminamathTir(rounds=1, cpu_s=1), script or ScriptedTeacher(Script(texts))
    (found,) = made(method, [asked(answer)], teacher, LocalSandbox(), judge=judge)
    return *found, len(teacher.requests)


def code(program):
    return f"I calculate.\n```python\n{program}\n```\n"


BOXED = "So the answer is \\boxed{52}."

# ------------------------------------------------------------------------------------------- the states of a solution


@pytest.mark.parametrize(
    ("texts", "reason", "programs", "calls"),
    [
        pytest.param([code("print(52)"), BOXED], None, 1, 2, id="program and answer"),
        pytest.param([BOXED], "answer_without_code", 0, 1, id="an answer without a program"),
        pytest.param([code("print(1 / 0)"), code("print(52)"), BOXED], None, 2, 3, id="an error, then mended"),
        pytest.param(["Let me think about it."], "no_code", 0, 4, id="no program: it begins anew until none is left"),
        pytest.param(["Let me think.", code("print(52)"), BOXED], None, 1, 3, id="begun anew, then a program"),
        pytest.param([code("print(52)")], "no_answer", 4, 4, id="programs for ever"),
        pytest.param([code("print(51)"), "It is \\boxed{51}."], "wrong_answer", 1, 2, id="a wrong answer"),
    ],
)
def test_each_solution_ends_as_it_must(texts, reason, programs, calls):
    record, asked_for = by_script(*texts)
    assert (record.reason, record.attributes["programs"], asked_for) == (reason, programs, calls)
    assert record.status == ("eliminated" if reason else "current")


@pytest.mark.parametrize(
    ("program", "output"),
    [
        pytest.param("print(6 * 7)", "42", id="what is printed"),
        pytest.param("print('9' * 5_000)", "9" * 200, id="cut at 200 characters"),
        pytest.param("print('a')\n1 / 0", "a\nZeroDivisionError: division by zero", id="the last line of an error"),
    ],
)
def test_the_writer_is_shown_what_its_program_did_and_goes_on(program, output):
    record, _ = by_script(code(program), BOXED)
    assert record.response == f"{code(program)}```output\n{output}\n```\n{BOXED}"
    assert record.reason is None and record.attributes["programs"] == 1


@pytest.mark.parametrize(
    ("ending", "said"),
    [("time", "Time limit."), ("memory", "Memory limit."), ("output", "Output limit."), ("killed", "Crashed.")],
)
def test_the_writer_is_told_which_limit_its_program_met_and_goes_on(ending, said):
    class Ends(EndsAtOnce):
        async def run(self, program, /, *, limits=None):
            assert limits.cpu_s == 2
            return Ran(ending, "much")

    teacher = ScriptedTeacher(Script([code("while True: pass"), BOXED]))
    ((record,),) = made(NuminamathTir(rounds=1, cpu_s=2), [asked()], teacher, Ends(StepWorld()))
    assert record.reason is None and f"\n```output\n{said}\n```\n" in record.response


def test_a_program_reaches_nothing_whatever_it_imports():
    record, _ = by_script(code("import subprocess\nsubprocess.run(['true'])\nprint('started')"), BOXED)
    assert "Error: " in record.response and "\nstarted\n" not in record.response


def test_what_was_written_behind_a_program_without_its_output_is_left_out():
    record, _ = by_script(f"{code('print(52)')}```output\n17\n```\nSo it is \\boxed{{17}}.", BOXED)
    assert record.response == f"{code('print(52)').strip()}\n```output\n52\n```\n{BOXED}"
    record, _ = by_script("I calculate.\n```python\nprint(52)\n", BOXED)  # a stop sequence ate the fence
    assert record.response == f"{code('print(52)').strip()}\n```output\n52\n```\n{BOXED}"


@pytest.mark.parametrize(
    ("text", "programs"),
    [
        pytest.param(code("print(52)" + " " * 500), 0, id="within its program"),
        pytest.param(code("print(52)") + "As you see, " * 50, 1, id="behind it, and then within the next"),
    ],
)
def test_a_text_that_was_cut_runs_nothing_unless_its_program_is_whole(text, programs):
    script = Script([text, code("print(52)" + " " * 500)])
    record, _ = by_script(script=ScriptedTeacher(script, faults={"completion": {"truncation": 1.0}}))
    assert (record.reason, record.attributes["programs"]) == ("cut", programs)


@pytest.mark.parametrize(("symbolic", "judged"), [(True, 0), (False, 1)])
def test_formulas_that_are_worth_the_same_need_no_judge_where_that_is_asked_for(symbolic, judged):
    class Agrees:
        def answer(self, request):
            return {"same": True}

    judge = ScriptedTeacher(Agrees())
    writer = ScriptedTeacher(Script([code("print(1)"), "It is \\boxed{2(x+1)}."]))
    method = NuminamathTir(rounds=1, symbolic=symbolic)
    (found,) = made(method, [asked("2x + 2")], writer, LocalSandbox(), judge=judge)
    assert [one.reason for one in found] == [None] and len(judge.requests) == judged


def test_integers_are_compared_exactly_and_other_answers_by_a_judge():
    texts = (code("print('x + 1')"), "It is \\boxed{1 + x}.")
    yes, no = (ScriptedTeacher(Script([], same=same)) for same in (True, False))
    assert by_script(*texts, answer="$x+1$", judge=yes)[0].reason is None
    assert by_script(*texts, answer="$x+1$", judge=no)[0].reason == "wrong_answer"
    refusing = ScriptedTeacher(Script([], same=True), faults={"same": {"refusal": 1.0}})
    assert by_script(*texts, answer="$x+1$", judge=refusing)[0].reason == "not_judged"
    assert by_script(*texts, answer="52", judge=yes)[0].reason == "wrong_answer" and len(yes.requests) == 1


# ----------------------------------------------------------------------------------------------------- rounds and votes


@pytest.mark.parametrize(
    ("wrong", "rounds", "kept"),
    [(0.3, 3, 0.973), (0.5, 2, 0.75), (0.9, 1, 0.1)],  # 1 - e^r
)
def test_rounds_keep_all_but_e_to_the_r(wrong, rounds, kept):
    found, _, _ = solved(NuminamathTir(rounds=rounds), seeds(300), StepWorld(wrong=wrong))
    right = [records for records in found if records[-1].status == "current"]
    assert abs(len(right) / 300 - kept) <= 3 * math.sqrt(kept * (1 - kept) / 300)
    for records in right:
        assert {one.reason for one in records[:-1]} <= {"wrong_answer"}
        assert same_answer(records[-1].attributes["final_answer"], answer_of(records[-1].instruction))
    assert all(len(records) == rounds for records in found if records[-1].status != "current")


def test_calls_are_two_for_each_solution_and_one_for_a_guess():
    found, teacher, sandbox = solved(NuminamathTir(), seeds(60), StepWorld(wrong=0.3, codeless=0.2))
    records = [record for one in found for record in one]
    guessed = [record for record in records if record.reason == "answer_without_code"]
    assert {record.reason for record in records} == {None, "wrong_answer", "answer_without_code"}
    assert len(teacher.requests) == 2 * (len(records) - len(guessed)) + len(guessed)
    assert sandbox.ran == len(records) - len(guessed)
    assert {(one.temperature, one.max_tokens, one.stop) for one in teacher.samplings} == {(0.8, 2_048, ("```output",))}


def test_voted_answers_are_counting_numbers_as_in_the_released_code():
    found = [counting_number(answer, 1_000) for answer in ("52", "52.4", "-3", "abc", "1052")]
    assert [number for number in found if number is not None] == [52, 52, 52]
    assert counting_number("1,052", None) == 1_052 and counting_number("x + 1", None) is None


def test_a_vote_finds_the_answer_of_problems_that_have_none():
    records = seeds(12)
    method = NuminamathTir(no_answer="vote", samples=15, modulo=None)
    found, teacher, _ = solved(method, [unanswered(one) for one in records], StepWorld(wrong=0.25, codeless=0.1))
    # three of four solutions are right, and all wrong ones agree: the right ones are more; a guess has no vote
    for record, solutions in zip(records, found, strict=True):
        reasons = Counter(one.reason for one in solutions)
        kept = [one for one in solutions if one.status == "current"]
        assert len(solutions) == 15 and reasons.keys() <= {None, "outvoted", "answer_without_code"}
        assert {one.attributes["votes"] for one in solutions} == {len(kept)} and len(kept) > reasons["outvoted"]
        assert all(same_answer(one.attributes["final_answer"], answer_of(record.instruction)) for one in kept)
    assert len({request.key for request in teacher.requests}) == len(teacher.requests)


# ------------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (Instruction.single(" ", "The answer is: 3", record_id=b"r" * 16), "blank_instruction"),
        (Instruction.single("How many?", "Some.", record_id=b"r" * 16), "no_known_answer"),
    ],
)
def test_a_problem_that_nobody_can_check_is_dropped_before_anyone_is_asked(record, reason):
    (dropped,), teacher, _ = solved(NuminamathTir(), [record], StepWorld())
    assert isinstance(dropped, Drop) and dropped.reason == reason and teacher.requests == []


def test_a_writer_that_always_refuses_makes_a_reject_of_the_problem():
    (problem,), teacher, _ = solved(NuminamathTir(), seeds(1), StepWorld(), completion={"refusal": 1.0})
    assert isinstance(problem, Unusable) and len(teacher.requests) == 3


@pytest.mark.parametrize("text", ["What is it?", "Me lo dirà la calcolatrice.", "\\boxed{", "```python\n```", "```"])
def test_an_answer_that_is_none_costs_that_solution(text):
    teacher = ScriptedTeacher(Script([text]))
    (found,) = made(NuminamathTir(rounds=2, generations=2), [asked()], teacher, EndsAtOnce(StepWorld()))
    assert {record.reason for record in found} <= {"no_code", "no_answer"} and len(teacher.requests) == 4
