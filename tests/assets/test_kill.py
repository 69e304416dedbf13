"""A run that is killed in the middle of its work, and the next one: nothing lost, nothing paid twice, same bytes."""

import random
import signal
import time

import pytest

from synth_dagster.lake.lake import Lake
from synth_dagster.runner.stage import run_stage
from tests.assets.project import TAUGHT, small_project
from tests.assets.teachers import Endpoint

IN_FLIGHT = 2
PASSAGES = [f"The mill number {n} grinds the corn of village {n} and it was built in {1500 + n}." for n in range(24)]
SLOW = TAUGHT.replace(
    "{use: embedded}", f"{{use: endpoint, model: slow, max_in_flight: {IN_FLIGHT}, patience_s: 5}}"
)


@pytest.fixture
def server(monkeypatch):
    with Endpoint() as endpoint:
        endpoint.delay = 0.05
        monkeypatch.setenv("SYNTH_MODEL", "slow")
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        yield endpoint


@pytest.fixture
def running(tmp_path):
    """Projects whose processes end with the test, whatever happens."""
    started = []

    def start(project, *arguments):
        started.append(project.start(*arguments))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def undisturbed(folder, server):
    """The version that the teacher step gives when nobody kills it, and how many calls that takes."""
    project = small_project(folder, SLOW)
    project.deliver(PASSAGES)
    told = project.run()
    assert told.causes == []
    calls = server.calls
    server.requests.clear()
    return project.versions("generated_instructions"), calls


def killed_after(process, server, calls):
    """Kill the process when the server has seen so many calls; how many it had seen when all was quiet."""
    deadline = time.monotonic() + 60
    while server.calls < calls and process.poll() is None:
        assert time.monotonic() < deadline, "the run asks its teacher nothing"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    seen = -1
    while seen != server.calls:  # what was in the sockets still arrives
        seen = server.calls
        time.sleep(0.1)


def statuses(project):
    with project.instance() as instance:
        return [run.status.value for run in instance.get_runs()]


def pool_slots_held(project):
    with project.instance() as instance:
        return instance.event_log_storage.get_concurrency_info("teacher").active_run_ids


def test_a_run_killed_inside_the_pooled_teacher_step_is_found_and_finished_by_the_next(tmp_path, server, running):
    wanted, calls = undisturbed(tmp_path / "calm", server)
    project = small_project(tmp_path / "p", SLOW)
    project.deliver(PASSAGES)
    for point in (5, 15):
        killed_after(running(project, "run"), server, point)
        assert "STARTED" in statuses(project) and pool_slots_held(project)
        assert project.lake.accepted("tiny", "generated_instructions", "notes:start") is None
    code, out = project.synth("run")
    assert code == 0, out
    assert sorted(statuses(project)) == ["FAILURE", "FAILURE", "SUCCESS", "SUCCESS"]  # the last two: batch and release
    assert not pool_slots_held(project)
    # paid once, except for what was in flight at the two kills
    assert calls <= server.calls <= calls + 2 * IN_FLIGHT
    assert project.versions("generated_instructions") == wanted
    assert project.releases() == ["r0001"]
