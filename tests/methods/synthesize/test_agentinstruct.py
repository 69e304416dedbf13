"""Every cell of the taxonomy is filled or skipped, refining makes items harder, and each leads back to its seed."""

import asyncio
import json
from collections import Counter
from math import log

import numpy as np
import pytest
from pydantic import ValidationError

from synth_dagster.errors import MethodError
from synth_dagster.methods.synthesize.agentinstruct import Agentinstruct
from synth_dagster.parts.cards.agent_skills import ABSTAINS, skills_of
from synth_dagster.records import Document, digest
from synth_dagster.services import Call, Drop, Unusable
from tests.scripted_teacher.agents import AgentWorld, steps_of
from tests.scripted_teacher.embedding import BagOfWords
from tests.scripted_teacher.teacher import ScriptedTeacher

SKILLS = skills_of()
PLACES = "Arbel Cordan Elfan Gorhul Jaskel Lorman Nisov Pelquin Rossul Tormar"


class Rows:
    def __init__(self, *rows):
        self.found = list(rows)

    def rows(self, path):
        return self.found


def seeds(count=50):
    told = (
        f"The ferry of {PLACES.split()[number % 10]} leaves at {number % 12 + 1} in the morning, and whoever waits on "
        f"the quay number {number} can see the smoke of the kilns. It has a bell of tin."
        for number in range(count)
    )
    return [Document(body=text, record_id=digest(text)) for text in told]


def made_by(method, writer, answerer=None, of=None, references=None):
    services = {"writer": writer, "answerer": answerer or writer, "references": references or Rows()}

    async def all_of_them():
        return await asyncio.gather(*(method.synthesize(one, **services) for one in of or seeds()))

    return [record for made in asyncio.run(all_of_them()) for record in made]


def cell_of(record):
    return tuple(record.attributes[name] for name in ("skill", "form", "kind"))


# ----------------------------------------------------------------------------------------------------------- coverage


def test_seventeen_skills_have_more_than_a_hundred_kinds_each_of_them_once():
    counts = {name: (len(skill.forms), len(skill.kinds)) for name, skill in SKILLS.items()}
    assert len(counts) == 17 and sum(kinds for _, kinds in counts.values()) > 100
    assert counts["reading_comprehension"] == (9, 16) and counts["tool_use"] == (2, 4)
    assert min(kinds for _, kinds in counts.values()) >= 4
    ways = [how for skill in SKILLS.values() for how in (*skill.forms.values(), *skill.kinds.values()) if how]
    assert len(ways) == len(set(ways))


def test_every_cell_is_filled_or_says_that_it_was_skipped():
    world = AgentWorld(skips=("a sentence about the text with a gap", "it into a list"))
    made = made_by(Agentinstruct(cells=0, rounds=0), ScriptedTeacher(world), of=seeds(1))
    assert len({cell_of(one) for one in made}) == len(made)
    assert len(made) == sum(len(skill.forms) * len(skill.kinds) for skill in SKILLS.values()) > 9 * 16 + 18 + 2 * 4
    skipped = {one.attributes["kind"] for one in made if one.reason == "skipped"}
    assert skipped == {"fill_in", "make_list"}
    assert {one.reason for one in made} == {None, "skipped"}


def test_kinds_are_drawn_evenly():
    made = made_by(Agentinstruct(cells=16, rounds=0), ScriptedTeacher(AgentWorld()))
    drawn = Counter((one.attributes["skill"], one.attributes["kind"]) for one in made)
    kinds = sum(len(skill.kinds) for skill in SKILLS.values())
    shares = [count / drawn.total() for count in drawn.values()]
    assert drawn.total() == 50 * 16 and max(drawn.values()) <= 50  # a kind comes once at most for a seed
    assert -sum(share * log(share) for share in shares) >= 0.95 * log(kinds)
    # 16 of 119 kinds, so 108 of 800 draws, take one of nine forms: 12 of each are expected, and none fails to come
    assert {form for skill, form, _ in map(cell_of, made) if skill == "reading_comprehension"} == set(
        SKILLS["reading_comprehension"].forms
    )


@pytest.mark.parametrize("skill", SKILLS)
def test_every_kind_of_a_skill_gives_items_that_are_answered_harder_ones_and_some_that_cannot_be(skill):
    method = Agentinstruct(skills=(skill,), cells=0, suggestions=3)
    made = made_by(method, ScriptedTeacher(AgentWorld()), of=(documents := seeds(2)))
    assert {one.status for one in made} == {"current"}
    assert {one.attributes["kind"] for one in made} == SKILLS[skill].kinds.keys()
    asked_for = {one.attributes["abstains"] for one in made if one.attributes["kind"] not in ABSTAINS}
    assert asked_for == {True, False}
    for one in made:
        is_free = one.attributes["kind"] in SKILLS[skill].free
        has_text = any(document.body in turn.content for turn in one.messages for document in documents)
        assert not has_text if is_free else has_text or one.attributes["form"] != "identity"


def test_whoever_does_a_free_task_never_sees_the_text():
    writer, answerer = ScriptedTeacher(AgentWorld()), ScriptedTeacher(AgentWorld())
    free = tuple(name for name, skill in SKILLS.items() if len(skill.free) == len(skill.kinds))
    assert "fermi" in free and "reading_comprehension" not in free
    made_by(Agentinstruct(skills=free, cells=0), writer, answerer, of=seeds(1))
    assert not any(request.tag("passage") for request in answerer.requests)
    assert {request.task for request in writer.requests if request.tag("passage")} == {"set"}


# --------------------------------------------------------------------------------------------------------------- cost


def test_a_cell_costs_a_form_a_task_its_answer_and_for_each_suggestion_an_edit_and_an_answer():
    method = Agentinstruct(skills=("reading_comprehension",), forms=("poem",), kinds=("literal",), cells=1)
    writer, answerer = ScriptedTeacher(AgentWorld()), ScriptedTeacher(AgentWorld(), models=("cheap",))
    made = made_by(method, writer, answerer, of=seeds(10))
    assert len(made) == 10 * 3 and {(one.status, one.model_id) for one in made} == {("current", "cheap-2026")}
    # of each of 10 seeds: 1 form, 1 task, 1 list of suggestions, 2 edits; and 3 answers of the other role
    assert writer.asked == {"completion": 10, "set": 10, "suggest": 10, "edit": 20}
    assert answerer.asked == {"do": 30}


def test_cells_of_one_form_share_it_and_a_seed_as_it_is_costs_none():
    writer = ScriptedTeacher(AgentWorld())
    reading = Agentinstruct(skills=("reading_comprehension",), cells=0, rounds=0)
    made_by(reading, writer, of=seeds(1))
    assert writer.asked == {"completion": 8, "set": 9 * 16, "do": 9 * 16}


# --------------------------------------------------------------------------------------------------------- refinement


def test_refinement_makes_items_harder_and_never_easier():
    made = made_by(Agentinstruct(rounds=2), ScriptedTeacher(AgentWorld()), of=seeds(20))
    refined = [one for one in made if one.attributes["refinement"]]
    assert len(refined) == 20 * 4 * (2 + 4)  # two suggestions for each, then two for each of these
    for one in refined:
        (before,) = one.parents
        assert steps_of(one.instruction) == steps_of(before.instruction) + 1
        assert one.attributes["refinement"][:-1] == before.attributes["refinement"]


def test_each_item_leads_back_by_edit_suggestion_kind_and_form_to_its_seed():
    documents = seeds(20)
    made = made_by(Agentinstruct(rounds=2), ScriptedTeacher(AgentWorld()), of=documents)
    known = {id(one) for one in made}
    for one in made:
        trace = len(one.attributes["refinement"])
        (parent,) = one.parents
        cell = cell_of(one)
        for _ in range(trace):
            assert id(parent) in known and cell_of(parent) == cell
            (parent,) = parent.parents
        assert parent in documents
        told = one.attributes["transformed_text"]
        is_free = one.attributes["kind"] in SKILLS[one.attributes["skill"]].free
        assert bool(told) == (one.attributes["form"] != "identity" or (trace > 0 and not is_free))
        assert one.attributes["skill"] == "tool_use" or told in one.instruction


def test_parents_come_before_their_children():
    made = made_by(Agentinstruct(rounds=2), ScriptedTeacher(AgentWorld()), of=seeds(1))
    place = {id(one): number for number, one in enumerate(made)}
    assert all(place.get(id(one.parents[0]), -1) < place[id(one)] for one in made)


# -------------------------------------------------------------------------------------------------------- abstention


def test_what_was_made_unanswerable_always_ends_in_abstention():
    made = made_by(Agentinstruct(skills=("reading_comprehension", "tool_use"), rounds=1), ScriptedTeacher(AgentWorld()))
    planted = [one for one in made if any(step["aim"] == "unanswerable" for step in one.attributes["refinement"])]
    assert len(planted) > 50 and all(one.attributes["abstains"] and one.status == "current" for one in planted)
    assert all("cannot be said" in one.response or "function" in one.response for one in planted)


def test_answers_of_the_wrong_sort_are_all_dropped_and_no_others():
    world = AgentWorld(naughty=0.2)
    made = made_by(Agentinstruct(), ScriptedTeacher(AgentWorld()), ScriptedTeacher(world))
    reasons = Counter(one.reason for one in made)
    assert reasons.keys() == {None, "not_answered", "answered_though_it_cannot_be"}
    assert sum(reasons.values()) - reasons[None] >= len(world.broken) > 20
    for one in made:
        asked = "\n\n".join(turn.content for turn in one.messages if turn.role != "assistant")
        assert (one.reason is not None) == (asked in world.broken)


def test_calls_keep_to_the_interfaces_and_are_real_turns():
    made = made_by(Agentinstruct(skills=("tool_use",), rounds=0), ScriptedTeacher(AgentWorld()), of=seeds(10))
    assert {one.status for one in made} == {"current"} and {one.attributes["verified"] for one in made} == {False}
    for one in made:
        system, user, assistant = one.messages
        names = [tool["function"]["name"] for tool in json.loads(system.content)]
        assert (system.role, user.role, assistant.role) == ("system", "user", "assistant")
        if one.attributes["kind"] in ABSTAINS:
            assert assistant.tool_calls is None and assistant.content
        else:
            assert json.loads(assistant.tool_calls)[0]["function"]["name"] in names


class Misuses(AgentWorld):
    """Calls a function that there is not, or gives it what it does not take."""

    def _called(self, request):
        said = super()._called(request)
        wrong = [{"name": "find_dragon", "arguments": "{}"}, {"name": "x", "arguments": "[1]"}]
        return {**said, "calls": wrong[:1]} if said["calls"] else said


def test_calls_beside_the_interfaces_are_dropped():
    method = Agentinstruct(skills=("tool_use",), kinds=("one_function",), cells=1, rounds=0)
    made = made_by(method, ScriptedTeacher(AgentWorld()), ScriptedTeacher(Misuses()), of=seeds(5))
    assert Counter(one.reason for one in made) == {"call_unknown_function": 5}


# ---------------------------------------------------------------------------------------------------------- diversity


def spread(records):
    vectors = asyncio.run(BagOfWords().embed([one.instruction for one in records]))
    return 1 - float(np.mean((vectors @ vectors.T)[np.triu_indices(len(records), 1)]))


def test_forms_make_data_more_various_than_seeds_as_they_are():
    reading = {"skills": ("reading_comprehension",), "rounds": 0, "cells": 4}
    formed = made_by(Agentinstruct(**reading), ScriptedTeacher(AgentWorld()))
    plain = made_by(Agentinstruct(**reading, forms=("identity",)), ScriptedTeacher(AgentWorld()))
    assert len(formed) == len(plain) == 200 and spread(formed) > spread(plain)


# ----------------------------------------------------------------------------------------------------------- taxonomy


def test_a_project_adds_skills_forms_and_kinds_as_rows_of_a_file():
    rows = Rows(
        {"skill": "letters", "part": "kind", "name": "reply", "how": "a reply to the text as if it were a letter"},
        {"skill": "text_modification", "part": "kind", "name": "rhyme", "how": "to make it rhyme"},
        {"skill": "letters", "part": "free", "name": "invite", "how": "to rhyme an invitation"},
    )
    method = Agentinstruct(taxonomy="own.jsonl", kinds=("reply", "rhyme", "invite"), cells=0, rounds=0)
    made = made_by(method, ScriptedTeacher(AgentWorld()), of=seeds(2), references=rows)
    assert {cell_of(one) for one in made} == {
        ("letters", "identity", "reply"),
        ("letters", "identity", "invite"),
        ("text_modification", "identity", "rhyme"),
    }
    assert all("rhyme" in one.instruction or "reply" in one.instruction for one in made)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"skills": ("reading_comprehention",)}, "Did you mean 'reading_comprehension'"),
        ({"kinds": ("literall",)}, "Did you mean 'literal'"),
        ({"skills": ("tool_use",), "forms": ("poem",)}, "No form of these skills is called 'poem'"),
    ],
)
def test_a_name_that_is_none_is_refused_where_the_recipe_is_read(settings, told):
    with pytest.raises(ValidationError, match=told):
        Agentinstruct(**settings)
    # with a file of the project it may be a name of that: it is looked for before anybody is asked
    writer = ScriptedTeacher(AgentWorld())
    with pytest.raises(MethodError, match=told):
        made_by(Agentinstruct(**settings, taxonomy="own.jsonl"), writer, of=seeds(1))
    assert writer.requests == []


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"skill": "a", "part": "leaf", "name": "b", "how": "c"}, "needs 'skill', 'part'"),
        ({"skill": "a", "part": "kind", "name": "b"}, "needs 'skill', 'part'"),
        ({"skill": "a", "part": "form", "name": "b", "how": "c"}, "forms and no kind"),
    ],
)
def test_a_row_that_is_none_is_refused(row, told):
    with pytest.raises(MethodError, match=told):
        skills_of([row])


# ---------------------------------------------------------------------------------------------------------- bad input


def test_forms_tasks_suggestions_edits_and_answers_that_fail_stay_with_their_reason_and_cost_no_others():
    faults = {
        "completion": {"refusal": 0.1, "truncation": 0.1},
        **{task: {"broken_json": 0.15} for task in ("set", "suggest", "edit", "do", "call", "functions")},
    }
    made = made_by(Agentinstruct(cells=6), ScriptedTeacher(AgentWorld(), faults=faults))
    reasons = Counter(one.reason for one in made)
    assert reasons.keys() == {
        None,
        *("form_refused", "form_cut", "form_unparsable", "task_unparsable"),
        *("suggestion_unparsable", "edit_unparsable", "answer_unparsable"),
    }
    assert reasons[None] > 300 and all(one.parents for one in made)


class Says(ScriptedTeacher):
    """A writer that gives another form always the same words."""

    def __init__(self, text):
        super().__init__(AgentWorld())
        self.text = text

    async def tell(self, prompt, /, **given):
        said = await super().tell(prompt, **given)
        return type(said)(self.text, said.finish_reason, said.call)


GERMAN = "Der Hafen liegt an der Mündung des Flusses, und die Leute, die dort wohnen, leben seit jeher vom Handel."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("***", "form_blank"),
        ("I am sorry, but I cannot write poems.", "form_refusal"),
        (GERMAN, "form_other_language"),
        ("In this passage all is well, and I hope this helps.", "form_meta_phrase"),
        (seeds(1)[0].body, "form_unchanged"),
    ],
)
def test_a_form_that_is_no_good_is_dropped_before_a_task_is_set(text, reason):
    writer = Says(text)
    made = made_by(Agentinstruct(forms=("poem",), skills=("reading_comprehension",)), writer, of=seeds(1))
    assert {one.reason for one in made} == {reason} and writer.asked == {"completion": 1}


def test_a_task_that_is_repeated_and_an_edit_that_changes_nothing_are_eliminated():
    class Repeats(AgentWorld):
        def _set(self, request):
            return {"skip": False, "task": "Say it again in 1 step."}

        def _edited(self, request):
            return {"text": request.tag("passage"), "task": request.tag("task")}

    made = made_by(Agentinstruct(skills=("text_modification",)), ScriptedTeacher(Repeats()), of=seeds(1))
    assert Counter(one.reason for one in made) == {None: 1, "repeated": 3, "edit_unchanged": 8}


def test_a_long_seed_gives_pieces_and_each_has_its_own_cells():
    long = Document(body="\n\n".join(one.body for one in seeds(6)), record_id=b"long")
    made = made_by(Agentinstruct(seed_tokens=100, rounds=0), ScriptedTeacher(AgentWorld()), of=[long])
    pieces = {one.attributes["piece"] for one in made}
    assert len(pieces) > 1 and len(made) == 4 * len(pieces)


def test_a_seed_of_nothing_is_dropped_and_a_teacher_that_always_refuses_makes_nothing_of_the_others():
    class Refuses:
        models = ("scripted",)

        async def tell(self, prompt, /, **given):
            raise Unusable("refused", "No.", Call(bytes(16), "scripted", prompt.hash))

        ask = tell

    refuses, services = Refuses(), {"references": Rows()}
    made = made_by(Agentinstruct(), refuses, of=seeds(3))
    assert {one.reason for one in made} <= {"form_refused", "task_refused"} and len(made) > 3
    nothing = Document(body=" \n", record_id=b"n")
    dropped = asyncio.run(Agentinstruct().synthesize(nothing, writer=refuses, answerer=refuses, **services))
    assert isinstance(dropped, Drop) and dropped.reason == "blank_seed"
