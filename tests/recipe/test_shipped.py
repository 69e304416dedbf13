"""The recipe that is shipped, with the methods, readers and roles that are shipped, and the page that explains it."""

import json
from pathlib import Path

import pytest

from synth_dagster.errors import RecipeError
from synth_dagster.parts.text.chunks import split
from synth_dagster.readers.places import Places
from synth_dagster.recipe import load_recipe, load_recipes, parse_recipe
from synth_dagster.recipe.reference import refreshed

ROOT = Path(__file__).parents[2]
DEFAULT = ROOT / "recipes" / "python_help.yaml"
PAGE = ROOT / "docs" / "recipes.md"


@pytest.fixture
def recipe():
    return load_recipe(DEFAULT, root=ROOT)


def test_every_shipped_recipe_loads():
    recipes, problems = load_recipes(ROOT / "recipes", root=ROOT)
    assert [str(problem) for problem in problems] == []
    assert "python_help" in [recipe.dataset for recipe in recipes]


def test_the_default_recipe_goes_through_all_four_stages(recipe):
    assert [stage.record_kind for stage in recipe.stages.values()] == ["document", "instruction", "preference"]
    assert recipe.mix.of == "preference_pairs"
    assert set(recipe.teachers) >= {"writer", "judge"}
    assert recipe.roles("preference_pairs") == ("judge", "writer")
    assert {source.name: source.license for source in recipe.sources} == {
        "python_reference": "PSF-2.0",
        "handbook": "CC-BY-4.0",
    }


def test_its_own_text_needs_no_download_and_its_optional_source_may_be_absent(recipe):
    source = recipe.source("python_reference")
    first = next(iter(source.reader.items(Places(ROOT))))
    passages = split(first.text, max_words=source.chunk.max_words, min_words=source.chunk.min_words)
    assert all(passage.strip() for passage in passages)
    handbook = recipe.source("handbook")
    assert list(handbook.reader.items(Places(Path(__file__).parent), optional=handbook.optional)) == []


def test_every_part_of_it_has_a_fingerprint(recipe):
    prints = [recipe.fingerprint(stage, root=ROOT) for stage in recipe.stages]
    prints += [recipe.signals_fingerprint(ROOT), recipe.mix_fingerprint(ROOT)]
    assert len(set(prints)) == 5


def test_the_held_out_quiz_is_twenty_different_questions():
    lines = (ROOT / "recipes" / "held_out" / "python_quiz.jsonl").read_text(encoding="utf-8").splitlines()
    items = [json.loads(line) for line in lines]
    assert {tuple(item) for item in items} == {("id", "question", "answer")}
    assert len({item["question"] for item in items}) == len({item["id"] for item in items}) == 20


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param("license: CC-BY-4.0", "", "Source 'handbook' needs 'license'.", id="missing licence"),
        pytest.param("evol_instruct", "evol_instuct", "Did you mean 'evol_instruct'?", id="method"),
        pytest.param("reader: files", "reader: file", "Did you mean 'files'?", id="reader"),
        pytest.param("judge:", "juge:", "No role is called 'juge'. Did you mean 'judge'?", id="role"),
        pytest.param("per_passage: 1", "per_passage: 0", "must be a whole number from 1 to 20.", id="setting"),
        pytest.param("[pii]", "[minhash]", "It belongs under 'deduplicate' of the mix.", id="wrong kind"),
        pytest.param("recipes/held_out/", "recipes/none/", "there is no 'recipes/none/'.", id="path"),
        pytest.param("path: inbox/handbook/", "pth: inbox/", "Did you mean 'path'?", id="setting of a reader"),
    ],
)
def test_a_slip_in_it_is_told_with_the_line_where_it_stands(old, new, said):
    text = DEFAULT.read_text(encoding="utf-8")
    line = text[: text.index(old)].count("\n") + 1
    with pytest.raises(RecipeError) as caught:
        parse_recipe(text.replace(old, new), DEFAULT, ROOT)
    problem = caught.value.problems[0]
    assert said in str(problem)
    # what is missing has no line of its own: the source begins three lines above
    assert problem.line == (line - 3 if new == "" else line)


def test_the_page_about_recipes_is_current():
    page = PAGE.read_text(encoding="utf-8")
    assert refreshed(page, DEFAULT.read_text(encoding="utf-8")) == page, "Run 'make docs'."


def test_the_first_settings_table_of_the_page_is_that_of_sources():
    # counted by hand: name, reader, license, consent, signals, lang, optional, human_share, joins, chunk, shard
    table = PAGE.read_text(encoding="utf-8").split("### A source (`sources`)")[1].split("###")[0]
    assert table.count("\n| `") == 11
