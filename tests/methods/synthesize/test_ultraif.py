"""Constraints are taken from queries and put into others; answers are kept that keep all, which a program checks."""

import asyncio
from collections import Counter
from math import sqrt

import pytest

from synth_dagster.methods.synthesize.ultraif import DECOMPOSE, LABELLING, Decomposed, Ultraif
from synth_dagster.parts.asking.calls import tagged
from synth_dagster.records import Instruction, Message, digest
from tests.methods.test_every_method import chained
from tests.scripted_teacher.demands import BY_QUESTION, DemandWorld, broken, demands_of, queries
from tests.scripted_teacher.teacher import ScriptedTeacher


@pytest.fixture
def run(monkeypatch):
    """The records and rejects of the method over queries, through the runner's chain."""

    def records(method, inputs, teacher):
        chain, _ = chained(method, inputs, in_flight=8, monkeypatch=monkeypatch, teacher=teacher)
        return chain.made, [reject for _, reject in chain.rejects]

    return records


def answered(made):
    return [one for one in made if one.status != "superseded"]


def questions_of(record):
    return [BY_QUESTION[question] for question in record.attributes["questions"]]


# ------------------------------------------------------------------------------------------ what is made, and costs


def test_calls_are_one_and_one_for_each_constraint_then_five_answers_and_five_judgements(run):
    pool = queries(30)  # 0, 1 and 2 constraints in turn: 30 in all
    teacher = ScriptedTeacher(DemandWorld())
    made, rejects = run(Ultraif(), pool, teacher)
    assert teacher.asked == {"decompose": 30, "question": 30, "completion": 5 * 30, "evaluate": 5 * 30}
    assert not rejects and len(answered(made)) == 30
    for one in answered(made):
        # three were added to what the query had, none of one type with another
        assert len(one.attributes["questions"]) == 3 + len(demands_of(one.attributes["initial_query"]))
        assert len(set(one.attributes["types"])) == len(one.attributes["types"]) == len(demands_of(one.instruction))
        assert one.attributes["questions"] == [demand.question for demand in demands_of(one.instruction)]
        assert broken(one.response, demands_of(one.instruction)) == [] and one.attributes["passed"] == 5
        assert one.attributes["history"][0] == one.attributes["initial_query"] and len(one.attributes["history"]) == 3


def test_a_composed_query_names_the_one_before_it_and_the_query_that_its_constraint_came_from(run):
    made, _ = run(Ultraif(), queries(30), ScriptedTeacher(DemandWorld()))
    by_id = {one.record_id: one for one in made}
    composed = [one for one in made if "round" in one.attributes and one.status == "superseded"]
    assert len(composed) == 3 * 30
    for one in composed:
        before, origin = (by_id[parent.record_id] for parent in one.parents)
        added = one.attributes["constraints"][-1]
        assert one.instruction == f"{before.instruction} {added}"
        assert added in origin.instruction and origin.reason == "ultraif:decomposed"
        assert len(one.calls) == 0  # a draw is no call
    for one in answered(made):
        (before,) = one.parents
        assert by_id[before.record_id].attributes["round"] == 3 and one.call_id in one.calls
        assert len(one.calls) == 5 + 1  # five answers, all the same here, so that one judgement serves them all


def test_constraints_are_drawn_as_often_as_the_batch_has_them(run):
    # 90 queries without a constraint; of the others 40 ask for few words and 20 for a mention of the weather
    bare = queries(90, own=(0,))
    short = [
        Instruction.single(f"Praise well {n}. Use at most 40 words.", "", record_id=digest("s", n)) for n in range(40)
    ]
    wet = [
        Instruction.single(f"Praise mill {n}. Mention the weather.", "", record_id=digest("w", n)) for n in range(20)
    ]
    made, _ = run(Ultraif(rounds=1, responses=1), [*bare, *short, *wet], ScriptedTeacher(DemandWorld()))
    drawn = Counter(one.attributes["types"][0] for one in answered(made) if len(one.attributes["types"]) == 1)
    assert sum(drawn.values()) == 90
    assert abs(drawn["numerical"] / 90 - 2 / 3) < 3 * sqrt(2 / 9 / 90)


# ------------------------------------------------------------------------------------------------ the card's proof


def test_what_was_composed_is_found_again_when_it_is_taken_apart(run):
    # 3 % of constraints are misnamed when a query is taken apart: of those added at least 95 % come back
    teacher = ScriptedTeacher(DemandWorld(misnames=0.03))
    made, _ = run(Ultraif(responses=1), queries(150), teacher)
    composed = [one for one in made if one.attributes.get("round") and one.status == "superseded"]

    async def found(one):
        query = tagged("query", one.instruction)
        parts = await teacher.ask(DECOMPOSE, into=Decomposed, sampling=LABELLING, query=query, count=10)
        return one.attributes["constraints"][-1] in [part.constraint for part in parts.constraints]

    async def all_of_them():
        return await asyncio.gather(*map(found, composed))

    back = asyncio.run(all_of_them())
    assert len(back) > 400 and 0.95 <= sum(back) / len(back) < 1


@pytest.mark.parametrize("keeps", [0.8, pytest.param(0.5, marks=pytest.mark.prove)])
def test_a_query_is_kept_as_often_as_one_answer_in_five_passes_and_seldomer_with_more_constraints(run, keeps):
    shares = []
    for rounds in (1, 2, 3):
        # half of the queries bring one constraint, by which they are not judged here
        method = Ultraif(rounds=rounds, own_questions=False)
        made, _ = run(method, queries(300, own=(0, 1)), ScriptedTeacher(DemandWorld(keeps=keeps)))
        tried = answered(made)
        assert {len(one.attributes["questions"]) for one in tried} == {rounds}
        assert {one.reason for one in tried} <= {None, "ultraif:none_passed"}
        kept = [one for one in tried if one.status == "current"]
        assert all(broken(one.response, questions_of(one)) == [] for one in kept)
        assert all(broken(one.response, questions_of(one)) for one in tried if one.reason)
        # at .8: .99968, .99395, .97232; at .5: .96875, .76270, .48709
        wanted = 1 - (1 - keeps**rounds) ** 5
        shares.append(len(kept) / len(tried))
        assert abs(shares[-1] - wanted) <= 3 * sqrt(wanted * (1 - wanted) / 300) + 1 / 300
    assert shares[0] >= shares[1] > shares[2]


def test_what_is_kept_with_a_judge_that_errs_is_right_as_often_as_the_closed_form_says(run):
    # s = .8 kept, e = .2 wrong (the paper's judge agrees with people on 80 %), c = 2. A question of an accepted answer
    # is rightly answered with YES for s(1-e) = .64 of .68: both for (.64/.68)^2 = .886 of what is kept.
    world = DemandWorld(keeps=0.8, judge_errs=0.2)
    made, _ = run(Ultraif(rounds=2, own_questions=False), queries(300, own=(0, 1)), ScriptedTeacher(world))
    kept = [one for one in made if one.status == "current"]
    right = sum(broken(one.response, questions_of(one)) == [] for one in kept) / len(kept)
    wanted = (0.64 / 0.68) ** 2
    assert abs(right - wanted) < 3 * sqrt(wanted * (1 - wanted) / len(kept))


# ------------------------------------------------------------------------------------------------ a model that composes


def test_a_model_composes_and_what_it_spoils_adds_nothing(run):
    world = DemandWorld(composer={"copy": 0.15, "residue": 0.15, "no_question": 0.15})
    teacher = ScriptedTeacher(world, faults={"compose": {"broken_json": 0.1}})
    made, rejects = run(Ultraif(compose_by="model", responses=1), queries(60), teacher)
    reasons = Counter(reject.reason for reject in rejects)
    assert teacher.asked["compose"] == 3 * 60
    assert {"compose_copy", "compose_residue", "compose_no_question", "compose_unparsable"} <= reasons.keys()
    composed = [one for one in made if one.attributes.get("round") and one.status == "superseded"]
    # every attempt is a form of a query or a reject
    assert len(composed) + sum(n for reason, n in reasons.items() if reason.startswith("compose_")) == 180
    for one in answered(made):  # questions and query stay in step, whichever rounds failed
        assert one.attributes["questions"] == [demand.question for demand in demands_of(one.instruction)]
    assert all(one.parents[0].stage and len(one.parents) == 1 and len(one.calls) == 1 for one in composed)


# --------------------------------------------------------------------------------------------------------- bad inputs


@pytest.mark.parametrize(
    ("task", "fault", "rejected", "eliminated"),
    [
        ("decompose", "refusal", "decompose_refused", None),
        ("decompose", "broken_json", "decompose_unparsable", None),
        ("decompose", "truncation", "decompose_cut", None),
        ("question", "broken_json", "not_composed", None),  # nobody has a constraint that can be asked about
        ("completion", "refusal", None, "response_refused"),
        ("completion", "truncation", None, "response_cut"),
        ("evaluate", "broken_json", None, "response_judgement_unparsable"),
    ],
)
def test_a_teacher_that_always_fails_gives_reasons_and_no_exception(run, task, fault, rejected, eliminated):
    teacher = ScriptedTeacher(DemandWorld(), faults={task: {fault: 1.0}})
    made, rejects = run(Ultraif(), queries(9), teacher)
    assert [reject.reason for reject in rejects] == ([rejected] * 9 if rejected else [])
    assert [one.reason for one in answered(made)] == ([f"ultraif:{eliminated}"] * 9 if eliminated else [])


class Parrot(ScriptedTeacher):
    """Answers every query with the query."""

    async def tell(self, prompt, /, **given):
        said = await super().tell(prompt, **given)
        return type(said)(given["query"].replace("<query>", "").replace("</query>", ""), "stop", said.call)


def test_an_answer_that_repeats_the_query_is_not_judged(run):
    teacher = Parrot(DemandWorld())
    made, _ = run(Ultraif(), queries(6), teacher)
    assert {one.reason for one in answered(made)} == {"ultraif:response_repeats_query"}
    assert "evaluate" not in teacher.asked


def test_what_is_no_query_goes_and_nothing_is_asked_about_it(run):
    odd = [
        Instruction(messages=(), record_id=b"1"),
        Instruction.single(" ", "", record_id=b"2"),
        Instruction.single("word " * 2_001, "", record_id=b"3"),
        Instruction(messages=tuple(Message(r, "Hm?") for r in ("user", "assistant", "user")), record_id=b"4"),
    ]
    teacher = ScriptedTeacher(DemandWorld())
    made, rejects = run(Ultraif(), odd, teacher)
    assert [one.reason for one in rejects] == ["blank_instruction", "blank_instruction", "too_long", "conversation"]
    assert not made and not teacher.requests and run(Ultraif(), [], teacher) == ([], [])


def test_one_query_alone_has_nobody_to_borrow_from(run):
    made, rejects = run(Ultraif(), queries(1, own=(2,)), ScriptedTeacher(DemandWorld()))
    assert [one.reason for one in made] == ["ultraif:decomposed"] and [one.reason for one in rejects] == [
        "not_composed"
    ]
    assert len(made[0].attributes["triples"]) == 2


class French(DemandWorld):
    """Takes queries apart, or composes them, in another language than theirs."""

    said = (
        "Écrivez pour les voyageurs une description de la gare de la ville, sans oublier le quai et les vieux wagons."
    )

    def answer(self, request):
        found = super().answer(request)
        if request.task == "compose":
            return {**found, "query": self.said}
        if request.task == "decompose" and not self.composer:
            return {**found, "constraints": [{**one, "simplified_query": self.said} for one in found["constraints"]]}
        return found


def test_what_comes_back_in_another_language_is_no_part_of_a_query_and_no_new_one(run):
    pool = [
        Instruction.single(
            f"Tell the travellers of town {n} what there is to see at the station. Mention the weather.",
            "",
            record_id=digest("long", n),
        )
        for n in range(3)
    ]
    made, rejects = run(Ultraif(), pool, ScriptedTeacher(French()))
    assert [one.attributes["triples"] for one in made] == [[]] * 3
    _, rejects = run(Ultraif(compose_by="model"), pool, ScriptedTeacher(French(composer={"none": 0.0})))
    assert Counter(one.reason for one in rejects) == {"compose_other_language": 9, "not_composed": 3}
