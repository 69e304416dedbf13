"""A stage that looks at the whole corpus is made when all batches above are decided: by `synth run`, and by itself."""

import json
import shutil
from pathlib import Path

import dagster as dg
import pytest

from synth_dagster.runner.plan import plan_batches
from synth_dagster.runner.release_inputs import release_inputs
from tests.assets.automated import Ticks
from tests.assets.project import small_project
from tests.assets.test_automation_flow import Flow
from tests.gallery.answering import Answering
from tests.scripted_teacher.crafted import CraftWorld
from tests.scripted_teacher.teacher import ScriptedTeacher

WORLD = Path(__file__).parents[2] / "recipes/gallery/worlds/craft"
ARTICLES = [json.loads(line) for line in (WORLD / "articles.jsonl").read_text(encoding="utf-8").splitlines()]
RECIPE = """
dataset: tiny
sources:
  - {name: hills, reader: files, path: inbox/hills/, license: CC0-1.0, lang: en, optional: true}
  - {name: notes, reader: files, path: inbox/notes/, license: CC0-1.0, lang: en}
teachers:
  writer: {use: embedded}
stages:
  seed_corpus: []
  generated_instructions:
    - craft: {few_shots: few_shots.jsonl, retrieve: 10, top_share: 1.0}
  filtered_mix: {of: generated_instructions}
expect: {min_keep_rate: 0.1}
"""
CORPUS, TASKS = dg.AssetKey(["tiny", "seed_corpus"]), dg.AssetKey(["tiny", "generated_instructions"])
SIGNALS = dg.AssetKey(["tiny", "quality_signals"])


@pytest.fixture
def project(tmp_path):
    project = small_project(tmp_path / "p", RECIPE, Answering(ScriptedTeacher(CraftWorld())))
    shutil.copy(WORLD / "few_shots.jsonl", project.root / "few_shots.jsonl")
    for source, articles in (("hills", ARTICLES[:13]), ("notes", ARTICLES[13:])):
        project.deliver({one["title"]: one["text"] for one in articles}, source=source)
    return project


def asked(project):
    return len(project.teachers.metered.teacher.requests)


def retrieved(project):
    return len(project.rows("generated_instructions"))


def test_a_run_makes_the_corpus_of_all_batches_first_and_a_second_run_makes_nothing(project):
    told = project.run()
    assert told.causes == []
    batches = ["hills:start", "notes:start"]
    assert told.made == [*(f"batch {one}" for one in batches * 2), "release r0001"]
    assert asked(project) == retrieved(project), "nothing was asked of a text that is not among the nearest of all"
    again = project.run()
    assert (again.made, again.causes) == ([], [])


def test_what_is_made_by_itself_waits_until_all_batches_are_decided(project):
    with dg.DagsterInstance.ephemeral() as instance:
        plan_batches(project.context())
        instance.add_dynamic_partitions("tiny_batches", ["hills:start", "notes:start"])
        flow = Flow(project, instance)
        assert flow.requested() == {}
        assert flow.make(CORPUS, "hills:start").success
        assert flow.requested() == {}, "the notes are not in yet"
        assert flow.make(CORPUS, "notes:start").success
        both = {"hills:start", "notes:start"}
        assert flow.requested() == {"generated_instructions": both, "quality_signals": both}
        assert flow.requested() == {}  # once
        for batch in sorted(both):
            assert flow.make(TASKS, batch, SIGNALS).success
        assert flow.requested() == {}
        assert release_inputs(project.context()).missing == {}
        # a delivery that changes one batch makes the stage of the other anew, too
        project.deliver({one["title"]: one["text"] for one in ARTICLES[13:-1]}, source="notes")
        plan_batches(project.context())
        assert flow.requested() == {}
        assert flow.make(CORPUS, "notes:start").success
        assert flow.requested()["generated_instructions"] == both


def test_the_launcher_makes_what_does_not_look_at_the_corpus(project):
    with dg.DagsterInstance.ephemeral() as instance:
        plan_batches(project.context())
        requests = Ticks(project, instance).tick("batches").run_requests
        assert [(one.partition_key, one.asset_selection) for one in requests] == [
            ("hills:start", [CORPUS]),
            ("notes:start", [CORPUS]),
        ]
