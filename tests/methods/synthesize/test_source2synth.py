"""A question about a table stays when its SQL ran and a curator found the same answer; all else goes with a reason."""

import asyncio
import math
from collections import Counter
from dataclasses import replace

import pytest

from synth_dagster.methods.synthesize.source2synth import Source2synth
from synth_dagster.parts.text.tables import result_text, same_result, table_of
from synth_dagster.records import Document, digest
from synth_dagster.sandbox.local import LocalSandbox
from synth_dagster.services import Drop, Queried, Table, Unusable
from tests.scripted_teacher.tables import BROKEN, SqliteSandbox, TableWorld, tables
from tests.scripted_teacher.teacher import ScriptedTeacher


def made(method, documents, teacher, *, curator=None, sandbox=None):
    async def run():
        given = {"writer": teacher, "curator": curator or teacher, "sandbox": sandbox or SqliteSandbox()}
        return await asyncio.gather(*(method.synthesize(one, **given) for one in documents), return_exceptions=True)

    return asyncio.run(run())


def one_each(method, documents, teacher, **more):
    return [record for (record,) in made(method, documents, teacher, **more)]


def planted(documents, **counts):
    """The first tables with these faults, so many of each."""
    faults = [fault for fault, count in counts.items() for _ in range(count)]
    return {document.body: fault for document, fault in zip(documents, faults, strict=False)}


def stored(record):
    result = record.attributes["result"]
    return Table(tuple(result["columns"]), tuple(map(tuple, result["rows"])))


# ---------------------------------------------------------------------------------------------------------- two slices


def test_a_table_is_of_one_slice_and_a_copy_of_it_of_the_same():
    documents = tables(60)
    copies = [replace(one, record_id=digest(one.record_id), body=f"\n{one.body}\n") for one in documents]

    def used(part):
        results = made(Source2synth(slice=part), [*documents, *copies], ScriptedTeacher(TableWorld()))
        assert {one.reason for one in results if isinstance(one, Drop)} == {"other_slice"}
        return [place for place, one in enumerate(results) if not isinstance(one, Drop)]

    first, second = used("first"), used("second")
    assert sorted([*first, *second]) == list(range(120))
    assert {place % 60 for place in first} & {place % 60 for place in second} == set()
    assert abs(len(first) / 2 - 30) <= 3 * math.sqrt(60 / 4)


def test_the_first_slice_is_not_curated_and_the_second_says_by_whom_it_was():
    documents, world = tables(40), TableWorld()
    curator = ScriptedTeacher(world, models=("trained-on-first",))

    def records(part):
        results = made(Source2synth(slice=part), documents, ScriptedTeacher(world), curator=curator)
        return [record for result in results if not isinstance(result, Drop) for record in result]

    first = records("first")
    assert curator.requests == [] and {one.status for one in first} == {"current"}
    assert {one.attributes["slice"] for one in first} == {0} and not any("curator" in one.attributes for one in first)
    assert {(one.attributes["slice"], one.attributes["curator"]) for one in records("second")} == {
        (1, "trained-on-first")
    }


# -------------------------------------------------------------------------------------------------------- what is kept


@pytest.mark.parametrize(
    ("skill", "tries", "kept"),
    [
        (0.5, 3, 0.875),  # 1 - 0.5^3
        (0.05, 3, 0.142625),  # 1 - 0.95^3
        (0.3, 1, 0.3),
    ],
)
def test_a_curator_keeps_what_it_finds_in_k_tries(skill, tries, kept):
    documents = tables(300)
    records = one_each(Source2synth(tries=tries), documents, ScriptedTeacher(TableWorld(skill=skill)))
    share = sum(record.status == "current" for record in records) / 300
    assert abs(share - kept) <= 3 * math.sqrt(kept * (1 - kept) / 300)
    assert {record.reason for record in records} == {None, "not_answered"}


def test_of_planted_unanswerable_questions_most_go_and_of_good_ones_few():
    documents = tables(200)
    faults = planted(documents, unanswerable=60)  # 30 %
    # by hand: of the planted 0.96^3 = 0.885 go, of the others 0.35^3 = 0.043
    teacher = ScriptedTeacher(TableWorld(planted=faults, skill=0.65, luck=0.04))
    gone = [record.status != "current" for record in one_each(Source2synth(), documents, teacher)]
    assert sum(gone[:60]) >= 0.85 * 60 and sum(gone[60:]) <= 0.15 * 140


def test_exactly_the_statements_that_do_not_run_go_and_what_is_stored_is_what_they_give():
    documents = tables(100)
    faults = planted(documents, syntax=20, missing_column=10)
    records = one_each(Source2synth(), documents, ScriptedTeacher(TableWorld(planted=faults)))
    assert [record.reason for record in records] == ["invalid_sql"] * 30 + [None] * 70
    for document, record in zip(documents[30:], records[30:], strict=True):
        again = SqliteSandbox().query(record.attributes["sql"], tables={"data": table_of(document.body)})
        assert same_result(stored(record), asyncio.run(again).table)
        assert record.attributes["final_answer"] == result_text(stored(record))


def test_the_sandbox_decides_as_the_engine_of_these_tests_does():
    documents = tables(6)
    faults = planted(documents, syntax=1, missing_column=1, empty=1, everything=1)
    ways = [
        one_each(Source2synth(), documents, ScriptedTeacher(TableWorld(planted=faults)), sandbox=sandbox)
        for sandbox in (LocalSandbox(), SqliteSandbox())
    ]
    assert [record.reason for record in ways[0]] == [*(reason for _, reason in BROKEN.values()), None, None]
    assert [record.reason for record in ways[1]] == [record.reason for record in ways[0]]
    assert all(same_result(stored(a), stored(b)) for a, b in zip(*(way[4:] for way in ways), strict=True))


def test_a_record_shows_the_table_the_question_and_a_statement_with_its_result():
    (document,) = tables(1)
    (record,) = one_each(Source2synth(), [document], ScriptedTeacher(TableWorld()))
    assert record.instruction.startswith(f"{document.title}\n\n{document.body}\n\n")
    assert record.response.startswith(f"```sql\n{record.attributes['sql']}\n```\n\nThe answer is: ")
    assert record.response.endswith(record.attributes["final_answer"]) and record.attributes["final_answer"]
    assert [parent.record_id for parent in record.parents] == [document.record_id]
    assert [(span.start, span.text) for span in record.evidence] == [(0, document.body)]


def test_a_record_says_whether_the_teacher_curated_itself():
    writer, own = ScriptedTeacher(world := TableWorld()), ScriptedTeacher(world, models=("trained-on-r0001",))
    for curator, said in ((writer, "teacher"), (own, "trained-on-r0001")):
        (record,) = one_each(Source2synth(), tables(1), writer, curator=curator)
        assert record.attributes["curator"] == said and record.attributes["tries"] == 1


# ---------------------------------------------------------------------------------------------------- what it costs


def test_calls_are_three_for_a_question_and_one_for_each_try():
    documents = tables(40)
    faults = planted(documents, syntax=10)
    world = TableWorld(planted=faults, skill=0.5)
    writer, curator = ScriptedTeacher(world), ScriptedTeacher(world)
    records = one_each(Source2synth(), documents, writer, curator=curator)
    assert writer.asked == {"fact": 40, "query": 40, "rephrase": 30}  # no question without an answer
    tries = [record.attributes["tries"] for record in records if record.reason != "invalid_sql"]
    assert curator.asked == {"query": sum(tries)} and set(tries) == {1, 2, 3}
    assert all(record.attributes["tries"] == 3 for record in records if record.reason == "not_answered")


def test_a_question_that_was_asked_before_costs_no_try():
    writer, curator = ScriptedTeacher(world := TableWorld()), ScriptedTeacher(world)
    ((*records,),) = made(Source2synth(questions=20), tables(1), writer, curator=curator)
    # two columns of numbers, four kinds of question: eight are there to be asked
    kept = [record for record in records if record.status == "current"]
    assert Counter(record.reason for record in records) == {None: len(kept), "repeated_question": 20 - len(kept)}
    assert 1 < len(kept) <= 8 and len({record.instruction for record in kept}) == len(kept) == len(curator.requests)


# ------------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param("", "no_table", id="nothing"),
        pytest.param("A harbour opened in 1901.\nIt has two piers.", "no_table", id="prose"),
        pytest.param("a,b\n" + "1,2\n" * 1_001, "table_too_large", id="2,002 cells"),
    ],
)
def test_what_is_no_small_table_is_dropped_before_anyone_is_asked(body, reason):
    teacher = ScriptedTeacher(TableWorld())
    (dropped,) = made(Source2synth(), [Document(body=body, record_id=b"r" * 16)], teacher)
    assert isinstance(dropped, Drop) and dropped.reason == reason and teacher.requests == []


@pytest.mark.parametrize("fault", ["refusal", "broken_json", "truncation"])
@pytest.mark.parametrize("task", ["fact", "query", "rephrase"])
def test_a_writer_that_gives_nothing_usable_makes_a_reject_of_the_table(task, fault):
    writer = ScriptedTeacher(world := TableWorld(), faults={task: {fault: 1.0}})
    (problem,) = made(Source2synth(), tables(1), writer, curator=ScriptedTeacher(world))
    assert isinstance(problem, Unusable)


def test_an_unusable_answer_of_the_curator_is_a_try_that_failed():
    writer = ScriptedTeacher(world := TableWorld())
    curator = ScriptedTeacher(world, faults={"query": {"refusal": 1.0}})
    (record,) = one_each(Source2synth(), tables(1), writer, curator=curator)
    assert record.reason == "not_answered" and record.attributes["tries"] == len(curator.requests) == 3


@pytest.mark.parametrize(("task", "reason"), [("fact", "blank_fact"), ("rephrase", "blank_question")])
def test_a_blank_answer_costs_nothing_more(task, reason):
    class Blank:
        def answer(self, request):
            return {next(iter(request.fields)): " \n"} if request.task == task else None

    (record,) = one_each(Source2synth(), tables(1), teacher := ScriptedTeacher(Blank(), TableWorld()))
    assert record.reason == reason and list(teacher.asked)[-1] == task


@pytest.mark.parametrize(
    ("ending", "reason"),
    [("time", "time_out"), ("memory", "out_of_memory"), ("output", "too_many_rows"), ("killed", "crashed")],
)
def test_a_query_that_meets_a_limit_is_dropped_with_its_name(ending, reason):
    class Ends(SqliteSandbox):
        async def query(self, statement, /, *, tables, limits=None):
            assert (limits.cpu_s, limits.rows) == (2, 9)
            return Queried(ending)

    method, teacher = Source2synth(cpu_s=2, max_rows=9), ScriptedTeacher(TableWorld())
    (record,) = one_each(method, tables(1), teacher, sandbox=Ends())
    assert record.reason == reason and teacher.asked == {"fact": 1, "query": 1}
