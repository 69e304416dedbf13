"""NuminaMath TIR beside its released code: which answers count, how solutions end, and who wins a vote."""

import asyncio
import json
from pathlib import Path

import pytest

from synth_dagster.methods.synthesize.numinamath_tir import NuminamathTir, counting_number
from synth_dagster.parts.mathematics.answers import final_answer
from synth_dagster.parts.mathematics.voting import vote
from synth_dagster.records import Instruction
from synth_dagster.sandbox.local import LocalSandbox
from tests.scripted_teacher.teacher import ScriptedTeacher
from tests.scripted_teacher.tool_steps import Script

RELEASED = json.loads((Path(__file__).parents[2] / "fixtures" / "numinamath_released.json").read_text(encoding="utf-8"))
STOP = "```output\n"

# what other numbers count for us
COUNTS = {
    "\\boxed{x=5}": 5,
    "\\boxed{three}": 3,
    "\\fbox{9}": 9,
    "\\boxed{3,4}": None,  # a list; commas are taken out there
}


def number_in(text):
    answer = final_answer(text[-100:])
    return counting_number(answer, 1_000) if answer is not None else None


@pytest.mark.parametrize(("text", "number"), [(text, number) for text, _, number in RELEASED["answers"]])
def test_the_same_number_counts(text, number):
    assert number_in(text) == COUNTS.get(text, number)
    assert (text in COUNTS) == (number_in(text) != number)


@pytest.mark.parametrize(("answers", "winner"), RELEASED["votes"], ids=str)
def test_the_same_number_wins(answers, winner):
    numbers = [counting_number(answer, 1_000) for answer in answers]
    ours = vote([str(number) if number is not None else None for number in numbers]).answer
    # where nobody has a number it says 0, and that is no answer
    assert ours == (str(winner) if any(number is not None for number in numbers) else None)


def solved(texts):
    problem = Instruction.single("What is it?", "", attributes={"final_answer": "52"}, record_id=b"r" * 16)
    teacher = ScriptedTeacher(Script([text.removesuffix(STOP) for text in texts]))
    method = NuminamathTir(rounds=1, cpu_s=2)
    (made,) = asyncio.run(method.synthesize(problem, writer=teacher, judge=teacher, sandbox=LocalSandbox()))
    return made, len(teacher.requests)


# how these end for us: the reason, the calls, the programs that were run
OTHERWISE = {
    # there it begins anew, and after the fourth text there is none; we know by then that nothing was calculated
    "an answer without a program": ("answer_without_code", 1, 0),
    "an answer too early to count": ("answer_without_code", 3, 0),
    # there the program of the last text is not run any more
    "programs for ever": ("no_answer", 4, 4),
    # there the solution ends; we run the program and leave out what was made up behind it
    "an answer with the program that is to give it": (None, 2, 1),
    # there it begins anew for want of the word behind the fence
    "a program whose fence stops short": (None, 2, 1),
}


@pytest.mark.parametrize("case", RELEASED["transcripts"], ids=lambda case: case["name"])
def test_a_solution_ends_the_same_way(case):
    made, asked = solved(case["texts"])
    ours = (made.reason, asked, made.response.count(STOP))
    theirs = (None if case["answer"] else "no_code", case["generations"], len(case["outputs"]))
    assert ours == OTHERWISE.get(case["name"], theirs)
    assert (case["name"] in OTHERWISE) == (ours != theirs)


def test_the_writer_is_shown_the_same_outputs_but_for_what_surrounds_them():
    for case in RELEASED["transcripts"]:
        if case["name"] in OTHERWISE:
            continue
        shown = [one.partition("\n```")[0] for one in solved(case["texts"])[0].response.split(STOP)[1:]]
        # of an error we show the last line, and of a long output as much of it without saying that it was cut
        assert shown == [one.removesuffix(" ... (output truncated)").splitlines()[-1] for one in case["outputs"]]
