"""The nightly ingest and the weekly release."""

import dagster as dg

from assets.arrivals import ingest_config
from assets.batch_runs import NIGHTLY_TAG
from assets.materialized import Project
from assets.partitions import releases
from synth_dagster.errors import SynthError
from synth_dagster.lake.lake import Lake
from synth_dagster.recipe import Recipe
from synth_dagster.runner.context import RunContext, TeacherSource
from synth_dagster.runner.release_inputs import is_released, release_inputs

EVERY_NIGHT = "0 2 * * *"
EVERY_MONDAY = "0 6 * * 1"  # after the nightly ingest
TIMEZONE = "UTC"
NAMED = 5  # batches that a reason names


def nightly_ingest(recipe: Recipe, job: str, status: dg.DefaultScheduleStatus) -> dg.ScheduleDefinition:
    """Reads all sources, also those that no sensor can watch; then unfinished batches are gone on with."""

    @dg.schedule(
        name=f"{recipe.dataset}__nightly_ingest",
        cron_schedule=EVERY_NIGHT,
        execution_timezone=TIMEZONE,
        job_name=job,
        default_status=status,
        description="Read all sources. What is new, or was left unfinished, is then launched by the batches sensor.",
    )
    def nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        night = context.scheduled_execution_time.isoformat()
        return dg.RunRequest(run_key=night, run_config=ingest_config(recipe.dataset, []), tags={NIGHTLY_TAG: "true"})

    return nightly


def weekly_release(
    project: Project, recipe: Recipe, job: str, status: dg.DefaultScheduleStatus
) -> dg.ScheduleDefinition:
    """Makes the next release of what is accepted, as `synth run` would: only whole, and only if there is news."""
    growing = releases(recipe)

    @dg.schedule(
        name=f"{recipe.dataset}__weekly_release",
        cron_schedule=EVERY_MONDAY,
        execution_timezone=TIMEZONE,
        job_name=job,
        default_status=status,
        description="Release what is accepted, unless nothing is new or a batch is missing.",
    )
    def weekly(
        context: dg.ScheduleEvaluationContext,
        lake: dg.ResourceParam[Lake],
        teachers: dg.ResourceParam[TeacherSource],
    ) -> dg.RunRequest | dg.SkipReason:
        run = RunContext(recipe=recipe, lake=lake, teachers=teachers, places=project.places, run_id="schedule")
        try:
            why_not = _why_not(run)
        except SynthError as error:
            why_not = str(error)
        if why_not:
            return dg.SkipReason(why_not)
        name = lake.meta.next_release_name(recipe.dataset)
        with lake.lease("dagster", "exclusive"):  # Dagster looks and then adds, and so does 'synth run'
            context.instance.add_dynamic_partitions(str(growing.name), [name])
        return dg.RunRequest(partition_key=name, run_key=f"{name}:{context.scheduled_execution_time.isoformat()}")

    return weekly


def _why_not(run: RunContext) -> str:
    """Why there is no release to make, in one sentence; empty if there is."""
    inputs = release_inputs(run)
    if inputs.missing:
        first = "; ".join(f"{batch}: {why}" for batch, why in sorted(inputs.missing.items())[:NAMED])
        more = f" and {len(inputs.missing) - NAMED} more" if len(inputs.missing) > NAMED else ""
        return (
            f"No release: {len(inputs.missing)} batches are missing ({first}{more}). Repair them, or release without "
            "them: synth run --allow-missing."
        )
    if not inputs.batches:
        return "No release: no batch is accepted yet."
    released = is_released(run, inputs)
    return f"Nothing is new since release {released}." if released else ""
