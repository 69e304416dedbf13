"""How assets are divided: row stages by batch, the mix by release. Both sets grow, one per dataset."""

import dagster as dg

from synth_dagster.recipe import Recipe
from synth_dagster.runner.todo import tables_of_wave


def batches(recipe: Recipe) -> dg.DynamicPartitionsDefinition:
    """`source:shard`, a delivered file or a shard of one: thousands of records."""
    return dg.DynamicPartitionsDefinition(name=f"{recipe.dataset}_batches")


def releases(recipe: Recipe) -> dg.DynamicPartitionsDefinition:
    """`r0001`, `r0002`, ...: published versions of the mix."""
    return dg.DynamicPartitionsDefinition(name=f"{recipe.dataset}_releases")


def of_wave(recipe: Recipe, number: int) -> list[dg.AssetKey] | None:
    """The assets of a batch that are made before the next wave begins for any batch; None where there is one wave."""
    if len(recipe.waves) == 1:
        return None
    return [dg.AssetKey([recipe.dataset, name]) for name in tables_of_wave(recipe, number)]


def the_batch(context: dg.AssetExecutionContext) -> str:
    """The one batch of this run. A range is refused: several results from one step confuse partitions and versions."""
    keys = list(context.partition_keys)
    if len(keys) != 1:
        raise dg.Failure(
            f"A run makes one partition of {context.asset_key.to_user_string()} and was asked for {len(keys)}. "
            "Launch a backfill with one run for each partition.",
            allow_retries=False,
        )
    return keys[0]
