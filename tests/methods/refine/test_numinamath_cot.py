"""A solution in steps whose box holds the known answer replaces the old one; all else goes with its reason."""

import asyncio

import pytest

from synth_dagster.methods.refine.numinamath_cot import NuminamathCot
from synth_dagster.parts.mathematics.answers import last_boxed, same_answer
from synth_dagster.records import Instruction, Message
from synth_dagster.services import Drop, Unusable
from tests.scripted_teacher.arithmetic import answer_of, seeds
from tests.scripted_teacher.boxed import ABROAD, WHY, BoxedWorld
from tests.scripted_teacher.teacher import ScriptedTeacher


def made(records, teacher):
    async def run():
        ways = (NuminamathCot().refine(record, writer=teacher) for record in records)
        return await asyncio.gather(*ways, return_exceptions=True)

    return asyncio.run(run())


def abroad(record):
    return Instruction.single(ABROAD + record.instruction, record.response, record_id=record.record_id, lang="de")


class Fixed:
    def __init__(self, problem, solution):
        self.said = {"problem": problem, "solution": solution}

    def answer(self, request):
        return self.said


def one(problem, solution, *, response="The answer is: 12"):
    given = Instruction.single("How many?", response, record_id=b"r" * 16)
    (found,) = made([given], ScriptedTeacher(Fixed(problem, solution)))
    return found


def test_every_planted_fault_is_dropped_with_its_reason_and_nothing_else():
    records = [abroad(record) for record in seeds(120)]
    world = BoxedWorld({"wrong": 0.15, "unboxed": 0.15})
    found = made(records, ScriptedTeacher(world))
    reasons = [one.reason if isinstance(one, Drop) else None for one in found]
    assert reasons == [WHY.get(world.planted[record.instruction] or "") for record in records]
    assert set(reasons) == {None, *WHY.values()}


def test_problem_and_solution_are_replaced_and_the_answer_stays():
    record = abroad(seeds(1)[0])
    (found,) = made([record], ScriptedTeacher(BoxedWorld()))
    assert found.instruction == record.instruction.removeprefix(ABROAD) and found.lang == "en"
    assert same_answer(last_boxed(found.response), answer_of(found.instruction))
    assert found.attributes["final_answer"] == last_boxed(found.response) and found.parents == (record,)


def test_one_call_is_paid_for_a_problem():
    teacher = ScriptedTeacher(BoxedWorld())
    made(seeds(7), teacher)
    assert len(teacher.requests) == 7 and all(request.tag("solution") for request in teacher.requests)


def test_what_stands_before_the_problem_stays():
    given = Instruction(
        messages=(
            Message("system", "Be exact."),
            Message("user", "How many?"),
            Message("assistant", "12, as one sees."),
        )
    )
    (found,) = made([given], ScriptedTeacher(Fixed("How many are there?", "Seen.")))
    assert [(turn.role, turn.content) for turn in found.messages] == [
        ("system", "Be exact."),
        ("user", "How many are there?"),
        ("assistant", "Seen."),
    ]


@pytest.mark.parametrize(
    ("solution", "reason"),
    [
        pytest.param("It is $\\boxed{12}$.", None, id="the same"),
        pytest.param("It is \\boxed{12.0}.", None, id="the same number"),
        pytest.param("It is \\boxed{\\frac{24}{2}}.", None, id="the same fraction"),
        pytest.param("It is \\boxed{13}.", "other_answer", id="another"),
        pytest.param("At first \\boxed{12}, but no: \\boxed{13}.", "other_answer", id="the last box counts"),
        pytest.param("The answer is: 12", "no_boxed_answer", id="no box"),
        pytest.param("It is \\boxed{12", "no_boxed_answer", id="a box that was never closed"),
        pytest.param("It is \\boxed{}.", "no_boxed_answer", id="an empty box"),
        pytest.param(" \n", "blank_solution", id="nothing"),
    ],
)
def test_the_box_must_hold_the_known_answer(solution, reason):
    found = one("How many?", solution)
    assert (found.reason if isinstance(found, Drop) else None) == reason


@pytest.mark.parametrize(("symbolic", "reason"), [(True, None), (False, "other_answer")])
def test_formulas_that_are_worth_the_same_are_the_same_where_that_is_asked_for(symbolic, reason):
    given = Instruction.single("What is it?", "The answer is: 2x + 2", record_id=b"r" * 16)
    teacher = ScriptedTeacher(Fixed("What is it?", "So it is \\boxed{2(x+1)}."))
    found = asyncio.run(NuminamathCot(symbolic=symbolic).refine(given, writer=teacher))
    assert (found.reason if isinstance(found, Drop) else None) == reason


def test_a_solution_without_a_known_answer_needs_no_box():
    assert one("Show it.", "It follows from the first line.", response="Seen at once.").response.startswith(
        "It follows"
    )


def test_a_blank_problem_is_dropped():
    assert one(" ", "It is \\boxed{12}.").reason == "blank_problem"


@pytest.mark.parametrize(
    ("problem", "solution", "reason"), [("", "12", "blank_instruction"), ("How many?", " ", "no_solution")]
)
def test_half_a_problem_is_dropped_before_anyone_is_asked(problem, solution, reason):
    teacher = ScriptedTeacher(BoxedWorld())
    (found,) = made([Instruction.single(problem, solution)], teacher)
    assert isinstance(found, Drop) and found.reason == reason and teacher.requests == []


@pytest.mark.parametrize("fault", ["refusal", "broken_json", "truncation"])
def test_a_writer_that_gives_nothing_usable_makes_a_reject(fault):
    (found,) = made(seeds(1), ScriptedTeacher(BoxedWorld(), faults={"refine": {fault: 1.0}}))
    assert isinstance(found, Unusable)
