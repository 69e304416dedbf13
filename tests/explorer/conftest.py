"""A planted lake and its explorer, asked as a browser of this machine asks."""

import pytest
from starlette.testclient import TestClient

from synth_dagster.explorer.app import application
from synth_dagster.explorer.guard import Guard
from synth_dagster.explorer.question import Explorer
from tests.governance.erase_world import World, plant

HOME = "http://127.0.0.1:3070"
TOKEN = "a-token-of-our-own"

# two sources: f1 is of `forum`, a1 and a2 of `notes`; everything in one batch but a2 and what is made of it
PARENTS = {
    "f1": [],
    "a1": [],
    "a2": [],
    "q1": ["a1"],
    "q2": ["a1", "f1"],
    "q3": ["a2"],
    "p1": ["q1"],
    "p2": ["q2"],
    "p3": ["q3"],
}
STAGES = {name: {"f": "corpus", "a": "corpus", "q": "questions", "p": "pairs"}[name[0]] for name in PARENTS}
BATCHES = {name: "notes:2" if name in ("a2", "q3", "p3") else "notes:1" for name in PARENTS}


def browser_of(world: World, **guard: object) -> TestClient:
    """Redirects are not followed: where they lead is looked at."""
    explorer = Explorer(world.lake, Guard(**guard), world.around)  # type: ignore[arg-type]
    return TestClient(application(explorer), base_url=HOME, follow_redirects=False)


def signed_in(world: World, **guard: object) -> TestClient:
    client = browser_of(world, token=TOKEN, **guard)
    assert client.post("/sign-in", data={"token": TOKEN}).status_code == 303
    return client


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    return plant(tmp_path_factory.mktemp("explored"), PARENTS, stages=STAGES, batches=BATCHES)


@pytest.fixture
def client(world) -> TestClient:
    return browser_of(world)
