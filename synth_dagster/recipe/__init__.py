"""Recipes: one YAML file, one dataset. A recipe loads as a typed `Recipe`, or says all its mistakes at once.

`tree` reads YAML with its lines, `sections` has what may stand in it, `settings` checks one part against that, `read`
puts the parts together, `load` does files and folders, `model` is what comes out. A mistake names file, line, cause and
cure, and stops its own recipe only.
"""

from synth_dagster.recipe.load import load_recipe, load_recipes, parse_recipe
from synth_dagster.recipe.model import (
    ADOPTED,
    ADOPTION_VERSION,
    DEFAULT_STAGES,
    Mix,
    Recipe,
    Source,
    Stage,
    StageKind,
    Step,
    method_roles,
)
from synth_dagster.recipe.sections import BudgetSettings, Chunk, Expectations, Freshness

__all__ = [
    "ADOPTED",
    "ADOPTION_VERSION",
    "DEFAULT_STAGES",
    "BudgetSettings",
    "Chunk",
    "Expectations",
    "Freshness",
    "Mix",
    "Recipe",
    "Source",
    "Stage",
    "StageKind",
    "Step",
    "load_recipe",
    "load_recipes",
    "method_roles",
    "parse_recipe",
]
