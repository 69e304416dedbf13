"""A question over two articles stays when a curator finds its answer with both; all else goes with a reason."""

import asyncio
import math
from collections import Counter
from dataclasses import replace

import pytest

from synth_dagster.methods.synthesize.source2synth_hops import ANSWER, Found, Source2synthHops
from synth_dagster.parts.cards.hops import agrees
from synth_dagster.parts.cards.slices import is_of
from synth_dagster.records import Document
from tests.methods.conftest import PlainReferences
from tests.scripted_teacher.hops import HOPS, HopWorld, articles_of, chains
from tests.scripted_teacher.teacher import ScriptedTeacher


def made(method, told, teacher, *, curator=None, documents=None, held_out=()):
    pool = articles_of(told) if documents is None else documents
    texts = PlainReferences({"held_out/": held_out})
    given = asyncio.run(method.round(pool, 0, writer=teacher, curator=curator or teacher, references=texts))
    return [record for (record,) in given]


def asked_in(record):
    return record.instruction.partition("\n\n")[0]


def kept(records):
    return [record for record in records if record.status == "current"]


# -------------------------------------------------------------------------------------------------------- what is kept


@pytest.mark.parametrize(
    ("skill", "tries", "share"),
    [
        (0.5, 3, 0.875),  # 1 - 0.5^3
        (0.05, 3, 0.142625),  # 1 - 0.95^3
        (0.3, 1, 0.3),
    ],
)
def test_a_curator_keeps_what_it_finds_in_k_tries(skill, tries, share):
    told = chains(75)
    records = made(Source2synthHops(tries=tries), told, ScriptedTeacher(HopWorld(told, skill=skill)))
    assert len(records) == 75 * HOPS == 300
    assert abs(len(kept(records)) / 300 - share) <= 3 * math.sqrt(share * (1 - share) / 300)
    assert {record.reason for record in records} == {None, "not_answered"}


def test_of_planted_unanswerable_questions_most_go_and_of_good_ones_few():
    told = chains(50)
    # what is told in an article of a name is the second hop of one question: 60 of 200 are 30 %
    planted = frozenset((one.article, one.name) for one in told[:60])
    # by hand: of the planted 0.96^3 = 0.885 go, of the others 0.35^3 = 0.043
    teacher = ScriptedTeacher(HopWorld(told, planted=planted, skill=0.65, luck=0.04))
    records = made(Source2synthHops(), told, teacher)
    bad = [record for record in records if record.attributes["final_answer"] == "8,112"]
    assert (len(bad), len(records)) == (60, 200)
    assert len(kept(bad)) <= 0.15 * 60 and len(kept(records)) - len(kept(bad)) >= 0.85 * 140


def test_every_kept_question_needs_both_articles():
    told = chains(20)
    records = made(Source2synthHops(), told, ScriptedTeacher(world := HopWorld(told)))
    bodies = {one.record_id: one.body for one in articles_of(told)}

    def answered(record, *shown):
        passages = "".join(f"<passage>\n{bodies[one.record_id]}\n</passage>\n" for one in shown)
        asked = f"<question>\n{asked_in(record)}\n</question>"
        said = asyncio.run(ScriptedTeacher(world).ask(ANSWER, into=Found, passages=passages, question=asked))
        return agrees(record.attributes["final_answer"], said.answer)

    assert len(kept(records)) == len(records) == 80
    for record in records:
        first, second = record.parents
        assert answered(record, first, second)
        assert not answered(record, first) and not answered(record, second)


# ------------------------------------------------------------------------------------------------- what a record says


def test_a_record_has_its_chain_and_rests_on_exactly_two_articles():
    told = chains(1)
    records = made(Source2synthHops(impute=False), told, ScriptedTeacher(HopWorld(told)))
    bodies = {one.record_id: one.body for one in articles_of(told)}
    asked = {asked_in(record): record for record in records}
    assert set(asked) == {
        "In which town was the person who built the Tower of Row 0 born?",
        "What was built by the person who was born in Brandtham0?",
        "On which river does the town where Ada Brandt was born lie?",
        "Who was born in the town that lies on the Adawen0?",
    }
    one = asked["On which river does the town where Ada Brandt was born lie?"]
    assert one.response == (
        "In which town was Ada Brandt born? Brandtham0.\nOn which river does Brandtham0 lie? Adawen0.\n\n"
        "The answer is: Adawen0"
    )
    assert one.attributes == {
        "q1": "In which town was Ada Brandt born?",
        "entity": "Brandtham0",
        "q2": "On which river does Brandtham0 lie?",
        "final_answer": "Adawen0",
        "imputed": False,
        "tries": 1,
        "curator": "teacher",
    }
    first, second = one.parents
    assert "Ada Brandt was born" in bodies[first.record_id] and "river Adawen0" in bodies[second.record_id]
    for record in records:
        assert len({parent.record_id for parent in record.parents}) == 2
        assert [(span.record_id, span.text) for span in record.evidence] == [
            (parent.record_id, bodies[parent.record_id]) for parent in record.parents
        ]
        assert all(bodies[parent.record_id] in record.instruction for parent in record.parents)


def test_the_first_hop_is_not_always_shown_first():
    told = chains(20)
    records = made(Source2synthHops(), told, ScriptedTeacher(HopWorld(told)))
    bodies = {one.record_id: one.body for one in articles_of(told)}
    places = [
        [record.instruction.index(bodies[parent.record_id]) for parent in record.parents] for record in kept(records)
    ]
    assert {first < second for first, second in places} == {True, False}


def test_a_curator_of_its_own_is_named():
    told = chains(1)
    writer, own = ScriptedTeacher(HopWorld(told)), ScriptedTeacher(HopWorld(told), models=("trained-on-r0001",))
    records = made(Source2synthHops(), told, writer, curator=own)
    assert {record.attributes["curator"] for record in records} == {"trained-on-r0001"}


# ----------------------------------------------------------------------------------------------------------- imputation


def test_a_rebuilt_question_takes_the_place_of_the_old_one_where_it_has_the_same_answer():
    told = chains(50)
    records = made(Source2synthHops(), told, ScriptedTeacher(HopWorld(told, drifting=0.25)))
    rebuilt = [record for record in records if record.attributes["imputed"]]
    assert len(kept(records)) == 200 and 0 < 200 - len(rebuilt) < 100
    anew = {one.anew for one in told}
    assert all(any(words in asked_in(record) for words in anew) for record in rebuilt)
    assert all(record.attributes["q1"].startswith("What is the name of ") for record in rebuilt)
    dropping = made(Source2synthHops(keep_original=False), told, ScriptedTeacher(HopWorld(told, drifting=0.25)))
    assert len(kept(dropping)) == len(rebuilt)
    assert {record.reason for record in dropping if record.status != "current"} == {"imputation_failed"}


def test_a_rebuilt_question_that_names_its_bridge_is_not_even_asked():
    class Names(HopWorld):
        def answer(self, request):
            said = super().answer(request)
            return {**said, "question": f"And {request.tag('bridge')}?"} if request.task == "rebuilt" else said

    told = chains(2)
    records = made(Source2synthHops(), told, teacher := ScriptedTeacher(Names(told)))
    assert not any(record.attributes["imputed"] for record in kept(records)) and len(kept(records)) == 8
    assert teacher.asked["found"] == 8


# --------------------------------------------------------------------------------------------------------- two slices


def test_no_name_joins_articles_in_both_slices_and_together_they_are_all():
    told = chains(50)
    first, second, whole = (
        made(Source2synthHops(slice=part), told, ScriptedTeacher(HopWorld(told)))
        for part in ("first", "second", "whole")
    )
    bridges = [{one.attributes["entity"] for one in records if one.parents[1:]} for records in (first, second, whole)]
    assert not bridges[0] & bridges[1] and bridges[0] | bridges[1] == bridges[2]
    # 100 names with a fair coin for each: half of them within 3 sigma, 50 +- 15
    assert len(bridges[2]) == 100 and abs(len(bridges[0]) - 50) <= 15
    assert {one.attributes["slice"] for one in first if one.parents[1:]} == {0}
    assert {one.attributes["slice"] for one in kept(second)} == {1}
    assert not any("slice" in one.attributes for one in whole)


def test_the_first_slice_is_not_curated_and_the_second_says_by_whom_it_was():
    told = chains(10)
    writer = ScriptedTeacher(world := HopWorld(told))
    curator = ScriptedTeacher(world, models=("trained-on-first",))
    first = made(Source2synthHops(slice="first"), told, writer, curator=curator)
    assert kept(first) and curator.requests == []
    assert not any({"curator", "tries"} & one.attributes.keys() for one in first)
    second = made(Source2synthHops(slice="second"), told, writer, curator=curator)
    assert {one.attributes["curator"] for one in kept(second)} == {"trained-on-first"}


def test_an_article_without_a_name_of_the_slice_says_so():
    told = chains(10)
    records = made(Source2synthHops(slice="second"), told, ScriptedTeacher(HopWorld(told)))
    names = {one.record_id: {hop.name for hop in told if hop.article == one.body} for one in articles_of(told)}
    others = {article for article, theirs in names.items() if not any(is_of("second", name) for name in theirs)}
    assert others == {one.parents[0].record_id for one in records if one.reason == "no_name_of_slice"} != set()


def test_a_question_whose_seed_a_benchmark_names_goes_before_a_curator_is_paid():
    told = chains(10)
    names = {one.name for one in told}
    leaked = sorted(names)[:6]
    texts = [f"Who built the bridge of {name.upper()}?" for name in leaked[:-1]] + [f"What is {leaked[-1]}ish?"]
    writer, curator = ScriptedTeacher(world := HopWorld(told)), ScriptedTeacher(world)
    records = made(Source2synthHops(held_out="held_out/"), told, writer, curator=curator, held_out=texts)
    gone = {one.attributes["entity"] for one in records if one.reason == "seed_held_out"}
    assert gone == set(leaked[:-1]) and len(kept(records)) == sum(one.name not in gone for one in told)
    assert curator.asked["found"] == 2 * len(kept(records))  # once, and once the rebuilt one


# ------------------------------------------------------------------------------------------------------- what it costs


def test_calls_are_three_for_a_question_one_for_each_try_and_two_to_rebuild():
    told = chains(10)
    world = HopWorld(told, skill=0.5)
    writer, curator = ScriptedTeacher(world), ScriptedTeacher(world)
    records = made(Source2synthHops(), told, writer, curator=curator)
    # one list of names for each of 30 articles: with 40 questions 3.75 calls of the writer for each
    assert writer.asked == {"named": 30, "rephrase": 40 * 2, "asked": 40}
    tries = sum(record.attributes["tries"] for record in records)
    found = len(kept(records))
    assert curator.asked == {"found": tries + found, "rebuilt": found} and found < 40
    named = {call for record in records for call in record.calls}
    assert named == {request.key for request in [*writer.requests, *curator.requests]}
    shared = sum(len(record.calls) for record in records) - len(named)
    assert shared == 40 - 30  # two questions rest on one list of names in ten articles


def test_what_is_asked_of_one_article_for_two_questions_is_asked_anew():
    # three articles with one name: each is the first hop of two questions and the second of two
    told = [
        replace(one, article=f"{one.article} {place}", name="Ada Brandt") for place, one in enumerate(chains(3)[::4])
    ]
    told = [
        replace(one, article=one.article.replace(whose, "Ada Brandt")) for one, whose in zip(told, WHO, strict=True)
    ]
    teacher = ScriptedTeacher(HopWorld(told))
    made(Source2synthHops(), told, teacher)
    asked = [(request.task, request.key) for request in teacher.requests if request.task in ("named", "asked")]
    assert len(asked) == len(set(asked)) == 3 + 6


def test_no_article_begins_more_questions_than_are_wanted_and_the_seed_says_which():
    told = chains(10)

    def bridges(**settings):
        records = made(Source2synthHops(questions=1, **settings), told, ScriptedTeacher(HopWorld(told)))
        assert max(Counter(record.parents[0].record_id for record in records).values()) == 1
        return [record.attributes["entity"] for record in records]

    assert len(bridges()) == 30 and bridges() == bridges() != bridges(seed=1)


def test_a_question_that_was_asked_before_costs_no_try():
    told = chains(1)

    class Same(HopWorld):
        def answer(self, request):
            said = super().answer(request)
            return {"question": "Where is it, then?"} if request.tag("second_question") else said

    writer, curator = ScriptedTeacher(world := Same(told)), ScriptedTeacher(world)
    records = made(Source2synthHops(), told, writer, curator=curator)
    assert Counter(record.reason for record in records) == {"not_answered": 1, "repeated_question": 3}
    assert len(curator.requests) == 3


# ------------------------------------------------------------------------------------------------------------ bad input


def article(body):
    return Document(body=body, record_id=body.encode()[:16].ljust(16), batch="a:0", stage="seed")


@pytest.mark.parametrize(
    ("bodies", "reason"),
    [
        pytest.param(["", "\n \u200b"], "blank_article", id="nothing"),
        pytest.param(["Ada Brandt " * 2_001], "article_too_long", id="longer than a prompt"),
    ],
)
def test_what_is_no_article_goes_before_anyone_is_asked(bodies, reason):
    teacher = ScriptedTeacher(HopWorld([]))
    records = made(Source2synthHops(), [], teacher, documents=[article(body) for body in bodies])
    assert {record.reason for record in records} == {reason} and teacher.requests == []


def test_an_empty_corpus_gives_nothing_and_one_article_nothing_to_join():
    told = chains(1)
    teacher = ScriptedTeacher(HopWorld(told))
    assert made(Source2synthHops(), told, teacher, documents=[]) == []
    (record,) = made(Source2synthHops(), told, teacher, documents=articles_of(told)[:1])
    assert record.reason == "no_linked_article" and len(record.parents) == len(record.calls) == 1


def test_a_copy_of_an_article_is_no_second_one():
    told = chains(1)
    one = articles_of(told)[0]
    records = made(
        Source2synthHops(), told, ScriptedTeacher(HopWorld(told)), documents=[one, replace(one, record_id=b"c" * 16)]
    )
    assert [record.reason for record in records] == ["no_linked_article"] * 2


@pytest.mark.parametrize(
    ("fault", "reason"), [("refusal", "refused"), ("broken_json", "unparsable"), ("truncation", "cut")]
)
@pytest.mark.parametrize("task", ["named", "asked", "rephrase"])
def test_an_answer_that_nobody_can_use_has_its_reason(task, fault, reason):
    told = chains(1)
    writer = ScriptedTeacher(world := HopWorld(told), faults={task: {fault: 1.0}})
    records = made(Source2synthHops(), told, writer, curator=(curator := ScriptedTeacher(world)))
    assert {record.reason for record in records} == {reason} and curator.requests == []
    assert {call for record in records for call in record.calls} == {request.key for request in writer.requests}


def test_an_unusable_answer_of_the_curator_is_a_try_that_failed():
    told = chains(1)
    curator = ScriptedTeacher(world := HopWorld(told), faults={"found": {"refusal": 1.0}})
    records = made(Source2synthHops(), told, ScriptedTeacher(world), curator=curator)
    assert [(record.reason, record.attributes["tries"]) for record in records] == [("not_answered", 3)] * 4


WHO = ("Ada Brandt", "Boris Brandt", "Chiara Brandt")
GERMAN = "In welcher Stadt ist der Mensch geboren, der das Haus am Fluss vor langer Zeit gebaut hat?"


@pytest.mark.parametrize(
    ("task", "says", "reason"),
    [
        ("asked", {"question": "", "answer": "x"}, "blank_question"),
        ("asked", {"question": "Where is it?", "answer": "x"}, "bridge_not_in_second_question"),
        ("asked", {"question": "Who is {bridge}?", "answer": "{bridge}."}, "answer_is_bridge"),
        ("asked", {"question": "Who knew {bridge}?", "answer": "the"}, "answer_in_first_article"),
        ("rephrase", {"question": "I'm sorry, but I can't help with that."}, "refusal"),
        ("rephrase", {"question": "Who is {bridge}?"}, "bridge_in_first_question"),
        ("merged", {"question": " "}, "blank_question"),
        ("merged", {"question": "{first_question}"}, "one_hop"),
        ("merged", {"question": "What did {bridge} do?"}, "bridge_in_question"),
        ("merged", {"question": GERMAN}, "other_language"),
    ],
)
def test_a_question_that_is_none_has_its_reason(task, says, reason):
    told = [one for one in chains(2) if one.name == "Ada Brandt"]
    told = [replace(one, article=f"{one.article} This is what the people of the place tell about it.") for one in told]

    class Says(HopWorld):
        def answer(self, request):
            is_merged = bool(request.tag("second_question"))
            if request.task == ("rephrase" if task == "merged" else task) and is_merged == (task == "merged"):
                given = {name: request.tag(name) for name in ("bridge", "first_question")}
                return {name: text.format(**given) for name, text in says.items()}
            return super().answer(request)

    records = made(Source2synthHops(), told, ScriptedTeacher(Says(told)))
    assert [record.reason for record in records] == [reason] * 2


@pytest.mark.parametrize(
    ("answer", "said", "is_same"),
    [
        ("Orrin", "It is Orrin.", True),
        ("Orrin", "orrin", True),
        ("Orrin", "Orrington", False),
        ("Orrin", "The people of the village, of Orrin and of many other places", False),  # 11 words around one
        ("7", "7,500", False),
        ("1,902", "In 1902.", True),
    ],
)
def test_an_answer_agrees_that_has_the_right_one_in_a_few_words(answer, said, is_same):
    assert agrees(answer, said) == is_same
