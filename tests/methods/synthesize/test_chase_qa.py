"""Each point of a kept answer stands in its own document, and no document that misleads answers."""

import asyncio

import pytest

from synth_dagster.methods.synthesize.chase_qa import ChaseQa
from synth_dagster.parts.similarity.short_texts import jaccard
from synth_dagster.records import Document
from synth_dagster.services import Drop, Unusable
from tests.scripted_teacher.lookups import LookupWorld, answers, scenarios
from tests.scripted_teacher.teacher import ScriptedTeacher


def made(method, records, teacher):
    async def run():
        ways = (method.synthesize(record, writer=teacher, verifier=teacher) for record in records)
        return await asyncio.gather(*ways, return_exceptions=True)

    return asyncio.run(run())


def questions(method, count, world, **teacher):
    return [one for found in made(method, scenarios(count), ScriptedTeacher(world, **teacher)) for one in found]


def kept(records):
    return [record for record in records if record.status == "current"]


PLANTED = {"crosses": 0.3, "omits": 0.3, "extra": 0.3, "leaks": 0.3}


# -------------------------------------------------------------------------------------------------- planted and counted


@pytest.mark.parametrize(
    "repairs_badly", [pytest.param(0, id="repairs work"), pytest.param(0.4, id="some repairs fail")]
)
def test_no_point_of_a_kept_answer_can_be_had_from_a_misleading_document(repairs_badly):
    records = kept(questions(ChaseQa(), 12, LookupWorld(PLANTED | {"repairs_badly": repairs_badly})))
    assert len(records) > 5
    for record in records:
        its = record.attributes
        assert [answers(text, its["question"]) for text in its["adversarial_docs"]] == [[]] * len(
            its["adversarial_docs"]
        )
        for text, points in zip(its["relevant_docs"], its["answer_points"], strict=True):
            assert sorted(answers(text, its["question"])) == sorted(points)


def test_repairs_keep_what_would_otherwise_be_lost_and_what_stays_wrong_has_its_reason():
    clean = questions(ChaseQa(), 8, LookupWorld(PLANTED))
    assert {record.reason for record in clean} <= {None, "too_alike"}
    assert all(len(one.attributes["adversarial_docs"]) >= 3 for one in kept(clean))
    broken = questions(ChaseQa(), 8, LookupWorld(PLANTED | {"repairs_badly": 1.0}))
    assert {"point_missing", "extra_point"} <= {record.reason for record in broken}
    left = [len(record.attributes["adversarial_docs"]) for record in kept(broken)]
    assert left and min(left) < 6, "a document that still answers is left out"


def test_a_point_that_answers_another_question_of_the_group_goes():
    records = kept(questions(ChaseQa(), 8, LookupWorld({"crosses": 1.0})))
    assert len(records) > 8
    for record in records:
        its = record.attributes
        assert not any(answers(text, its["question"]) for text in its["adversarial_docs"])


def test_questions_of_a_scenario_that_share_60_percent_of_their_words_are_one():
    records = questions(ChaseQa(questions=6, adversarial=0), 1, LookupWorld())
    asked = [record.attributes["question"] for record in records]
    stay = [record.reason is None for record in records]
    alike = [
        max((jaccard(one, two) for two in asked[:place] if stay[asked.index(two)]), default=0)
        for place, one in enumerate(asked)
    ]
    assert stay == [score < 0.6 for score in alike] and 1 < sum(stay) < 6


def test_a_record_holds_all_documents_and_the_question():
    (record,) = questions(ChaseQa(questions=1), 1, LookupWorld())
    its = record.attributes
    assert len(its["relevant_docs"]) == 2 and len(its["adversarial_docs"]) == 3 * 2
    assert all(text in record.instruction for text in (*its["relevant_docs"], *its["adversarial_docs"]))
    assert record.instruction.startswith(f"{its['persona']} asks: {its['question']}\n\n")
    assert record.instruction.count("\n\nDocument ") == 8
    assert record.response.splitlines() == [f"- {point}" for points in its["answer_points"] for point in points]
    assert [parent.record_id for parent in record.parents] == [scenarios(1)[0].record_id]


# ---------------------------------------------------------------------------------------------------------------- cost


def test_calls_are_those_of_the_card():
    teacher = ScriptedTeacher(LookupWorld())
    made(ChaseQa(questions=1), scenarios(1), teacher)
    # a question and three like it; each is compared with the points of the others, and its documents are written; of
    # two relevant documents each is answered from and compared, from six others is answered: 4 + 4 + 4 + 4 + 6 = 22
    assert teacher.asked == {"look_up": 4, "cross": 4, "documents": 4, "find": 2 + 6, "compare": 2}


def test_a_document_that_leaks_costs_a_repair_and_another_look():
    teacher = ScriptedTeacher(LookupWorld({"leaks": 1.0}))
    made(ChaseQa(questions=1, adversarial=1), scenarios(1), teacher)
    # the two documents of the other question leak; those of the question itself are looked at once
    assert teacher.asked["repair"] == 2 and teacher.asked["find"] == 2 + 2 + 2


# ------------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize("body", ["", "Only one line.", "\n \n"])
def test_a_text_that_is_no_scenario_is_dropped_before_anyone_is_asked(body):
    teacher = ScriptedTeacher(LookupWorld())
    (dropped,) = made(ChaseQa(), [Document(body=body, record_id=b"r" * 16)], teacher)
    assert isinstance(dropped, Drop) and dropped.reason == "no_scenario" and teacher.requests == []


@pytest.mark.parametrize("fault", ["refusal", "broken_json", "truncation"])
def test_a_writer_that_gives_no_question_makes_a_reject(fault):
    teacher = ScriptedTeacher(LookupWorld(), faults={"look_up": {fault: 1.0}})
    (problem,) = made(ChaseQa(), scenarios(1), teacher)
    assert isinstance(problem, Unusable)


@pytest.mark.parametrize(
    ("task", "fault", "reason"),
    [("documents", "truncation", "cut"), ("find", "broken_json", "unparsable"), ("cross", "refusal", "refused")],
)
def test_an_answer_that_is_lost_later_costs_the_question(task, fault, reason):
    records = questions(ChaseQa(questions=1), 3, LookupWorld(), faults={task: {fault: 1.0}})
    assert {record.reason for record in records} == {reason}
