"""Problem and solution are taken apart word for word, and only where the solution names its answer."""

import asyncio

import pytest

from synth_dagster.methods.synthesize.worked_problem import WorkedProblem
from synth_dagster.records import Document
from synth_dagster.services import Drop
from tests.parts.mathematics.test_answers import lines_of, with_gsm8k

QUESTION = "Natalia sold clips to 48 friends.\nShe then sold half as many. How many in all?"
SOLUTION = "She sold 48/2 = <<48/2=24>>24 clips.\nIn all 48+24 = <<48+24=72>>72.\n#### 72"


def made(text):
    return asyncio.run(WorkedProblem().synthesize(Document(body=text, record_id=b"d" * 16)))


def test_a_worked_problem_becomes_an_instruction_that_rests_on_its_text():
    text = f"\n{QUESTION}\n\n{SOLUTION}\n"
    (record,) = made(text)
    assert record.instruction == QUESTION
    assert record.response == "She sold 48/2 = 24 clips.\nIn all 48+24 = 72.\nThe answer is: 72"
    assert record.attributes == {"final_answer": "72"}
    assert [text[span.start : span.end] for span in record.evidence] == [QUESTION, SOLUTION]


def test_a_solution_of_several_paragraphs_stays_whole():
    (record,) = made("What is 2 + 2?\n\nFirst two.\n\nThen two more: \\boxed{4}")
    assert record.response == "First two.\n\nThen two more: \\boxed{4}\nThe answer is: 4"


def test_a_closing_line_is_not_said_twice():
    (record,) = made("What is 2 + 2?\n\nTwo and two.\nThe answer is: 4")
    assert record.response == "Two and two.\nThe answer is: 4"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("How many?", "no_solution", id="no solution"),
        pytest.param("", "no_solution", id="nothing"),
        pytest.param("How many?\n \nThere are 4 of them, or 5.", "no_final_answer", id="no answer is named"),
    ],
)
def test_what_is_no_worked_problem_is_dropped_with_its_reason(text, reason):
    dropped = made(text)
    assert isinstance(dropped, Drop) and dropped.reason == reason


@with_gsm8k
def test_every_problem_of_gsm8k_is_taken_apart():
    lines = lines_of("train.jsonl")
    records = [record for line in lines for record in made(f"{line['question']}\n\n{line['answer']}")]
    assert [record.attributes["final_answer"] for record in records] == [
        line["answer"].rpartition("####")[2].strip() for line in lines
    ]
    assert not any("<<" in record.response or "####" in record.response for record in records)
