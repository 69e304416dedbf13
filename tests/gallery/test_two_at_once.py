"""Several recipes of one project run at once, in processes of their own; and one of them is killed."""

import json
import signal
import time
from collections import Counter
from contextlib import ExitStack

import pytest

from synth_dagster.cli.project import Project
from tests.cli.project import Place
from tests.gallery.answering import teacher_of
from tests.gallery.example import left_behind
from tests.gallery.served import Served
from tests.gallery.whole import addressed, page_of, standing

pytestmark = pytest.mark.prove(minutes=2)

LONG = 3_600.0  # seconds: a request that is asked now is not answered within this test
HANGS = 600.0  # seconds, of which a run takes a few: what has not ended then waits for ever


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path / "p")
    assert place.call("new", str(place.root), cwd=tmp_path).code == 0
    return place


@pytest.fixture
def running(place):
    """Starts `synth run` beside this process; what still runs ends with the test, whatever happens."""
    with ExitStack() as until_done:

        def start(slug, server):
            process = place.start("run", slug, **addressed(server, slug))
            until_done.callback(process.communicate)
            until_done.callback(process.kill)
            return process

        yield start


@pytest.fixture
def served():
    """The program of a recipe behind an endpoint."""
    with ExitStack() as until_done:
        yield lambda slug: until_done.enter_context(Served(teacher_of(slug)))


def until(reached, process):
    deadline = time.monotonic() + HANGS
    while not reached():
        assert time.monotonic() < deadline and process.poll() is None, process.poll()
        time.sleep(0.05)


def waits_for_a_slot(place):
    with Project(place.root).instance() as instance:
        storage = instance.event_log_storage
        return any(storage.get_concurrency_info(pool).pending_step_count for pool in storage.get_concurrency_keys())


def assert_as_its_page(place, slug):
    project = Project(place.root)
    left, page = left_behind(project.recipe(slug), project.lake, [], calls=0, tokens=0), page_of(slug)
    assert (dict(left.drops), left.judged, len(left.kept)) == (page.drops, page.judged, page.kept)
    assert [release.release for release in project.lake.meta.releases(slug)] == ["r0001"]


def test_recipes_that_are_begun_at_the_same_moment_in_a_new_project_all_end_as_their_pages(place, running, served):
    begun = {slug: running(slug, served(slug)) for slug in ("craft", "redstone_qa", "entigraph")}
    said = {slug: process.communicate(timeout=HANGS) for slug, process in begun.items()}
    assert {slug: process.returncode for slug, process in begun.items()} == dict.fromkeys(begun, 0), said
    for slug in begun:
        assert_as_its_page(place, slug)


def test_a_run_that_is_killed_does_not_hang_another_recipes_and_is_finished_by_the_next(place, running, served):
    one, other = served("glan"), served("entigraph")
    killed = running("glan", one)
    until(lambda: one.calls >= 60, killed)
    one.delay = LONG  # so that it holds its pool's slot until it is killed
    waiting = running("entigraph", other)
    until(lambda: waits_for_a_slot(place), waiting)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    said = waiting.communicate(timeout=HANGS)
    assert waiting.returncode == 0, said
    assert_as_its_page(place, "entigraph")
    one.delay = 0.0
    again = place.synth("run", "glan", **addressed(one, "glan"))
    assert again.code == 0, again.out + again.err
    assert_as_its_page(place, "glan")
    assert Counter(standing(place, "glan", one).runs.values()) == {"FAILURE": 1, "SUCCESS": 2}  # killed, batch, release
    paid = Counter(json.dumps(body, sort_keys=True) for body in one.requests)
    # what was answered before the kill is not asked again: only what was in flight, at most so many at one time
    assert sum(times - 1 for times in paid.values()) <= one.most_open
