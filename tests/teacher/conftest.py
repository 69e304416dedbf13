"""Teachers that ask the faulty server, in an environment without keys."""

import os

import pytest

from synth_dagster.teacher.budget import Budget
from synth_dagster.teacher.cache import AnswerCache
from synth_dagster.teacher.client import Teachers
from synth_dagster.teacher.roles import Endpoint
from tests.teacher.faulty import FaultServer


@pytest.fixture(autouse=True)
def scrubbed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of this machine may reach a test: not a key, not an address, not a proxy."""
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "SYNTH_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def server():
    with FaultServer() as running:
        yield running


@pytest.fixture
def endpoint(server):
    """One role at the server, quick to try again."""
    return Endpoint(
        "writer", "endpoint", ("m",), base_url=server.url, api_key="sk-planted-secret-key-4711", first_pause_s=0.01
    ).at(server.url)


@pytest.fixture
def cache_path(tmp_path):
    return tmp_path / "cache.sqlite"


@pytest.fixture
def ask(endpoint, cache_path):
    """Runs a piece of work with teachers of its own, as a fresh run would: `ask(work, **changes)`."""

    def run(work, *, endpoints=None, budget=None, run_id="run", **options):
        roles = endpoints or {"writer": endpoint}
        with AnswerCache.open(cache_path) as cache:
            return Teachers.run(work, roles, cache=cache, budget=budget or Budget(), run_id=run_id, **options)

    return run
