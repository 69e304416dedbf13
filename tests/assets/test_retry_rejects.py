"""Answers that could not be used are kept like all others, and asked for again only on request."""

import pytest

from tests.assets.project import LINES, TAUGHT, small_project
from tests.assets.teachers import Endpoint, asked_about
from tests.teacher.faulty import Say, question

REAL = TAUGHT.replace("{use: embedded}", "{use: endpoint, model: m, patience_s: 5}")


@pytest.fixture
def server(monkeypatch):
    with Endpoint() as endpoint:
        monkeypatch.setenv("SYNTH_MODEL", "m")
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        yield endpoint


@pytest.mark.prove
def test_a_reject_is_asked_again_only_with_the_switch(tmp_path, server):
    project = small_project(tmp_path / "p", REAL)
    project.deliver(LINES)
    # the endpoint cuts its answer about the lighthouse: a cut answer is not asked for again by itself
    whole = server.script
    server.script = lambda body, seen: (
        Say(asked_about(body), finish="length") if "lighthouse" in question(body) else whole(body, seen)
    )
    assert project.run().causes == []
    assert len(project.rows("generated_instructions")) == len(LINES) - 1
    assert [row["reason"] for row in project.rows("rejects")] == ["cut"]
    calls, before = server.calls, project.versions("generated_instructions")
    assert calls == len(LINES)

    server.script = whole  # it is well again, and nobody asks
    assert project.run().made == []
    assert (server.calls, project.versions("generated_instructions")) == (calls, before)

    assert "batch notes:start" in project.run(retry_rejects=True).made
    assert server.calls == calls + 1  # the lighthouse alone
    assert len(project.rows("generated_instructions")) == len(LINES)

    after = project.versions("generated_instructions")
    assert project.run(retry_rejects=True).made == []  # nothing is left to ask again
    assert project.run().made == []
    assert (server.calls, project.versions("generated_instructions")) == (calls + 1, after)
