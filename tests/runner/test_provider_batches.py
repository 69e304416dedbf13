"""Stages whose teacher is asked in provider batches: pending, collected, and the same bytes as a live run gives."""

import pytest

from synth_dagster.errors import ExitCode
from synth_dagster.teacher.embedded import protocol
from tests.assets.project import LINES, small_project
from tests.teacher.batch_server import BatchServer
from tests.teacher.faulty import Say

MODELS = {"gpt-4o-mini": "embedded-extractive", "gpt-4o": "embedded-vague"}
RECIPE = """
dataset: tiny
sources:
  - {name: notes, reader: files, path: inbox/notes/, license: CC0-1.0, lang: en}
teachers:
  writer: {use: endpoint, models: [gpt-4o-mini, gpt-4o], batch: true, patience_s: 1}
  judge: {use: endpoint, model: gpt-4o-mini, batch: true, patience_s: 1}
stages:
  seed_corpus: []
  generated_instructions:
    - grounded_qa: {per_passage: 1}
  preference_pairs:
    - ultrafeedback: {completions: 2}
  filtered_mix:
    of: preference_pairs
    filters: [answer_rules]
expect: {min_keep_rate: 0.01, max_reject_rate: 0.9}
"""
LIVE = RECIPE.replace("batch: true", "batch: false")
STAGES = ("generated_instructions", "preference_pairs")


def embedded(body, seen=0):
    """What the embedded teacher says, under other models' names."""
    return Say(protocol.chat({**body, "model": MODELS[body["model"]]})["choices"][0]["message"]["content"])


@pytest.fixture
def server(monkeypatch):
    with BatchServer() as endpoint:
        endpoint.script = embedded
        monkeypatch.setenv("SYNTH_MODEL", "gpt-4o-mini")
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        yield endpoint


@pytest.fixture
def start(tmp_path):
    def start(recipe=RECIPE, name="p", lines=LINES):
        project = small_project(tmp_path / name, recipe)
        project.deliver(lines)
        return project

    return start


def to_the_end(project, server, most=12):
    """Run until nothing is pending; how often a run ended as pending."""
    for pendings in range(most):
        told = project.run()
        if not told.causes:
            return pendings
        assert told.exit_code() == ExitCode.PENDING, told.causes
        server.finish()
    raise AssertionError("it never ends")


def versions(project):
    return {stage: project.versions(stage) for stage in STAGES}


@pytest.mark.prove
def test_a_stage_is_pending_until_its_batch_is_collected_and_gives_the_bytes_of_a_live_run(server, start):
    live = start(LIVE, "live")
    assert live.run().causes == []
    asked = server.calls
    assert not server.batches
    project = start()
    pendings = to_the_end(project, server)
    assert versions(project) == versions(live)
    assert project.releases() == ["r0001"]
    assert server.calls == asked  # nothing was asked live
    assert set(server.submitted.values()) == {1} and sum(server.submitted.values()) == asked
    # questions; completions by either model; judgements: pending once for each depth
    assert (pendings, len(server.batches)) == (3, 4)
