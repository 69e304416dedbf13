import os
import subprocess
import sys
from pathlib import Path

import pytest

from synth_dagster.errors import RecipeError
from synth_dagster.recipe import load_recipe, load_recipes
from tests.recipe.conftest import FULL


@pytest.fixture
def folder(world, root: Path) -> Path:
    return root / "recipes"


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def told(problems) -> list[str]:
    return [f"{problem.file}:{problem.line}" for problem in problems]


def test_a_recipe_knows_its_text_and_hash_and_the_stored_copy_is_the_same_recipe(folder, root, parse):
    recipe = load_recipe(write(folder / "a.yaml", FULL), root=root)
    assert recipe.text == FULL
    assert parse(recipe.text).hash == recipe.hash
    assert parse(FULL + "# a comment\n").hash != recipe.hash


def test_the_hash_is_the_one_under_which_the_lake_stores_the_text(folder, root, tmp_path):
    from synth_dagster.lake.meta import Meta
    from synth_dagster.storage import FolderStore

    recipe = load_recipe(write(folder / "a.yaml", FULL), root=root)
    (tmp_path / "lake").mkdir()
    assert (
        Meta(tmp_path / "meta.sqlite", FolderStore(tmp_path)).store_recipe(recipe.dataset, recipe.text) == recipe.hash
    )


def test_one_bad_recipe_does_not_stop_the_others(folder, root):
    write(folder / "good.yaml", FULL)
    write(folder / "bad.yaml", FULL.replace("dataset: python_help", "dataset: other").replace("[pii]", "[pi, po]"))
    write(folder / "broken.yml", "a: [")
    recipes, problems = load_recipes(folder, root=root)
    assert [recipe.dataset for recipe in recipes] == ["python_help"]
    assert told(problems) == ["recipes/bad.yaml:8", "recipes/bad.yaml:8", "recipes/broken.yml:1"]


def test_of_two_recipes_for_one_dataset_neither_loads_and_each_names_the_other(folder, root):
    write(folder / "a.yaml", FULL)
    write(folder / "b.yaml", "# a copy\n" + FULL)
    write(folder / "c.yaml", FULL.replace("dataset: python_help", "dataset: c"))
    recipes, problems = load_recipes(folder, root=root)
    assert [recipe.dataset for recipe in recipes] == ["c"]
    assert told(problems) == ["recipes/a.yaml:1", "recipes/b.yaml:2"]
    assert problems[0].cause == "The dataset 'python_help' is also made by recipes/b.yaml."


def test_only_recipes_of_the_folder_itself_count(folder, root):
    write(folder / "held_out" / "notes.yaml", "not: a recipe")
    write(folder / ".hidden.yaml", "not: a recipe")
    write(folder / "README.md", "not a recipe")
    assert load_recipes(folder, root=root) == ([], [])


def test_a_folder_that_is_not_there_has_no_recipes(root):
    assert load_recipes(root / "nowhere", root=root) == ([], [])


@pytest.mark.parametrize(
    ("content", "line", "part"),
    [
        pytest.param(b"dataset: d\nx: \xff\n", 2, "not UTF-8", id="bytes that are no text"),
        pytest.param("dataset: d\n".encode("utf-16"), 1, "not UTF-8", id="UTF-16"),
        pytest.param(b"# " + b"x" * 1_000_000, 1, "longer than", id="too long"),
        pytest.param(b"", 1, "empty", id="empty"),
        pytest.param(b"# nothing but a comment\n", 1, "empty", id="only a comment"),
    ],
)
def test_a_file_that_is_no_recipe_is_one_problem(folder, root, content, line, part):
    path = folder / "a.yaml"
    path.write_bytes(content)
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, root=root)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == ("recipes/a.yaml", line)
    assert part in problem.cause


def test_a_file_that_is_not_there_is_told_with_the_nearest(folder, root):
    write(folder / "python_help.yaml", FULL)
    with pytest.raises(RecipeError, match=r"Did you mean 'recipes/python_help.yaml'\?"):
        load_recipe(folder / "python_halp.yaml", root=root)


def test_what_is_no_file_is_a_problem_and_is_not_waited_for(folder, root):
    os.mkfifo(folder / "pipe.yaml")
    (folder / "gone.yaml").symlink_to(folder / "nothing")
    recipes, problems = load_recipes(folder, root=root)
    assert recipes == []
    assert told(problems) == ["recipes/gone.yaml:1", "recipes/pipe.yaml:1"]


def test_a_file_that_may_not_be_read_is_a_problem(folder, root, monkeypatch):
    def refuse(self: Path, mode: str) -> None:  # taking the permission away does not stop a test that runs as root
        raise PermissionError(13, "Permission denied", str(self))

    write(folder / "a.yaml", FULL)
    monkeypatch.setattr(Path, "open", refuse)
    (problem,) = load_recipes(folder, root=root)[1]
    assert str(problem) == "recipes/a.yaml:1: The file cannot be read: Permission denied. Check its permissions."


def test_reading_recipes_imports_nothing_heavy():
    heavy = ["dagster", "pandas", "deltalake", "duckdb", "openai", "aiohttp", "great_expectations", "torch", "boto3"]
    code = f"import sys, synth_dagster.recipe; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
