"""Automation conditions of the row stages: a batch flows on by itself once the gate above it has accepted it.

The gate is asked in the lake, batch by batch. Dagster's own `all_deps_blocking_checks_passed` knows the newest result
of a check for the asset as a whole, because checks are not partitioned: one refused batch would stop all the others
there, and one accepted batch would let the refused one through.
"""

import logging
import warnings
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import dagster as dg
from dagster._core.definitions.instigation_logger import InstigationLogger  # what `context.log` has to be

from assets.pace import Pace
from synth_dagster.lake.corpus_state import held_of, name_of, state_of
from synth_dagster.lake.lake import Candidate, Lake
from synth_dagster.lake.remaking import is_to_remake
from synth_dagster.recipe import Recipe
from synth_dagster.runner.todo import corpus_is_decided

OpenLake = Callable[[], Lake]


class HoldsInLake(dg.AutomationCondition[dg.AssetKey]):
    """True for the batches that a look into the lake finds; the lake is asked only where Dagster has a candidate."""

    @abstractmethod
    def batches(self) -> set[str]:
        """The batches for which it holds."""

    def evaluate(self, context: dg.AutomationContext[Any]) -> dg.AutomationResult[Any]:
        candidates = context.candidate_subset
        if candidates.is_empty:
            return dg.AutomationResult(context, context.get_empty_subset())
        return dg.AutomationResult(context, candidates.compute_intersection_with_partition_keys(self.batches()))


class GateOpen(HoldsInLake):
    """True for batches whose stage above was accepted, and of which this stage has made nothing yet."""

    def __init__(self, dataset: str, stage: str, above: str, open_lake: OpenLake) -> None:
        self.dataset, self.stage, self.above, self.open_lake = dataset, stage, above, open_lake

    @property
    def name(self) -> str:
        return f"gate_of_{self.above}_open"

    @property
    def description(self) -> str:
        return f"The gate of {self.above} accepted a version that {self.stage} was not made of"

    def batches(self) -> set[str]:
        lake = self.open_lake()
        made = {one.batch: one for one in lake.meta.candidates(self.dataset, self.stage)}
        shown = lake.accepted_all(self.dataset, self.stage)
        return {
            batch
            for batch, version in lake.accepted_all(self.dataset, self.above).items()
            if self._is_open(lake, version)
            and not any(self._is_of(own, version) for own in (made.get(batch), shown.get(batch)))
        }

    def _is_open(self, lake: Lake, version: Candidate) -> bool:
        gate = lake.meta.gate(version.candidate_id)
        return gate is not None and gate.passed

    def _is_of(self, own: Candidate | None, version: Candidate) -> bool:
        """A version that was given up says nothing, or that is to be made anew; one that waits for its gate does."""
        if own is None or own.state == "replaced" or is_to_remake(own):
            return False
        return own.inputs.get(self.above) == version.data_version


class CorpusDecided(HoldsInLake):
    """True for batches that a stage has not made in view of the whole corpus as it is, once all of that is decided."""

    def __init__(self, recipe: Recipe, stage: str, above: str, open_lake: OpenLake) -> None:
        self.recipe, self.stage, self.above, self.open_lake = recipe, stage, above, open_lake
        self.gate = GateOpen(recipe.dataset, stage, above, open_lake)

    @property
    def name(self) -> str:
        return f"all_of_{self.above}_decided"

    @property
    def description(self) -> str:
        return f"Every batch of {self.above} is decided, and {self.stage} was made in view of another state of them"

    def batches(self) -> set[str]:
        lake, dataset = self.open_lake(), self.recipe.dataset
        if not corpus_is_decided(lake, self.recipe, self.above):
            return set()
        shown = lake.accepted_all(dataset, self.above)
        state = state_of({batch: one.data_version for batch, one in shown.items()}, held_of(lake, shown))
        made = {one.batch: one for one in lake.meta.candidates(dataset, self.stage)}
        seen = {batch for batch, own in made.items() if own.inputs.get(name_of(self.above), state) == state}
        return self.gate.batches() | (made.keys() & shown.keys() - seen)


def flows_on(dataset: str, stage: str, above: str, open_lake: OpenLake) -> dg.AutomationCondition[Any]:
    """Request a batch when its gate above opens or what is above is made anew; not again after a failure.

    A failed step is left to people, a new delivery or the nightly ingest: a retry may cost money.
    """
    condition = dg.AutomationCondition
    gate = GateOpen(dataset, stage, above, open_lake)
    with_the_run_above = condition.any_deps_match(condition.will_be_requested())
    return (
        (gate.newly_true() | condition.any_deps_updated()).since(_handled())
        & (gate | with_the_run_above)
        & ~condition.any_deps_in_progress()
        & ~condition.in_progress()
    ).with_label("flows on when the gate above accepts")


def flows_on_from_all(recipe: Recipe, stage: str, above: str, open_lake: OpenLake) -> dg.AutomationCondition[Any]:
    """Request the batches of a stage that looks at the whole corpus when all of it is decided, and when it changed."""
    decided = CorpusDecided(recipe, stage, above, open_lake)
    return (decided.newly_true().since(_handled()) & decided & ~dg.AutomationCondition.in_progress()).with_label(
        "flows on when the whole corpus above is decided"
    )


def _handled() -> dg.AutomationCondition[Any]:
    condition = dg.AutomationCondition
    return (
        condition.newly_requested()
        | condition.newly_updated()
        | condition.execution_failed().newly_true()
        | condition.initial_evaluation()
    )


class FlowSensor(dg.AutomationConditionSensorDefinition):
    """Dagster's own, which writes two messages at every look into a file of its own that nobody ever removes."""

    def evaluate_tick(self, context: dg.SensorEvaluationContext) -> Any:
        context._logger = InstigationLogger(level=logging.WARNING)  # to the terminal only
        return super().evaluate_tick(context)


def flow_sensor(
    dataset: str, keys: list[dg.AssetKey], status: dg.DefaultSensorStatus, pace: Pace
) -> dg.SensorDefinition:
    """Evaluates the conditions of one dataset, in the project's own code: they ask the lake."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # `use_user_code_server` is one
        return FlowSensor(
            f"{dataset}__flow",
            target=dg.AssetSelection.assets(*keys),
            default_status=status,
            minimum_interval_seconds=2 * pace.tick,
            use_user_code_server=True,
            emit_backfills=False,  # one run for each batch, as everywhere here
            description="Carry a batch on to the next stage when the gate of the stage above has accepted it.",
        )
