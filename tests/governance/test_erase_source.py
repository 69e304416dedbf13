"""A whole source that was read from files is erased: its records name the files, and so does the plan of batches."""

import pytest

from synth_dagster.governance.erase import Asked, Surroundings, erase
from tests.assets.project import LINES, Programs, small_project
from tests.runner.by_hand import ByHand
from tests.scripted_teacher.echo import EchoTeacher

TWO_SOURCES = """
dataset: tiny
sources:
  - {name: notes, reader: files, path: inbox/notes/, license: CC0-1.0, lang: en}
  - {name: letters, reader: files, path: inbox/letters/, license: MIT, lang: en, optional: true}
stages:
  seed_corpus: []
  filtered_mix: {of: seed_corpus}
"""


@pytest.mark.parametrize("is_there", [pytest.param(True, id="still delivered"), pytest.param(False, id="taken away")])
def test_nothing_of_it_is_left_and_that_is_proven(tmp_path, is_there):
    """The name of a file that is still delivered stays in the plan; that of one which is gone goes."""
    hand = ByHand(small_project(tmp_path / "p", TWO_SOURCES, Programs(EchoTeacher())))
    hand.project.deliver(LINES[:3])
    path = hand.project.deliver({f"letter {n}": line for n, line in enumerate(LINES[3:])}, "spoken.jsonl", "letters")
    hand.batches()
    hand.release("r0001")
    if not is_there:
        path.unlink()
        hand.batches()
    around = Surroundings(hand.project.environment.cache, None, hand.project.root)
    receipt = erase(hand.lake, Asked("tiny", source="letters"), around, None)
    assert receipt["counts"]["records"] == 3
    assert receipt["proof"]["clean"] and receipt["proof"]["text_proven"], receipt["proof"]["after"]
    plans = {one.source: one.start for one in hand.lake.meta.planned("tiny", active_only=False)}
    assert "notes" in plans["notes"] and ("spoken" in plans["letters"]) == is_there
    assert len(hand.project.rows("seed_corpus")) == 3


TAUGHT = TWO_SOURCES.replace(
    "filtered_mix: {of: seed_corpus}",
    "generated_instructions: [grounded_qa]\n"
    "  filtered_mix: {of: generated_instructions, guards: [{synthetic_release_gate: {min_grounded: 0}}]}",
)


@pytest.mark.prove
@pytest.mark.parametrize("recipe", [pytest.param(TWO_SOURCES, id="one stage"), pytest.param(TAUGHT, id="two stages")])
def test_runs_go_on_though_the_batch_of_the_source_is_empty(tmp_path, recipe):
    """What is delivered still holds the source; nothing comes of it, and that closes no gate."""
    project = small_project(tmp_path / "p", recipe, Programs(EchoTeacher()))
    project.deliver(LINES[:3])
    project.deliver({f"letter {n}": line for n, line in enumerate(LINES[3:])}, "spoken.jsonl", "letters")
    assert project.run().causes == []
    around = Surroundings(project.environment.cache, None, project.root)
    erase(project.lake, Asked("tiny", source="letters"), around, None)
    assert project.run().causes == []
    project.deliver([*LINES[:3], "A fourth line of the notes tells of a ferry that crosses at noon."])
    assert project.run().causes == []
    project.write_recipe(recipe.replace("seed_corpus: []", "seed_corpus: [pii]"))  # all batches are made anew
    assert project.run().causes == []
    assert {row["source"] for row in project.rows("seed_corpus")} == {"notes"}
    assert len(project.releases()) >= 3


@pytest.mark.prove
def test_a_batch_that_holds_nothing_for_another_reason_still_closes_its_gate(tmp_path):
    project = small_project(tmp_path / "p", TWO_SOURCES, Programs(EchoTeacher()))
    project.deliver(LINES[:3])
    project.deliver({}, "spoken.jsonl", "letters").write_text('{"no text": 1}\n', encoding="utf-8")
    assert any("something_came_out" in cause for cause in project.run().causes)
