"""Roles that are asked in provider batches, over a lake of their own."""

import pytest

from synth_dagster.lake.lake import Lake
from synth_dagster.runner.provider_batches import DatasetLedger, StageLedger
from synth_dagster.teacher.batches import desk
from synth_dagster.teacher.budget import Budget
from synth_dagster.teacher.cache import AnswerCache
from synth_dagster.teacher.client import Teachers
from synth_dagster.teacher.roles import Endpoint
from tests.teacher.batch_server import BatchServer, acquaint
from tests.teacher.faulty import words


@pytest.fixture
def server():
    with BatchServer() as running:
        yield running


@pytest.fixture
def role(server):
    """A writer, quick to try again; `role(batch_failures="live")` is another one."""

    def role(name="writer", model="gpt-4o-mini", **settings):
        settings = {"patience_s": 2.0, "first_pause_s": 0.01, "batch": True} | settings
        return Endpoint(name, "endpoint", (model,), base_url=server.url, api_key="sk-planted", **settings)

    return role


@pytest.fixture
def lake(tmp_path):
    return Lake.open(tmp_path / "lake")


@pytest.fixture
def ledger(lake):
    return DatasetLedger(lake, "d")


@pytest.fixture
def impatient(monkeypatch):
    """What the provider does not list at once will not come."""
    monkeypatch.setattr(desk, "GRACE_S", 0.0)


@pytest.fixture
def run(lake, tmp_path, role, server):
    """A run of a stage: what the work gives, or Pending and whatever else keeps it from being whole.

    What the model understands is known, unless it is `new`.
    """

    def run(work, *, endpoint=None, session="s", stage="s", new=False, **caps):
        async def whole(teachers):
            found = await work(teachers)
            teachers.check_whole()
            return found

        endpoint = endpoint or role()
        if not new:
            acquaint(tmp_path / "cache.sqlite", server, endpoint.models[0])
        books = StageLedger(lake, "d", stage, "b", session, "run")
        budget = Budget(ledger=lake.spending, session=session, dataset="d", **caps)
        with AnswerCache.open(tmp_path / "cache.sqlite") as cache, budget:
            options = {"cache": cache, "budget": budget, "run_id": "run", "batches": books}
            return Teachers.run(whole, {endpoint.role: endpoint}, **options)

    return run


@pytest.fixture
def ask(run):
    """The answers to so many requests."""

    def ask(things=6, **options):
        async def work(teachers):
            found = await words(range(things))(teachers)
            for one in found:
                if isinstance(one, Exception):
                    raise one
            return [answer.text for answer in found]

        return run(work, **options)

    return ask
