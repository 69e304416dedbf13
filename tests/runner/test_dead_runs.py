"""Which runs are taken for dead, and what they held is given back."""

import os
import subprocess
import sys
import threading
import time

import dagster as dg
import pytest

from synth_dagster.lake.leases import Holder, process_start
from synth_dagster.runner.context import OUTCOME_TAG
from synth_dagster.runner.dead_runs import (
    HOST,
    NAMED_WITHIN,
    PID,
    RUN,
    STARTED,
    free_dead_runs,
    free_slots_of_dead_runs,
    goes_on,
    has_died,
    has_succeeded,
    making,
    slots_handed_on,
)

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


def reported(instance, *events, **tags):
    """A run of which Dagster's processes have reported these events, in this order."""
    run = instance.create_run_for_job(served, tags=tags)
    for kind, message in events:
        if kind == "ENGINE_EVENT":
            instance.report_engine_event(message, run)
        else:
            instance.report_dagster_event(dg.DagsterEvent(event_type_value=kind, job_name=run.job_name), run.run_id)
    return instance.get_run_by_id(run.run_id)


@dg.job
def served():
    """It has no steps."""


# what was reported of a run that two daemons had started, 0.3 s after its start and at its end
BEGUN = ("PIPELINE_START", "")
IGNORED = (
    "ENGINE_EVENT",
    "Ignoring a duplicate run that was started from somewhere other than the run monitor daemon",
)
EXITED = ("ENGINE_EVENT", "Run execution process for it unexpectedly exited with code 0.")
ENDED, FAILURE = ("PIPELINE_SUCCESS", ""), ("PIPELINE_FAILURE", "")


def test_a_run_that_a_second_process_left_alone_goes_on_before_it_has_named_its_own(instance):
    run = reported(instance, BEGUN, IGNORED, EXITED, FAILURE)
    assert goes_on(instance, run) and not has_died(instance, run) and not has_succeeded(instance, run)
    run = reported(instance, BEGUN, EXITED, FAILURE)  # nobody else was there
    assert has_died(instance, run) and not goes_on(instance, run)


def test_a_run_that_was_left_alone_long_ago_and_never_began_a_step_has_died(instance, monkeypatch):
    run = reported(instance, BEGUN, IGNORED, EXITED, FAILURE)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + NAMED_WITHIN + 1)
    assert has_died(instance, run) and not goes_on(instance, run)


def test_a_run_that_succeeded_and_was_then_reported_as_failed_is_set_right(instance):
    run = reported(instance, BEGUN, IGNORED, ENDED, EXITED, FAILURE)
    failed = reported(instance, BEGUN, FAILURE, **{OUTCOME_TAG: "failed"})
    assert run.status == failed.status == FAILED
    assert has_succeeded(instance, run) and not has_died(instance, run) and not goes_on(instance, run)
    for _ in range(2):
        assert free_dead_runs(instance) == []
        assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.SUCCESS
        assert instance.get_run_by_id(failed.run_id).status == FAILED
    said = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.RUN_SUCCESS).records
    assert len(said) == 2


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


def test_a_step_that_stood_in_line_just_after_the_slot_was_given_back_is_woken(instance):
    storage = instance.event_log_storage
    storage.set_concurrency_slots("teacher", 1)
    first, second, third = (run_of(instance, alive(), STARTED_RUN).run_id for _ in range(3))
    assert storage.claim_concurrency_slot("teacher", first, "step").is_claimed
    # the second sees no slot free, the first gives its slot back, and only then the second stands in line
    storage.free_concurrency_slots_for_run(first)
    for late, priority in ((second, 1), (third, 0)):
        storage.add_pending_step("teacher", late, "step", priority=priority, should_assign=False)
    assert not storage.claim_concurrency_slot("teacher", second, "step").is_claimed
    assert free_dead_runs(instance) == []
    assert storage.claim_concurrency_slot("teacher", second, "step").is_claimed
    assert free_dead_runs(instance) == []
    assert not storage.claim_concurrency_slot("teacher", third, "step").is_claimed  # one slot, one step
    storage.free_concurrency_slots_for_run(second)
    assert storage.claim_concurrency_slot("teacher", third, "step").is_claimed


def test_a_step_is_woken_while_a_run_goes_on_and_nobody_else_looks(instance):
    storage = instance.event_log_storage
    storage.set_concurrency_slots("teacher", 1)
    late = run_of(instance, alive(), STARTED_RUN).run_id
    storage.add_pending_step("teacher", late, "step", should_assign=False)
    assert not storage.claim_concurrency_slot("teacher", late, "step").is_claimed
    with slots_handed_on(instance, every_s=0.01):
        while not storage.claim_concurrency_slot("teacher", late, "step").is_claimed:
            time.sleep(0.01)  # a step asks again and again; the test's own limit ends a wait for ever
    assert "slots" not in {thread.name for thread in threading.enumerate()}


def test_a_step_does_not_wait_for_a_run_that_is_killed_while_it_waits(instance, ended):
    storage = instance.event_log_storage
    storage.set_concurrency_slots("teacher", 1)
    dead, waiting = run_of(instance, ended, STARTED_RUN), run_of(instance, alive(), STARTED_RUN).run_id
    assert storage.claim_concurrency_slot("teacher", dead.run_id, "step").is_claimed
    with slots_handed_on(instance, every_s=0.01):
        while not storage.claim_concurrency_slot("teacher", waiting, "step").is_claimed:
            time.sleep(0.01)  # a step asks again and again; the test's own limit ends a wait for ever
    assert instance.get_run_by_id(dead.run_id).status == FAILED
    assert storage.get_concurrency_info("teacher").active_run_ids == {waiting}


@pytest.mark.parametrize("status", [FAILED, STARTED_RUN], ids=["its end is written down", "nothing more is written"])
def test_a_slot_of_a_run_that_this_process_has_made_to_its_end_is_given_back(instance, status):
    """As when the disk of Dagster's database is full at that moment: the process lives on and makes the next run."""
    storage = instance.event_log_storage
    storage.set_concurrency_slots("teacher", 2)
    run, other = run_of(instance, alive(), status).run_id, run_of(instance, alive(), STARTED_RUN).run_id
    assert storage.claim_concurrency_slot("teacher", other, "step").is_claimed
    with making(run):
        assert storage.claim_concurrency_slot("teacher", run, "step").is_claimed
        free_slots_of_dead_runs(instance)
        assert storage.get_concurrency_info("teacher").active_run_ids == {run, other}
    free_slots_of_dead_runs(instance)
    assert storage.get_concurrency_info("teacher").active_run_ids == {other}
    ended = instance.get_run_by_id(run)
    assert ended.status == FAILED and not goes_on(instance, ended)
    assert has_died(instance, ended)  # so a sensor's run is made once more


def test_a_step_does_not_wait_for_a_run_of_its_own_process_that_is_over(instance):
    storage = instance.event_log_storage
    storage.set_concurrency_slots("teacher", 1)
    over, waiting = (run_of(instance, alive(), STARTED_RUN).run_id for _ in range(2))
    with making(over):
        assert storage.claim_concurrency_slot("teacher", over, "step").is_claimed
    with slots_handed_on(instance, every_s=0.01):
        while not storage.claim_concurrency_slot("teacher", waiting, "step").is_claimed:
            time.sleep(0.01)  # a step asks again and again; the test's own limit ends a wait for ever
