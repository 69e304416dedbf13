"""Tells an OpenLineage receiver what runs did, where the official client's settings name one."""

import os
from collections.abc import Callable, Mapping

import dagster as dg

from assets.pace import Pace
from synth_dagster.errors import SynthError
from synth_dagster.governance.openlineage.events import Scene
from synth_dagster.governance.openlineage.sending import Courier, client_of, is_configured, namespace_of
from synth_dagster.lake.lake import Lake
from synth_dagster.readers.places import Places
from synth_dagster.recipe import Recipe

NAME = "openlineage"


def lineage_sensor(
    places: Places,
    recipes: Mapping[str, Recipe],
    open_lake: Callable[[], Lake],
    env: Mapping[str, str],
    pace: Pace,
) -> dg.SensorDefinition:
    """Sends what is new in Dagster's log. What a receiver does not take waits there for the next tick."""
    is_on = is_configured(env, places.root)

    @dg.sensor(
        name=NAME,
        default_status=dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED,
        minimum_interval_seconds=pace.tick,
        description="Tell the OpenLineage receiver that OPENLINEAGE_URL or openlineage.yml names what runs did.",
    )
    def tell(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        client = client_of(os.environ, places.root)
        if client is None:
            return dg.SkipReason("Nothing names a receiver. Set OPENLINEAGE_URL and start Dagster again.")
        scene = Scene(lake=open_lake(), recipes=recipes, places=places, namespace=namespace_of(os.environ))
        sent = Courier(context.instance, scene, client).send()
        client.close(1.0)
        if sent.problem:
            raise SynthError(
                f"The OpenLineage receiver did not take an event ({sent.problem}). It waits in Dagster's log and is "
                "sent at a later tick; check OPENLINEAGE_URL or openlineage.yml."
            )
        return dg.SkipReason(f"{sent.events} events sent." if sent.events else "Nothing new.")

    return tell
