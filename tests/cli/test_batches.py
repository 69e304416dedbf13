"""`synth batches`: what waits at a provider, and how to give it up."""

from dataclasses import replace

import pytest

from synth_dagster.cli.status import print_summary
from synth_dagster.cli.terminal import Terminal
from synth_dagster.errors import ExitCode, Pending
from synth_dagster.runner.stage import run_stage
from synth_dagster.teacher.embedded import protocol
from tests.assets.project import LINES, TAUGHT, small_project
from tests.cli.project import Place
from tests.runner.by_hand import ByHand
from tests.teacher.batch_server import BatchServer, acquaint
from tests.teacher.faulty import Say

BATCHED = TAUGHT.replace("{use: embedded}", "{use: endpoint, model: gpt-4o-mini, batch: true, patience_s: 1}")


def embedded(body, seen):
    """What the embedded teacher says, under another model's name."""
    found = protocol.chat({**body, "model": "embedded-extractive"})
    return Say(found["choices"][0]["message"]["content"])


@pytest.fixture
def server(monkeypatch):
    with BatchServer() as running:
        running.script = embedded
        monkeypatch.setenv("OPENAI_BASE_URL", running.url)
        monkeypatch.setenv("SYNTH_MODEL", "gpt-4o-mini")
        yield running


@pytest.fixture
def stage(tmp_path, server):
    """A stage that waits for a provider batch of three requests."""
    project = small_project(tmp_path / "p", BATCHED)
    project.deliver(LINES[:3])
    acquaint(project.root / "lake/cache.sqlite", server)
    with project.answering() as gateway, pytest.raises(Pending):
        ByHand(replace(project, teachers=gateway)).batches()
    return project


@pytest.fixture
def synth(stage, server):
    place = Place(stage.root)

    def synth(*arguments):
        return place.call(*arguments, OPENAI_BASE_URL=server.url, SYNTH_MODEL="gpt-4o-mini", COLUMNS="200")

    return synth


def test_what_waits_is_listed_with_its_age_and_what_it_may_cost(synth, server):
    shown = synth("batches").out
    (one,) = synth("batches", "--json").json()
    assert (one["id"], one["stage"], one["role"], one["requests"]) == ("batch-0", "generated_instructions", "writer", 3)
    assert (one["state"], one["status"]) == ("submitted", "in_progress")
    assert "batch-0" in shown and "23 h" in shown and f"${one['usd_at_most']:,.4f}" in shown
    # reserved at half of 0.15 and 0.60 dollars a million
    assert 0 < one["usd_at_most"] < one["tokens_at_most"] * 0.60 / 1e6 / 2
    assert synth("batches", "--dataset", "other").out == "No provider batch is open.\n"


def test_one_that_is_cancelled_keeps_what_was_answered_frees_the_budget_and_is_asked_again(synth, server, stage):
    cancelled = synth("batches", "--cancel", "batch-0")
    assert cancelled.code == 0 and "The provider is ending batch-0" in cancelled.out
    assert synth("status", "--json").json()["pending"] == []  # no sensor launches it again
    assert "giving up, cancelling" in synth("batches").out
    server.finish(fails=lambda place, line: "batch_cancelled" if place else None)
    ended = synth("batches", "--cancel", "batch-0")
    assert "answers: 1, kept; requests without one: 2" in ended.out
    account = stage.lake.spending.read(["recipe/tiny"])["recipe/tiny"]
    assert (account.spent.calls, account.held.calls, account.unconfirmed.calls) == (1, 0, 0)
    assert "collected, 1 answered" in synth("batches", "--all").out

    with stage.answering() as gateway, pytest.raises(Pending, match="waits for 2 answers"):
        run_stage(stage.context(teachers=gateway), "generated_instructions", "notes:start")
    (again,) = synth("batches", "--json").json()
    assert sorted(server.submitted.values()) == [1, 2, 2]  # the two that were not answered
    assert again["requests"] == 2 and "is over" in synth("batches", "--cancel", "batch-0").err


def test_one_whose_provider_is_gone_is_forgotten_and_counts_as_spent(synth, server, stage):
    (one,) = synth("batches", "--json").json()
    server.refuse = lambda *_: Say(status=401, error="no such account")
    refused = synth("batches", "--cancel", "batch-0")
    assert refused.code == ExitCode.FAILED and "does not accept the key" in refused.err
    forgotten = synth("batches", "--forget", one["key"][:8])
    assert forgotten.code == 0 and "counts as spent" in forgotten.out
    account = stage.lake.spending.read(["recipe/tiny"])["recipe/tiny"]
    assert (account.held.tokens, account.unconfirmed.tokens) == (0, one["tokens_at_most"])
    assert synth("batches").out == "No provider batch is open.\n"
    assert synth("status", "--json").json()["pending"] == []


def test_a_name_that_nothing_has_is_said_with_the_nearest(synth, server):
    unknown = synth("batches", "--cancel", "batch-9")
    assert unknown.code == ExitCode.USAGE and "Did you mean 'batch-0'?" in unknown.err
    assert synth("batches", "--cancel", "x", "--forget", "y").code == ExitCode.USAGE


def test_a_run_that_ends_as_pending_says_what_could_not_be_submitted(stage, capsys):
    said = "generated_instructions [notes:start] waits for 2 answers. 4 more could not be submitted yet: The cap"
    print_summary(Terminal(), stage, "tiny", made=(), causes=(), pending=[said])
    out = capsys.readouterr().out
    assert f"pending: {said}" in out and "once more: synth run tiny. What waits: synth batches" in out
