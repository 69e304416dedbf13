"""Every recipe of the gallery runs through the real stages to its mix, and its page says what came of it.

One run of each in this process: that the pages are current shows that a run gives the same bytes on any machine.
"""

import pytest

from synth_dagster.catalog import methods
from synth_dagster.cli.project import Project
from synth_dagster.recipe import load_recipes
from tests.gallery.example import PAGES, RECIPES, ROOT, SHOWN, example, is_chain, slugs
from tests.gallery.pages import INDEX, refreshed, refreshed_index

every = pytest.mark.parametrize("slug", slugs())


@every
def test_a_recipe_runs_to_its_mix_and_everything_has_its_reason(slug):
    run = example(slug)
    assert list(run.causes) == []
    assert run.recipe.dataset == slug
    assert len(run.kept) >= run.recipe.expect.min_keep_rate * run.judged > 0
    assert len(run.shown()) == SHOWN, "a page shows three examples"
    assert all(reason and "method_failed" not in reason for reason in run.drops)


@every
def test_every_parent_of_a_record_is_there(slug):
    run = example(slug)
    parents = [(p["stage"], p["record_id"]) for row in run.rows.values() for p in row["parents"]]
    assert parents and set(parents) <= run.rows.keys()


@every
def test_its_methods_made_something_of_it(slug):
    run = example(slug)
    steps = {step.slug for step in run.recipe.steps()}
    assert len(steps) > 2 if is_chain(slug) else slug in steps
    makers = {row["method"] for row in run.rows.values()}
    for one in steps if is_chain(slug) else {slug}:
        makes = methods()[one].kind in ("synthesize", "augment")
        dropped = any(drop.startswith(f"{one}:") for drop in run.drops)
        assert one in makers if makes else one in makers or dropped, one


@every
def test_its_page_is_current(slug):
    page = (PAGES / f"{slug}.md").read_text(encoding="utf-8")
    assert refreshed(slug, page) == page, "Run 'make docs'."
    assert page.startswith(f"# {slug}\n") and "\n## When not to use it\n" in page
    assert len(page.partition("<!-- gallery")[0].split()) > 20, "The page begins with what the method is for."


def test_the_index_is_current_and_names_every_page():
    assert (PAGES / "README.md").read_text(encoding="utf-8") == refreshed_index(INDEX), "Run 'make docs'."
    assert {page.stem for page in PAGES.glob("*.md")} == {"README", *slugs()}


def test_the_gallery_is_run_by_name_and_makes_no_assets_until_then():
    recipes, _ = load_recipes(ROOT / "recipes", root=ROOT)
    assert not {recipe.path for recipe in recipes} & {str(path) for path in RECIPES.glob("*")}
    assert Project(ROOT).recipe("metamath").dataset == "metamath"
    assert Project(ROOT).recipe("recipes/gallery/metamath.yaml").dataset == "metamath"
