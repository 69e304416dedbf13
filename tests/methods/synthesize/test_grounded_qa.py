"""Only questions whose evidence stands in the passage become records, and every other one is counted."""

import asyncio
from collections import Counter

import pytest

from synth_dagster.methods.synthesize.grounded_qa import GroundedQA, needs_passage
from synth_dagster.records import Document
from synth_dagster.services import Drop, Unusable
from tests.scripted_teacher.teacher import ScriptedTeacher
from tests.scripted_teacher.worlds import FactWorld, span_texts

WORLD = FactWorld(entities=80)
SPOILED = {
    "wrong_answer": "unsupported",
    "made_up_evidence": "evidence_not_found",
    "needs_passage": "needs_passage",
    "blank": "blank",
    "repeated": "repeated_question",
}


class _Says:
    """A world that answers every passage with the same items."""

    def __init__(self, *items: tuple[str, str, str]) -> None:
        self.items = [dict(zip(("question", "answer", "evidence"), item, strict=True)) for item in items]

    def answer(self, request):
        return {"items": self.items}


def made(method, passage, teacher):
    return asyncio.run(method.synthesize(passage, writer=teacher))


def all_made(method, teacher, documents=None, in_flight=64):
    async def run():
        turns = asyncio.Semaphore(in_flight)

        async def one(document):
            async with turns:
                return await method.synthesize(document, writer=teacher)

        return await asyncio.gather(*map(one, documents or WORLD.documents()), return_exceptions=True)

    return asyncio.run(run())


def test_each_record_quotes_its_passage_with_exact_offsets():
    results = all_made(GroundedQA(per_passage=3), ScriptedTeacher(WORLD))
    records = [record for result in results for record in result]
    assert len(records) == 80 * 3
    spans = [span for record in records for span in record.evidence]
    assert span_texts(spans, WORLD.documents()) == [span.text for span in spans]
    for record in records:
        fact = WORLD.by_question[record.instruction]
        assert (record.response, record.evidence[0].text.split()) == (fact.value, fact.sentence.split())
        assert record.model_id == "scripted-2026"
        assert record.prompt_hash
        assert record.call_id


def test_planted_faults_are_eliminated_with_their_reason_and_no_good_item_is():
    teacher = ScriptedTeacher(WORLD, faults={"questions": dict.fromkeys(SPOILED, 0.12)})
    results = all_made(GroundedQA(per_passage=2), teacher)
    records = [record for result in results for record in result]
    planted = Counter(SPOILED[fault] for fault in teacher.planted.values())
    assert sum(planted.values()) > 30
    assert Counter(record.reason for record in records if record.status == "eliminated") == planted
    good = [record for record in records if record.status == "current"]
    # every passage asks for 2; a fault spoils the first of them, except the repeated one, which comes as a third
    assert len(good) == 80 * 2 - sum(planted.values()) + planted["repeated_question"]
    assert all(record.response == WORLD.by_question[record.instruction].value for record in good)


@pytest.mark.parametrize("fault", ["refusal", "broken_json", "truncation"])
def test_an_answer_that_cannot_be_used_is_left_to_the_runner(fault):
    teacher = ScriptedTeacher(WORLD, faults={"questions": {fault: 1.0}})
    assert all(isinstance(result, Unusable) and result.call for result in all_made(GroundedQA(), teacher))


@pytest.mark.parametrize("body", ["", " \n\t ", "-----\n* * *"], ids=["empty", "blank", "rules only"])
def test_a_blank_passage_costs_no_call(body):
    teacher = ScriptedTeacher(WORLD)
    assert made(GroundedQA(), Document(body=body), teacher) == Drop("blank_passage")
    assert teacher.requests == []


def test_a_passage_without_a_usable_question_says_why():
    says = _Says(("What is x?", "1", "not there"), ("What is y?", "2", "nor there"), ("", "", ""))
    drop = made(GroundedQA(), Document(body="Some text."), ScriptedTeacher(says))
    assert (drop.reason, drop.detail) == ("no_question", "blank: 1, evidence_not_found: 2")
    assert drop.call is not None
    assert (
        made(GroundedQA(), Document(body="Some text."), ScriptedTeacher(_Says())).detail == "the teacher wrote no item"
    )


def test_more_questions_than_asked_are_surplus():
    body = "Ada is 1. Bob is 2. Cid is 3."
    says = _Says(
        *((f"How much is {name}?", n, f"{name} is {n}") for name, n in [("Ada", "1"), ("Bob", "2"), ("Cid", "3")])
    )
    records = made(GroundedQA(per_passage=2), Document(body=body), ScriptedTeacher(says))
    assert [record.reason for record in records] == [None, None, "surplus"]


def test_questions_about_different_symbols_are_different():
    body = "The operator << shifts left.\nThe operator >> shifts right."
    says = _Says(
        ("What does << do?", "shifts left", "The operator << shifts left."),
        ("What does >> do?", "shifts right", "The operator >> shifts right."),
        ("what does  << do ?", "shifts left", "The operator << shifts left."),
    )
    records = made(GroundedQA(per_passage=3), Document(body=body), ScriptedTeacher(says))
    assert [record.reason for record in records] == [None, None, "repeated_question"]


@pytest.mark.parametrize(
    ("answer", "kept_as_span", "kept_as_free"),
    [
        pytest.param("the last block", True, True, id="copied"),
        pytest.param("A finally clause runs last, as the block that ends it.", False, True, id="said freely"),
        pytest.param("A finally clause runs twice at midnight.", False, False, id="invented"),
    ],
)
def test_what_an_answer_may_be(answer, kept_as_span, kept_as_free):
    body = "A finally clause runs as the last block of a try statement, and ends it."
    says = _Says(("When does a finally clause run?", answer, body))
    for kind, kept in (("span", kept_as_span), ("free", kept_as_free)):
        result = made(GroundedQA(answer=kind), Document(body=body), ScriptedTeacher(says))
        assert isinstance(result, Drop) is not kept


@pytest.mark.parametrize(
    "question",
    [
        "According to the passage, what is a list?",
        "What does this section describe?",
        "Which rules are listed above?",
        "What is described in the text?",
        "What does it return?",
        "Why are they immutable?",
        "What is shown in the following example?",
    ],
)
def test_questions_that_need_the_passage(question):
    assert needs_passage(question)


@pytest.mark.parametrize(
    "question",
    [
        "Why is it important to close a file?",
        "What is the text of a string literal made of?",
        "Which values does a list hold, and how does it grow?",
        "What measures the passage of time?",
        "What does `given` mean in a test document?",
        "How is a section of a file read?",
    ],
)
def test_questions_that_stand_by_themselves(question):
    assert not needs_passage(question)


def test_one_and_sixty_four_in_flight_give_the_same_records():
    faults = {"questions": dict.fromkeys([*SPOILED, "refusal"], 0.1)}
    alone = all_made(GroundedQA(), ScriptedTeacher(WORLD, faults=faults, jitter=9), in_flight=1)
    crowd_teacher = ScriptedTeacher(WORLD, faults=faults, jitter=9)
    crowd = all_made(GroundedQA(), crowd_teacher, in_flight=64)
    assert crowd_teacher.most_in_flight > 8
    assert list(map(_comparable, alone)) == list(map(_comparable, crowd))


def _comparable(result):
    return (result.reason, result.raw) if isinstance(result, Unusable) else result
