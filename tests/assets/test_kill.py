"""A run that is killed in the middle of its work, and the next one: nothing lost, nothing paid twice, same bytes."""

import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from subprocess import TimeoutExpired

import pytest

from synth_dagster.runner.plan import plan_batches
from synth_dagster.runner.stage import run_stage
from tests.assets.project import TAUGHT, small_project
from tests.assets.teachers import Endpoint

IN_FLIGHT = 2
PASSAGES = [f"The mill number {n} grinds the corn of village {n} and it was built in {1500 + n}." for n in range(24)]
SLOW = TAUGHT.replace("{use: embedded}", f"{{use: endpoint, model: slow, max_in_flight: {IN_FLIGHT}, patience_s: 5}}")


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


@pytest.mark.prove
def test_a_run_killed_inside_the_pooled_teacher_step_is_found_and_finished_by_the_next(tmp_path, server, running):
    wanted, calls = undisturbed(tmp_path / "calm", server)
    project = small_project(tmp_path / "p", SLOW)
    project.deliver(PASSAGES)
    killed_after(running(project, "run"), server, 10)
    assert "STARTED" in statuses(project) and pool_slots_held(project)
    assert project.lake.accepted("tiny", "generated_instructions", "notes:start") is None
    code, out = project.synth("run")
    assert code == 0, out
    assert sorted(statuses(project)) == ["FAILURE", "SUCCESS", "SUCCESS"]  # the last two: batch and release
    assert not pool_slots_held(project)
    # paid once, except for what was in flight at the kill
    assert calls <= server.calls <= calls + IN_FLIGHT
    assert project.versions("generated_instructions") == wanted
    assert project.releases() == ["r0001"]


@pytest.mark.prove
def test_two_runs_of_one_batch_at_once_make_it_once(tmp_path, server, running):
    server.delay = 0.2
    project = small_project(tmp_path / "p", SLOW)
    project.deliver(PASSAGES)
    both = [running(project, "run"), running(project, "run")]
    said = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    for stage in ("seed_corpus", "generated_instructions", "quality_signals"):
        assert [one.state for one in project.candidates(stage)] == ["accepted"], stage
    # who comes second may make the release again, which must give the same bytes
    assert {(one.state, one.data_version) for one in project.candidates("filtered_mix")} == {
        ("accepted", project.lake.meta.release("tiny", "r0001").data_version)
    }
    assert server.calls == len(PASSAGES)
    assert project.releases() == ["r0001"]


def test_a_second_run_of_a_batch_waits_for_its_lease_and_finds_it_current(tmp_path, server):
    """Without Dagster's pool in between: two threads that want the same batch of the same stage."""
    project = small_project(tmp_path / "p", SLOW)
    project.deliver(PASSAGES)
    with project.answering() as teachers:
        context = project.context(teachers=teachers)
        (batch,) = [planned.batch for planned in plan_batches(context).active]
        project.lake.accept(run_stage(context, "seed_corpus", batch).candidate)
        with ThreadPoolExecutor(2) as threads:
            both = list(threads.map(lambda _: run_stage(context, "generated_instructions", batch), range(2)))
    assert sorted(outcome.made for outcome in both) == [False, True]
    assert both[0].candidate.candidate_id == both[1].candidate.candidate_id
    assert server.calls == len(PASSAGES)


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(5))
def test_ten_kills_at_any_moment_change_no_byte(tmp_path, server, running, seed):
    wanted, calls = undisturbed(tmp_path / "calm", server)
    project = small_project(tmp_path / "p", SLOW)
    project.deliver(PASSAGES)
    rng = random.Random(seed)
    for _ in range(10):
        process = running(project, "run")
        with suppress(TimeoutExpired):
            process.wait(timeout=rng.uniform(1, 9))
        process.kill()
        process.wait()
    code, out = project.synth("run")
    assert code == 0, out
    assert project.versions("generated_instructions") == wanted
    assert server.calls <= calls + 10 * IN_FLIGHT
    assert project.releases() == ["r0001"]
    assert not pool_slots_held(project)
