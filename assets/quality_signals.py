"""Signals of the records that the mix chooses from: computed once per record, deciding nothing.

Reads   the mix's stage[batch]
Writes  quality_signals[batch], a row per current record
"""

import dagster as dg

from assets.materialized import OWNERS, Project, described, in_words, references, report, run_context
from assets.partitions import batches, the_batch
from synth_dagster.lake.lake import Lake
from synth_dagster.recipe import Recipe
from synth_dagster.runner.context import SIGNALS, Progress, TeacherSource
from synth_dagster.runner.signals import run_signals
from synth_dagster.scale.engine import Engine

STORY = (
    "Numbers and labels about each record that the mix may choose. A changed threshold costs nothing here; "
    "a new filter adds its columns, and only they are computed."
)


def quality_signals(project: Project, recipe: Recipe, code_version: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=[recipe.dataset, SIGNALS],
        deps=[[recipe.dataset, recipe.mix.of]],
        partitions_def=batches(recipe),
        code_version=code_version,
        group_name=recipe.dataset,
        owners=OWNERS,
        kinds={"duckdb", "deltalake"},
        tags={"stage": "signals"},
        op_tags=project.tags(recipe),
        description=described(project, recipe, recipe.mix.name, recipe.mix.filters, STORY),
        metadata=references(project, recipe, recipe.mix.name, recipe.mix.filters),
    )
    def made(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        teachers: dg.ResourceParam[TeacherSource],
        progress: dg.ResourceParam[Progress],
        engine: dg.ResourceParam[Engine],
    ) -> dg.MaterializeResult:
        with in_words(context):
            run = run_context(context, project, recipe, lake, teachers, progress, engine)
            return report(project, run, run_signals(run, the_batch(context)))

    return made
