"""One small dataset with accepted versions and a release to plant defects into; made once, without Dagster."""

import dataclasses

import pytest

from expectations.rules import Gated
from synth_dagster.runner.plan import plan_batches
from synth_dagster.runner.release import make_release
from synth_dagster.runner.signals import run_signals
from synth_dagster.runner.stage import run_stage
from tests.assets.project import LINES, TAUGHT, Programs, small_project
from tests.scripted_teacher.echo import EchoTeacher

BATCH = "notes:start"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The project and its candidates by stage: row stages and signals accepted, the release awaiting its gate."""
    project = small_project(tmp_path_factory.mktemp("rules") / "p", TAUGHT, Programs(EchoTeacher()))
    project.deliver(LINES)
    context = project.context()
    plan_batches(context)
    candidates = {}
    for stage in ("seed_corpus", "generated_instructions"):
        candidates[stage] = run_stage(context, stage, BATCH).candidate
        project.lake.accept(candidates[stage])
    candidates["quality_signals"] = run_signals(context, BATCH).candidate
    project.lake.accept(candidates["quality_signals"])
    candidates["filtered_mix"] = make_release(context, "r0001").candidate
    return project, candidates


@pytest.fixture
def gated(made):
    """A candidate at its gate: `gated(stage, rows=changed, details={...}, expect={...})`."""
    project, candidates = made

    def at(stage, *, rows=None, details=None, rejected=None, expect=None):
        recipe = project.recipe("tiny")
        if expect:
            recipe = dataclasses.replace(recipe, expect=recipe.expect.model_copy(update=expect))
        candidate = candidates[stage]
        kind = "document" if stage == "seed_corpus" else "instruction"
        changes = {"details": {**candidate.details, **(details or {})}}
        if rejected is not None:
            changes["rejected"] = rejected
        found = Gated(recipe, project.lake, dataclasses.replace(candidate, **changes), kind)
        if rows is not None:
            found.__dict__["rows"] = rows(found.rows) if callable(rows) else rows
        return found

    return at
