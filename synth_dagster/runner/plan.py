"""Cuts the sources of a recipe into batches, so that a change costs what changed.

Shard boundaries are content-defined (`parts.shards`): an append or an insertion touches only the shards around it. A
batch is called `source:shard`. What a source no longer holds is retired: its batches leave the tables, and nothing is
erased.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from synth_dagster.lake.lake import Lake
from synth_dagster.lake.meta import PlannedBatch
from synth_dagster.parts.shards import shards
from synth_dagster.readers.base import Item, Unreadable, start_of
from synth_dagster.recipe import Source
from synth_dagster.runner.context import SIGNALS, RunContext


@dataclass(frozen=True, slots=True)
class Plan:
    """The batches there are to make, and those that are no longer delivered."""

    active: tuple[PlannedBatch, ...]
    retired: tuple[PlannedBatch, ...]


def plan_batches(context: RunContext) -> Plan:
    """Read every source once and write down its batches. Safe to repeat; an unchanged source gives the same plan."""
    recipe, meta = context.recipe, context.lake.meta
    active: list[PlannedBatch] = []
    retired: list[PlannedBatch] = []
    for source in recipe.sources:
        batches = list(_batches(context, source))
        active.extend(batches)
        retired.extend(meta.plan(recipe.dataset, source.name, batches))
    return Plan(tuple(active), tuple(retired))


def retire_surplus(context: RunContext, plan: Plan) -> None:
    """Take the batches of shards that no longer exist out of every table, so that no release reads them."""
    lake, dataset = context.lake, context.recipe.dataset
    active = {batch.batch for batch in plan.active}
    for stage in (*context.recipe.stages, SIGNALS):
        for batch in sorted(_there(lake, dataset, stage) - active):
            lake.retire(dataset, stage, batch, run_id=context.run_id)


def _there(lake: Lake, dataset: str, stage: str) -> set[str]:
    """The batches of a stage that readers see, and those that wait for a gate or were refused by it."""
    undecided = (one.batch for one in lake.meta.candidates(dataset, stage) if one.state in ("awaiting", "refused"))
    return {*lake.accepted_all(dataset, stage), *undecided}


def _batches(context: RunContext, source: Source) -> Iterator[PlannedBatch]:
    items = source_items(context, source)
    for shard in shards(items, target=source.shard):
        yield PlannedBatch(
            dataset=context.recipe.dataset,
            batch=f"{source.name}:{shard.key}",
            source=source.name,
            digest=shard.digest,
            count=shard.count,
            start=start_of(shard.start, shard.repeats),
        )


def source_items(context: RunContext, source: Source, *, start: str | None = None) -> Iterator[Item | Unreadable]:
    """What a source delivers, in its stable order, from a locator on."""
    return source.reader.items(context.places, start=start, optional=source.optional)
