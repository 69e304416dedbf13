"""What the three row stages are alike in: one asset a stage, one batch a run, all work in the runner."""

import dagster as dg

from assets.materialized import OWNERS, Project, described, in_words, report, run_context
from assets.partitions import batches, the_batch
from synth_dagster.lake.lake import Lake
from synth_dagster.recipe import Recipe, Stage
from synth_dagster.runner.context import Progress, TeacherSource
from synth_dagster.runner.stage import run_stage


def row_stage(
    project: Project,
    recipe: Recipe,
    stage: Stage,
    code_version: str,
    *,
    story: str,
    kinds: set[str],
    pool: str | None = None,
) -> dg.AssetsDefinition:
    """The asset of a row stage: one batch a run, handed over to the runner."""

    @dg.asset(
        key=[recipe.dataset, stage.name],
        deps=[[recipe.dataset, stage.reads]] if stage.reads else [],
        partitions_def=batches(recipe),
        code_version=code_version,
        group_name=recipe.dataset,
        owners=OWNERS,
        kinds=kinds,
        pool=pool,
        tags={"stage": stage.kind},
        op_tags=project.tags(recipe),
        description=described(project, recipe, stage.name, stage.steps, story),
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
