"""Sensors and schedules of a small project, asked tick by tick as the daemon asks them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

import definitions
from assets import arrivals
from assets.pace import Pace
from tests.assets.project import Small


@dataclass
class Ticks:
    """One sensor of a project with its cursor. Runs that it asks for are carried out here when told to."""

    project: Small
    instance: dg.DagsterInstance
    cursor: dict[str, str | None] = field(default_factory=dict)
    loaded: dict[str, dg.Definitions] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def built(self) -> dg.Definitions:
        recipe = self.project.recipe("tiny")
        if recipe.hash not in self.loaded:  # a code location is loaded once for each version of its recipe
            self.loaded[recipe.hash] = definitions.build(
                self.project.root, recipes=[recipe], teachers=self.project.teachers, env=self.env
            )
        return self.loaded[recipe.hash]

    def tick(self, sensor: str) -> dg.SensorResult:
        """One evaluation; the cursor and the partitions it asks for are kept, as the daemon keeps them."""
        definition = self.built.resolve_sensor_def(f"tiny__{sensor}")
        resources = {"lake": self.project.lake, "teachers": self.project.teachers}
        needed = {name: resources[name] for name in definition.required_resource_keys}
        with dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor.get(sensor), resources=needed, sensor_name=definition.name
        ) as context:
            result = definition(context)
        assert isinstance(result, dg.SensorResult)
        self.cursor[sensor] = result.cursor
        for request in result.dynamic_partitions_requests or ():
            keys = list(request.partition_keys)
            if isinstance(request, dg.AddDynamicPartitionsRequest):
                self.instance.add_dynamic_partitions(request.partitions_def_name, keys)
            else:
                for key in keys:
                    self.instance.delete_dynamic_partition(request.partitions_def_name, key)
        return result

    def carry_out(self, sensor: str, request: dg.RunRequest) -> Any:
        """Make a run that a sensor asked for, with the tags that the daemon gives it."""
        job = {"inbox": "tiny__ingest", "bucket": "tiny__ingest", "batches": "tiny__batch"}[sensor]
        return self.built.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            run_config=request.run_config,
            partition_key=request.partition_key,
            tags={**request.tags, "dagster/run_key": str(request.run_key)},
            raise_on_error=False,
        )

    def settle(self, monkeypatch: Any, sensor: str = "inbox") -> list[dg.RunRequest]:
        """Tick until what is delivered is asked for to be read; time passes between the ticks."""
        first = self.tick(sensor)
        if not first.run_requests:
            later(monkeypatch)
            first = self.tick(sensor)
        return list(first.run_requests or ())

    def ingest(self, monkeypatch: Any, sensor: str = "inbox") -> None:
        """What is delivered is read into the plan."""
        for request in self.settle(monkeypatch, sensor):
            assert self.carry_out(sensor, request).success

    def batches(self) -> list[Any]:
        """One tick of the launcher, and the runs that it asks for."""
        return [self.carry_out("batches", request) for request in self.tick("batches").run_requests or ()]


def later(monkeypatch: Any, seconds: float = Pace().quiet + 1) -> None:
    """The clock of the sensors goes on."""
    now = arrivals.clock
    monkeypatch.setattr(arrivals, "clock", lambda: now() + seconds)
