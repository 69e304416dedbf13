"""Tells a webhook when a run failed: what, in which batch, why, and what to do. Slack and its likes show the `text`.

The message holds sentences and counts, never a record. The address may hold a secret, so nothing here says more of it
than its host.
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import dagster as dg

from assets.pace import Pace
from synth_dagster.errors import SynthError
from synth_dagster.runner.causes import causes_of
from synth_dagster.runner.context import OUTCOME_TAG
from synth_dagster.runner.dead_runs import goes_on, has_died, has_succeeded

NAME = "run_failure_webhook"
TOLD = "synth/told"  # a run's tag: which run was told of; one that is launched again has a copy of it
PAUSES = (0.5, 1.0)  # seconds before the second and third try
TIMEOUT = 2.0  # seconds a try; a tick handles five failures and must end within a minute
MOST_CAUSES = 10

DO = {
    "gate": "The version accepted before stays in place. Correct the delivery, the recipe or the suite; a corrected "
    "delivery is tried by itself.",
    "broken": "The other sources were read. Correct the delivery; it is read again as soon as it changes.",
    "over_budget": "What was paid for is kept. Raise the cap and run it again. A cap per run begins anew with the "
    "nightly ingest, one per month with the next month.",
    "pending": "Nothing. The answers are being made by the provider; the sensor of provider batches goes on with them.",
    "died": "Nothing at first: it is launched again, up to twice. If it keeps dying, look for a lack of memory.",
    "failed": "Repair what the reason names. The nightly ingest tries the batch again, and so does 'synth run'.",
}


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where messages go, and where a person opens a run."""

    address: str
    ui: str = ""

    def tell(self, message: Mapping[str, Any]) -> None:
        """Post a message, up to three times. Raises SynthError when nobody takes it."""
        if urlsplit(self.address).scheme not in ("http", "https"):
            raise SynthError("SYNTH_WEBHOOK is no web address. Set it to one that begins with https:// or http://.")
        body = json.dumps(message).encode()
        problem = self._posted(body)
        for pause in PAUSES:
            if problem is None or not problem.may_pass:
                break
            time.sleep(pause)
            problem = self._posted(body)
        if problem is None:
            return
        raise SynthError(
            f"The webhook at {urlsplit(self.address).hostname} did not take the message: {problem.words}. "
            "Check SYNTH_WEBHOOK; the run's page says what failed."
        )

    def _posted(self, body: bytes) -> "Problem | None":
        request = urllib.request.Request(self.address, body, {"content-type": "application/json"})  # noqa: S310 - checked
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT):  # noqa: S310 - likewise
                return None
        except urllib.error.HTTPError as error:
            return Problem(f"it answered {error.code}", may_pass=error.code == 429 or error.code >= 500)
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            return Problem(type(reason).__name__, may_pass=True)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a post was not taken, and whether it may be later."""

    words: str
    may_pass: bool


def failure_sensor(webhook: Webhook | None, pace: Pace) -> dg.SensorDefinition:
    """Tells the webhook of each failed run that was launched through Dagster; `synth run` tells its terminal."""

    @dg.run_failure_sensor(
        name=NAME,
        default_status=dg.DefaultSensorStatus.RUNNING if webhook else dg.DefaultSensorStatus.STOPPED,
        minimum_interval_seconds=pace.tick,
        description="Tell the address in SYNTH_WEBHOOK what failed, in which batch, why, and what to do.",
    )
    def tell(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
        if webhook is None:
            return dg.SkipReason("SYNTH_WEBHOOK is not set. Set it to the address to tell, and start Dagster again.")
        if goes_on(context.instance, context.dagster_run):
            return dg.SkipReason("The run was reported as failed, and its process works on. Are two daemons running?")
        if has_succeeded(context.instance, context.dagster_run):
            return dg.SkipReason("The run was reported as failed after it had succeeded. Are two daemons running?")
        if _was_told(context.instance, context.dagster_run.run_id):
            return dg.SkipReason("The run was reported as failed more than once. It was told of the first time.")
        webhook.tell(message(context.instance, context.dagster_run, webhook.ui))
        context.instance.add_run_tags(context.dagster_run.run_id, {TOLD: context.dagster_run.run_id})
        return None

    return tell


def _was_told(instance: dg.DagsterInstance, run_id: str) -> bool:
    """The end of a killed run may be reported twice: by the server that started it, and by a run that finds it dead."""
    run = instance.get_run_by_id(run_id)
    return run is not None and run.tags.get(TOLD) == run_id


def message(instance: dg.DagsterInstance, run: dg.DagsterRun, ui: str = "") -> dict[str, Any]:
    """What is said of a failed run."""
    events = [
        record.event_log_entry.dagster_event
        for kind in (dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        for record in instance.get_records_for_run(run.run_id, of_type=kind).records
    ]
    died = has_died(instance, run)
    why = ["the process of the run died"] if died else causes_of(events)[:MOST_CAUSES]
    partition = run.tags.get("dagster/partition", "")
    told = {
        "dataset": run.tags.get("dataset", ""),
        "stage": _stage(events) or run.job_name,
        "release" if run.job_name.endswith("__release") else "batch": partition,
        "why": why,
        "do": DO["died" if died else _kind(run, why)],
        "run": run.run_id,
        "url": f"{ui.rstrip('/')}/runs/{run.run_id}" if ui else "",
    }
    return {"text": _text(told, partition), **told}


def _stage(events: Sequence[Any]) -> str:
    """The stage whose step or gate failed."""
    failed = [event.step_key for event in events if event.event_type_value == "STEP_FAILURE" and event.step_key]
    return failed[0].split("__")[1] if failed and "__" in failed[0] else ""


def _kind(run: dg.DagsterRun, why: Sequence[str]) -> str:
    if any(cause.startswith("check ") for cause in why):
        return "gate"
    if run.job_name.endswith("__ingest"):
        return "broken"
    outcome = run.tags.get(OUTCOME_TAG, "failed")
    return outcome if outcome in DO else "failed"


def _text(told: Mapping[str, Any], partition: str) -> str:
    place = f"{told['dataset']}: {told['stage']}" + (f" of {partition}" if partition else "")
    reasons = "\n".join(f"- {cause}" for cause in told["why"])
    return f"{place} failed\n{reasons}\nTo do: {told['do']}\nRun: {told['url'] or told['run']}"
