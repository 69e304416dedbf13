"""Every recipe of the gallery as a person's run: through Dagster with its gates, and it ends as its page says.

One project holds them all, as that of somebody who tries one after the other.
"""

from functools import cache

import pytest

from tests.cli.project import Place
from tests.gallery.example import slugs
from tests.gallery.whole import page_of, run_whole, seeds_of

SHORT = {"seed_corpus/expectations_warn"}  # the seeds are names, and no texts
SEVERAL = {"generated_instructions/expectations_warn"}  # several answers to one question are kept
FOUND = {f"seed_corpus/privacy_security_guard__{check}" for check in ("personal_data", "secrets", "poisoned_seeds")}
ORDERS = {"seed_corpus/privacy_security_guard__injected_instructions"}
WARNED = {  # what people are told of, and what no gate closes over
    "glan": SHORT,
    "kpdds": SEVERAL,
    "kv_retrieval": SHORT,
    "numinamath_tir": SEVERAL,
    "oak": SHORT | SEVERAL,
    "plant_canaries": SEVERAL | {"generated_instructions/seed_leakage_guard__near_copies"},
    "privacy_security_guard": FOUND | ORDERS,
    "probe_instructions": ORDERS,
    "probe_recipe": ORDERS,
}
SAMPLE = {"metamath", "redstone_qa", "semantic_dedup"}  # the embedded teacher, a program behind an endpoint, nobody
every = pytest.mark.parametrize(
    "slug", [slug if slug in SAMPLE else pytest.param(slug, marks=pytest.mark.prove(minutes=4)) for slug in slugs()]
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The runs of a recipe, made when they are first asked for."""
    place = Place(tmp_path_factory.mktemp("gallery") / "p")
    made = place.call("new", str(place.root), cwd=place.root.parent)
    assert made.code == 0, made.err
    return cache(lambda slug: run_whole(place, slug))


@every
def test_a_run_succeeds_and_every_gate_of_it_opens(whole, slug):
    run = whole(slug)
    recipe = run.left.recipe
    # the batch, once for each wave of its stages, and the release
    assert list(run.after_first.runs.values()) == ["SUCCESS"] * (len(recipe.waves) + 1)
    gated = {*recipe.stages, "quality_signals", recipe.mix.name}
    assert {asset for asset, check in run.checks if check == "expectations"} == gated
    assert [check for check, held in run.checks.items() if not held] == []
    assert {f"{asset}/{check}" for (asset, check), held in run.warnings.items() if not held} == WARNED.get(slug, set())


@every
def test_it_ends_as_its_page_says(whole, slug):
    run, page = whole(slug), page_of(slug)
    assert dict(run.left.drops) == page.drops
    assert (run.left.judged, len(run.left.kept)) == (page.judged, page.kept)
    # what is asked twice is paid once; on the page it counts twice
    assert run.paid / run.left.written - 0.005 <= page.calls <= (run.paid + run.cached) / run.left.written + 0.005


@every
def test_each_record_of_its_last_stage_has_one_verdict(whole, slug):
    left = whole(slug).left
    last = [record_id for stage, record_id in left.rows if stage == left.recipe.mix.of]
    assert sorted(row["record_id"] for row in left.verdicts) == sorted(last)
    assert sum(row["verdict"] == "kept" for row in left.verdicts) == len(left.kept)
    assert all(row["reason"] for row in left.verdicts if row["verdict"] == "dropped")


@every
def test_a_second_run_asks_nobody_and_makes_nothing(whole, slug):
    run = whole(slug)
    assert run.second.code == 0, run.second.err
    assert run.after_second == run.after_first and run.after_first.releases == ("r0001",)


@every
def test_its_release_is_verified_and_a_kept_record_leads_back_to_a_seed(whole, slug):
    run = whole(slug)
    assert run.verified.code == 0, run.verified.out + run.verified.err
    assert run.traced.code == 0, run.traced.err
    first = next(iter(run.left.recipe.stages))
    seeds = seeds_of(run.traced.json())
    assert seeds and {seed["stage"] for seed in seeds} == {first}
