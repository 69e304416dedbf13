"""Runs whose process died: found by the process that their tags name, marked as failed, their pool slots freed.

Dagster itself notices a dead worker only while the server that started it lives. A run that stays started would hold
its slot of a pool, and every later run would wait for it for ever.

The other way round, two daemons on one instance may each start a process for a run. The second finds the run under way
and ends, and its server takes that for the end of the run: it reports a failure while the first works on, or just after
it has succeeded. Such a run is neither dead nor failed.

A process that makes one run after another outlives them: a run of it whose end found no room in Dagster's database
stays started and holds its slot there, while its process lives. So a process knows which of its own runs are over.
"""

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from synth_dagster.lake.leases import Holder
from synth_dagster.runner.context import OUTCOME_TAG

if TYPE_CHECKING:
    import dagster as dg

log = logging.getLogger(__name__)

PID, STARTED, HOST = "synth/pid", "synth/process_start", "synth/host"  # run tags: which process makes it
RUN = "synth/run"  # of which run these tags are
RUN_KEY, PARENT = "dagster/run_key", "dagster/parent_run_id"
NAMED_WITHIN = 600.0  # seconds from the start of a run of a sensor or schedule to its first step
WOKEN_EVERY = 5.0  # seconds between looks for steps that wait for a slot that is free
DIED = "died"  # the outcome of such a run
SECOND = "Ignoring a duplicate run"  # so begins what Dagster's second process of a run says before it ends
MISREPORTED_WITHIN = timedelta(minutes=10)  # how far back failures are looked at that were none

_over: set[str] = set()  # runs that this process has made to their end, whatever Dagster's database says of them


def process_tags() -> dict[str, str]:
    """The tags by which a run of this process can be found dead."""
    me = Holder.me()
    return {PID: str(me.pid), STARTED: me.started, HOST: me.host}


@contextmanager
def making(run_id: str) -> Iterator[None]:
    """For as long as this process makes a run. After it the run is over, also where that could not be written."""
    try:
        yield
    finally:
        _over.add(run_id)


def free_dead_runs(instance: "dg.DagsterInstance") -> list[str]:
    """Mark the runs of this machine that nobody makes any more as failed, and free what they held. Returns their ids.

    Runs that succeeded and were reported as failed afterwards are marked as successful again.
    """
    import dagster as dg

    unfinished = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.CANCELING]
    unfinished.append(dg.DagsterRunStatus.NOT_STARTED)
    ours = instance.get_runs(dg.RunsFilter(statuses=unfinished, tags={HOST: Holder.me().host}))
    dead = [run.run_id for run in ours if _is_over(run)]
    started = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])
    dead += [
        record.dagster_run.run_id
        for record in instance.get_run_records(started)
        if RUN_KEY in record.dagster_run.tags
        and not _names_its_process(record.dagster_run)
        and (record.start_time or 0) < time.time() - NAMED_WITHIN
    ]
    marked = [run_id for run_id in dead if _marked(instance, run_id)]
    _free_slots_of_ended_runs(instance)
    _give_free_slots(instance)
    _set_right(instance)
    return marked


def name_process(instance: "dg.DagsterInstance", run: "dg.DagsterRun") -> None:
    """Tag a run that a server has launched with the process that makes it, at its first step."""
    tags = {**process_tags(), RUN: run.run_id}
    if run.tags.get(RUN) != run.run_id and any(run.tags.get(name) != tags[name] for name in (PID, STARTED, HOST)):
        instance.add_run_tags(run.run_id, tags)


def _names_its_process(run: "dg.DagsterRun") -> bool:
    """A run that was launched again has a copy of the tags of the one before it."""
    return HOST in run.tags and (run.tags.get(RUN) == run.run_id or PARENT not in run.tags)


def _is_over(run: "dg.DagsterRun") -> bool:
    """Whether nobody makes a run any more: this process has made it to its end, or its process is gone."""
    return run.run_id in _over or (_names_its_process(run) and _maker(run.tags).is_gone())


def _marked(instance: "dg.DagsterInstance", run_id: str) -> bool:
    """Fail a run that nobody makes any more, unless its end was written down."""
    run = instance.get_run_by_id(run_id)
    if run is None or run.is_finished:
        return False
    instance.add_run_tags(run_id, {OUTCOME_TAG: DIED})
    why = "Its end could not be written down." if run_id in _over else "Its process died."
    instance.report_run_failed(run, f"{why} The next run goes on where it stopped.")
    instance.event_log_storage.free_concurrency_slots_for_run(run_id)
    return True


def _free_slots_of_ended_runs(instance: "dg.DagsterInstance") -> None:
    """Dagster notices a killed worker at once and gives its slots back a minute or two later."""
    for run in _runs_with_slots(instance):
        if run.is_finished and _is_over(run):
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def free_slots_of_dead_runs(instance: "dg.DagsterInstance") -> None:
    """Mark the runs that hold a slot, or stand in line for one, and that nobody makes any more; free what they held."""
    for run in _runs_with_slots(instance):
        if _is_over(run):
            _marked(instance, run.run_id)
    _free_slots_of_ended_runs(instance)


def _runs_with_slots(instance: "dg.DagsterInstance") -> list["dg.DagsterRun"]:
    storage = instance.event_log_storage
    if not storage.supports_global_concurrency_limits:
        return []
    found = (instance.get_run_by_id(run_id) for run_id in storage.get_concurrency_run_ids())
    return [run for run in found if run is not None]


@contextmanager
def slots_handed_on(instance: "dg.DagsterInstance", *, every_s: float = WOKEN_EVERY) -> Iterator[None]:
    """While it is open, a step gets a slot that is free within seconds, also where no daemon looks on.

    Free is also that of a run that nobody makes any more, and one that a step was not woken for.
    """
    import sqlalchemy.orm  # noqa: F401  # queries of one thread fail while another is importing it
    from sqlalchemy.exc import SQLAlchemyError

    ended = threading.Event()

    def hand_on() -> None:
        while not ended.wait(every_s):
            try:
                free_slots_of_dead_runs(instance)
                _give_free_slots(instance)
            except (SQLAlchemyError, OSError) as error:  # a busy database, or a full disk, is asked again
                log.debug("Waiting steps were not woken this time: %s", type(error).__name__)

    helper = threading.Thread(target=hand_on, name="slots", daemon=True)
    helper.start()
    try:
        yield
    finally:
        ended.set()
        helper.join()


def _give_free_slots(instance: "dg.DagsterInstance") -> None:
    """Wake steps that wait for a slot that is free.

    Dagster gives a slot to the next in line when one is given back. A step that found none free and stands in line only
    after that was overlooked, and waits until the next is given back, which may be never.
    """
    from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

    storage = instance.event_log_storage
    if not (isinstance(storage, SqlEventLogStorage) and storage.supports_global_concurrency_limits):
        return
    for pool in storage.get_concurrency_keys():
        for _ in range(storage.get_concurrency_info(pool).pending_step_count):
            if not storage.has_unassigned_slots(pool):
                break
            storage.assign_pending_steps([pool])


def _set_right(instance: "dg.DagsterInstance") -> None:
    """What was reported last stands in Dagster's list of runs: report the success of such a run once more."""
    import dagster as dg

    since = datetime.now(UTC) - MISREPORTED_WITHIN
    for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=since)):
        if has_succeeded(instance, run):
            again = dg.DagsterEvent(
                event_type_value=dg.DagsterEventType.RUN_SUCCESS.value,
                job_name=run.job_name,
                message="It succeeded. What was reported as its end was that of a second process, which left it alone.",
            )
            instance.report_dagster_event(again, run.run_id)


def has_died(instance: "dg.DagsterInstance", run: "dg.DagsterRun") -> bool:
    """Whether a failed run ended because its process did, and not because a step of it failed."""
    import dagster as dg

    if run.status != dg.DagsterRunStatus.FAILURE:
        return False
    if run.tags.get(OUTCOME_TAG):
        return run.tags[OUTCOME_TAG] == DIED
    if goes_on(instance, run) or has_succeeded(instance, run):
        return False
    return all(_is_interrupt(event) for event in _step_failures(instance, run))


def goes_on(instance: "dg.DagsterInstance", run: "dg.DagsterRun") -> bool:
    """Whether the process of a run that is said to have failed works on."""
    import dagster as dg

    if run.status != dg.DagsterRunStatus.FAILURE or run.tags.get(OUTCOME_TAG) or _step_failures(instance, run):
        return False
    if not _names_its_process(run):
        return _was_left_to_another(instance, run) and not has_succeeded(instance, run)
    return run.tags[HOST] == Holder.me().host and not _is_over(run)


def has_succeeded(instance: "dg.DagsterInstance", run: "dg.DagsterRun") -> bool:
    """Whether a run that is said to have failed had all of its steps made before that."""
    import dagster as dg

    said = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.RUN_SUCCESS, limit=1).records
    return bool(said) and not run.tags.get(OUTCOME_TAG) and not _step_failures(instance, run)


def _was_left_to_another(instance: "dg.DagsterInstance", run: "dg.DagsterRun") -> bool:
    """Whether a second process ended in its place, so that the first may be about to begin its first step."""
    import dagster as dg

    record = instance.get_run_record_by_id(run.run_id)
    if record is None or (record.start_time or 0) < time.time() - NAMED_WITHIN:
        return False
    said = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT).records
    return any(one.event_log_entry.message.startswith(SECOND) for one in said)


def _step_failures(instance: "dg.DagsterInstance", run: "dg.DagsterRun") -> list[Any]:
    import dagster as dg

    records = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
    return [record.event_log_entry.dagster_event for record in records]


def _is_interrupt(event: Any) -> bool:
    """A step that was told to end, as when Dagster is stopped."""
    error = event.event_specific_data.error
    return error is not None and error.cls_name in ("DagsterExecutionInterruptedError", "KeyboardInterrupt")


def _maker(tags: Mapping[str, str]) -> Holder:
    """The process that a run's tags name."""
    return Holder(tags[HOST], int(tags.get(PID, "0")), tags.get(STARTED, ""))
