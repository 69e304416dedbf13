"""Methods are found by what they are for, by what they need and by the stage of a model's life, always in one order."""

import json
from typing import get_args

import pytest
from typer.testing import CliRunner

from synth_dagster.catalog import methods
from synth_dagster.cli.app import app
from synth_dagster.cli.choosing import NoPurpose, ranked
from synth_dagster.cli.methods import Wish, entries
from synth_dagster.errors import UnknownName
from synth_dagster.method import Family, Lifecycle, Need

ALL = list(methods().values())


def slugs(**wish):
    return [entry.slug for entry in entries(Wish(**wish))]


@pytest.mark.parametrize(
    ("purpose", "meant"),
    [
        pytest.param("math reasoning", "metamath", id="part of a word"),
        pytest.param("near duplicates", "minhash", id="stems"),
        pytest.param("keep benchmarks out", "decontaminate", id="summary"),
        pytest.param("harder instructions", "evol_instruct", id="plural"),
        pytest.param("anonymize personal data", "gdr", id="American"),
        pytest.param("anonymise", "pii", id="British"),
        pytest.param("remove toxic text", "gdr", id="what a setting of it does"),
        pytest.param("multi-turn conversations", "smoltalk_zh", id="two words in one"),
        pytest.param("dialogue", "conversation", id="another word for it"),
        pytest.param("hallucination", "grounded_qa", id="what its records are made against"),
        pytest.param("translation", "numinamath_cot", id="what it does on the way"),
        pytest.param("translation", "smoltalk_zh", id="one of its kinds of task"),
        pytest.param("safety", "privacy_security_guard", id="what it serves"),
    ],
)
def test_what_is_meant_is_among_the_first_three(purpose, meant):
    assert meant in slugs(purpose=purpose)[:3]


@pytest.mark.parametrize(("name", "meant"), [("UltraFeedback", "ultrafeedback"), ("2309.12284", "metamath")])
def test_the_name_or_number_of_a_paper_finds_its_method_first(name, meant):
    assert slugs(purpose=name)[0] == meant


def test_the_order_depends_on_nothing_but_the_words():
    found = [method.slug for method in ranked("math reasoning", ALL)]
    assert found == [method.slug for method in ranked("reasoning: MATH!", ALL[::-1])]


def test_words_that_no_method_has_find_none_and_no_words_are_refused():
    assert slugs(purpose="zeppelin") == slugs(purpose="nonsensewords") == []
    with pytest.raises(NoPurpose, match="no word to look for"):
        slugs(purpose=" of the ")


def test_filters_narrow_each_other():
    assert {"metamath", "evol_instruct"} <= set(slugs(kind="augment", stage="instruct"))
    without = slugs(needs=("nothing",), stage="instruct")
    assert without and all(methods()[slug].needs() == () for slug in without)
    both = set(slugs(needs=("teacher",), kind="synthesize"))
    assert both and all(set(methods()[slug].needs()) <= {"teacher"} for slug in both)


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"stage": "pretrian"}, "Did you mean 'pretrain'?"),
        ({"needs": ("teachers",)}, "Did you mean 'teacher'?"),
        ({"kind": "filters"}, "Did you mean 'filter'?"),
    ],
)
def test_a_slip_names_the_nearest_word(wish, said):
    with pytest.raises(UnknownName) as caught:
        slugs(**wish)
    assert said in str(caught.value)


@pytest.mark.parametrize("slug", methods())
def test_every_method_says_what_it_is(slug):
    method = methods()[slug]
    assert getattr(method, "family", None) in get_args(Family), "Say its `family`, as method/base.py lists them."
    assert method.serves() and set(method.serves()) <= set(get_args(Lifecycle))
    assert set(method.needs()) <= set(get_args(Need))


def test_the_command_prints_the_same_as_json():
    done = CliRunner().invoke(app, ["methods", "--for", "math", "--stage", "instruct", "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert [entry["slug"] for entry in found] == slugs(purpose="math", stage="instruct")
    assert found[0]["family"] and "instruct" in found[0]["serves"]
