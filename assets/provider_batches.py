"""Collects what provider batches have answered, and launches the stages that waited for it.

At every tick the open batches of one dataset are looked at; what has ended goes into the answer cache. A stage that
waits for nothing open any more gets a run, once for each set of batches that it waited for; it finds everything kept.
"""

import asyncio

import dagster as dg

from assets.batch_runs import AT_ONCE, busy_batches, not_launched
from assets.pace import Pace
from assets.partitions import of_wave
from synth_dagster.errors import SynthError
from synth_dagster.lake.lake import Lake
from synth_dagster.recipe import Recipe
from synth_dagster.records import digest
from synth_dagster.runner.context import SESSION_TAG, TeacherSource
from synth_dagster.runner.provider_batches import DatasetLedger, asks_in_batches
from synth_dagster.teacher.batches.ledger import Collected, Pause

LEAST_SECONDS = 60  # a provider takes minutes to hours, and each look asks it


def provider_batches_sensor(
    recipe: Recipe, job: str, status: dg.DefaultSensorStatus, pace: Pace
) -> list[dg.SensorDefinition]:
    """The sensor of a dataset, if its recipe asks for provider batches."""
    if not asks_in_batches(recipe):
        return []

    @dg.sensor(
        name=f"{recipe.dataset}__provider_batches",
        job_name=job,
        minimum_interval_seconds=max(pace.tick, LEAST_SECONDS),
        default_status=status,
        description="Collect what provider batches have answered, and launch the stages that waited for it.",
    )
    def collect(
        context: dg.SensorEvaluationContext,
        lake: dg.ResourceParam[Lake],
        teachers: dg.ResourceParam[TeacherSource],
    ) -> dg.SensorResult:
        ledger = DatasetLedger(lake, recipe.dataset)
        said = _collected(recipe, ledger, teachers)
        ready = [pause for pause in ledger.pauses() if ledger.is_ready(pause)]
        busy = busy_batches(context.instance, job)
        requests = not_launched(context.instance, [_request(recipe, one) for one in ready if one.batch not in busy])
        return dg.SensorResult(run_requests=requests[:AT_ONCE], skip_reason=None if requests else dg.SkipReason(said))

    return [collect]


def _collected(recipe: Recipe, ledger: DatasetLedger, teachers: TeacherSource) -> str:
    """Look at the open batches; what came of it, in a sentence. A bad day of the provider is told and passes."""
    if not ledger.open():
        return "No provider batch is open."
    try:
        found = asyncio.run(teachers.collect(recipe, ledger, wait_s=0))
    except SynthError as error:
        return f"The provider batches could not be looked at: {error}"
    return " ".join([_sentence(found), *found.problems])


def _sentence(found: Collected) -> str:
    return (
        f"{found.waiting} provider batches are open; {found.batches} ended now, with {found.answers} answers and "
        f"{found.failed} failed requests."
    )


def _request(recipe: Recipe, pause: Pause) -> dg.RunRequest:
    """A run of a stage that waits no longer. Its key names what it waited for, so that it is launched once."""
    key = digest("resumed", pause.stage, pause.batch, list(pause.awaits), pause.not_before).hex()
    tags = {SESSION_TAG: pause.session_id} if pause.session_id else {}
    number = next((number for number, stages in enumerate(recipe.waves) if pause.stage in stages), 0)
    part = of_wave(recipe, number)
    return dg.RunRequest(partition_key=pause.batch, run_key=f"{pause.batch}:{key}", tags=tags, asset_selection=part)
