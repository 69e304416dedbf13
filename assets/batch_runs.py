"""Launches what the plan of the lake asks for: one run of the batch job for each batch whose delivery is not in.

Each is asked for once, by its run key: the delivery and the version that it replaces. So a daemon that is killed loses
nothing and doubles nothing, and a sensor that is switched off and on begins where the lake is. Besides, it goes on with
batches whose run died, and after a nightly ingest with those that are not whole.
"""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta

import dagster as dg

from assets.arrivals import MOST_TRIES, ingest_job_name
from assets.materialized import Project
from assets.pace import Pace
from assets.partitions import batches, of_wave
from synth_dagster.lake.lake import Lake
from synth_dagster.recipe import Recipe
from synth_dagster.recipe.reading import reads_corpus
from synth_dagster.runner.context import SESSION_TAG, RunContext, TeacherSource
from synth_dagster.runner.dead_runs import free_dead_runs, has_died
from synth_dagster.runner.todo import arrived, corpus_is_decided, wave_to_make

AT_ONCE = 50  # runs that one tick launches; a tick must end within a minute
SLICE_SECONDS = 20.0  # that one tick looks for unfinished batches
NIGHTLY_TAG = "synth/nightly"
TRY_TAG = "synth/try"
PARTITION_TAG = "dagster/partition"
LOOK_BACK = timedelta(minutes=5)  # a run is seen twice rather than never; its key makes it count once


@dataclass(frozen=True, slots=True)
class Place:
    """How far the sensor has come: in time, and in the batches of the last nightly ingest."""

    until: float = 0.0
    nightly: str = ""
    after: str = ""  # the last batch that was looked at for it
    done: bool = True


def batches_sensor(
    project: Project, recipe: Recipe, job: str, status: dg.DefaultSensorStatus, pace: Pace
) -> dg.SensorDefinition:
    """Launches the batches of one dataset."""
    growing = batches(recipe)

    @dg.sensor(
        name=f"{recipe.dataset}__batches",
        job_name=job,
        minimum_interval_seconds=pace.tick,
        default_status=status,
        description="Launch a run for each batch that was delivered and is not in; go on with those whose run died.",
    )
    def launch(
        context: dg.SensorEvaluationContext,
        lake: dg.ResourceParam[Lake],
        teachers: dg.ResourceParam[TeacherSource],
    ) -> dg.SensorResult:
        instance, started = context.instance, time.time()
        free_dead_runs(instance)
        place = place_of(context.cursor) or Place(until=started)
        run = RunContext(recipe=recipe, lake=lake, teachers=teachers, places=project.places, run_id="sensor")
        session = _session(instance, recipe)
        busy = busy_batches(instance, job)
        first = of_wave(recipe, 0)  # the next one looks at all batches: it flows on when all are decided
        fresh = not_launched(instance, [_request(one.batch, one.key, session, first) for one in arrived(run)])
        nightly, place = _unfinished(
            instance, run, place, started, skip={str(one.partition_key) for one in fresh} | busy
        )
        # what died and what is unfinished is found once, what has arrived is found again by the next tick
        once = not_launched(instance, [*_after_deaths(instance, job, min(place.until, started)), *nightly])
        idle = [one for one in fresh if one.partition_key not in busy]
        requests = [*once, *idle[: max(0, AT_ONCE - len(once))]]
        planned = {batch.batch: None for batch in lake.meta.planned(recipe.dataset)}
        known = set(instance.get_dynamic_partitions(str(growing.name)))
        requests = [one for one in requests if one.partition_key in planned]
        new, gone = [batch for batch in planned if batch not in known], sorted(known - planned.keys())
        return dg.SensorResult(
            run_requests=requests,
            cursor=json.dumps(asdict(replace(place, until=started))),
            dynamic_partitions_requests=[
                *([growing.build_add_request(new)] if new else []),
                *([growing.build_delete_request(gone)] if gone else []),
            ],
            skip_reason=None if requests else dg.SkipReason("Every batch that is delivered is in, or was launched."),
        )

    return launch


def place_of(text: str | None) -> Place | None:
    """What a cursor says; nothing where there is none or it is of another version."""
    try:
        return Place(**json.loads(text)) if text else None
    except (ValueError, TypeError):
        return None


def _request(batch: str, key: str, session: str, part: Sequence[dg.AssetKey] | None, **tags: str) -> dg.RunRequest:
    """A run of the whole batch, or of these assets of it."""
    told = {**({SESSION_TAG: session} if session else {}), **tags}
    return dg.RunRequest(partition_key=batch, run_key=f"{batch}:{key}", tags=told, asset_selection=part)


def _session(instance: dg.DagsterInstance, recipe: Recipe) -> str:
    """The ingest run that the batches came with: the caps of the recipe's budget hold over all of them together."""
    finished = dg.RunsFilter(job_name=ingest_job_name(recipe.dataset), statuses=[dg.DagsterRunStatus.SUCCESS])
    found = instance.get_runs(finished, limit=1)
    return found[0].run_id if found else ""


def _after_deaths(instance: dg.DagsterInstance, job: str, since: float) -> Iterator[dg.RunRequest]:
    """Runs that died with their process since the last tick, once more; one that keeps dying only so often."""
    failed = dg.RunsFilter(
        job_name=job,
        statuses=[dg.DagsterRunStatus.FAILURE],
        updated_after=datetime.fromtimestamp(since, UTC) - LOOK_BACK,
    )
    for run in instance.get_runs(failed):
        tries = int(run.tags.get(TRY_TAG, "1"))
        if "dagster/run_key" in run.tags and tries < MOST_TRIES and has_died(instance, run):
            part = sorted(run.asset_selection) if run.asset_selection else None
            again = {TRY_TAG: str(tries + 1)}
            yield _request(run.tags[PARTITION_TAG], run.run_id, run.tags.get(SESSION_TAG, ""), part, **again)


def busy_batches(instance: dg.DagsterInstance, job: str) -> set[str]:
    """The batches that a run makes now or waits to make; a newer delivery of one comes after it."""
    statuses = [dg.DagsterRunStatus[name] for name in ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING")]
    runs = instance.get_runs(dg.RunsFilter(job_name=job, statuses=statuses))
    return {run.tags[PARTITION_TAG] for run in runs if PARTITION_TAG in run.tags}


def _unfinished(
    instance: dg.DagsterInstance, run: RunContext, place: Place, started: float, *, skip: set[str]
) -> tuple[list[dg.RunRequest], Place]:
    """The batches that a nightly ingest found not whole, some at a tick: each costs a look at every stage."""
    place = _newest_nightly(instance, run.recipe, place)
    if place.done:
        return [], place
    found: list[dg.RunRequest] = []
    for batch in sorted(batch.batch for batch in run.lake.meta.planned(run.recipe.dataset)):
        if batch <= place.after:
            continue
        if len(found) >= AT_ONCE or time.time() - started > SLICE_SECONDS:
            return found, place
        wave = None if batch in skip else wave_to_make(run, batch)
        if wave is not None and _may_begin(run, wave):
            found.append(_request(batch, place.nightly, place.nightly, of_wave(run.recipe, wave)))
        place = replace(place, after=batch)
    return found, replace(place, done=True)


def _may_begin(run: RunContext, wave: int) -> bool:
    """Whether what stages of a wave look at, the whole corpus, is decided."""
    stages = [run.recipe.stage(name) for name in run.recipe.waves[wave]]
    looked_at = {stage.reads for stage in stages if reads_corpus(stage) and stage.reads}
    return all(corpus_is_decided(run.lake, run.recipe, name) for name in looked_at)


def _newest_nightly(instance: dg.DagsterInstance, recipe: Recipe, place: Place) -> Place:
    ended = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]  # a broken source does not stop the others
    job = ingest_job_name(recipe.dataset)
    found = instance.get_runs(dg.RunsFilter(job_name=job, tags={NIGHTLY_TAG: "true"}, statuses=ended), limit=1)
    if not found or found[0].run_id == place.nightly:
        return place
    return replace(place, nightly=found[0].run_id, after="", done=False)


def not_launched(instance: dg.DagsterInstance, wanted: Iterable[dg.RunRequest]) -> list[dg.RunRequest]:
    """Those whose key no run has. Dagster looks too, but what it skips would take the place of others in this tick."""
    by_key = {str(one.run_key): one for one in wanted}
    if not by_key:
        return []
    launched = instance.get_runs(dg.RunsFilter(tags={"dagster/run_key": list(by_key)}))
    known = {run.tags["dagster/run_key"] for run in launched}
    return [one for key, one in by_key.items() if key not in known]
