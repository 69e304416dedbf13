"""A fingerprint changes when, and only when, what a stage makes may change."""

import shutil
from pathlib import Path

import pytest

from synth_dagster.errors import SynthError, UnknownName
from synth_dagster.recipe import load_recipe, method_roles, parse_recipe
from tests.recipe.conftest import FULL, METHODS

STAGES = ("seed_corpus", "generated_instructions", "preference_pairs", "signals", "mix")


@pytest.fixture
def prints(parse, root):
    """The fingerprints of all parts of a recipe, by name."""

    def of(text: str, where: Path = root, **identities: dict) -> dict[str, str]:
        recipe = parse_recipe(text, where / "recipes" / "r.yaml", where)
        rows = {stage: recipe.fingerprint(stage, teachers=identities, root=where) for stage in STAGES[:3]}
        return rows | {"signals": recipe.signals_fingerprint(where), "mix": recipe.mix_fingerprint(where)}

    return of


def differing(first: dict[str, str], second: dict[str, str]) -> list[str]:
    return [stage for stage in STAGES if first[stage] != second[stage]]


@pytest.mark.parametrize(
    ("old", "new", "stages"),
    [
        # what does not change anything
        pytest.param("dataset: python_help\n", "# a comment\n\ndataset: python_help\n", [], id="comments and lines"),
        pytest.param("budget: {usd_per_run: 5.00", "budget: {usd_per_run: 9", [], id="the budget"),
        pytest.param("min_keep_rate: 0.3", "min_keep_rate: 0.9", [], id="what is expected"),
        pytest.param("teachers:\n  writer: {use: default}\n", "", [], id="teachers that are said to be the default"),
        pytest.param("name: handbook, reader: files", "reader: files, name: handbook", [], id="order of settings"),
        pytest.param("chunk: {max_words: 220}", "chunk: {}", [], id="a setting that is the default"),
        pytest.param("optional: true", "optional: false", [], id="whether a source may be absent"),
        pytest.param("measure: [distinct, {distinct: {n: 3}}]", "measure: []", [], id="measures, which decide nothing"),
        pytest.param("dataset: python_help", "dataset: other", [], id="the name of the dataset"),
        pytest.param("- ultrafeedback\n", "- ultrafeedback: {completions: 4}\n", [], id="a default written out"),
        # what changes one thing
        pytest.param("max_words: 220", "max_words: 221", ["seed_corpus"], id="chunks"),
        pytest.param("license: PSF-2.0", "license: MIT", ["seed_corpus"], id="a licence"),
        pytest.param("optional: true", "lang: en", ["seed_corpus"], id="a language"),
        pytest.param("[pii]", "[pii, lengths]", ["seed_corpus"], id="a step more"),
        pytest.param("rounds: 1", "rounds: 2", ["generated_instructions"], id="a setting"),
        pytest.param("per_passage: 3", "per_passage: 3, seed: 8", ["generated_instructions"], id="a seed"),
        pytest.param("seed: 7", "seed: 8", ["generated_instructions"], id="the seed of the recipe, where it is used"),
        pytest.param("bands: 7", "bands: 8", ["mix"], id="deduplication"),
        pytest.param("alpha: 0.3", "alpha: 0.4", ["mix"], id="mixture"),
        pytest.param("    select: nearby\n", "", ["mix"], id="no selection"),
        pytest.param("[answer_rules, ", "[", ["signals", "mix"], id="a filter less"),
        pytest.param("held_out/}", "held_out/quiz.jsonl}", ["signals", "mix"], id="another file to compare with"),
        pytest.param("of: preference_pairs", "of: generated_instructions", ["signals", "mix"], id="another stage"),
    ],
)  # fmt: skip
def test_a_change_of_the_recipe_changes_what_depends_on_it(prints, old, new, stages):
    assert old in FULL
    assert differing(prints(FULL), prints(FULL.replace(old, new, 1))) == stages


CORPUS_MIX = """\
dataset: d
sources:
  - {name: s, reader: files, path: a/, license: MIT}
  - {name: t, reader: files, path: b/, license: MIT}
stages:
  seed_corpus: [pii]
  filtered_mix: {filters: [{lengths: {high: 9}}]}
"""


@pytest.mark.parametrize(
    ("setting", "signals_change"),
    [
        pytest.param("{high: 8}", False, id="a threshold is the mix's alone"),
        pytest.param("{high: 9, unit: marks}", True, id="what is counted changes the signal"),
    ],
)
def test_signals_do_not_depend_on_thresholds(parse, root, setting, signals_change):
    first, second = parse(CORPUS_MIX), parse(CORPUS_MIX.replace("{high: 9}", setting))
    assert (first.signals_fingerprint(root) != second.signals_fingerprint(root)) is signals_change
    assert first.mix_fingerprint(root) != second.mix_fingerprint(root)


def test_the_corpus_of_one_source_does_not_depend_on_the_others(parse, root):
    first = parse(CORPUS_MIX)
    second = parse(CORPUS_MIX.replace("path: b/, license: MIT", "path: b/, license: 0BSD"))
    assert first.fingerprint("seed_corpus", root=root) != second.fingerprint("seed_corpus", root=root)
    of = [[recipe.fingerprint("seed_corpus", root=root, source=name) for name in "st"] for recipe in (first, second)]
    assert of[0][0] == of[1][0]
    assert of[0][1] != of[1][1]


def test_a_source_that_joins_changes_the_stages_on_its_way_and_no_other_source(parse, root):
    plain = "path: inbox/handbook/, license: CC-BY-4.0"
    alone, joined = (parse(FULL.replace(plain, plain + more)) for more in ("", ", joins: generated_instructions"))
    assert (alone.adopting("handbook"), joined.adopting("handbook")) == ((), ("generated_instructions",))
    changed = {
        source: [
            stage
            for stage in STAGES[:3]
            if alone.fingerprint(stage, root=root, source=source) != joined.fingerprint(stage, root=root, source=source)
        ]
        for source in ("python_reference", "handbook")
    }
    assert changed == {"python_reference": [], "handbook": ["seed_corpus", "generated_instructions"]}


def test_what_a_joining_source_brings_does_not_depend_on_the_steps_and_teachers_of_the_stage(parse, root):
    joining = FULL.replace("optional: true", "joins: preference_pairs")
    first, second = parse(joining), parse(joining.replace("per_passage: 3", "per_passage: 4"))
    assert first.adopting("handbook") == ("generated_instructions", "preference_pairs")
    of = [
        one.fingerprint("generated_instructions", root=root, source="handbook", teachers={"writer": {"models": [name]}})
        for one, name in ((first, "a"), (second, "b"))
    ]
    assert of[0] == of[1]
    assert first.fingerprint("generated_instructions", root=root) != second.fingerprint(
        "generated_instructions", root=root
    )


def test_the_bytes_of_a_file_that_a_setting_names_count_and_its_place_on_disk_does_not(prints, root, tmp_path_factory):
    before = prints(FULL)
    elsewhere = tmp_path_factory.mktemp("moved") / "project"
    shutil.copytree(root, elsewhere)
    assert prints(FULL, elsewhere) == before
    quiz = root / "recipes" / "held_out" / "quiz.jsonl"
    quiz.write_text(quiz.read_text().replace("list", "dict"))  # as long as before
    assert differing(before, prints(FULL)) == ["signals", "mix"]


def test_a_file_more_in_a_named_folder_counts_and_a_hidden_one_does_not(prints, root):
    before = prints(FULL)
    (root / "recipes" / "held_out" / ".notes.swp").write_text("x")
    assert prints(FULL) == before
    (root / "recipes" / "held_out" / "more.txt").write_text("x")
    assert differing(before, prints(FULL)) == ["signals", "mix"]


def test_a_named_file_that_went_away_is_an_error_in_words(parse, root):
    recipe = parse(FULL)
    shutil.rmtree(root / "recipes" / "held_out")
    with pytest.raises(SynthError, match=r"'recipes/held_out' of the recipe cannot be read: no such file or folder\."):
        recipe.signals_fingerprint(root)


def test_a_stage_depends_on_the_teachers_that_its_own_methods_ask(prints):
    before = prints(FULL)
    assert differing(before, prints(FULL, judge={"models": ["m"]})) == ["preference_pairs"]
    assert differing(before, prints(FULL, critic={"models": ["m"]})) == ["generated_instructions"]
    assert differing(before, prints(FULL, nobody={"models": ["m"]})) == []
    assert differing(before, prints(FULL, writer={"models": ["m"]})) == ["generated_instructions", "preference_pairs"]
    assert prints(FULL, writer={"a": 1, "b": 2}) == prints(FULL, writer={"b": 2, "a": 1})


def test_roles_are_read_from_the_signature():
    assert {slug: method_roles(method) for slug, method in METHODS.items() if method_roles(method)} == {
        "grounded_qa": ("writer",),
        "evol_instruct": ("writer", "critic"),
        "ultrafeedback": ("writer", "judge"),
        "nearby": ("embedder",),
    }


def test_a_stage_that_is_not_there_is_told_with_the_nearest(parse, root):
    with pytest.raises(
        UnknownName, match=r"No stage of python_help is called 'seed_korpus'\. Did you mean 'seed_corpus'"
    ):
        parse(FULL).fingerprint("seed_korpus", root=root)
    with pytest.raises(UnknownName, match="No source of python_help is called 'hand'"):
        parse(FULL).source("hand")


def test_a_recipe_read_twice_has_the_same_fingerprints(prints, root):
    path = root / "recipes" / "r.yaml"
    path.write_text(FULL)
    again = load_recipe(path, root=root)
    assert again.fingerprint("seed_corpus", root=root) == prints(FULL)["seed_corpus"]
