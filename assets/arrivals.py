"""Deliveries: sensors that notice them without reading, and the job that reads them into the plan.

A tick compares the names, sizes and times of what lies there (of a bucket, names and ETags) with what its cursor holds:
one hash a source, however many files. What has been quiet long enough is read by a run of the ingest job, because a
large delivery takes longer to read than a tick may. The job writes the plan, `batch_runs` launches what it asks for.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import dagster as dg
from pydantic import Field

from assets.materialized import Project, in_words, run_context
from assets.pace import Pace
from synth_dagster.errors import SynthError
from synth_dagster.lake.lake import Lake
from synth_dagster.recipe import Recipe, Source
from synth_dagster.records import digest
from synth_dagster.runner.context import Progress, TeacherSource
from synth_dagster.runner.dead_runs import goes_on, has_died
from synth_dagster.runner.plan import plan_batches, retire_surplus

clock = time.time  # of the machine that the sensor runs on
MOST_TRIES = 3  # of a run whose process dies: what kills it three times will kill it again


class IngestConfig(dg.Config):
    """What is read."""

    sources: list[str] = Field(default_factory=list, description="Names of sources; all if empty.")


def ingest_job(project: Project, recipe: Recipe) -> dg.JobDefinition:
    """Reads the sources into the plan, adds nothing to the tables, and takes out what is no longer delivered."""

    @dg.op(name=f"{recipe.dataset}__plan", description="Cut the sources into batches, and retire what is gone.")
    def plan(
        context: dg.OpExecutionContext,
        config: IngestConfig,
        lake: dg.ResourceParam[Lake],
        teachers: dg.ResourceParam[TeacherSource],
        progress: dg.ResourceParam[Progress],
    ) -> None:
        with in_words(context):
            run = run_context(context, project, recipe, lake, teachers, progress)
            broken: list[str] = []
            for source in config.sources or [source.name for source in recipe.sources]:
                try:
                    planned = plan_batches(run, [source])
                    context.log.info("%s: %d batches, %d withdrawn", source, len(planned.active), len(planned.retired))
                except SynthError as error:  # one broken delivery does not keep the others out
                    broken.append(f"source '{source}': {error}")
            withdrawn = retire_surplus(run)
            context.add_output_metadata({"withdrawn": withdrawn, "broken_sources": len(broken)})
            if broken:
                raise SynthError("\n".join(broken))

    @dg.job(
        name=ingest_job_name(recipe.dataset),
        tags=project.tags(recipe),
        description="Read the sources of the recipe, write down their batches, retire what is no longer delivered.",
    )
    def ingest() -> None:
        plan()

    return ingest


def ingest_job_name(dataset: str) -> str:
    return f"{dataset}__ingest"


def ingest_config(dataset: str, sources: Sequence[str]) -> Mapping[str, Any]:
    """The run configuration that reads these sources; all if there is none."""
    return {"ops": {f"{dataset}__plan": {"config": {"sources": list(sources)}}}}


@dataclass(frozen=True, slots=True)
class Seen:
    """What a cursor holds of a source: a hash of the facts, since when, and which run was asked to read it."""

    facts: str | None
    since: float
    asked: str = ""  # the key of the run
    tries: int = 0
    done: bool = False


def arrivals_sensor(
    name: str,
    project: Project,
    recipe: Recipe,
    sources: Sequence[Source],
    job: str,
    status: dg.DefaultSensorStatus,
    description: str,
    pace: Pace,
) -> dg.SensorDefinition:
    """Asks for an ingest run when what is delivered for one of the sources has changed and then stayed the same."""

    @dg.sensor(
        name=name, job_name=job, minimum_interval_seconds=pace.tick, default_status=status, description=description
    )
    def watch(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        before = cursor_of(context.cursor)
        now = clock()
        looks = {source.name: _look(project, source, before.get(source.name), now) for source in sources}
        seen = {name: _followed(context.instance, one) for name, (one, _) in looks.items()}
        ready = [name for name, one in seen.items() if _is_ready(one, now, pace)]
        requests: list[dg.RunRequest] = []
        if ready:
            key = digest("ingest", [[name, seen[name].facts, seen[name].since, seen[name].tries] for name in ready])
            requests = [dg.RunRequest(run_key=key.hex(), run_config=ingest_config(recipe.dataset, ready))]
            seen |= {name: replace(seen[name], asked=key.hex()) for name in ready}
        broken = [words for _, words in looks.values() if words]
        if requests:  # else the tick's reason says it; a log is a file for each tick
            for words in broken:
                context.log.warning("%s", words)
        return dg.SensorResult(
            run_requests=requests,
            cursor=json.dumps({name: asdict(one) for name, one in seen.items()}),
            skip_reason=None
            if requests
            else dg.SkipReason("; ".join([*broken, *_words(seen, now, pace)]) or "Nothing new is delivered."),
        )

    return watch


def cursor_of(text: str | None) -> dict[str, Seen]:
    """What a cursor says; nothing where there is none or it is of another version."""
    try:
        return {name: Seen(**one) for name, one in json.loads(text or "{}").items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def _look(project: Project, source: Source, before: Seen | None, now: float) -> tuple[Seen, str]:
    """A source as it is now, and a sentence if it cannot be looked at; then it stays as it was seen last."""
    try:
        facts = source.reader.facts(project.places)
    except (SynthError, OSError) as error:
        return before or Seen(None, now, done=True), f"source '{source.name}' cannot be looked at: {error}"
    if before is None:
        return Seen(facts, now, done=facts is None), ""  # an inbox that was always empty is no news
    if before.facts != facts or now < before.since:  # a clock that was set back: wait from now on
        return Seen(facts, now, done=before.done and before.facts == facts), ""
    return before, ""


def _followed(instance: dg.DagsterInstance, seen: Seen) -> Seen:
    """What became of the run that was asked for. One whose process died is asked for again."""
    if seen.done or not seen.asked:
        return seen
    found = instance.get_runs(dg.RunsFilter(tags={"dagster/run_key": seen.asked}), limit=1)
    if not found:  # the daemon was killed before it launched it
        return replace(seen, asked="")
    if not found[0].is_finished or goes_on(instance, found[0]):
        return seen
    if has_died(instance, found[0]) and seen.tries < MOST_TRIES:
        return replace(seen, asked="", tries=seen.tries + 1)
    return replace(seen, done=True)


def _is_ready(seen: Seen, now: float, pace: Pace) -> bool:
    """A tick before saw it as it is, and nothing of it changed since."""
    return not seen.done and not seen.asked and now - seen.since >= pace.quiet


def _words(seen: Mapping[str, Seen], now: float, pace: Pace) -> list[str]:
    waiting = {name: one for name, one in seen.items() if not one.done}
    return [
        f"source '{name}' is being read by a run"
        if one.asked
        else f"source '{name}' changed {now - one.since:.0f} s ago and is read when it has been quiet for "
        f"{pace.quiet} s"
        for name, one in waiting.items()
    ]
