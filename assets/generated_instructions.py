"""Stage 2: instructions that a teacher writes from the seed corpus.

Reads   seed_corpus[batch]
Writes  generated_instructions[batch], each record naming the passages it came from
"""

import dagster as dg

from assets.materialized import Project
from assets.row_stage import row_stage
from synth_dagster.recipe import Recipe, Stage

STORY = "Instructions with answers, written by the teacher from the passages and resting on verbatim evidence in them."


def instructions(project: Project, recipe: Recipe, stage: Stage, code_version: str) -> dg.AssetsDefinition:
    return row_stage(project, recipe, stage, code_version, story=STORY, kinds={"openai", "deltalake"}, pool="teacher")
