"""Stage 2: instructions that a teacher writes from the seed corpus.

Reads   seed_corpus[batch]
Writes  generated_instructions[batch], each record naming the passages it came from
"""

import dagster as dg

from assets.materialized import OWNERS, Project, described, in_words, report, run_context
from assets.partitions import batches, the_batch
from synth_dagster.lake.lake import Lake
from synth_dagster.recipe import Recipe, Stage
from synth_dagster.runner.context import Progress, TeacherSource
from synth_dagster.runner.stage import run_stage

STORY = "Instructions with answers, written by the teacher from the passages and resting on verbatim evidence in them."


def instructions(project: Project, recipe: Recipe, stage: Stage, code_version: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=[recipe.dataset, stage.name],
        deps=[[recipe.dataset, stage.reads or "seed_corpus"]],
        partitions_def=batches(recipe),
        code_version=code_version,
        group_name=recipe.dataset,
        owners=OWNERS,
        kinds={"openai", "deltalake"},
        pool="teacher",
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
