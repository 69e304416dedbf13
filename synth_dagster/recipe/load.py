"""Loads recipes from files and folders. One bad recipe does not stop the others."""

from pathlib import Path

from synth_dagster.errors import Problem, RecipeError, no_such
from synth_dagster.recipe.model import Recipe
from synth_dagster.recipe.read import dataset_of, read_recipe, shown_path
from synth_dagster.recipe.tree import MAX_BYTES, NotYaml, decoded

SUFFIXES = (".yaml", ".yml")


def load_recipe(path: Path, *, root: Path) -> Recipe:
    """The recipe of a file. Raises RecipeError with all that is wrong with it, and when another makes its dataset."""
    recipe = parse_recipe(_text(path, root), path, root)
    claims = [(other, line) for other in recipe_files(path.parent) if (line := _claims(other, recipe.dataset, root))]
    own = shown_path(path, root)
    if len(claims) > 1:
        problems = _claimed_twice(recipe.dataset, claims, root)
        raise RecipeError([problem for problem in problems if problem.file == own] or problems)
    return recipe


def _claims(path: Path, dataset: str, root: Path) -> int | None:
    """The line on which a file says that it makes a dataset; what is wrong with the file is its own affair."""
    try:
        claim = dataset_of(_text(path, root))
    except RecipeError:
        return None
    return claim[1] if claim and claim[0] == dataset else None


def parse_recipe(text: str, path: Path, root: Path) -> Recipe:
    """The recipe of a text, such as a stored copy; `path` is what problems name and need not exist."""
    return read_recipe(text, path, root)


def load_recipes(folder: Path, *, root: Path) -> tuple[list[Recipe], list[Problem]]:
    """Every recipe of a folder that is right, by dataset, and the problems of the others, by file and line."""
    recipes: list[Recipe] = []
    problems: list[Problem] = []
    files = recipe_files(folder)
    claims: dict[str, list[tuple[Path, int]]] = {}
    for path in files:
        try:
            text = _text(path, root)
            if claim := dataset_of(text):
                claims.setdefault(claim[0], []).append((path, claim[1]))
            recipes.append(parse_recipe(text, path, root))
        except RecipeError as error:
            problems.extend(error.problems)
    shared = {dataset: places for dataset, places in claims.items() if len(places) > 1}
    problems.extend(problem for places in shared.items() for problem in _claimed_twice(*places, root))
    kept = [recipe for recipe in recipes if recipe.dataset not in shared]
    return sorted(kept, key=lambda recipe: recipe.dataset), sorted(problems, key=lambda one: (one.file, one.line))


def recipe_files(folder: Path) -> list[Path]:
    """The recipes of a folder, by name; folders inside it hold what recipes use, such as held-out questions."""
    if not folder.is_dir():
        return []
    found = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith("."))
    return sorted(path for path in found if not path.is_dir())


def _text(path: Path, root: Path) -> str:
    file = shown_path(path, root)
    try:
        if path.exists() and not path.is_file():
            raise RecipeError([Problem(file, 1, "This is not a file.", "A recipe is one YAML file.")])
        with path.open("rb") as stream:
            return decoded(stream.read(MAX_BYTES + 1))
    except FileNotFoundError:
        others = [shown_path(other, root) for other in recipe_files(path.parent)]
        raise RecipeError([Problem(file, 1, no_such("recipe", file, others))]) from None
    except NotYaml as error:
        raise RecipeError([Problem(file, error.flaw.line, error.flaw.cause, error.flaw.cure)]) from None
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or "its name is no path"
        raise RecipeError([Problem(file, 1, f"The file cannot be read: {said}.", "Check its permissions.")]) from None


def _claimed_twice(dataset: str, places: list[tuple[Path, int]], root: Path) -> list[Problem]:
    cure = "Give one of them another name; until then neither is loaded."
    found: list[Problem] = []
    for path, line in places:
        others = ", ".join(shown_path(other, root) for other, _ in places if other != path)
        found.append(Problem(shown_path(path, root), line, f"The dataset '{dataset}' is also made by {others}.", cure))
    return found
