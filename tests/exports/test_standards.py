"""Standards written from facts that are drawn by hand: licences as SPDX writes them, lineage as it was."""

import io
import json
from collections import defaultdict
from dataclasses import replace
from random import Random

import pytest

from synth_dagster.exports.base import Form, Origin, maker
from synth_dagster.exports.facts import PersonalFacts, VersionFacts
from synth_dagster.exports.manifest import Manifest
from synth_dagster.exports.standards.base import Shown
from synth_dagster.exports.standards.croissant import Croissant
from synth_dagster.exports.standards.data_provenance import DataProvenance, class_of
from synth_dagster.exports.standards.eu_summary import EuSummary, gaps, renewal, reservations, tokens_by_section
from synth_dagster.exports.standards.prov import Prov, name
from synth_dagster.exports.standards.spdx import Spdx
from synth_dagster.licences.registry import spdx
from tests.exports.by_hand import exported, instruction
from tests.exports.test_card import known
from tests.licences.test_terms import AUDIT

# ----------------------------------------------------------------------------------------------------------- licences

HOUSE = {"MIT OR Apache-2.0": 5, "CC BY 4.0": 4}, {"House rules": 9, "": 1}
"""What the records of two sources say: a choice beside a name of people, and terms on no list beside nothing."""


def about_house():
    about = known(licenses={"MIT OR Apache-2.0 AND House rules": 1, "CC BY 4.0": 1})
    sources = [replace(one, licenses=said) for one, said in zip(about.sources, HOUSE, strict=True)]
    return replace(about, sources=sources)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    about = about_house()
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
    graph = written("spdx.json")["@graph"]
    (terms,) = [one for one in graph if one["type"] == "simplelicensing_SimpleLicensingText"]
    assert "House rules" in terms["simplelicensing_licenseText"]
    for one in graph:
        if "House" in one.get("simplelicensing_licenseExpression", ""):
            (entry,) = one["simplelicensing_customIdToUri"]
            assert (entry["key"], entry["value"]) == ("LicenseRef-House-rules", terms["spdxId"])
    assert spdx_graph(about_house())


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


@pytest.mark.parametrize(
    ("licence", "duties", "only_for", "forbidden"),
    [
        ("CC0-1.0", [], None, None),
        ("MIT", ["odrl:attribute"], None, None),
        ("CC BY-NC-SA 4.0", ["odrl:attribute", "odrl:shareAlike"], "non-commercial", None),
        ("CC-BY-ND-4.0", ["odrl:attribute"], None, "odrl:derive"),
    ],
)
def test_croissant_says_in_odrl_what_all_licences_together_allow(licence, duties, only_for, forbidden):
    offer = json.loads(Croissant().write(known(licenses={"CC0-1.0": 1, licence: 1}), shown()))["usageInfo"]
    use = offer["odrl:permission"]
    assert (offer["@type"], use["odrl:action"]["@id"]) == ("odrl:Offer", "odrl:use")
    assert [one["odrl:action"]["@id"] for one in use.get("odrl:duty", [])] == duties
    assert use.get("odrl:constraint", {}).get("odrl:rightOperand") == only_for
    assert offer.get("odrl:prohibition", {}).get("odrl:action", {}).get("@id") == forbidden


@pytest.mark.parametrize("licence", ["House rules", "NOASSERTION", ""])
def test_what_nobody_knows_the_terms_of_is_offered_for_no_use(licence):
    assert "usageInfo" not in json.loads(Croissant().write(known(licenses={"MIT": 1, licence: 1}), shown()))


# ----------------------------------------------------------------------------- what was looked for, and what is lacking

LOOKED = {
    "personal": PersonalFacts(stages=["corpus"], by=["pii"], replaced={"emails": 2}, kept={"phone": 1}),
    "retained": {"en": (20, 18), "yo": (12, 0)},
    "benchmarks": [
        {"step": "decontaminate", "method": "decontaminate", "version": "4", "against": "data/mt.jsonl", "items": 160}
    ],
    "dropped": {"decontaminate:contaminated": 3, "decontaminate:tainted": 1},
    "publication": {"contact": "data@example.org", "removal": "Write to us."},
}
PERSONAL_SAID = "Looked for in corpus by pii. Replaced: emails 2. Found by guards in records of the release: phone 1."
KEPT_SAID = "Kept of each language, of the records that were judged: en 18 of 20, yo 0 of 12."
COMPARED_SAID = "Compared with 160 items of data/mt.jsonl by decontaminate 4; 4 records were dropped for it."


def test_personal_data_bias_and_benchmarks_stand_where_each_standard_has_them(tmp_path):
    about = known(**LOOKED)
    croissant = json.loads(Croissant().write(about, shown()))
    (personal,) = croissant["rai:personalSensitiveInformation"]
    assert personal.startswith(PERSONAL_SAID) and croissant["rai:dataBiases"] == [KEPT_SAID]
    assert croissant["rai:dataLimitations"][0] == COMPARED_SAID
    assert croissant["rai:dataReleaseMaintenancePlan"] == "Write to us. Contact: data@example.org."
    graph = spdx_graph(about)
    (package,) = [one for one in graph if one["type"] == "dataset_DatasetPackage"]
    assert package["dataset_hasSensitivePersonalInformation"] == "yes"
    assert package["dataset_anonymizationMethodUsed"] == [personal]
    assert package["dataset_knownBias"] == [KEPT_SAID, COMPARED_SAID]
    origin = Origin(dataset="demo_set", release="r0001", about=about)
    exported("trl", [instruction("Q?", "A.")], "instruction", to=tmp_path / "out", origin=origin)
    card = (tmp_path / "out/README.md").read_text()
    assert personal in card and KEPT_SAID in card and COMPARED_SAID in card
    assert card.rstrip().endswith("## Dataset Card Contact\n\ndata@example.org") and "\n\nWrite to us.\n" in card


def spdx_graph(about):
    """The elements, after SPDX's own bindings have read and written them."""
    import spdx_python_model

    document = json.loads(Spdx().write(about, shown()))
    model, objects = spdx_python_model.load_data(document)
    model.JSONLDSerializer().write(objects, io.BytesIO())
    assert not objects.missing_ids
    return document["@graph"]


def test_where_nobody_looked_that_is_said_and_nothing_is_claimed():
    croissant = json.loads(Croissant().write(known(), shown()))
    assert croissant["rai:personalSensitiveInformation"] == ["No step and no guard looked for personal data."]
    assert not {"rai:dataBiases", "rai:dataReleaseMaintenancePlan"} & croissant.keys()
    graph = spdx_graph(known())
    (package,) = [one for one in graph if one["type"] == "dataset_DatasetPackage"]
    assert package["dataset_hasSensitivePersonalInformation"] == "noAssertion"
    assert not {"dataset_anonymizationMethodUsed", "dataset_knownBias"} & package.keys()


# ------------------------------------------------------------------------------- the Data Provenance Initiative's entry

# Of each key of the published template: its type, whether it must be there, whether it must say something where it is.
TEMPLATE = {
    "Unique Dataset Identifier": (str, True, True),
    "Dataset Name": (str, True, True),
    "Collection": (str, True, True),
    "Collection URL": (str, True, True),
    "Dataset URL": (str, True, True),
    "GitHub URL": (str, True, False),
    "Hugging Face URL": (str, True, False),
    "Paper Title": (str, True, False),
    "Papers with Code URL": (str, True, False),
    "ArXiv URL": (str, True, False),
    "Semantic Scholar Corpus ID": (int, True, False),
    "Bibtex": (str, True, False),
    "Languages": (list, True, True),
    "Task Categories": (list, True, True),
    "Text Topics": (list, False, True),
    "Format": (list, True, True),
    "Text Metrics": (dict, False, False),
    "Text Sources": (list, True, False),
    "Model Generated": (list, True, False),
    "Human Annotation": (str, True, True),
    "Derived from Datasets": (list, True, False),
    "Creators": (list, True, False),
    "Licenses": (list, True, False),
    "License Notes": (str, True, False),
    "License Verified By": (str, True, False),
    "Dataset Filter IDs": (list, True, True),
    "Inferred Metadata": (dict, False, False),
}


def template_problems(entry):
    """What the template finds wrong with an entry; a number may be an empty text."""
    yield from (f"{key} is no key of the template" for key in entry.keys() - TEMPLATE.keys())
    for key, (type_, is_required, says_something) in TEMPLATE.items():
        if key not in entry:
            yield from [f"{key} is missing"] if is_required else []
        elif not (isinstance(entry[key], type_) or (type_ is int and entry[key] == "")):
            yield f"{key} is {type(entry[key]).__name__}"
        elif says_something and not entry[key]:
            yield f"{key} says nothing"
    order = [key for key in TEMPLATE if key in entry]
    yield from [] if [key for key in entry if key in TEMPLATE] == order else ["keys stand in another order"]


@pytest.mark.parametrize("kind", ["instruction", "preference"])
def test_the_data_provenance_entry_is_what_its_template_asks_for(kind):
    told = json.loads(DataProvenance().write(known(kind=kind), shown()))
    assert list(told) == ["demo_set_r0001"]
    entry = told["demo_set_r0001"]
    assert list(template_problems(entry)) == [] and entry["Languages"] == ["English", "Portuguese"]
    assert entry["Human Annotation"] == "No" and entry["Inferred Metadata"]["Not Known"] == ["which checks ran"]


@pytest.mark.parametrize(
    "spoilt",
    [{"Languages": []}, {"Bibtex": None}, {"Own": 1}, {"Creators": "Mill House"}, {"Semantic Scholar Corpus ID": "x"}],
)
def test_the_template_finds_what_is_wrong(spoilt):
    entry = json.loads(DataProvenance().write(known(), shown()))["demo_set_r0001"]
    assert len(list(template_problems(entry | spoilt))) == 1
    assert list(template_problems({key: value for key, value in entry.items() if key != "Format"}))


AUDITED = [row.split("|")[0] for row in AUDIT.strip().splitlines()]


@pytest.mark.parametrize("name", AUDITED)
def test_a_licence_of_the_audit_is_called_as_the_audit_calls_it(name):
    found = class_of(spdx(name))
    assert found in AUDITED and spdx(found) == spdx(name)


def test_a_licence_that_the_audit_has_no_class_for_is_custom():
    assert [class_of(name) for name in ("AGPL-3.0-only", "CC-BY-1.0", "LicenseRef-House")] == ["Custom"] * 3


# --------------------------------------------------------------------------------------------- the EU's public summary


def with_sources(*sources, **more):
    """Facts of sources as (reader, human tokens, consent, hosts)."""
    (first, *_) = known().sources
    found = [
        replace(first, name=f"s{n}", reader=reader, tokens=human, human_tokens=human, consents={said: 1}, hosts=hosts)
        for n, (reader, human, said, hosts) in enumerate(sources)
    ]
    return known(sources=found, **more)


LOOKED_UP = "no opt-out of a.org on 2026-03-01, snapshot 0123456789ab"


def test_every_token_is_in_one_section_of_the_summary():
    about = with_sources(
        ("huggingface", 10, "", {}),
        ("files", 20, "", {}),
        ("files", 30, "asked in 2026", {}),
        ("files", 5, LOOKED_UP, {"a.org": 1}),
        tokens=100,
        publication={"public_sources": {"s1": "https://example.org/s1"}},
    )
    parts = {name[:3]: tokens for name, tokens in tokens_by_section(about).items()}
    # s0 by its reader and s1 by what the recipe states are public, s3 is of the web; models wrote the other 35
    assert parts == {"2.1": 30, "2.3": 5, "2.5": 35, "2.6": 30} and sum(parts.values()) == about.tokens


@pytest.mark.parametrize(
    ("about", "missing"),
    [
        pytest.param(with_sources(("files", 40, LOOKED_UP, {"a.org": 1}), tokens=80), [], id="complete"),
        pytest.param(
            with_sources(("files", 80, "not looked up: a.org", {}), tokens=80, models={}),
            ["2.3: the domains of the crawled source s0"],
            id="a crawl without domains",
        ),
        pytest.param(
            with_sources(("files", 40, "", {}), tokens=80, models={}),
            ["2.5: which models generated the synthetic data"],
            id="synthetic by nobody",
        ),
        pytest.param(with_sources(tokens=0, models={}), ["2: any source of the data"], id="no source"),
    ],
)
def test_a_summary_that_lacks_something_says_so(about, missing):
    assert list(gaps(about)) == missing
    text = EuSummary().write(about, shown())
    assert ("**Not complete.**" in text) == bool(missing) and all(f"- {one}\n" in text for one in missing)


@pytest.mark.parametrize(
    ("made", "renewed"),
    [
        ("2026-03-02T10:00:00Z", "2026-09-02"),
        ("2026-08-31T10:00:00Z", "2027-02-28"),
        ("2027-08-30T10:00:00Z", "2028-02-29"),
        ("2026-12-31T10:00:00Z", "2027-06-30"),
    ],
)
def test_a_summary_says_by_when_it_is_to_be_renewed(made, renewed):
    assert renewal(made) == renewed
    assert f"to be renewed by {renewed}" in EuSummary().write(known(made_at=made), shown())


@pytest.mark.parametrize(
    ("consents", "said"),
    [
        pytest.param(["", "asked"], "what the sites of the sources say was not recorded", id="nobody looked"),
        pytest.param([LOOKED_UP], "the sites that were looked up refuse nothing", id="no refusal"),
        pytest.param(
            [
                LOOKED_UP.replace("no opt-out", "opt-out by ai.txt"),
                LOOKED_UP.replace("no opt-out", "no sale by terms, unsure,") + f" AND {LOOKED_UP}",
                LOOKED_UP.replace("a.org", "b.org").replace("no opt-out", "opt-out by ai.txt"),
            ],
            "no sale by terms, unsure 1, opt-out by ai.txt 2",
            id="refusals, by what they are",
        ),
    ],
)
def test_reservations_are_counted_by_what_sites_refuse(consents, said):
    about = with_sources(*(("files", 1, one, {}) for one in consents))
    assert reservations(about).partition(". Opt-outs")[0] == said


# ----------------------------------------------------------------------------------------------------------- lineage


BARE = Manifest(
    format="trl", dataset="demo_set", release="r0001", kind="instruction", demo=False, records=0, rows=0, tokens=0
)


def agents(document, kind, of):
    """What a document says of the agents of a thing: label -> type."""
    end = {"wasAssociatedWith": "prov:activity", "wasAttributedTo": "prov:entity"}[kind]
    named = [one["prov:agent"] for one in document[kind].values() if one[end] == of]
    return {document["agent"][one]["prov:label"]: document["agent"][one]["prov:type"]["$"] for one in named}


def test_prov_names_who_wrote_published_and_approved_and_with_which_software(tmp_path):
    told = {"by": "Ada Lovelace", "comment": "Read it.", "at": "2026-03-05T09:00:00Z", "signed_by": ""}
    about = replace(known(creator="Mill House"), code={"synth_dagster": "0.1.0", "python": "3.11.7", "lock": None})
    about = replace(about, versions=versions(Random(1)))
    approval = {"state": "approved", "approvals": [told, told | {"by": "Grace Hopper"}, told]}
    origin = Origin(dataset="demo_set", release="r0001", about=about, approval=approval)
    form = Form(standards=("prov",))
    exported("trl", [instruction("Q?", "A.")], "instruction", to=tmp_path / "out", origin=origin, form=form)
    said = json.loads((tmp_path / "out/prov.json").read_text())
    ran = agents(said, "wasAssociatedWith", f"synth:run/{about.run}")
    assert ran == {"synth_dagster 0.1.0": "prov:SoftwareAgent"}
    software = said["agent"]["synth:software/synth_dagster/0.1.0"]
    assert software["synth:python"] == "3.11.7" and "synth:lock" not in software
    # which version made a batch nobody has written down
    for one in about.versions:
        assert "synth_dagster" in agents(said, "wasAssociatedWith", name("made", one.id))
    people = [agents(said, "wasAssociatedWith", f"synth:approval/{number}") for number in (1, 2, 3)]
    assert people == [{by: "prov:Person"} for by in ("Ada Lovelace", "Grace Hopper", "Ada Lovelace")]
    assert sum(one["prov:type"]["$"] == "prov:Person" for one in said["agent"].values()) == 2
    read = {one["prov:activity"] for one in said["used"].values() if one["prov:entity"] == "synth:release/r0001"}
    assert read == {f"synth:approval/{number}" for number in (1, 2, 3)}
    written = agents(said, "wasAttributedTo", "synth:file/train.jsonl")
    assert written == {maker(): "prov:SoftwareAgent", "Mill House": "prov:Organization"}


def shown():
    """An export without files."""
    return Shown(manifest=BARE, data={}, columns={})


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
        said = json.loads(Prov().write(replace(about, versions=made), shown()))
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
