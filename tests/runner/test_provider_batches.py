"""Stages whose teacher is asked in provider batches: pending, collected, and the same bytes as a live run gives."""

from dataclasses import replace

import dagster as dg
import pytest

from synth_dagster.cli.status import pending
from synth_dagster.errors import ExitCode, Pending, TeacherError
from synth_dagster.runner.provider_batches import DatasetLedger, StageLedger
from synth_dagster.runner.stage import run_stage
from synth_dagster.teacher.embedded import protocol
from tests.assets.automated import Ticks
from tests.assets.project import LINES, small_project
from tests.runner.by_hand import ByHand
from tests.teacher.batch_server import BatchServer, acquaint
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
MADE = 2  # of the six lines; the embedded teacher finds nothing to ask about the others
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
def start(tmp_path, server):
    def start(recipe=RECIPE, name="p", lines=LINES):
        project = small_project(tmp_path / name, recipe)
        project.deliver(lines)
        for model in MODELS:
            acquaint(project.root / "lake/cache.sqlite", server, model)
        return project

    return start


def to_the_end(project, server, most=12):
    """Run until nothing is pending; how often a run ended as pending."""
    for pendings in range(most):
        told = project.run()
        assert told.causes == []
        if not told.pending:
            return pendings
        assert told.exit_code() == ExitCode.PENDING
        server.finish()
    raise AssertionError("it never ends")


def versions(project):
    return {stage: project.versions(stage) for stage in STAGES}


@pytest.fixture
def waiting(server, start):
    """A project whose first teacher stage waits for its provider batch; the corpus is accepted."""
    project = start()
    with project.answering() as gateway:
        project = replace(project, teachers=gateway)
        by_hand = ByHand(project)
        with pytest.raises(Pending, match=r"waits for 6 answers from 1 provider batch\. Run the same command later"):
            by_hand.batches()
        yield by_hand


def again(by_hand):
    return run_stage(by_hand.context, "generated_instructions", "notes:start")


def ledger(by_hand):
    return DatasetLedger(by_hand.lake, "tiny")


def test_what_waits_is_submitted_once_however_often_it_is_run(server, waiting):
    with pytest.raises(Pending):
        again(waiting)
    assert len(server.batches) == 1 and set(server.submitted.values()) == {1}
    (pause,) = ledger(waiting).pauses()
    assert not ledger(waiting).is_ready(pause)
    (shown,) = pending(waiting.lake, "tiny")
    assert shown["stage"] == "generated_instructions" and shown["provider_batches"][0]["requests"] == 6


def test_a_collected_batch_costs_half_and_the_stage_waits_no_longer(server, waiting):
    server.finish(twice=True, strangers=True)
    outcome = again(waiting)
    assert outcome.records == MADE and ledger(waiting).pauses() == [] and ledger(waiting).open() == []
    # 6 answers of 10 tokens read and 5 written, at 0.15 and 0.60 dollars a million, halved
    usage = waiting.lake.sessions.usage(dataset="tiny")
    assert usage.calls == 6 and usage.usd == pytest.approx(6 * (10 * 0.15 + 5 * 0.60) / 1e6 / 2)
    again(waiting)
    assert waiting.lake.sessions.usage(dataset="tiny").calls == 6  # counted once


def test_a_collection_that_is_cut_off_before_the_ledger_is_repeated_and_counted_once(server, waiting, monkeypatch):
    server.finish()

    def cut(*_):
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(StageLedger, "settle", cut)
        with pytest.raises(RuntimeError, match="killed"):
            again(waiting)
    assert len(ledger(waiting).open()) == 1
    assert again(waiting).records == MADE
    assert waiting.lake.sessions.usage(dataset="tiny").calls == 6 and set(server.submitted.values()) == {1}


def test_lines_that_failed_or_expired_go_into_the_next_batch(server, waiting):
    server.finish("expired", fails=lambda place, line: ["batch_expired", Say(status=500)][place] if place < 2 else None)
    with pytest.raises(Pending, match="waits for 2 answers"):
        again(waiting)
    assert sorted(server.submitted.values()) == [1, 1, 1, 1, 2, 2]
    server.finish()
    assert again(waiting).records == MADE
    assert server.calls == 0


def test_what_fails_in_batch_after_batch_is_said(server, waiting):
    for _ in range(2):
        server.finish("failed", errors=("token_limit_exceeded",))
        with pytest.raises(Pending):
            again(waiting)
    server.finish(loses_output=True)
    with pytest.raises(TeacherError, match=r"6 requests of .* failed in 3 provider batches .*batch_failures: live"):
        again(waiting)


def test_a_batch_that_was_made_when_the_connection_broke_is_found_again(server, start):
    server.cut_after_making = 1
    project = start()
    with project.answering() as gateway:
        by_hand = ByHand(replace(project, teachers=gateway))
        with pytest.raises(Pending):
            by_hand.batches()
        (intended,) = ledger(by_hand).open()
        assert intended.state == "intended" and intended.provider_id is None
        server.finish()
        assert again(by_hand).records == MADE
    assert len(server.batches) == 1


def test_an_endpoint_without_a_batch_api_is_said_at_the_first_try(server, start):
    server.has_batches = False
    project = start()
    with project.answering() as gateway, pytest.raises(TeacherError, match=r"has no Batch API .*Write 'batch: false'"):
        ByHand(replace(project, teachers=gateway)).batches()
    assert not server.files


def test_a_file_that_the_provider_finds_too_large_is_split(server, start):
    server.most_bytes = 8_000
    project = start(RECIPE.replace("batch: true", "batch: true, batch_requests: 5"))
    with project.answering() as gateway:
        by_hand = ByHand(replace(project, teachers=gateway))
        with pytest.raises(Pending, match="waits for 6 answers"):
            by_hand.batches()
        assert len(server.batches) > 2 and set(server.submitted.values()) == {1}
        server.finish()
        assert again(by_hand).records == MADE


def test_the_sensor_collects_and_launches_once_what_waited(server, waiting):
    with dg.DagsterInstance.ephemeral() as instance:
        ticks = Ticks(waiting.project, instance)
        assert not ticks.tick("provider_batches").run_requests
        server.finish()
        (request,) = ticks.tick("provider_batches").run_requests
        assert request.partition_key == "notes:start" and ledger(waiting).open() == []
        (same,) = ticks.tick("provider_batches").run_requests  # the daemon was killed before it launched the run
        assert same.run_key == request.run_key
        tags = {"dagster/run_key": str(request.run_key), "dagster/partition": "notes:start"}
        instance.add_run(dg.DagsterRun(job_name="tiny__batch", status=dg.DagsterRunStatus.SUCCESS, tags=tags))
        assert not ticks.tick("provider_batches").run_requests


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
