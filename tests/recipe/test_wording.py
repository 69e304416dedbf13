"""What a method says to its teachers is part of the fingerprint, and what of it changed is named."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from synth_dagster.catalog import methods
from synth_dagster.errors import MethodError
from synth_dagster.methods.augment import evol_instruct
from synth_dagster.prompt import Prompt
from synth_dagster.recipe import load_recipe, method_roles
from synth_dagster.recipe.makeup import differences, makeup_of
from synth_dagster.recipe.wording import UNSAID, named_forms, named_prompts, said_by, words_of
from synth_dagster.services import Reply

ROOT = Path(__file__).parents[2]
ALL = methods()
TALKING = [slug for slug, method in ALL.items() if set(method_roles(method)) - {"embedder"}]


@pytest.fixture(scope="module")
def recipe():
    return load_recipe(ROOT / "recipes/python_help.yaml", root=ROOT)


def prints(recipe):
    return {stage: recipe.fingerprint(stage, root=ROOT) for stage in recipe.stages}


def makeup(recipe, stage="generated_instructions"):
    """As it is kept: what went through JSON."""
    return json.loads(json.dumps(makeup_of(recipe, stage, teachers={}, root=ROOT, source=recipe.sources[0].name)))


@pytest.fixture
def edited(monkeypatch):
    """Edits a prompt of Evol-Instruct, as if its file had been edited before the program began."""

    def edit(name, *keys):
        old = getattr(evol_instruct, name)
        if isinstance(old, Prompt):
            new = Prompt(user=old.user + " Be brief.", system=old.system)
        else:
            new = old | {key: Prompt(user=old[key].user + " Be brief.", system=old[key].system) for key in keys}
        monkeypatch.setattr(evol_instruct, name, new)

    return edit


@pytest.mark.parametrize("slug", ALL)
def test_who_asks_a_teacher_says_something_and_nobody_else_does(slug):
    says = bool(named_prompts(ALL[slug]) or named_forms(ALL[slug]))
    assert says == (slug in TALKING)


def test_a_method_says_what_stands_in_its_own_module():
    assert set(named_forms(ALL["evol_instruct"])) == {"Evolved", "Answered", "Compared"}
    assert {"ANSWER", "EQUAL", "EVOLVE[deepen]"} < set(named_prompts(ALL["evol_instruct"]))
    assert {"SOLVE", "REPHRASE", "DECLARE", "TOLD", "STATED"} == set(named_prompts(ALL["metamath"]))


def test_an_edited_prompt_changes_its_stage_and_no_other(recipe, edited):
    before = prints(recipe)
    edited("ANSWER")
    after = prints(recipe)
    assert [stage for stage in before if before[stage] != after[stage]] == ["generated_instructions"]


def test_the_words_of_a_form_count_as_a_prompt_does_and_the_name_of_a_variable_does_not(recipe, monkeypatch):
    before = prints(recipe)

    class Compared(Reply):
        equal: bool = Field(description="Other words for it.")
        reason: str = Field(description="What differs, in one sentence.")

    monkeypatch.setattr(evol_instruct, "ANSWERING", evol_instruct.ANSWER, raising=False)
    assert prints(recipe) == before
    monkeypatch.setattr(evol_instruct, "Compared", Compared)
    assert prints(recipe)["generated_instructions"] != before["generated_instructions"]


def test_a_shipped_method_that_was_not_edited_has_the_fingerprint_that_it_had_before_prompts_counted():
    """An edit of ours ends that, on purpose: then the method leaves the table."""
    assert {slug: said_by(ALL[slug]) for slug in UNSAID} == dict.fromkeys(UNSAID, "")


def test_what_was_edited_is_named(recipe, edited):
    before = makeup(recipe)
    assert differences(before, makeup(recipe)) == []
    edited("ANSWER")
    assert differences(before, makeup(recipe)) == ["prompt ANSWER of evol_instruct was edited"]
    edited("EVOLVE", "deepen")
    assert "prompt EVOLVE[deepen] of evol_instruct was edited" in differences(before, makeup(recipe))
    edited("EVOLVE", "deepen", "reason")
    assert "prompt EVOLVE of evol_instruct was edited" in differences(before, makeup(recipe))


def changed(path, value, start):
    """A copy of what a stage is made by with one thing of it changed, or removed where the value is None."""
    copy = json.loads(json.dumps(start))
    *way, last = path
    inside = copy
    for name in way:
        inside = inside[name]
    if value is None:
        del inside[last]
    else:
        inside[last] = value
    return copy


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        pytest.param(("steps", "grounded_qa"), None, "grounded_qa is new", id="a step more"),
        pytest.param(
            ("steps", "grounded_qa", "settings", "per_passage"), 9, "per_passage of grounded_qa changed", id="a setting"
        ),
        pytest.param(
            ("steps", "evol_instruct", "version"), "0", "evol_instruct is another version (0, now 1)", id="a version"
        ),
        pytest.param(
            ("steps", "grounded_qa", "files"), ["x"], "a file that grounded_qa reads changed", id="a file it names"
        ),
        pytest.param(
            ("steps", "evol_instruct", "forms", "Evolved"), {}, "form Evolved of evol_instruct was edited", id="a form"
        ),
        pytest.param(("teachers", "writer"), {"models": ["m"]}, "the role writer changed", id="another model"),
        pytest.param(("terms",), ["x"], "what the recipe says of the source changed", id="a licence"),
        pytest.param(("steps", "other"), {"slug": "other"}, "other is no longer there", id="a step less"),
    ],
)
def test_every_other_change_is_named_too(recipe, path, value, said):
    now = makeup(recipe)
    assert differences(changed(path, value, now), now) == [said]


def test_steps_in_another_order_are_said_to_be_so(recipe):
    now = makeup(recipe)
    assert len(now["steps"]) > 1
    turned = now | {"steps": dict(reversed(now["steps"].items()))}
    assert differences(turned, now) == ["the order of steps changed"]


def test_the_words_of_inner_models_count():
    assert words_of(_questions())["Item.question"].startswith("A question that is complete")


def _questions():
    from synth_dagster.methods.synthesize.grounded_qa import Questions

    return Questions


WORDS = st.text(alphabet="ab {}\n", max_size=8)


@given(before=WORDS, filled=WORDS.filter(bool), material=WORDS)
def test_a_place_filled_in_for_good_reads_as_one_filled_in_when_it_is_sent(before, filled, material):
    plain = before.replace("{", "{{").replace("}", "}}")
    prompt = Prompt(user=plain + "{how} and {passage}", system="{how}")
    for_good = prompt.filled(how=filled)
    assert for_good.variables == {"passage"}
    assert for_good.messages({"passage": material}) == prompt.messages({"passage": material, "how": filled})


def test_the_hash_of_a_prompt_names_what_was_filled_in_for_good():
    prompt = Prompt(user="{how}: {passage}")
    assert prompt.filled(how="Gently").hash != prompt.filled(how="Firmly").hash
    assert prompt.filled(how="Gently").hash == Prompt(user="Gently: {passage}").hash
    with pytest.raises(MethodError, match=r"has the places \['how', 'passage'\] and not \['why'\]"):
        prompt.filled(why="x")
