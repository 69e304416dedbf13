"""A lake of the previous version of this code opens, is read, goes on and releases; one of a newer version is refused.

tests/fixtures/previous_lake.py says how the fixture was made.
"""

import asyncio
import shutil
import sqlite3
import tarfile

import pytest

from synth_dagster.errors import LakeError
from synth_dagster.governance.trace import trace
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.meta_schema import MIGRATIONS
from synth_dagster.methods.synthesize import ultrafeedback
from synth_dagster.parts.asking import principles
from synth_dagster.prompt import Prompt
from synth_dagster.runner.forecast import forecast
from synth_dagster.teacher.cache import AnswerCache
from synth_dagster.teacher.caches.rows import SCHEMA_VERSION
from tests.assets.project import HOME, Small, small_project
from tests.fixtures.previous_lake import CHANGED, RECIPE, deliver

STAGES = ["filtered_mix", "generated_instructions", "preference_pairs", "quality_signals", "seed_corpus", "verdicts"]


@pytest.fixture
def previous(tmp_path) -> Small:
    """A project of this version with the lake of the previous one, and the embedded teacher as it answered then."""
    project = small_project(tmp_path / "p", RECIPE)
    with tarfile.open(HOME / "tests/fixtures/previous_lake.tar.gz") as archive:
        archive.extractall(project.root, filter="data")
    project.write_recipe(RECIPE.replace("{use: embedded}", '{use: embedded, revision: "1"}'))
    return project


def test_it_opens_and_moves_up(previous):
    with sqlite3.connect(previous.root / "lake/meta.sqlite") as before:
        assert before.execute("pragma user_version").fetchone() == (1,)
    assert [(one.release, one.records, one.demo) for one in previous.lake.meta.releases("tiny")] == [
        ("r0001", 2, True),
        ("r0002", 3, True),
    ]
    assert previous.lake.sessions.last("tiny").outcome == "done"
    with sqlite3.connect(previous.root / "lake/meta.sqlite") as after:
        assert after.execute("pragma user_version").fetchone() == (len(MIGRATIONS),)


def test_every_record_is_read_now_and_as_a_run_left_it(previous):
    lake = previous.lake
    assert lake.stages("tiny") == STAGES
    assert {row["text"] for row in previous.rows("seed_corpus")} == set(CHANGED.values())
    (old,) = lake.meta.candidates("tiny", "seed_corpus")[:1]
    assert len(previous.rows("seed_corpus", as_of=old.run_id)) == 2
    for stage in STAGES:
        for candidate in lake.accepted_all("tiny", stage).values():
            assert lake.read("tiny", stage, batches=[candidate.batch]).num_rows == candidate.rows


def test_a_record_is_traced_to_its_text(previous):
    kept = {row["record_id"].hex() for row in previous.rows("filtered_mix", batches=["r0002"])}
    assert len(kept) == 3
    for record in kept:
        found = trace(previous.lake, record)
        assert [entry["stage"] for entry in found.ancestors][-1] == "seed_corpus"


def test_it_goes_on_and_releases_and_what_was_released_stays(previous):
    before = {one.release: one.data_version for one in previous.lake.meta.releases("tiny")}
    old_rows = previous.rows("filtered_mix", batches=["r0001", "r0002"])
    deliver(previous.root, CHANGED | {"added": "The mill of Sulmar is used to grind the rye of three villages."})
    told = previous.run()
    assert told.causes == []
    releases = {one.release: one.data_version for one in previous.lake.meta.releases("tiny")}
    assert list(releases) == ["r0001", "r0002", "r0003"] and releases.items() > before.items()
    assert previous.rows("filtered_mix", batches=["r0001", "r0002"]) == old_rows
    assert len(previous.rows("seed_corpus")) == 4
    code, said = previous.synth("export", "r0001", "--format", "trl", "--to", str(previous.root / "out"))
    assert code == 0, said


@pytest.mark.prove
def test_answers_that_were_paid_for_move_up_and_are_not_asked_again(previous):
    file = previous.root / "lake/cache.sqlite"
    with sqlite3.connect(file) as before:
        assert before.execute("pragma user_version").fetchone() == (1,)
        paid = dict(before.execute("select call_id, model from calls"))
    with AnswerCache.open(file) as cache:
        found = {call_id: asyncio.run(cache.get(call_id)) for call_id in paid}
    assert paid and {call_id: answer.model for call_id, answer in found.items()} == paid
    with sqlite3.connect(file) as after:
        assert after.execute("pragma user_version").fetchone() == (SCHEMA_VERSION,)
        assert dict(after.execute("select call_id, model from calls")) == paid
    deliver(previous.root, CHANGED | {"added": "The mill of Sulmar is used to grind the rye of three villages."})
    assert previous.run().causes == []
    asked = previous.lake.sessions.usage(session_id=previous.lake.sessions.last("tiny").session_id)
    # for each passage a question, four answers to it, four aspects rated and four critiques written: 13
    assert (asked.cached, asked.calls) == (3 * 13, 13)


def test_nothing_of_it_is_stale_and_an_edited_prompt_makes_it_so(previous, monkeypatch):
    def plan():
        with previous.environment.gateway({}) as gateway, gateway.rehearsing(previous.recipe("tiny")) as rehearsal:
            found = forecast(previous.context(teachers=gateway), rehearsal)
        return {part.stage: (part.state, part.why) for part in found.parts}

    rows = list(previous.recipe("tiny").stages)
    assert plan() == dict.fromkeys(rows, ("current", ""))
    edited = Prompt(user=principles.CRITIQUE.user + " Be brief.", system=principles.CRITIQUE.system)
    monkeypatch.setattr(ultrafeedback, "CRITIQUE", edited)
    # which of them is not known: it was not written down then
    assert plan()["preference_pairs"] == ("stale", "steps or prompts changed")


def test_a_lake_of_a_newer_version_is_refused_and_left_as_it_is(previous):
    file = previous.root / "lake/meta.sqlite"
    with sqlite3.connect(file) as database:
        database.execute("pragma user_version = 99")
    copy = shutil.copy(file, previous.root / "before.sqlite")
    with pytest.raises(LakeError, match=r"schema version 99.*newer synth_dagster: upgrade"):
        Lake.open(previous.root / "lake")
    with sqlite3.connect(file) as now, sqlite3.connect(copy) as then:
        assert list(now.iterdump()) == list(then.iterdump())
