"""The report of a release: what is in it, what was dropped and why, what it cost.

Reads   filtered_mix[release], verdicts[release]
Writes  reports/<dataset>/<release>.md in the lake
"""

import dagster as dg

from assets.materialized import OWNERS, Project, in_words, run_context
from assets.partitions import releases, the_batch
from synth_dagster.governance.report import release_facts, write_report
from synth_dagster.lake.lake import Lake
from synth_dagster.recipe import Recipe
from synth_dagster.runner.context import Progress, TeacherSource

STORY = "The dataset card of a release: counts, drop reasons, licences, methods, models, cost and measurements."


def release_report(project: Project, recipe: Recipe) -> dg.AssetsDefinition:
    @dg.asset(
        key=[recipe.dataset, "release_report"],
        deps=[[recipe.dataset, recipe.mix.name]],
        partitions_def=releases(recipe),
        code_version="1",
        group_name=recipe.dataset,
        owners=OWNERS,
        kinds={"markdown"},
        tags={"stage": "report"},
        op_tags=project.tags(recipe),
        description=STORY,
    )
    def made(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        teachers: dg.ResourceParam[TeacherSource],
        progress: dg.ResourceParam[Progress],
    ) -> dg.MaterializeResult:
        with in_words(context):
            facts = release_facts(run_context(context, project, recipe, lake, teachers, progress), the_batch(context))
            link = write_report(lake, facts)
            return dg.MaterializeResult(
                metadata={
                    "report": dg.MetadataValue.path(link),
                    "dagster/row_count": dg.MetadataValue.int(facts.kept),
                    "summary": dg.MetadataValue.md(facts.summary()),
                }
            )

    return made
