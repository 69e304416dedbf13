"""Stage 3: a better and a worse answer to each instruction.

Reads   generated_instructions[batch]
Writes  preference_pairs[batch], each pair naming the instruction it answers
"""

import dagster as dg

from assets.materialized import Project
from assets.row_stage import row_stage
from synth_dagster.recipe import Recipe, Stage

STORY = "Pairs of answers to one instruction, the better one as a judge scored them: what preference training reads."


def preferences(project: Project, recipe: Recipe, stage: Stage, code_version: str) -> dg.AssetsDefinition:
    return row_stage(project, recipe, stage, code_version, story=STORY, kinds={"openai", "deltalake"}, pool="teacher")
