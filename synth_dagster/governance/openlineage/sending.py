"""Sends what runs did to the receiver that OpenLineage's own configuration names, after the fact and beside the runs.

Dagster's log is where events wait: nothing is built or sent by a run itself, so that a receiver that is down neither
fails nor slows one, and what could not be sent is sent when it is back. How far it is sent stands in Dagster's storage,
for all processes. An event may arrive twice, never half; it has the same ids then.

On where OPENLINEAGE_URL, an `openlineage.yml` or any other of the official client's settings names a transport.
"""

import json
import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synth_dagster.errors import LakeError, SynthError
from synth_dagster.governance.openlineage.story import READ, Moment, moments

if TYPE_CHECKING:
    import dagster as dg

    from synth_dagster.governance.openlineage.events import Scene

log = logging.getLogger(__name__)

FILE = "openlineage.yml"
CURSOR = "synth_dagster/openlineage"  # in Dagster's storage
OVERLAP_S = 5.0  # two processes write down a run's state by clocks of their own
MOST_RUNS = 50  # looked at in one go
REFUSED = (400, 413, 422)  # an answer that the same event will get again
NAMESPACE = "synth_dagster"


def is_configured(env: Mapping[str, str], root: Path) -> bool:
    """Whether anything names a transport, as the official client looks for one, or a file of the project does."""
    if env.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true":
        return False
    if env.get("OPENLINEAGE_URL") or any(name.startswith("OPENLINEAGE__TRANSPORT") for name in env):
        return True
    home = env.get("HOME")
    files = [env.get("OPENLINEAGE_CONFIG"), root / FILE, Path(home, ".openlineage", FILE) if home else None]
    return any(Path(file).is_file() for file in files if file)


def client_of(env: Mapping[str, str], root: Path) -> Any | None:
    """The official client where a transport is named. Raises SynthError where it is not installed or misconfigured."""
    if not is_configured(env, root):
        return None
    if find_spec("openlineage") is None:
        raise SynthError(
            "OpenLineage is configured and its client is not installed. Install it (pip install "
            "'synth-dagster[openlineage]'), or unset OPENLINEAGE_URL and its likes."
        )
    import yaml
    from openlineage.client import OpenLineageClient

    ours = root / FILE if not env.get("OPENLINEAGE_CONFIG") and (root / FILE).is_file() else None
    try:
        config = (yaml.safe_load(ours.read_text(encoding="utf-8")) or {}) if ours else None
        return OpenLineageClient(config=config)
    except Exception as error:  # of YAML, of the client, of the transport that it loads
        raise SynthError(
            f"OpenLineage's configuration names no transport that can be used ({type(error).__name__}). Correct "
            f"{ours or 'OPENLINEAGE_URL, OPENLINEAGE_CONFIG or what stands there'}."
        ) from error


def namespace_of(env: Mapping[str, str]) -> str:
    """The namespace of our jobs."""
    return env.get("OPENLINEAGE_NAMESPACE") or NAMESPACE


@dataclass(frozen=True, slots=True)
class Sent:
    """What one go came to. `problem` is why it stopped; what waits is sent by a later one."""

    events: int
    problem: str = ""


@dataclass
class _Cursor:
    """How far it is told: all runs that changed before a moment, and of later ones the place in their log."""

    since: float
    places: dict[str, int] = field(default_factory=dict)
    over: dict[str, float] = field(default_factory=dict)  # runs told to their end -> when they last changed

    def as_text(self) -> str:
        return json.dumps({"since": self.since, "places": self.places, "over": self.over})

    def finished(self, run_id: str, changed: float) -> None:
        self.places.pop(run_id, None)
        self.over[run_id] = changed

    def moved_to(self, changed: float) -> None:
        self.since = max(self.since, changed)
        self.over = {run_id: at for run_id, at in self.over.items() if at >= self.since - OVERLAP_S}


@dataclass
class Courier:
    """Takes what Dagster's log says to a client of OpenLineage. Used by one thread at a time."""

    instance: "dg.DagsterInstance"
    scene: "Scene"
    client: Any
    refused: int = 0  # events that the receiver would never take

    def begin(self) -> None:
        """From now on, where nothing was told yet: what ran before it was configured is not told."""
        if self._stored() is None:
            self._store(_Cursor(time.time()))

    def send(self, within_s: float = 30.0) -> Sent:
        """Tell what is new, oldest run first, until it is told, the time is over or the receiver does not take it."""
        self.begin()
        if not self._changed(self._cursor()):
            return Sent(0)
        try:
            with self.scene.lake.lease(CURSOR, "exclusive", wait_s=0):
                return self._send(time.monotonic() + within_s)
        except LakeError:  # another process is at it
            return Sent(0)

    def _send(self, until: float) -> Sent:
        cursor, count = self._cursor(), 0
        for record in self._changed(cursor):
            run, changed = record.dagster_run, record.update_timestamp.timestamp()
            for moment in self._untold(run, cursor):
                problem = "" if (is_late := time.monotonic() > until) else self._told(run, moment)
                if is_late or problem:
                    self._store(cursor)
                    return Sent(count, problem)
                cursor.places[run.run_id] = moment.place  # stored by the run: after a kill some come twice
                count += 1
            if run.is_finished:
                cursor.finished(run.run_id, changed)
            cursor.moved_to(changed)
            self._store(cursor)
        return Sent(count)

    def _changed(self, cursor: _Cursor) -> list[Any]:
        """The runs that may have something to tell: those that changed since, and those that go on."""
        import dagster as dg

        since = datetime.fromtimestamp(cursor.since - OVERLAP_S, UTC)
        found = self.instance.get_run_records(
            dg.RunsFilter(updated_after=since), order_by="update_timestamp", ascending=True, limit=MOST_RUNS
        )
        found = [one for one in found if not _is_told(one, cursor)]
        known = {one.dagster_run.run_id for one in found}
        going_on = [run_id for run_id in cursor.places if run_id not in known]
        older = self.instance.get_run_records(dg.RunsFilter(run_ids=going_on)) if going_on else []
        return [*older, *found]

    def _untold(self, run: "dg.DagsterRun", cursor: _Cursor) -> Iterator[Moment]:
        import dagster as dg

        of_type = {dg.DagsterEventType(name) for name in READ}
        records = self.instance.get_records_for_run(run.run_id, of_type=of_type).records
        told = cursor.places.get(run.run_id, 0)
        yield from (moment for moment in moments(records) if moment.place > told)

    def _told(self, run: "dg.DagsterRun", moment: Moment) -> str:
        """Give one event to the client; why it did not take it, or nothing."""
        from synth_dagster.governance.openlineage.events import Telling

        event = Telling(scene=self.scene, run=run).event(moment)
        try:
            self.client.emit(event)
        except Exception as error:  # noqa: BLE001  # of whichever transport is configured
            if getattr(getattr(error, "response", None), "status_code", None) in REFUSED:
                self.refused += 1
                log.error(
                    "The OpenLineage receiver refused an event and is not sent it again: %s of %s, run %s.",
                    *(moment.kind, event.job.name, event.run.runId),
                )
                return ""
            return type(error).__name__
        return ""

    def _cursor(self) -> _Cursor:
        stored = self._stored()
        return _Cursor(**json.loads(stored)) if stored else _Cursor(time.time())

    def _stored(self) -> str | None:
        return self.instance.daemon_cursor_storage.get_cursor_values({CURSOR}).get(CURSOR)

    def _store(self, cursor: _Cursor) -> None:
        self.instance.daemon_cursor_storage.set_cursor_values({CURSOR: cursor.as_text()})


def _is_told(record: Any, cursor: _Cursor) -> bool:
    """Whether a run was told to its end; a tag that is put on it later changes it once more."""
    run_id = record.dagster_run.run_id
    ended = record.end_time is not None and record.end_time < cursor.since - OVERLAP_S
    return run_id in cursor.over or (ended and run_id not in cursor.places)


class Beside:
    """Sends while a command runs, in a thread of its own, and a last time at its end. It never ends the command."""

    def __init__(self, courier: Courier, *, every_s: float = 5.0, leave_s: float = 2.0) -> None:
        self._courier, self._every, self._leave = courier, every_s, leave_s
        self._ends = threading.Event()
        self._problem = ""
        self._thread = threading.Thread(target=self._go_on, name="openlineage", daemon=True)

    def __enter__(self) -> "Beside":
        with suppress(Exception):  # the first go tries again
            self._courier.begin()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Waits for the last events, not for a receiver that is away: what it did not take is sent another time."""
        self._ends.set()
        self._thread.join(0 if self._problem else self._leave)
        if self._problem or self._thread.is_alive():
            why = f" ({self._problem})" if self._problem else ""
            log.warning(
                "The OpenLineage receiver does not take events%s. They wait in Dagster's log and are sent by the "
                "sensor 'openlineage' or the next 'synth run'.",
                why,
            )

    def _go_on(self) -> None:
        while True:
            is_last = self._ends.wait(self._every)
            try:
                self._problem = self._courier.send().problem
            except Exception as error:  # noqa: BLE001  # a run does not fail for what is told of it
                self._problem = type(error).__name__
            if is_last:
                return


def beside(instance: "dg.DagsterInstance", scene: "Scene", root: Path) -> AbstractContextManager[object]:
    """What sends beside a command, where anything is configured."""
    try:
        client = client_of(os.environ, root)
    except SynthError as error:
        log.warning("%s", error)
        return nullcontext()
    return Beside(Courier(instance, scene, client)) if client is not None else nullcontext()
