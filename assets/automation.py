"""What runs by itself: sensors for deliveries, batches and failures, the schedules, and how they are switched on.

Everything is stopped until somebody starts it, because a teacher may cost money: on the Automation page, with `dagster
sensor start`, or all of it with SYNTH_AUTOMATION=on. Only the failure webhook runs as soon as it has an address.
"""

from collections.abc import Mapping
from datetime import timedelta

import dagster as dg

from assets.arrivals import arrivals_sensor, ingest_job
from assets.batch_runs import batches_sensor
from assets.failure_webhook import Webhook, failure_sensor
from assets.flow import OpenLake, flow_sensor, flows_on, flows_on_from_all
from assets.materialized import Project
from assets.pace import Pace
from assets.provider_batches import provider_batches_sensor
from assets.schedules import nightly_ingest, weekly_release
from synth_dagster.errors import SynthError
from synth_dagster.readers.places import INBOX
from synth_dagster.recipe import Freshness, Recipe, Source
from synth_dagster.recipe.reading import reads_corpus
from synth_dagster.runner.context import SIGNALS
from synth_dagster.runner.todo import corpus_of

ON, OFF = ("on", "true", "1", "yes"), ("", "off", "false", "0", "no")


def is_on(env: Mapping[str, str]) -> bool:
    """Whether sensors and schedules start by themselves."""
    said = env.get("SYNTH_AUTOMATION", "").strip().lower()
    if said not in (*ON, *OFF):
        raise SynthError(f"SYNTH_AUTOMATION is {said!r}. Set it to 'on' or 'off', or unset it.")
    return said in ON


def automation(
    project: Project,
    recipe: Recipe,
    rows: list[dg.AssetKey],
    batch: str,
    release: str,
    *,
    on: bool,
    pace: Pace,
) -> dg.Definitions:
    """What runs by itself for one recipe."""
    sensors = dg.DefaultSensorStatus.RUNNING if on else dg.DefaultSensorStatus.STOPPED
    schedules = dg.DefaultScheduleStatus.RUNNING if on else dg.DefaultScheduleStatus.STOPPED
    ingest = ingest_job(project, recipe)
    watched = [
        arrivals_sensor(f"{recipe.dataset}__{name}", project, recipe, sources, ingest.name, sensors, story, pace)
        for name, sources, story in (
            ("inbox", [one for one in recipe.sources if in_inbox(one)], "Have files read that arrived in the inbox."),
            (
                "bucket",
                [one for one in recipe.sources if in_bucket(one)],
                "Have objects read that arrived in a bucket.",
            ),
        )
        if sources
    ]
    return dg.Definitions(
        jobs=[ingest],
        sensors=[
            *watched,
            batches_sensor(project, recipe, batch, sensors, pace),
            flow_sensor(recipe.dataset, rows, sensors, pace),
            *provider_batches_sensor(recipe, batch, sensors, pace),
        ],
        schedules=[
            nightly_ingest(recipe, ingest.name, schedules),
            weekly_release(project, recipe, release, schedules),
        ],
    )


def automated(asset: dg.AssetsDefinition, recipe: Recipe, open_lake: OpenLake) -> dg.AssetsDefinition:
    """An asset with its automation condition, if it is a row stage below another, and how old it may become."""
    name = asset.key.path[-1]
    above = recipe.mix.of if name == SIGNALS else recipe.stages[name].reads if name in recipe.stages else None
    looks_at_all = name in recipe.stages and reads_corpus(recipe.stages[name])
    if above is None:
        condition = None
    elif looks_at_all:
        condition = flows_on_from_all(recipe, name, above, open_lake)
    else:
        condition = flows_on(recipe.dataset, name, above, open_lake)
    freshness = how_fresh(recipe.fresh) if name in (corpus_of(recipe), recipe.mix.name) else None
    return asset.map_asset_specs(
        lambda spec: spec.replace_attributes(automation_condition=condition, freshness_policy=freshness)
    )


def how_fresh(fresh: Freshness) -> dg.FreshnessPolicy | None:
    """The policy of the corpus and the mix."""
    if fresh.fail_after_days is None:
        return None
    warn = None if fresh.warn_after_days is None else timedelta(days=fresh.warn_after_days)
    return dg.FreshnessPolicy.time_window(warn_window=warn, fail_window=timedelta(days=fresh.fail_after_days))


def watching_failures(env: Mapping[str, str]) -> dg.Definitions:
    """The webhook that is told of failed runs, if there is one."""
    address = env.get("SYNTH_WEBHOOK", "").strip()
    webhook = Webhook(address, env.get("SYNTH_UI_URL", "")) if address else None
    return dg.Definitions(sensors=[failure_sensor(webhook, Pace.of(env))])


def in_inbox(source: Source) -> bool:
    """Whether a source is delivered as files of the inbox."""
    return source.reader_name == "files" and _path(source).startswith(f"{INBOX}/")


def in_bucket(source: Source) -> bool:
    """Whether a source is delivered as objects of a bucket."""
    return source.reader_name == "s3"


def _path(source: Source) -> str:
    return f"{getattr(source.reader, 'path', '')}/"
