"""What the three row stages are alike in: one asset a stage, one batch a run, all work in the runner."""

from dataclasses import replace

import dagster as dg
from pydantic import Field

from assets.columns import column_schema
from assets.materialized import OWNERS, Project, described, in_words, references, report, run_context
from assets.partitions import batches, the_batch
from synth_dagster.errors import SynthError
from synth_dagster.lake.lake import Lake
from synth_dagster.recipe import Recipe, Stage
from synth_dagster.runner.context import Progress, RunContext, TeacherSource
from synth_dagster.runner.stage import run_stage


class RowConfig(dg.Config):
    """What one launch may make and spend. Left as it is, it makes the whole batch within the recipe's budget."""

    limit: int | None = Field(
        None,
        description="Try the stage out on so many inputs, the first ones. Look at the preview page of the result: "
        "the gate never accepts it, and what was accepted before stays. Answers that were paid for are kept.",
    )
    retry_rejects: bool = Field(
        False, description="Ask once more for what was answered before and could not be used: refused, cut, no JSON."
    )
    max_usd: float | None = Field(None, description="Spend at most so many US dollars; the recipe's cap, or less.")
    max_tokens: int | None = Field(None, description="Use at most so many tokens; the recipe's cap, or less.")
    max_calls: int | None = Field(None, description="Send at most so many requests; the recipe's cap, or less.")

    def applied(self, run: RunContext) -> RunContext:
        """The run within these limits. Raises SynthError for one that is higher than the recipe's, or no number."""
        if self.limit is not None and self.limit < 1:
            raise SynthError(f"'limit' is {self.limit} and must be at least 1. Leave it out to make the whole batch.")
        budget = run.recipe.budget.lowered(usd=self.max_usd, tokens=self.max_tokens, calls=self.max_calls)
        return replace(
            run, recipe=replace(run.recipe, budget=budget), limit=self.limit, retry_rejects=self.retry_rejects
        )


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
        metadata={
            **references(project, recipe, stage.name, stage.steps),
            "dagster/column_schema": column_schema(recipe, stage.name),
        },
    )
    def made(
        context: dg.AssetExecutionContext,
        config: RowConfig,
        lake: dg.ResourceParam[Lake],
        teachers: dg.ResourceParam[TeacherSource],
        progress: dg.ResourceParam[Progress],
    ) -> dg.MaterializeResult:
        with in_words(context):
            run = config.applied(run_context(context, project, recipe, lake, teachers, progress))
            return report(project, run, run_stage(run, stage.name, the_batch(context)))

    return made
