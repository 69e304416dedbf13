"""Articles, figures and tools of personas: openings kept, interfaces valid, faults dropped."""

import asyncio
import json
from collections import Counter

import pytest
from pydantic import ValidationError

from synth_dagster.methods.synthesize.persona_texts import PersonaTexts
from synth_dagster.records import Document, digest
from synth_dagster.services import Call, Drop, Unusable
from tests.scripted_teacher.personas import SPOILT, PersonaWorld, described
from tests.scripted_teacher.teacher import ScriptedTeacher

WORLD = "A kingdom on a river, in which bridges are guarded and dragons have left."


def personas(count=60):
    told = (described(digest("persona", number), "person") for number in range(count))
    return [Document(body=text, record_id=digest(text)) for text in dict.fromkeys(told)]


class Nothing:
    def rows(self, path):
        return []


def written(method, writer, of=None):
    async def all_of_them():
        return await asyncio.gather(
            *(method.synthesize(one, writer=writer, references=Nothing()) for one in of or personas())
        )

    return [record for made in asyncio.run(all_of_them()) for record in made]


@pytest.mark.parametrize(("task", "world"), [("knowledge", ""), ("npc", WORLD), ("tool", "")])
def test_a_kept_text_costs_one_call_and_names_its_persona(task, world):
    writer = ScriptedTeacher(PersonaWorld())
    made = written(PersonaTexts(task=task, world=world), writer)
    assert len(writer.requests) == len(made) == len(personas()) and {one.status for one in made} == {"current"}
    assert [one.parents for one in made] == [(persona,) for persona in personas()]
    assert all(one.title and one.body and one.attributes["task"] == task for one in made)
    assert all((WORLD in request.user) == (task == "npc") for request in writer.requests)


def test_an_article_has_its_title_apart_and_a_tool_is_an_interface_nobody_has_verified():
    (article,) = written(PersonaTexts(), ScriptedTeacher(PersonaWorld()), personas(1))
    assert article.title.startswith("How to count") and article.body.startswith("Whoever has been")
    (tool,) = written(PersonaTexts(task="tool"), ScriptedTeacher(PersonaWorld()), personas(1))
    function = json.loads(tool.body)["function"]
    assert function["name"] == tool.title and function["parameters"]["required"] == ["day"]
    assert tool.attributes == {"task": "tool", "verified": False}


def test_of_planted_faults_all_go_with_their_reason_and_nothing_else():
    faults = [fault for fault in SPOILT if fault not in ("has_solution", "too_many_parts")]
    world = PersonaWorld(faults=dict.fromkeys(faults, 0.08))
    made = written(PersonaTexts(), ScriptedTeacher(world), personas(150))
    assert set(world.spoiled.values()) == set(faults)
    for one in made:
        assert one.reason == world.spoiled.get(one.parents[0].body)


def test_interfaces_that_cannot_be_called_go():
    world = PersonaWorld(faults={"bad_name": 0.2})
    made = written(PersonaTexts(task="tool"), ScriptedTeacher(world))
    assert {one.parents[0].body for one in made if one.reason == "bad_name"} == set(world.spoiled) != set()


def test_a_figure_needs_a_world_and_nothing_else_has_one():
    for settings in ({"task": "npc"}, {"task": "npc", "world": " "}, {"task": "tool", "world": WORLD}):
        with pytest.raises(ValidationError, match="'world' describes the game"):
            PersonaTexts(**settings)


def test_a_second_sample_that_repeats_the_first_is_eliminated():
    made = written(PersonaTexts(per_persona=2), ScriptedTeacher(PersonaWorld()), personas(4))
    assert Counter(one.reason for one in made) == {None: 4, "repeated": 4}


def test_broken_forms_stay_and_a_writer_that_always_refuses_leaves_a_reject():
    writer = ScriptedTeacher(PersonaWorld(), faults={"tool": {"broken_json": 0.3}})
    made = written(PersonaTexts(task="tool", per_persona=8), writer, personas(3))
    assert "unparsable" in {one.reason for one in made}

    class Refuses:
        models = ("scripted",)

        async def tell(self, prompt, /, **given):
            raise Unusable("refused", "No.", Call(bytes(16), "scripted", prompt.hash))

    with pytest.raises(Unusable, match="refused"):
        written(PersonaTexts(), Refuses())


def test_a_persona_of_nothing_is_dropped_before_anybody_is_asked():
    writer = ScriptedTeacher(PersonaWorld())
    made = asyncio.run(
        PersonaTexts().synthesize(Document(body="", record_id=b"n"), writer=writer, references=Nothing())
    )
    assert isinstance(made, Drop) and made.reason == "blank_persona" and writer.requests == []
