"""Which runs are taken for dead, and what they held is given back."""

import os
import subprocess
import sys

import dagster as dg
import pytest

from synth_dagster.lake.leases import Holder, process_start
from synth_dagster.runner.dead_runs import HOST, PID, RUN, STARTED, free_dead_runs, goes_on, has_died

FAILED, STARTED_RUN = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.STARTED


@pytest.fixture
def instance():
    with dg.instance_for_test() as made:
        yield made


@pytest.fixture(scope="module")
def ended():
    """The pid and start of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = process_start(process.pid)
    process.kill()
    process.communicate()
    return process.pid, started


def alive():
    return os.getpid(), process_start(os.getpid())


def run_of(instance, process, status=FAILED, host=""):
    """A run of this machine, made by a process."""
    run = dg.DagsterRun(job_name="tiny__batch", status=status)
    pid, started = process
    tags = {PID: str(pid), STARTED: started or "", HOST: host or Holder.me().host, RUN: run.run_id}
    return instance.add_run(run.with_tags(tags))


def test_a_run_that_is_said_to_have_failed_while_its_process_works_goes_on(instance, ended):
    """Dagster says so when two daemons have launched it: the second process leaves it to the first and ends."""
    run = run_of(instance, alive())
    assert goes_on(instance, run) and not has_died(instance, run)
    run = run_of(instance, ended)
    assert has_died(instance, run) and not goes_on(instance, run)


def test_a_run_of_another_machine_that_failed_without_a_failed_step_has_died(instance):
    run = run_of(instance, alive(), host="elsewhere")
    assert has_died(instance, run) and not goes_on(instance, run)


@pytest.mark.parametrize("status", [FAILED, STARTED_RUN], ids=["noticed by Dagster", "noticed by nobody"])
def test_a_slot_of_a_process_that_is_gone_is_given_back_at_once(instance, ended, status):
    instance.event_log_storage.set_concurrency_slots("teacher", 2)
    dead, living = run_of(instance, ended, status), run_of(instance, alive(), STARTED_RUN)
    for run in (dead, living):
        assert instance.event_log_storage.claim_concurrency_slot("teacher", run.run_id, "step").is_claimed
    assert free_dead_runs(instance) == ([dead.run_id] if status == STARTED_RUN else [])
    assert instance.event_log_storage.get_concurrency_info("teacher").active_run_ids == {living.run_id}
