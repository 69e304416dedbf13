"""Stage 1: passages of the sources, cleaned.

Reads   a delivered file or shard of a source
Writes  seed_corpus[batch], each record naming its source and its place in it
"""

import dagster as dg

from assets.materialized import Project
from assets.row_stage import row_stage
from synth_dagster.recipe import Recipe, Stage

STORY = "Passages of the sources: read, cut at paragraphs, cleaned. Everything later names the passage it came from."


def corpus(project: Project, recipe: Recipe, stage: Stage, code_version: str) -> dg.AssetsDefinition:
    return row_stage(project, recipe, stage, code_version, story=STORY, kinds={"deltalake", "python"})
