"""FineWeb's chain: each page of its world goes for the reason that it was written for, and what is kept is clean."""

import json
from pathlib import Path

import pytest

from synth_dagster.method import Filter
from tests.gallery.example import ROOT, example

WORLD = Path("recipes/gallery/worlds/fineweb_pages")
NOT_PLANTED = {
    "gopher_quality:too_many_words",  # a page of 100,001 words is none to ship: test_gopher_quality has it
    "gopher_repetition:empty",  # a page without text is not even read
    "language:other_script",  # the recipe names no scripts,
    "language:mixed",  # and no limit
}


def planted():
    """Page -> what shall become of it, as its folders and its name say."""
    return {page.relative_to(ROOT).as_posix(): _meant(page) for page in sorted((ROOT / WORLD).rglob("*.html"))}


def _meant(page):
    said = page.relative_to(ROOT / WORLD).with_suffix("").parts
    return "kept" if said[0] == "kept" else ":".join(said)


@pytest.fixture(scope="module")
def fates():
    """Page -> what became of it."""
    run = example("fineweb")
    found = {reject["location"]: f"{reject['step']}:{reject['reason']}" for reject in run.rejects if reject["location"]}
    verdicts = {verdict["record_id"]: verdict["reason"] or verdict["verdict"] for verdict in run.verdicts}
    for (_, record_id), row in run.rows.items():
        if row["status"] != "superseded":
            found[json.loads(row["attributes"])["native_key"]] = row["reason"] or verdicts[record_id]
    return found


def test_each_page_goes_for_the_reason_that_it_was_written_for(fates):
    assert fates == planted()


def test_every_rule_of_the_chain_has_its_page():
    filters = [step for step in example("fineweb").recipe.steps() if isinstance(step.method, Filter)]
    rules = {f"{step.slug}:{rule}" for step in filters for rule in step.method.rules()}
    assert len(rules) > 25
    assert rules - set(planted().values()) == NOT_PLANTED & rules


def test_what_is_kept_is_without_notices_citations_and_addresses():
    kept = {row["title"]: row["text"] for row in example("fineweb").kept}
    railway, glass = kept["The branch line"], kept["Glass"]
    assert "a wet autumn and closed" in railway  # the page has autumn[1], Markdown autumn\[1\]
    assert not any(notice in railway for notice in ("JavaScript", "cookies", "Read more"))
    assert "@example." in glass and "workshop@" not in glass and "8.8.8.8" not in glass
