"""What Dagster says of the runs that went wrong: their tags, their events, and what their processes printed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

LINES = 40  # that are shown of what the process of a run printed
# A failure without a reason, as of a process that was killed, is told by how far the run came.
WORTH_TELLING = ("ENGINE_EVENT", "STEP_FAILURE", "STEP_START", "STEP_SUCCESS", "ASSET_CHECK_EVALUATION")


def told(instance: dg.DagsterInstance, logs: Path) -> str:
    """All runs in a line each, oldest first, and everything known of those that did not end well."""
    records = instance.get_run_records(ascending=True)
    lines = [_line(record) for record in records]
    odd = [record.dagster_run for record in records if record.dagster_run.status is not dg.DagsterRunStatus.SUCCESS]
    return "\n".join([*lines, *(line for run in odd for line in _everything(instance, run, logs))])


def _line(record: dg.RunRecord) -> str:
    run = record.dagster_run
    times = f"{_clock(record.create_timestamp.timestamp())} {_clock(record.start_time)} {_clock(record.end_time)}"
    return f"{times} {run.run_id[:8]} {run.status.value} {run.job_name} {run.tags.get('dagster/partition', '')}"


def _everything(instance: dg.DagsterInstance, run: dg.DagsterRun, logs: Path) -> Iterator[str]:
    yield f"\n{run.job_name} {run.run_id} {run.status.value}"
    yield from (f"  {name} = {value}" for name, value in sorted(run.tags.items()))
    for entry in instance.all_logs(run.run_id):
        kind = entry.dagster_event.event_type_value if entry.dagster_event else "LOG"
        if kind in WORTH_TELLING or kind.startswith(("PIPELINE_", "RUN_")):
            yield f"  {_clock(entry.timestamp)} {kind} {entry.step_key or ''} {_words(entry)}"
    for log in sorted((logs / run.run_id).rglob("*.err")):
        yield f"  {log.name} ends with:"
        yield from (f"    {line}" for line in log.read_text(errors="replace").splitlines()[-LINES:])


def _words(entry: dg.EventLogEntry) -> str:
    """What an event says, and the error it carries, which Dagster keeps in several places."""
    data = entry.dagster_event.event_specific_data if entry.dagster_event else None
    error = getattr(data, "error", None)
    return f"{entry.message}{chr(10) + error.to_string() if error else ''}"


def _clock(seconds: float | None) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S.%f")[:-3] if seconds else "--:--:--.---"
