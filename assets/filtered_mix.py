"""Stage 4: a release. Every record of the mix's stage gets one verdict; the kept ones are the dataset.

Reads   accepted batches of one row stage, and their quality_signals
Writes  filtered_mix[release] and verdicts[release], with a manifest of the versions that were read

Which batches a release read stands in its manifest; the drawn dependency on all partitions only shows the graph.
"""

import dagster as dg
from pydantic import Field

from assets.columns import column_schema
from assets.materialized import OWNERS, Project, described, in_words, references, report, run_context
from assets.partitions import releases, the_batch
from synth_dagster.lake.lake import Lake
from synth_dagster.recipe import Recipe
from synth_dagster.runner.context import SIGNALS, Progress, TeacherSource
from synth_dagster.runner.release import make_release

STORY = (
    "A published version of the dataset: filtered, deduplicated, selected, mixed. It never changes. "
    "Every record of the stage it reads has a verdict with its reason in the table `verdicts`."
)


class ReleaseConfig(dg.Config):
    """How strict a release is."""

    allow_missing: bool = Field(
        False,
        description="Release without the batches that failed or are missing; the manifest names each with its reason.",
    )


def filtered_mix(project: Project, recipe: Recipe, code_version: str) -> dg.AssetsDefinition:
    sources = [recipe.mix.of, SIGNALS]

    @dg.asset(
        key=[recipe.dataset, recipe.mix.name],
        deps=[dg.AssetDep([recipe.dataset, source], partition_mapping=dg.AllPartitionMapping()) for source in sources],
        partitions_def=releases(recipe),
        code_version=code_version,
        group_name=recipe.dataset,
        owners=OWNERS,
        kinds={"duckdb", "deltalake"},
        tags={"stage": "mix"},
        op_tags=project.tags(recipe),
        description=described(project, recipe, recipe.mix.name, recipe.mix.deciding, STORY),
        metadata={
            **references(project, recipe, recipe.mix.name, recipe.mix.deciding),
            "dagster/column_schema": column_schema(recipe, recipe.mix.name),
            "release_report": dg.MetadataValue.asset(dg.AssetKey([recipe.dataset, "release_report"])),
        },
    )
    def made(
        context: dg.AssetExecutionContext,
        config: ReleaseConfig,
        lake: dg.ResourceParam[Lake],
        teachers: dg.ResourceParam[TeacherSource],
        progress: dg.ResourceParam[Progress],
    ) -> dg.MaterializeResult:
        with in_words(context):
            run = run_context(context, project, recipe, lake, teachers, progress)
            outcome = make_release(run, the_batch(context), allow_missing=config.allow_missing)
            return report(project, run, outcome)

    return made
