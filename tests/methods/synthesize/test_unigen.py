"""New items of a set are reflected upon until they are good, get the answers of programs, and lie apart."""

import asyncio
import re
from collections import Counter

import numpy as np
import pytest
from pydantic import ValidationError

from synth_dagster.methods.synthesize.unigen import Unigen
from synth_dagster.parts.mathematics.answers import same_answer
from synth_dagster.records import Instruction
from synth_dagster.sandbox.local import LocalSandbox
from synth_dagster.services import Call, Drop, Unusable
from synth_dagster.teacher.lexical import LexicalEmbedder
from tests.scripted_teacher.arithmetic import answer_of, seeds
from tests.scripted_teacher.items import FLAW, ItemWorld, KnownPrograms, base
from tests.scripted_teacher.teacher import ScriptedTeacher


class Pages:
    def __init__(self, *rows):
        self.given = rows

    def rows(self, path):
        return self.given


def round_of(method, pool, world, writer=None, judge=None, *, sandbox=None, pages=(), embed=None):
    writer = writer or ScriptedTeacher(world)
    return asyncio.run(
        method.round(
            pool,
            0,
            writer=writer,
            judge=judge or writer,
            embed=embed or LexicalEmbedder(),
            sandbox=sandbox or KnownPrograms(world),
            references=Pages(*pages),
        )
    )


def items_of(*given, **more):
    return [one for some in round_of(*given, **more) if not isinstance(some, Drop) for one in some]


def is_right(one):
    return same_answer(answer_of(one.instruction.replace(FLAW, "")), one.response)


# ------------------------------------------------------------------------------------------------------ what it costs


def test_an_item_costs_a_fifth_of_a_request_a_reflection_and_a_program():
    world = ItemWorld()
    writer, judge = ScriptedTeacher(world), ScriptedTeacher(world, models=("judge",))
    made = items_of(Unigen(per_seed=2), base(10), world, writer, judge)
    # keywords of 10 examples; 20 items in 4 requests; of each item one reflection and one program that agrees
    assert writer.asked == {"keywords": 10, "questions": 4, "program": 20} and judge.asked == {"reflect": 20}
    assert len(made) == 20
    assert {one.attributes["reflection_epoch"] for one in made} == {1}


def test_each_check_can_be_left_out():
    world = ItemWorld(flawed=0.5, wrong=0.5)
    writer = ScriptedTeacher(world)
    made = items_of(Unigen(checks=(), attributes=False), base(10), world, writer)
    assert writer.asked == {"questions": 2} and {one.status for one in made} == {"current"}


# --------------------------------------------------------------------------------------------------- planted faults


def test_of_wrong_labels_none_is_left_after_the_code_check_and_each_correction_is_noted():
    world = ItemWorld(wrong=0.3, broken=0.2)
    made = items_of(Unigen(per_seed=10, distance=0, checks=("code",)), base(20), world)
    current = [one for one in made if one.status == "current"]
    assert len(current) > 150 and all(is_right(one) for one in current)
    corrected = {
        one.instruction: one.attributes["math_eval"]["replaced"] for one in current if one.instruction in world.planted
    }
    assert len(corrected) > 40 and all(world.planted[text] == label for text, label in corrected.items())
    others = [one for one in current if one.instruction not in world.planted]
    assert all(one.attributes["math_eval"]["agrees"] for one in others)  # what says the same is not replaced
    assert max(one.attributes["math_eval"]["attempts"] for one in current) > 1


def test_a_label_that_is_a_whole_solution_is_compared_by_its_answer():
    world, pool = ItemWorld(wrong=0.4), seeds(10)  # the examples work the answer out, and so do the new items
    made = items_of(Unigen(per_seed=3, distance=0, checks=("code",)), pool, world)
    assert all(one.attributes["math_eval"]["agrees"] == (one.instruction not in world.planted) for one in made)
    assert {len(one.response.splitlines()) > 1 for one in made if one.attributes["math_eval"]["agrees"]} == {True}


def test_without_a_program_that_runs_a_label_stays_after_five_attempts():
    world = ItemWorld(broken=1.0)
    writer = ScriptedTeacher(world)
    made = items_of(Unigen(checks=("code",)), base(5), world, writer)
    assert writer.asked["program"] == 5 * 5
    assert all(one.attributes["math_eval"] == {"attempts": 5, "error": "program_failed"} for one in made)
    second = [request for request in writer.requests if request.tag("error")]
    assert len(second) == 4 * 5 and {request.tag("error") for request in second} == {"program_failed"}


def test_of_flaws_at_most_two_in_a_hundred_are_left_after_five_reflections_and_those_are_eliminated():
    # a flaw that a rewriting misses with .3 survives four of them with .3^4 = .8 %
    world = ItemWorld(flawed=0.6, skill=0.7)
    made = items_of(Unigen(per_seed=20, distance=0, checks=("reflection",)), base(20), world)
    asked = [one for one in made if one.reason in (None, "not_good")]
    left = [one for one in asked if FLAW in one.instruction]
    assert len(asked) > 350 and len(left) / len(asked) <= 0.02
    assert all((one.reason == "not_good") == (FLAW in one.instruction) for one in asked)
    epochs = Counter(one.attributes["reflection_epoch"] for one in asked)
    assert max(epochs) == 5 and epochs[1] > 100
    for one in asked:
        trace = [step["is_good"] for step in one.attributes["reflection_trajectory"]]
        assert trace == [False] * (len(trace) - 1) + [one.attributes["is_good"]]


def test_of_items_closer_than_the_distance_the_first_stays():
    class Positions:
        async def embed(self, texts):
            rng = np.random.default_rng(len(texts))
            self.given = rng.random((len(texts), 2))
            return self.given

    world, embed = ItemWorld(), Positions()
    made = items_of(Unigen(per_seed=10, choice="random", checks=("group",)), base(20), world, embed=embed)
    asked = [one for one in made if one.reason != "repeated_item"]
    kept = [embed.given[place] for place, one in enumerate(asked) if one.status == "current"]
    assert all(np.linalg.norm(a - b) >= 0.3 for n, a in enumerate(kept) for b in kept[:n])
    numbers = {one.attributes["number"]: place for place, one in enumerate(asked)}
    for place, one in enumerate(asked):
        if one.reason == "near_duplicate":
            other = numbers[one.attributes["nearest_item"]]
            assert other < place and np.linalg.norm(embed.given[place] - embed.given[other]) < 0.3


def test_kept_items_keep_to_patterns():
    world = ItemWorld()
    made = items_of(Unigen(per_seed=10, distance=0, patterns=(r"dollars",), checks=()), base(10), world)
    kept = [one for one in made if one.status == "current"]
    assert kept and all("dollars" in one.instruction for one in kept)
    assert all("dollars" not in one.instruction for one in made if one.reason == "against_pattern")


def test_a_harder_question_has_the_same_answer():
    world = ItemWorld()
    for one in items_of(Unigen(harden=True, distance=0), base(5), world):
        assert one.attributes["hardened"] == "distraction" and one.instruction.endswith(one.attributes["before"])
        assert same_answer(one.response, answer_of(one.attributes["before"]))


class LooksUp(ScriptedTeacher):
    """A judge that looks one thing up, and takes its page at its word."""

    async def ask(self, prompt, /, *, into, **given):
        self.looked_up = [*getattr(self, "looked_up", ()), into.__name__]
        if into.__name__ == "Named":
            return into(entities=["The shop"])
        if into.__name__ == "Confirmed":
            self.pages = given["pages"]
            return into(correct=False, text="What does the shop sell?", label="Bread")
        return await super().ask(prompt, into=into, **given)


def test_facts_are_corrected_by_pages_of_the_project():
    world, page = ItemWorld(), {"title": "the shop", "text": "The shop sells bread."}
    method = Unigen(per_seed=1, checks=("facts",), pages="pages.jsonl", distance=0)
    judge = LooksUp(world)
    (made,) = items_of(method, base(1), world, judge=judge, pages=(page,))
    assert (made.instruction, made.response) == ("What does the shop sell?", "Bread")
    assert made.attributes["rag_check"] == {"pages": ["the shop"], "corrected": True} and page["text"] in judge.pages
    assert judge.looked_up == ["Named", "Confirmed"]  # two calls an item
    (left,) = items_of(method, base(1), world, judge=LooksUp(world), pages=({"title": "another", "text": "Else."},))
    assert left.attributes["rag_check"] == {"pages": []} and is_right(left)


def test_a_program_runs_in_the_sandbox():
    world = ItemWorld(wrong=1.0)
    made = items_of(Unigen(batch=2, checks=("code",)), base(2), world, sandbox=LocalSandbox())
    assert len(made) == 2 and all(is_right(one) and not one.attributes["math_eval"]["agrees"] for one in made)


# ------------------------------------------------------------------------------------------------ examples, attributes


def test_requests_show_examples_and_items_name_them_as_parents():
    world, pool = ItemWorld(), base(12)
    writer = ScriptedTeacher(world)
    method = Unigen(
        description="Problems for grade school.", constraints=("No names of brands.", "One question each."), checks=()
    )
    made = items_of(method, pool, world, writer)
    asked = [request for request in writer.requests if request.task == "questions"]
    for number, request in enumerate(asked):
        texts = [example.partition("\n\n")[0] for example in request.tags("example")]
        assert len(texts) == 5 and request.tag("description") == "Problems for grade school."
        assert request.tag("constraints") == "1. No names of brands.\n2. One question each."
        of = [one for one in made if one.attributes["number"] // 5 == number]
        assert of and all([parent.instruction for parent in one.parents] == texts for one in of)
        assert all(set(request.tag("attributes").splitlines()) == set(one.attributes["category"]) for one in of)
    assert [int(request.tag("count")) for request in asked] == [5, 5, 2]
    sampled = {s.temperature for r, s in zip(writer.requests, writer.samplings, strict=True) if r.task == "questions"}
    assert sampled == {0.8}


@pytest.mark.parametrize("choice", ["embedding", "kmeans", "random"])
def test_examples_are_different_ones_however_they_are_chosen(choice):
    made = items_of(Unigen(choice=choice, checks=()), base(20), ItemWorld())
    assert all(1 < len({parent.record_id for parent in one.parents}) == len(one.parents) <= 5 for one in made)


def test_another_order_of_answers_changes_nothing():
    def made(jitter):
        world = ItemWorld(wrong=0.3, flawed=0.3, skill=0.5, broken=0.3)
        return items_of(Unigen(per_seed=2), base(10), world, ScriptedTeacher(world, jitter=jitter))

    assert [(one.content(), one.attributes, one.reason) for one in made(0)] == [
        (one.content(), one.attributes, one.reason) for one in made(9)
    ]


def test_it_is_done_after_one_round():
    nothing = {"writer": None, "judge": None, "embed": None, "sandbox": None, "references": None}
    assert asyncio.run(Unigen().round(base(2), 1, **nothing)) == asyncio.run(Unigen().round([], 0, **nothing)) == []


# ------------------------------------------------------------------------------------------------------------ bad input


def test_one_item_is_enough_and_what_repeats_the_set_goes():
    class Repeats(ScriptedTeacher):
        async def ask(self, prompt, /, **given):
            reply = await super().ask(prompt, **given)
            for item in getattr(reply, "items", []):
                item.text = base(1)[0].instruction.upper()
            return reply

    world = ItemWorld()
    assert len(items_of(Unigen(per_seed=3), base(1), world)) == 3
    made = items_of(Unigen(per_seed=3), base(1), world, Repeats(world))
    assert [one.reason for one in made] == ["repeated_item"] * 3


def test_what_is_no_item_is_dropped_and_nobody_is_asked():
    blank = Instruction.single(" ", "4", record_id=b"b")
    bare = Instruction.single("What is 4?", " ", record_id=b"c")
    long = Instruction.single("word " * 1_001, "4", record_id=b"l")
    world = ItemWorld()
    writer = ScriptedTeacher(world)
    dropped = round_of(Unigen(), [blank, bare, long], world, writer)
    assert [one.reason for one in dropped] == ["blank_item", "blank_item", "too_long"] and writer.requests == []


class Refuses:
    models = ("scripted",)

    async def ask(self, prompt, /, **given):
        raise Unusable("refused", "No.", Call(bytes(16), "scripted", prompt.hash))


def test_a_writer_that_always_refuses_leaves_drops_and_a_judge_that_does_a_reason():
    world = ItemWorld()
    dropped = [one for one in round_of(Unigen(), base(6), world, Refuses()) if isinstance(one, Drop)]
    assert [one.reason for one in dropped] == ["items_refused"] * 2
    made = items_of(Unigen(), base(5), world, judge=Refuses())
    assert {one.reason for one in made} == {"reflection_refused"}


@pytest.mark.parametrize(
    ("task", "fault"),
    [("questions", "broken_json"), ("questions", "truncation"), ("reflect", "broken_json"), ("program", "refusal")],
)
def test_what_a_teacher_spoils_costs_no_other_item(task, fault):
    world = ItemWorld()
    made = items_of(Unigen(per_seed=3), base(10), world, ScriptedTeacher(world, faults={task: {fault: 0.3}}))
    assert any(one.status == "current" for one in made)
    assert all(is_right(one) for one in made if one.status == "current")


def test_a_pattern_that_is_none_stops_before_anyone_is_asked():
    with pytest.raises(ValidationError, match="is no regular expression"):
        Unigen(patterns=("(",))
    assert re.compile(Unigen(patterns=("a+",)).patterns[0])
