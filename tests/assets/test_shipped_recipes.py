"""The recipes that are shipped beside the default one, run small: what they promise holds of what they release."""

from pathlib import Path

import pyarrow.compute as pc
import pytest

from synth_dagster.parts.mathematics.answers import final_answer, number_of
from synth_dagster.parts.mathematics.word_problems.reading import read
from synth_dagster.parts.mathematics.word_problems.solving import solve
from synth_dagster.parts.text.tokens import count
from tests.assets.project import ONLY_CORPUS

RECIPES = Path(__file__).parents[2] / "recipes"


def shipped(name, *changes):
    text = (RECIPES / f"{name}.yaml").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.mark.prove
def test_mathematics_without_preference_pairs_is_released_with_right_answers_only(project):
    recipe = shipped(
        "math_word_problems", ("count: 120", "count: 12"), ("dataset: math_word_problems", "dataset: tiny")
    )
    small = project(recipe)
    told = small.run()
    assert told.causes == [] and "release r0001" in told.made
    rows = small.rows("filtered_mix")
    assert {row["method"] for row in rows} == {"worked_problem", "metamath"} and len(rows) > 60
    for row in rows:
        asked, answered = row["messages"]
        solution = solve(read(asked["content"]), lambda _, choices: choices[0])
        assert solution.answer == number_of(final_answer(answered["content"]))
    assert small.run().made == []  # all of it is current


DOCUMENTS = {
    str(number): "\n\n".join(
        f"The {what} of {place} was built in {1800 + number} and it is used to store grain. If the winter is long, the "
        f"{what} is opened for the people of the town. The keeper of the {what} lives in {place} with the others."
        for what in ("mill", "barn", "tower")
    )
    for number, place in enumerate(("Corran", "Pell", "Sulmar", "Arden", "Torvale", "Belcor", "Fanlor", "Quinros") * 5)
}
REWRITES = """
dataset: tiny
sources:
  - {name: notes, reader: files, path: inbox/notes/, license: CC0-1.0, lang: en}
teachers:
  writer: {use: embedded}
stages:
  seed_corpus: []
  rewritten: {kind: corpus, from: seed_corpus, steps: [{wrap: {styles: [easy, medium, qa]}}]}
  filtered_mix:
    of: rewritten
    filters: [{gopher_quality: {min_words: 10}}]
    mix: {fixed_ratio: {by: origin}}
expect: {min_keep_rate: 0.1}
"""


@pytest.mark.prove
def test_a_mix_of_documents_has_real_and_rewritten_text_one_to_one(project):
    small = project(REWRITES)
    small.deliver(DOCUMENTS)
    assert small.run().causes == []
    rows = small.rows("filtered_mix")
    assert {row["method"] for row in rows} == {"carry", "wrap"}
    tokens = {
        depth: sum(count(row["text"]) * row["copies"] for row in rows if row["synthetic_depth"] == depth)
        for depth in (0, 1)
    }
    assert abs(tokens[0] / tokens[1] - 1) <= 0.01
    for part in (rows[start : start + len(rows) // 4] for start in range(0, len(rows) - 3, len(rows) // 4)):
        assert {row["synthetic_depth"] for row in part} == {0, 1} or len(part) < 5
    verdicts = small.lake.read("tiny", "verdicts")
    dropped = verdicts.filter(pc.field("verdict") == "dropped")
    assert "fixed_ratio:share" in dropped["reason"].to_pylist()


@pytest.mark.prove
def test_a_stage_of_documents_is_made_anew_when_its_steps_change_and_not_what_it_reads(project):
    small = project(REWRITES)
    small.deliver(DOCUMENTS)
    assert small.run().causes == []
    before = small.versions("seed_corpus"), small.versions("rewritten")
    small.write_recipe(REWRITES.replace("[easy, medium, qa]", "[easy]"))
    assert small.run().causes == []
    assert small.versions("seed_corpus") == before[0] and small.versions("rewritten") != before[1]
    assert {row["attributes"] for row in small.rows("rewritten") if '"qa"' in row["attributes"]} == set()


@pytest.mark.parametrize("name", ["math_word_problems", "python_rewrites"])
def test_each_shipped_recipe_has_a_page_with_its_result(name):
    page = (RECIPES.parent / "docs" / "recipes" / f"{name}.md").read_text(encoding="utf-8")
    assert f"synth run {name}" in page and "\nrelease r0001: " in page
    assert "## For real use" in page and page.count("\n> **") >= 2


@pytest.mark.prove
def test_recipes_of_one_project_are_run_beside_each_other(project):
    small = project(ONLY_CORPUS)
    small.deliver(DOCUMENTS)
    small.write_recipe(REWRITES.replace("dataset: tiny", "dataset: other"), "other")
    assert small.run("tiny").causes == [] and small.run("other").causes == []
    assert small.releases("tiny") == small.releases("other") == ["r0001"]
