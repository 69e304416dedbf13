"""Cuts the sources of a recipe into batches, so that a change costs what changed.

Shard boundaries are content-defined (`parts.shards`): an append or an insertion touches only the shards around it. A
batch is called `source:shard`. What a source no longer holds is retired: its batches leave the tables, and nothing is
erased.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from synth_dagster.errors import LakeError
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.meta_values import PlannedBatch
from synth_dagster.parts.shards import shards
from synth_dagster.readers.base import Item, Unreadable, start_of
from synth_dagster.recipe import Source
from synth_dagster.runner.context import SIGNALS, RunContext

LONGEST_PLAN = 6 * 3600.0  # seconds; a very large delivery takes this long to be read once


@dataclass(frozen=True, slots=True)
class Plan:
    """The batches there are to make, and those that are no longer delivered."""

    active: tuple[PlannedBatch, ...]
    retired: tuple[PlannedBatch, ...]


def plan_batches(context: RunContext, sources: Sequence[str] | None = None) -> Plan:
    """Read sources once, all unless named, and write down their batches. Safe to repeat; the same source, same plan.

    Raises NotDelivered and what else keeps a source from being read; its plan then stays as it was. Who plans a dataset
    second waits for the first, so that the plan is always of the delivery that was read last.
    """
    recipe, meta = context.recipe, context.lake.meta
    active: list[PlannedBatch] = []
    retired: list[PlannedBatch] = []
    with context.lake.lease(f"plan/{recipe.dataset}", "exclusive", wait_s=LONGEST_PLAN):
        for source in recipe.sources if sources is None else map(recipe.source, sources):
            batches = list(batches_of(context, source))
            active.extend(batches)
            retired.extend(meta.plan(recipe.dataset, source.name, batches))
        for gone in sorted({batch.source for batch in meta.planned(recipe.dataset)} - {s.name for s in recipe.sources}):
            retired.extend(meta.plan(recipe.dataset, gone, []))
    return Plan(tuple(active), tuple(retired))


def retire_surplus(context: RunContext) -> list[str]:
    """Take the batches that no source delivers any more out of every table, so that no release reads them."""
    lake, dataset = context.lake, context.recipe.dataset
    surplus: set[str] = set()
    with lake.lease(f"plan/{dataset}", "exclusive", wait_s=LONGEST_PLAN):
        active = {batch.batch for batch in lake.meta.planned(dataset)}
        for stage in (*context.recipe.stages, SIGNALS):
            for batch in sorted(_there(lake, dataset, stage) - active):
                lake.retire(dataset, stage, batch, run_id=context.run_id)
                surplus.add(batch)
    return sorted(surplus)


def _there(lake: Lake, dataset: str, stage: str) -> set[str]:
    """The batches of a stage that readers see, and those that wait for a gate or were refused by it."""
    undecided = (one.batch for one in lake.meta.candidates(dataset, stage) if one.state in ("awaiting", "refused"))
    return {*lake.accepted_all(dataset, stage), *undecided}


def batches_of(context: RunContext, source: Source) -> Iterator[PlannedBatch]:
    """A source's batches as they stand now. It is read once, and nothing is written down."""
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


def planned(context: RunContext, batch: str) -> PlannedBatch:
    """The plan of a batch. Raises UnknownName or LakeError when no delivery has it."""
    found = context.lake.meta.planned_batch(context.recipe.dataset, batch)
    if found.state != "active":
        raise LakeError(
            f"No delivery of '{context.recipe.dataset}' has the batch '{batch}' now. "
            "'synth run' reads the sources again and plans their batches."
        )
    return found


def source_items(context: RunContext, source: Source, *, start: str | None = None) -> Iterator[Item | Unreadable]:
    """What a source delivers, in its stable order, from a locator on."""
    return source.reader.items(context.places, start=start, optional=source.optional)
