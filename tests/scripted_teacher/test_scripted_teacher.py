"""The teachers of the tests keep their own promises: same faults in any order, exact ground truth, valid echoes."""

import asyncio
from collections import Counter
from typing import Literal

import pytest
from pydantic import BaseModel

from synth_dagster.methods.augment.evol_instruct import EvolInstruct
from synth_dagster.methods.synthesize.grounded_qa import QUESTIONS, GroundedQA, Questions
from synth_dagster.methods.synthesize.ultrafeedback import Ultrafeedback
from synth_dagster.prompt import Prompt
from synth_dagster.records import Document, Instruction
from synth_dagster.services import Reply, Unusable
from tests.scripted_teacher.echo import EchoTeacher
from tests.scripted_teacher.teacher import ScriptedTeacher
from tests.scripted_teacher.worlds import FactWorld

WORLD = FactWorld()
RATES = {"refusal": 0.1, "broken_json": 0.1, "truncation": 0.1}


def ask_about(teacher, documents):
    async def one(document):
        passage = f"<passage>{document.body}</passage>"
        return await teacher.ask(QUESTIONS["span"], into=Questions, passage=passage, count=2)

    async def all_of_them():
        return await asyncio.gather(*map(one, documents), return_exceptions=True)

    return asyncio.run(all_of_them())


def test_faults_depend_on_the_request_and_not_on_its_turn():
    documents = WORLD.documents()
    first, second = (ScriptedTeacher(WORLD, faults={"questions": RATES}, jitter=jitter) for jitter in (0, 9))
    ask_about(first, documents)
    ask_about(second, reversed(documents))
    assert first.planted == second.planted
    assert set(first.planted.values()) == set(RATES)


def test_faults_come_at_their_rates():
    teacher = ScriptedTeacher(WORLD, faults={"questions": RATES})
    documents = [Document(body=f"{document.body} {number}") for document in WORLD.documents() for number in range(20)]
    results = ask_about(teacher, documents)
    counts = Counter(teacher.planted.values())
    # 1,200 requests at 0.1: mean 120, standard deviation 10.4; four of them on each side
    assert all(78 <= counts[fault] <= 162 for fault in RATES)
    reasons = Counter(result.reason for result in results if isinstance(result, Unusable))
    assert reasons == {
        "refused": counts["refusal"],
        "unparsable": counts["broken_json"],
        "cut": counts["truncation"],
    }


def test_answers_are_read_off_the_passage():
    (reply,) = ask_about(ScriptedTeacher(WORLD), WORLD.documents()[:1])
    assert [WORLD.by_question[item.question].value for item in reply.items] == [item.answer for item in reply.items]


class Point(BaseModel):
    label: str
    place: int


class Everything(Reply):
    title: str
    points: list[Point]
    names: list[str]
    tone: Literal["plain", "formal"]
    share: float
    sure: bool
    note: str | None


def test_an_echo_fills_any_reply():
    echo = EchoTeacher()
    prompt = Prompt(user="<passage>One thing. Another thing.</passage> <count>2</count>")
    reply = asyncio.run(echo.ask(prompt, into=Everything))
    assert reply.points == [Point(label="One thing.", place=5), Point(label="Another thing.", place=5)]
    assert (reply.title, reply.tone, reply.sure) == ("One thing.", "plain", False)
    assert reply.call.prompt_hash == prompt.hash
    assert echo.calls == 1


@pytest.mark.parametrize("body", ["The first thing is red. The second thing is blue.", "No stop at the end"])
def test_an_echo_carries_a_passage_through_all_methods_with_a_teacher(body):
    echo = EchoTeacher(models=("a", "b", "c", "d"))

    async def run():
        asked = await GroundedQA().synthesize(Document(body=body, record_id=b"doc"), writer=echo)
        evolved = await EvolInstruct(rounds=2).augment(asked[0], writer=echo, judge=echo)
        method = Ultrafeedback(policy="all_pairs")
        return asked, evolved, await method.synthesize(evolved[-1], writer=echo, judge=echo)

    asked, evolved, pairs = asyncio.run(run())
    assert [record.status for record in (*asked, *evolved)] == ["current"] * (len(asked) + 2)
    assert evolved[1].parents == (evolved[0],)
    assert all(isinstance(record, Instruction) and record.evidence for record in evolved)
    assert all(pair.chosen_score > pair.rejected_score for pair in pairs)
