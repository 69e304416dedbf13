"""What is written beside an export for other people's tools says what the lake knows, and nothing else."""

import hashlib
import io
import json
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.errors import UnknownName
from synth_dagster.exports.files import ShardSize
from synth_dagster.exports.place import Folder
from synth_dagster.exports.standards import chosen, standards
from synth_dagster.exports.standards.data_provenance import shares
from synth_dagster.exports.standards.eu_summary import shown_domains, size_bin
from synth_dagster.exports.verify import verify
from synth_dagster.governance.facts import facts_of
from synth_dagster.governance.handover import Wishes, hand_over
from synth_dagster.signing import new_key
from synth_dagster.storage import FolderStore
from tests.assets.project import Programs, small_project
from tests.exports.by_hand import lines_of
from tests.runner.by_hand import ByHand
from tests.scripted_teacher.echo import EchoTeacher

RECIPE = """
dataset: tiny
sources:
  - {name: manual, reader: files, path: inbox/manual/, license: MIT, lang: en, url_field: url}
  - {name: forum, reader: files, path: inbox/forum/, license: CC-BY-4.0 OR Apache-2.0, consent: asked in 2026}
  - {name: odd, reader: files, path: inbox/odd/, license: House rules, lang: de}
teachers:
  writer: {use: embedded}
stages:
  seed_corpus: []
  generated_instructions: [{grounded_qa: {per_passage: 1}}]
  filtered_mix:
    of: generated_instructions
    filters: [answer_rules]
    deduplicate: {minhash: {}}
"""
MILLS = ("oats", "apples", "timber", "paper", "cloth", "wool")


@pytest.fixture(scope="module")
def hand(tmp_path_factory):
    recipe = RECIPE.replace(", url_field: url", "").replace("House rules", "LicenseRef-House")
    hand = ByHand(small_project(tmp_path_factory.mktemp("standards") / "p", recipe, Programs(EchoTeacher())))
    for source in ("manual", "forum", "odd"):
        texts = [f"The {source} tells how mill {n} grinds {what} beside the river." for n, what in enumerate(MILLS)]
        hand.project.deliver([*texts, texts[0]] if source == "manual" else texts, source=source)
    hand.batches()
    hand.release("r0001")
    return hand


def out(hand, to, format_="trl", **wishes):
    standard = {"standards": chosen("all")} | wishes
    return hand_over(hand.lake, "tiny", "r0001", format_=format_, to=Folder(to), wishes=Wishes(**standard))


def read(folder, name):
    return json.loads((folder / name).read_text())


@pytest.fixture(scope="module")
def exported(hand, tmp_path_factory):
    to = tmp_path_factory.mktemp("exported") / "out"
    out(hand, to, creator="Mill House", url="https://example.org/tiny")
    return to


@pytest.fixture(scope="module")
def facts(hand):
    return facts_of(hand.lake, hand.lake.meta.release("tiny", "r0001"), "instruction")


def test_the_facts_are_those_of_the_tables(hand, facts):
    rows, verdicts = hand.project.rows("filtered_mix"), hand.project.rows("verdicts")
    kept = [row for row in verdicts if row["verdict"] == "kept"]
    assert (facts.kept, facts.judged) == (len(rows), len(verdicts)) and 0 < facts.kept < facts.judged
    assert facts.tokens == sum(row["tokens"] for row in kept) == sum(one.tokens for one in facts.sources)
    by_name = {one.name: one for one in facts.sources}
    assert list(by_name) == ["forum", "manual", "odd"]
    assert by_name["manual"].licenses == {"MIT": 7} and by_name["odd"].languages == {"de": 6}
    assert by_name["forum"].consents == {"asked in 2026": 6} and by_name["forum"].languages == {"und": 6}
    assert by_name["manual"].kept == sum(row["source"] == "manual" for row in rows)
    assert facts.models == {"echo": 19} and facts.depths == {"1": len(rows)}
    assert set(facts.prompts) == {row["prompt_hash"] for row in rows}
    assert facts.code["lock"] is None and len(facts.code["installed"]) == 64
    (step,) = {(one.method, one.settings["per_passage"]) for one in facts.steps}
    assert step == ("grounded_qa", 1)
    assert {one.stage for one in facts.versions} == {"seed_corpus", "generated_instructions"}
    assert len(facts.versions) == 6  # two stages of three sources


def test_what_nobody_knows_is_named_and_not_claimed(hand, facts, exported, tmp_path):
    assert "who publishes it (--creator)" in facts.unknown and "where it can be downloaded (--url)" in facts.unknown
    assert "the language of some records of the source forum" in facts.unknown
    known = read(exported, "croissant.json")
    assert known["creator"]["name"] == "Mill House" and known["url"] == "https://example.org/tiny"
    out(hand, tmp_path / "out")
    unknown = read(tmp_path / "out", "croissant.json")
    assert "creator" not in unknown and unknown["url"] == "urn:synth_dagster:tiny:r0001"
    assert "Not known: who publishes it (--creator)." in unknown["rai:dataLimitations"]


# ----------------------------------------------------------------------------------------------------------- Croissant


@pytest.mark.parametrize(
    ("format_", "wishes"),
    [
        pytest.param("trl", {}, id="one file"),
        pytest.param("openai", {"shard": ShardSize(rows=4)}, id="shards"),
        pytest.param("alpaca", {"validation": 0.2}, id="two splits"),
        pytest.param("parquet", {}, id="parquet"),
    ],
)
def test_the_official_library_reads_every_record_by_the_croissant(hand, tmp_path, format_, wishes):
    import mlcroissant

    done = out(hand, tmp_path / "out", format_, creator="Mill House", **wishes)
    dataset = mlcroissant.Dataset(jsonld=tmp_path / "out/croissant.json")
    issues = dataset.metadata.ctx.issues
    assert not issues.errors and all("citeAs" in str(one) for one in issues.warnings), issues.report()
    described = read(tmp_path / "out", "croissant.json")
    assert len(described["recordSet"]) == len(done.manifest.splits)
    for records in described["recordSet"]:
        found = list(dataset.records(records["@id"]))
        assert len(found) == done.manifest.splits[records["@id"]]["rows"]
        assert all(len(one) == len(records["field"]) > 0 for one in found)
    for one in described["distribution"]:
        if one["@type"] == "cr:FileObject":
            assert one["sha256"] == hashlib.sha256((tmp_path / "out" / one["contentUrl"]).read_bytes()).hexdigest()


def test_croissant_says_which_columns_tell_of_a_records_lineage_and_rights(hand, tmp_path):
    import mlcroissant

    out(hand, tmp_path / "out", "parquet", creator="Mill House")
    (records,) = mlcroissant.Dataset(jsonld=tmp_path / "out/croissant.json").metadata.record_sets
    told = {one.name: one.equivalentProperty for one in records.annotations}
    assert told["license"] == ["https://schema.org/license"]
    assert told["source"] == ["http://www.w3.org/ns/prov#hadPrimarySource"]
    assert told["model_id"] == ["http://www.w3.org/ns/prov#wasAttributedTo"]
    assert "http://www.w3.org/ns/prov#wasDerivedFrom" in told["parents"]
    assert {one.source.extract.column for one in records.annotations if one.name != "parents"} == told.keys() - {
        "parents"
    }
    assert told.keys() < {one.name for one in records.fields}  # and each is read as a field


def test_croissant_tells_a_turn_as_the_line_does(exported):
    import mlcroissant

    line = lines_of(exported / "train.jsonl")[0]["messages"]
    told = next(iter(mlcroissant.Dataset(jsonld=exported / "croissant.json").records("train")))["train/messages"]
    assert [(one["train/messages/role"].decode(), one["train/messages/content"].decode()) for one in told] == [
        (turn["role"], turn["content"]) for turn in line
    ]


# ---------------------------------------------------------------------------------------------------------------- PROV


def test_provenance_derives_what_the_lake_derives(exported, facts):
    said = read(exported, "prov.json")
    parents = defaultdict(set)
    for one in said["wasDerivedFrom"].values():
        parents[one["prov:generatedEntity"]].add(one["prov:usedEntity"])

    def above(entity):
        return {entity}.union(*(above(parent) for parent in parents[entity]))

    reached = above("synth:release/r0001")
    wanted = {f"synth:version/{one.id.replace(':', '.')}" for one in facts.versions}
    assert reached == {"synth:release/r0001", *wanted, *(f"synth:source/{one.name}" for one in facts.sources)}
    made = [one["prov:entity"] for one in said["wasGeneratedBy"].values()]
    assert len(made) == len(set(made)) == len(wanted) + 1  # one activity made each


def test_provenance_names_only_what_it_has_and_makes_before_it_uses(exported):
    said = read(exported, "prov.json")
    known = {*said["entity"], *said["activity"], *said["agent"]}
    relations = [one for key in said.keys() - {"prefix", "entity", "activity", "agent"} for one in said[key].values()]
    named = {value for one in relations for key, value in one.items() if key != "prov:time"}
    assert named <= known and relations
    assert all(name.startswith("synth:") and name.count(":") == 1 for name in known)
    times = {one["prov:entity"]: one["prov:time"] for one in said["wasGeneratedBy"].values()}
    for one in said["wasDerivedFrom"].values():
        assert times.get(one["prov:usedEntity"], "") <= times[one["prov:generatedEntity"]]
    gone = {said["entity"][one["prov:entity"]]["synth:reason"] for one in said["wasInvalidatedBy"].values()}
    assert "minhash:duplicate" in gone


def test_the_reference_library_reads_the_provenance_and_writes_it_back(exported):
    from prov.model import ProvDocument

    text = (exported / "prov.json").read_text()
    read_ = ProvDocument.deserialize(content=text, format="json")
    again = json.loads(read_.serialize(format="json"))
    assert ProvDocument.deserialize(content=json.dumps(again), format="json") == read_
    said, things = json.loads(text), ("prefix", "entity", "activity", "agent")
    assert said.keys() <= again.keys()
    for key in said:
        if key in ("entity", "activity", "agent"):
            assert said[key].keys() == again[key].keys()
        elif key not in things:  # blank ids and the spelling of a moment are the writer's own
            assert _relations(said[key]) == _relations(again[key])


def _relations(some):
    return sorted(json.dumps(one, sort_keys=True).replace("+00:00", "Z") for one in some.values())


# ---------------------------------------------------------------------------------------------------------------- SPDX


def spdx_problem(document):
    """What SPDX's own bindings, which are generated from the model with its cardinalities, find wrong."""
    import spdx_python_model

    try:
        model, objects = spdx_python_model.load_data(document)
        model.JSONLDSerializer().write(objects, io.BytesIO())
    except (ValueError, KeyError, TypeError) as error:
        return str(error)
    return f"nothing is called {objects.missing_ids}" if objects.missing_ids else ""


def test_spdxs_own_bindings_find_nothing_wrong(hand, exported, tmp_path):
    assert spdx_problem(read(exported, "spdx.json")) == ""
    out(hand, tmp_path / "out", "parquet", shard=ShardSize(rows=4))  # with nobody named, and several files
    assert spdx_problem(read(tmp_path / "out", "spdx.json")) == ""


@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param({"software_primaryPurpose": "dada"}, id="a word that is on no list"),
        pytest.param({"dataset_datasetType": []}, id="nothing where something is required"),
        pytest.param({"builtTime": "yesterday"}, id="no moment"),
        pytest.param({"unheard": "of"}, id="a property that there is not"),
        pytest.param({"originatedBy": ["urn:nobody"]}, id="a name of nothing"),
    ],
)
def test_spdxs_own_bindings_find_what_is_wrong(exported, spoilt):
    document = read(exported, "spdx.json")
    next(one for one in document["@graph"] if one["type"] == "dataset_DatasetPackage").update(spoilt)
    assert spdx_problem(document)


REQUIRED = {
    *("software_primaryPurpose", "software_downloadLocation", "originatedBy", "builtTime", "releaseTime"),
    *("dataset_datasetType", "dataset_hasSensitivePersonalInformation", "name", "spdxId", "creationInfo"),
}


def test_spdx_has_what_the_dataset_profile_requires(exported):
    graph = read(exported, "spdx.json")["@graph"]
    (package,) = [one for one in graph if one["type"] == "dataset_DatasetPackage"]
    assert package.keys() >= REQUIRED and len(package["originatedBy"]) == 1
    assert package["dataset_datasetSize"] == (exported / "train.jsonl").stat().st_size
    ids = [one["spdxId"] for one in graph if "spdxId" in one]
    assert len(ids) == len(set(ids))
    links = [one for one in graph if one["type"] == "Relationship"]
    assert {end for one in links for end in (one["from"], *one["to"])} <= set(ids)
    said = {one["spdxId"]: one.get("simplelicensing_licenseExpression") for one in graph if "spdxId" in one}
    concluded = [said[end] for one in links if one["relationshipType"] == "hasConcludedLicense" for end in one["to"]]
    assert concluded == ["(CC-BY-4.0 OR Apache-2.0) AND LicenseRef-House AND MIT"]
    declared = {said[end] for one in links if one["relationshipType"] == "hasDeclaredLicense" for end in one["to"]}
    assert declared == {"MIT", "CC-BY-4.0 OR Apache-2.0", "LicenseRef-House"}
    (file,) = [one for one in graph if one["type"] == "software_File"]
    assert file["verifiedUsing"][0]["hashValue"] == hashlib.sha256((exported / "train.jsonl").read_bytes()).hexdigest()


# ------------------------------------------------------------------------------------------------- cards and summaries


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 10**9), min_size=1, max_size=30))
def test_percentages_sum_to_a_hundred(counts):
    assert round(sum(one["percent"] for one in shares(counts).values()), 6) == 100


def test_the_data_provenance_entry_names_licences_with_their_pages(exported):
    entry = read(exported, "data_provenance.json")["tiny_r0001"]
    pages = {one["License"]: one["License URL"] for one in entry["Licenses"]}
    # the forum's is a choice of two, and the house's rules are no class of the audit
    assert pages == {"MIT License": "https://spdx.org/licenses/MIT", "Custom": ""}
    assert "LicenseRef-House" in entry["License Notes"]
    assert entry["Model Generated"] == ["echo"] and entry["Derived from Datasets"] == ["forum", "manual", "odd"]


@pytest.mark.parametrize(
    ("tokens", "bin_"),
    [
        (999_999_999, "less than 1 billion"),
        (10**9, "1 billion to 10 trillion"),
        (10**13, "1 billion to 10 trillion"),
        (10**13 + 1, "more than 10 trillion"),
    ],
)
def test_sizes_fall_into_the_bins_of_the_template(tokens, bin_):
    assert size_bin(tokens) == bin_


@pytest.mark.parametrize(("domains", "small", "named"), [(40, False, 4), (40, True, 2), (30_000, True, 1_000)])
def test_the_domains_that_are_named_are_the_largest(domains, small, named):
    hosts = {f"h{n}.example": n for n in range(domains)}
    found = shown_domains(hosts, len(hosts), small_provider=small)
    assert len(found) == named and found[0] == f"h{domains - 1}.example"


def test_the_summary_counts_every_token_once(exported, facts):
    text = (exported / "eu_training_summary.md").read_text()
    cells = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| 2.") or "| all" in line]
    numbers = [int(cell[1].replace(",", "")) for cell in cells]
    assert sum(numbers[:-1]) == numbers[-1] == facts.tokens > 0
    assert "2.5 Generated with: echo 19" in text and "say was not recorded" in text


# ------------------------------------------------------------------------------------------------------- all of them


def test_every_standard_is_checked_with_the_rest_and_signed(hand, tmp_path):
    key = new_key(tmp_path / "key")
    out(hand, tmp_path / "out", signer=key)
    assert all((tmp_path / "out" / one.file).is_file() for one in standards().values())
    assert verify(FolderStore(tmp_path / "out"), key.key).is_whole
    (tmp_path / "out/spdx.json").write_text("{}")
    assert [fault.file for fault in verify(FolderStore(tmp_path / "out"), key.key).faults] == ["spdx.json"]


def test_the_manifest_holds_inputs_code_recipe_prompts_models_and_checks(exported, facts):
    about = read(exported, "manifest.json")["facts"]["about"]
    assert about["recipe"] == facts.recipe and about["prompts"] == list(facts.prompts)
    assert {one["data_version"] for one in about["versions"]} == {one.data_version for one in facts.versions}
    assert about["code"]["installed"] == facts.code["installed"] and about["models"] == {"echo": 19}


def test_the_same_release_gives_the_same_bytes_and_another_wish_another_export(hand, tmp_path):
    assert out(hand, tmp_path / "out").made and not out(hand, tmp_path / "out").made
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir() if path.is_file()}
    out(hand, tmp_path / "again")
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir() if path.is_file()}
    assert out(hand, tmp_path / "out", creator="Somebody").made and out(hand, tmp_path / "out", standards=()).made
    assert not (tmp_path / "out/croissant.json").exists()


def test_standards_are_chosen_by_name():
    assert chosen(None) == ("croissant",) and chosen("none") == () and chosen("all") == tuple(standards())
    assert chosen("spdx, prov") == ("prov", "spdx")
    with pytest.raises(UnknownName, match="Did you mean 'croissant'"):
        chosen("crossant")
