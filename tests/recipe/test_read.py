"""Bad recipes and exactly what is said about them; good ones and what they become."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synth_dagster.errors import RecipeError
from synth_dagster.recipe import BudgetSettings, Chunk, Expectations, Freshness, Recipe
from tests.recipe.conftest import FULL, Distinct

HEAD = """\
dataset: d
sources:
  - {name: s, reader: files, path: inbox/, license: MIT}
"""
SMALL = f"""{HEAD}stages:
  seed_corpus: []
  filtered_mix: {{}}
"""


def test_a_recipe_becomes_typed_values(parse):
    recipe = parse(FULL)
    assert recipe.dataset == "python_help"
    assert [(s.name, s.kind, s.reads, s.record_kind) for s in recipe.stages.values()] == [
        ("seed_corpus", "corpus", None, "document"),
        ("generated_instructions", "instructions", "seed_corpus", "instruction"),
        ("preference_pairs", "preferences", "generated_instructions", "preference"),
    ]
    assert [(step.key, step.line) for step in recipe.steps()] == [
        ("pii", 8),
        ("grounded_qa", 10),
        ("evol_instruct", 11),
        ("ultrafeedback", 13),
        ("answer_rules", 16),
        ("decontaminate", 16),
        ("minhash", 17),
        ("nearby", 18),
        ("temperature", 19),
        ("distinct", 20),
        ("distinct#2", 20),
    ]
    assert recipe.mix.of == "preference_pairs"
    assert recipe.mix.measures[1].method == Distinct(n=3)
    assert recipe.budget == BudgetSettings(usd_per_run=5, tokens_per_run=5_000_000)
    assert recipe.expect == Expectations(min_keep_rate=0.3)
    handbook = recipe.source("handbook")
    assert (handbook.license, handbook.optional, handbook.chunk, handbook.line) == ("CC-BY-4.0", True, None, 4)
    assert recipe.source("python_reference").chunk == Chunk(max_words=220)


def test_what_is_left_out_has_defaults(parse):
    recipe = parse(SMALL)
    assert (recipe.budget, recipe.expect, recipe.seed, recipe.teachers) == (BudgetSettings(), Expectations(), 0, {})
    assert recipe.fresh == Freshness(warn_after_days=8, fail_after_days=15)
    assert recipe.mix.of == "seed_corpus"
    assert recipe.stage("seed_corpus").steps == ()


def test_a_role_that_a_method_asks_and_nobody_set_has_the_defaults(parse):
    recipe = parse(FULL)
    assert list(recipe.teachers) == ["critic", "embedder", "judge", "writer"]
    assert {settings.use for settings in recipe.teachers.values()} == {"default"}
    assert recipe.roles("seed_corpus") == ()
    assert recipe.roles("generated_instructions") == ("critic", "writer")
    assert recipe.roles("preference_pairs") == ("judge", "writer")


def test_the_seed_of_the_recipe_is_that_of_methods_that_say_none(parse):
    said = parse(FULL.replace("{per_passage: 3}", "{per_passage: 3, seed: 1}"))
    assert parse(FULL).stage("generated_instructions").steps[0].method.model_dump()["seed"] == 7
    assert said.stage("generated_instructions").steps[0].method.model_dump()["seed"] == 1


def test_words_that_yaml_takes_for_something_else_stay_words(parse):
    recipe = parse(SMALL.replace("license: MIT", "license: 0BSD, lang: no"))
    assert (recipe.source("s").lang, recipe.source("s").license) == ("no", "0BSD")


def test_stages_of_own_names_say_their_kind_and_may_stand_in_any_order(parse):
    recipe = parse(
        HEAD
        + """\
stages:
  seed_corpus: []
  pairs: {kind: preferences, from: questions, steps: [ultrafeedback]}
  questions: {kind: instructions, from: seed_corpus, steps: [grounded_qa]}
  evolved: {kind: instructions, steps: [evol_instruct, evol_instruct]}
  best: {kind: mix, of: pairs}
"""
    )
    assert {stage.name: stage.reads for stage in recipe.stages.values()} == {
        "seed_corpus": None,
        "questions": "seed_corpus",
        "pairs": "questions",
        "evolved": "questions",  # the row stage above it in the file
    }
    assert list(recipe.stages) == ["seed_corpus", "questions", "pairs", "evolved"]
    assert [step.key for step in recipe.stage("evolved").steps] == ["evol_instruct", "evol_instruct#2"]
    assert (recipe.mix.name, recipe.mix.of) == ("best", "pairs")


def test_where_a_stage_stands_is_known(parse, root):
    recipe = parse(FULL)
    assert recipe.describe_lines("preference_pairs") == (root / "recipes" / "r.yaml", 12)
    assert recipe.describe_lines("filtered_mix") == (root / "recipes" / "r.yaml", 14)


CASES = re.findall(
    r"^## (.+?)\n\n```yaml\n(.*?)```\n\n```text\n(.*?)```$",
    Path(__file__).with_name("bad_recipes.md").read_text(encoding="utf-8"),
    flags=re.MULTILINE | re.DOTALL,
)


def test_the_page_of_bad_recipes_is_read_whole():
    assert len(CASES) == Path(__file__).with_name("bad_recipes.md").read_text(encoding="utf-8").count("## ")


@pytest.mark.parametrize(("text", "expected"), [pytest.param(text, said, id=name) for name, text, said in CASES])
def test_each_mistake_is_told_with_line_cause_and_cure(problems, text, expected):
    assert [str(problem).removeprefix("recipes/r.yaml:") for problem in problems(text)] == expected.splitlines()


def test_all_mistakes_of_all_sections_come_at_once_in_the_order_of_the_file(problems):
    text = """\
dataset: D
sources:
  - {name: s, reader: flies, license: MIT}
teachers:
  writr: {}
stages:
  seed_corpus: [pi]
  generated_instructions:
    - grounded_qa: {per_passage: 99}
  filtered_mix: {of: nothing}
budget: {usd_per_run: -1}
expect: {min_keep_rate: 2}
"""
    # the role of line 5 may be what the unknown method of line 7 asks for, so it is not judged yet
    assert [problem.line for problem in problems(text)] == [1, 3, 7, 9, 10, 11, 12]


def test_a_method_with_a_bad_setting_still_counts_as_asking_for_its_roles(problems):
    text = FULL.replace("{rounds: 1}", "{rounds: 0}").replace("writer: {use: default}", "critic: {}")
    assert [problem.line for problem in problems(text)] == [11]


def test_a_secret_is_never_repeated(problems):
    secret = "sk-live-0123456789"
    text = SMALL + f"{secret}: 1\nteachers: {{writer: {{use: {secret}, api_key_env: {secret}}}, {secret}: {{}}}}\n"
    text = text.replace("license: MIT", f"license: MIT, {secret}: 1")
    assert not [problem for problem in problems(text) if "0123456789" in str(problem)]


def test_a_symlink_that_leaves_the_project_is_refused(problems, root, tmp_path_factory):
    (root / "out").symlink_to(tmp_path_factory.mktemp("elsewhere"))
    (found,) = problems(SMALL.replace("filtered_mix: {}", "filtered_mix: {filters: [{decontaminate: {against: out}}]}"))
    assert "'out' leaves the project." in found.cause


WORDS = st.sampled_from(
    re.findall(
        r"\S+",
        """
        dataset sources stages teachers budget expect seed seed_corpus generated_instructions filtered_mix
        kind from steps of filters deduplicate select mix measure pii grounded_qa lengths minhash
        decontaminate against name reader files license MIT path chunk max_words corpus instructions writer d
        ../x ${A} sk-1
        """,
    )
)
LEAVES = st.one_of(WORDS, st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4))


def as_yaml(value: object) -> str:
    """Flow YAML in which text stays what it is, quoted or not."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {as_yaml(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(as_yaml(item) for item in value) + "]"
    return "~" if value is None else str(value)


TEXTS = st.one_of(
    st.text(),
    VALUES.map(as_yaml),
    st.dictionaries(WORDS, VALUES, max_size=6).map(as_yaml),
    st.tuples(st.integers(0, len(FULL)), st.integers(0, 9), st.text(max_size=3)).map(
        lambda cut: FULL[: cut[0]] + cut[2] + FULL[cut[0] + cut[1] :]
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(TEXTS)
def test_any_text_is_a_recipe_or_a_recipe_error(parse, text):
    try:
        recipe = parse(text)
    except RecipeError as error:
        problems = error.problems
    else:
        assert isinstance(recipe, Recipe)
        return
    last = text.count("\n") + text.count("\r") + 3
    assert problems
    assert all(1 <= problem.line <= last and problem.cause for problem in problems)


JOINED = """
dataset: chats
sources:
  - {name: chats, reader: files, path: inbox/chats/, license: CC0-1.0, joins: generated_instructions}
stages:
  seed_corpus: []
  generated_instructions: []
  filtered_mix: {of: generated_instructions}
"""


def test_a_stage_needs_no_steps_where_all_sources_bring_finished_records(parse):
    assert parse(JOINED).stage("generated_instructions").steps == ()
    with pytest.raises(RecipeError, match="has no steps, so it makes no instructions"):
        parse(JOINED.replace("stages:", "  - {name: more, reader: files, path: inbox/m/, license: MIT}\nstages:", 1))
