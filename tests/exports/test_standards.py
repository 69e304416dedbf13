"""Standards written from facts that are drawn by hand: licences as SPDX writes them, lineage as it was."""

import io
import json
from collections import defaultdict
from dataclasses import replace
from random import Random

import pytest

from synth_dagster.exports.base import Form, Origin
from synth_dagster.exports.facts import VersionFacts
from synth_dagster.exports.standards.base import Shown
from synth_dagster.exports.standards.prov import Prov, name
from tests.exports.by_hand import exported, instruction
from tests.exports.test_card import known

# ----------------------------------------------------------------------------------------------------------- licences

HOUSE = {"MIT OR Apache-2.0": 5, "CC BY 4.0": 4}, {"House rules": 9, "": 1}
"""What the records of two sources say: a choice beside a name of people, and terms on no list beside nothing."""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    about = known(licenses={"MIT OR Apache-2.0 AND House rules": 1, "CC BY 4.0": 1})
    about = replace(
        about, sources=[replace(one, licenses=said) for one, said in zip(about.sources, HOUSE, strict=True)]
    )
    to = tmp_path_factory.mktemp("house") / "out"
    records = [instruction(f"Q{n}?", "A.") for n in range(3)]
    origin = Origin(dataset="demo_set", release="r0001", about=about)
    exported("trl", records, "instruction", to=to, origin=origin, form=Form(standards=("croissant", "prov", "spdx")))
    return lambda file: json.loads((to / file).read_text())


def test_spdx_declares_what_each_source_says_and_a_choice_stays_one(written):
    graph = written("spdx.json")["@graph"]
    by_id = {one["spdxId"]: one for one in graph if "spdxId" in one}
    declared = {
        by_id[one["from"]]["name"]: by_id[one["to"][0]]["simplelicensing_licenseExpression"]
        for one in graph
        if one.get("relationshipType") == "hasDeclaredLicense"
    }
    # AND binds before OR, so a choice beside another licence stands in brackets
    assert declared == {"notes": "CC-BY-4.0 AND (MIT OR Apache-2.0)", "talks": "LicenseRef-House-rules"}
    (concluded,) = [one for one in graph if one.get("relationshipType") == "hasConcludedLicense"]
    said = by_id[concluded["to"][0]]["simplelicensing_licenseExpression"]
    assert said == "CC-BY-4.0 AND (MIT OR (Apache-2.0 AND LicenseRef-House-rules))"


def test_spdx_says_what_stands_behind_terms_that_are_on_no_list(written):
    import spdx_python_model

    document = written("spdx.json")
    model, objects = spdx_python_model.load_data(document)
    model.JSONLDSerializer().write(objects, io.BytesIO())
    assert not objects.missing_ids
    (terms,) = [one for one in document["@graph"] if one["type"] == "simplelicensing_SimpleLicensingText"]
    assert "House rules" in terms["simplelicensing_licenseText"]
    for one in document["@graph"]:
        if "House" in one.get("simplelicensing_licenseExpression", ""):
            (entry,) = one["simplelicensing_customIdToUri"]
            assert (entry["key"], entry["value"]) == ("LicenseRef-House-rules", terms["spdxId"])


def test_other_standards_say_the_same_licences(written):
    said = {key: one.get("synth:license") for key, one in written("prov.json")["entity"].items()}
    assert said["synth:source/notes"] == "CC-BY-4.0 AND (MIT OR Apache-2.0)"
    assert said["synth:source/talks"] == "LicenseRef-House-rules"
    assert written("croissant.json")["license"] == ["CC-BY-4.0 AND (MIT OR (Apache-2.0 AND LicenseRef-House-rules))"]


def test_croissant_is_derived_from_the_sources_and_attributed_to_the_models(written):
    said, about = written("croissant.json"), known()
    assert [one["name"] for one in said["prov:wasDerivedFrom"]] == [one.name for one in about.sources]
    assert [one["name"] for one in said["prov:wasAttributedTo"]] == list(about.models)
    assert said["prov:wasGeneratedBy"]["@id"].endswith(f":run:{about.run}")


# ----------------------------------------------------------------------------------------------------------- lineage


def versions(draw):
    """Up to a dozen versions of three stages, each made from any of those before it, or from a source."""
    made: list[VersionFacts] = []
    for number in range(draw.randint(1, 12)):
        above = draw.sample([one.id for one in made], draw.randint(0, min(3, len(made))))
        at = f"2026-03-02T10:00:{number:02}Z"
        place = {"stage": draw.choice(["corpus", "questions", "pairs"]), "batch": f"{draw.choice('ab')}:{number}"}
        about = {"code_version": "c", "recipe": "r", "run": "run-1", "records": 1, "rejected": number % 2}
        made.append(VersionFacts(**place, data_version=f"v{number}", made_from=above, made_at=at, **about))
    return made


def closure(parents, one):
    found, left = set(), list(parents[one])
    while left:
        above = left.pop()
        if above not in found:
            found.add(above)
            left += parents[above]
    return found


@pytest.mark.parametrize("lineages", [200, pytest.param(1_000, marks=pytest.mark.prove)])
def test_what_prov_derives_is_the_closure_of_the_lineage(lineages):
    draw, about = Random(lineages), known()
    for _ in range(lineages):
        made = versions(draw)
        said = json.loads(Prov().write(replace(about, versions=made), Shown(manifest=None, data={}, columns={})))
        told, wanted = defaultdict(list), defaultdict(list)
        for one in said["wasDerivedFrom"].values():
            told[one["prov:generatedEntity"]].append(one["prov:usedEntity"])
        for one in made:
            sources = [name("source", one.batch[0])]
            wanted[name("version", one.id)] = [name("version", above) for above in one.made_from] or sources
        for one in made:  # a version is never above itself, and nothing above it was made later
            above = closure(told, name("version", one.id))
            assert above == closure(wanted, name("version", one.id)) and name("version", one.id) not in above
        used = {above for one in made for above in one.made_from}
        last = [name("version", one.id) for one in made if one.id not in used]
        assert sorted(told[name("release", about.release)]) == sorted(last)
        generated = [one["prov:entity"] for one in said["wasGeneratedBy"].values()]
        assert len(generated) == len(set(generated)) == len(made) + 1
        times = {one["prov:entity"]: one["prov:time"] for one in said["wasGeneratedBy"].values()}
        for one in said["wasDerivedFrom"].values():
            if one["prov:generatedEntity"] != name("release", about.release):
                assert times.get(one["prov:usedEntity"], "") < times[one["prov:generatedEntity"]]
