"""Stage 1: passages of the sources, cleaned; and any later stage of documents, which reads a stage instead.

Reads   a delivered file or shard of a source
Writes  seed_corpus[batch], each record naming its source and its place in it
"""

import dagster as dg

from assets.materialized import Project
from assets.row_stage import row_stage
from synth_dagster.recipe import Recipe, Stage

DERIVED = "Documents made from the documents of the stage above, which stand beside them or give way to them."
STORY = "Passages of the sources: read, cut at paragraphs, cleaned. Everything later names the passage it came from."


def corpus(project: Project, recipe: Recipe, stage: Stage, code_version: str) -> dg.AssetsDefinition:
    asks = bool(recipe.roles(stage.name))
    kinds = {"deltalake", "openai" if asks else "python"}
    story = DERIVED if stage.reads else STORY
    return row_stage(project, recipe, stage, code_version, story=story, kinds=kinds, pool="teacher" if asks else None)
