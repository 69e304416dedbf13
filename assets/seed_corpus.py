"""Stage 1: passages of the sources, cleaned.

Reads   a delivered file or shard of a source
Writes  seed_corpus[batch], each record naming its source and its place in it
"""

import dagster as dg

from assets.materialized import OWNERS, Project, described, in_words, report, run_context
from assets.partitions import batches, the_batch
from synth_dagster.lake.lake import Lake
from synth_dagster.recipe import Recipe, Stage
from synth_dagster.runner.context import Progress, TeacherSource
from synth_dagster.runner.stage import run_stage

STORY = "Passages of the sources: read, cut at paragraphs, cleaned. Everything later names the passage it came from."


def corpus(project: Project, recipe: Recipe, stage: Stage, code_version: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=[recipe.dataset, stage.name],
        partitions_def=batches(recipe),
        code_version=code_version,
        group_name=recipe.dataset,
        owners=OWNERS,
        kinds={"deltalake", "python"},
        tags={"stage": stage.kind},
        op_tags=project.tags(recipe),
        description=described(project, recipe, stage.name, stage.steps, STORY),
    )
    def made(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        teachers: dg.ResourceParam[TeacherSource],
        progress: dg.ResourceParam[Progress],
    ) -> dg.MaterializeResult:
        with in_words(context):
            run = run_context(context, project, recipe, lake, teachers, progress)
            return report(run_stage(run, stage.name, the_batch(context)), stage.record_kind)

    return made
