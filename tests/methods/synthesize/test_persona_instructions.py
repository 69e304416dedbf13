"""What a persona would ask: openings kept, faults dropped, and more variety only if the persona is heeded."""

import asyncio
from collections import Counter

import numpy as np
import pytest

from synth_dagster.methods.synthesize.persona_instructions import OPENINGS, PersonaInstructions
from synth_dagster.parts.cards.personas import without_opening
from synth_dagster.records import Document, digest
from synth_dagster.services import Call, Drop, Unusable
from tests.scripted_teacher.embedding import BagOfWords
from tests.scripted_teacher.personas import SPOILT, PersonaWorld, described
from tests.scripted_teacher.teacher import ScriptedTeacher


def personas(count=100):
    told = (described(digest("persona", number), "person") for number in range(count))
    return [Document(body=text, record_id=digest(text)) for text in dict.fromkeys(told)]


class Rows:
    def __init__(self, *rows):
        self.found = list(rows)

    def rows(self, path):
        return self.found


def asked(method, writer, answerer=None, of=None, references=None):
    async def all_of_them():
        services = {"writer": writer, "answerer": answerer or writer, "references": references or Rows()}
        return await asyncio.gather(*(method.synthesize(one, **services) for one in of or personas()))

    return [record for made in asyncio.run(all_of_them()) for record in made]


@pytest.mark.parametrize("task", OPENINGS)
def test_a_kept_record_costs_a_task_and_an_answer_and_its_text_began_with_the_opening(task):
    writer, answerer = ScriptedTeacher(PersonaWorld()), ScriptedTeacher(PersonaWorld(), models=("cheap",))
    made = asked(PersonaInstructions(task=task), writer, answerer)
    assert len(writer.requests) == len(answerer.requests) == len(made) == len(personas())
    assert {(one.status, one.model_id, one.attributes["task"]) for one in made} == {("current", "cheap-2026", task)}
    assert not any(OPENINGS[task] in one.instruction for one in made) and all(one.response for one in made)
    assert [one.parents for one in made] == [(persona,) for persona in personas()]


@pytest.mark.parametrize(
    ("text", "behind"),
    [
        ("Math problem: How many?", "How many?"),
        ("**Math problem:** How many?", "How many?"),
        ("## Math Problem\n\nHow many?", "How many?"),
        ("How many?", None),
        ("Here is a Math problem: How many?", None),
        ("Math problem: (a) Why?", "(a) Why?"),
        ("Math problem:", ""),
        ("", None),
    ],
)
def test_an_opening_is_taken_off_with_the_marks_around_it(text, behind):
    assert without_opening(text, "Math problem:") == behind


def test_of_planted_faults_all_go_with_their_reason_and_nothing_else():
    world = PersonaWorld(faults=dict.fromkeys(SPOILT, 0.06))
    made = asked(PersonaInstructions(task="math"), ScriptedTeacher(world), ScriptedTeacher(PersonaWorld()))
    assert set(world.spoiled.values()) == set(SPOILT)
    for one in made:
        assert one.reason == world.spoiled.get(one.parents[0].body)


def distinct_2(records):
    pairs = [
        pair for one in records for pair in zip(one.instruction.split(), one.instruction.split()[1:], strict=False)
    ]
    return len(set(pairs)) / len(pairs)


def test_personas_bring_variety_and_a_teacher_that_ignores_them_none():
    method = PersonaInstructions(task="math")
    heeding = asked(method, ScriptedTeacher(PersonaWorld()))
    ignoring = asked(method, ScriptedTeacher(PersonaWorld(heeds=False)))
    without = asked(method, ScriptedTeacher(PersonaWorld()), of=[Document(body="A person.", record_id=b"p")] * 100)
    assert len({one.instruction for one in ignoring}) == 1 == len({one.instruction for one in without})  # the control
    assert distinct_2(heeding) > 3 * distinct_2(ignoring) and distinct_2(ignoring) == distinct_2(without)
    assert len(heeding) == len(ignoring) and apart(heeding) > 0.1 > 1e-5 > apart(ignoring)
    assert apart(without) == pytest.approx(apart(ignoring), abs=1e-5)


def apart(records):
    """The mean distance of two tasks: 1 - cosine over all pairs."""
    vectors = asyncio.run(BagOfWords().embed([one.instruction for one in records]))
    return 1 - float(np.mean((vectors @ vectors.T)[np.triu_indices(len(records), 1)]))


def test_examples_are_shown_with_their_personas_or_without_and_drawn_for_each():
    rows = [{"text": f"Math problem: number {number}", "persona": f"person {number}"} for number in range(9)]
    shown = []
    for with_them in (True, False):
        writer = ScriptedTeacher(PersonaWorld())
        method = PersonaInstructions(examples="some.jsonl", example_personas=with_them)
        asked(method, writer, ScriptedTeacher(PersonaWorld()), references=Rows(*rows))
        shown.append([request.user.partition("<persona>")[0] for request in writer.requests])
        assert all(len(request.tags("example")) == 3 for request in writer.requests)
    assert all('persona="person' in one for one in shown[0]) and not any("persona=" in one for one in shown[1])
    assert len(set(shown[0])) > 50  # of 504 ordered draws for about a hundred personas


def test_a_second_sample_that_repeats_the_first_is_eliminated():
    made = asked(PersonaInstructions(per_persona=3), ScriptedTeacher(PersonaWorld()), of=personas(5))
    assert Counter(one.reason for one in made) == {None: 5, "repeated": 10}


def test_answers_that_are_refused_or_cut_stay_with_their_reason():
    answerer = ScriptedTeacher(PersonaWorld(), faults={"completion": {"refusal": 0.2, "truncation": 0.2}})
    made = asked(PersonaInstructions(), ScriptedTeacher(PersonaWorld()), answerer)
    assert Counter(one.reason for one in made).keys() == {None, "answer_refused", "answer_cut"}


class Refuses:
    models = ("scripted",)

    async def tell(self, prompt, /, **given):
        raise Unusable("refused", "No.", Call(bytes(16), "scripted", prompt.hash))


def test_a_writer_that_always_refuses_leaves_a_reject():
    with pytest.raises(Unusable, match="refused"):
        asked(PersonaInstructions(), Refuses())


def test_a_persona_of_nothing_is_dropped_before_anybody_is_asked():
    writer, method = ScriptedTeacher(PersonaWorld()), PersonaInstructions()
    made = asyncio.run(
        method.synthesize(Document(body=" \n", record_id=b"n"), writer=writer, answerer=writer, references=Rows())
    )
    assert isinstance(made, Drop) and made.reason == "blank_persona" and writer.requests == []
