"""What C2PA's tools sign a sidecar from stands beside an export, and never promises more than the licences do."""

import hashlib
import json

import pytest

from synth_dagster.exports.base import Form, Origin
from synth_dagster.exports.standards.c2pa import FILES, USES, training_use
from synth_dagster.exports.verify import verify
from synth_dagster.storage import FolderStore
from tests.exports.by_hand import exported, instruction
from tests.exports.test_card import known


@pytest.fixture
def export(tmp_path):
    def written(about):
        origin = Origin(dataset="demo_set", release="r0001", about=about)
        records = [instruction(f"Q{n}?", "A.") for n in range(3)]
        form = Form(standards=("c2pa",))
        exported("trl", records, "instruction", to=tmp_path / "out", origin=origin, form=form)
        return tmp_path / "out"

    return written


def test_it_is_a_definition_as_c2pas_tools_read_it(export):
    """`c2pa_check` asks those tools; this holds it to what they were seen to take."""
    definition = json.loads((export(known(prompts=["p1"])) / "c2pa.json").read_text())
    said = {one["label"]: one["data"] for one in definition["assertions"]}
    (created,) = said["c2pa.actions.v2"]["actions"]
    assert (created["action"], created["softwareAgent"]) == ("c2pa.created", {"name": "some-model"})
    assert created["digitalSourceType"] == "http://c2pa.org/digitalsourcetype/trainedAlgorithmicData"
    assert said["c2pa.asset-type"] == {"types": [{"type": "c2pa.types.dataset"}]}
    assert said["c2pa.asset-ref"]["references"] == [{"reference": {"uri": "https://example.org/set"}}]
    made_from = [(one["title"], one["relationship"]) for one in definition["ingredients"]]
    assert made_from == [("notes", "inputTo"), ("talks", "inputTo"), ("prompt p1", "inputTo")]


def test_it_names_every_data_file_with_its_hash(export):
    folder = export(known())
    (listed,) = [
        one["data"] for one in json.loads((folder / "c2pa.json").read_text())["assertions"] if one["label"] == FILES
    ]
    hashed = hashlib.sha256((folder / "train.jsonl").read_bytes()).hexdigest()
    assert listed == {"alg": "sha256", "files": [{"uri": "train.jsonl", "hash": hashed}]}


def test_of_a_flipped_byte_the_file_is_named(export):
    folder = export(known())
    store = FolderStore(folder)
    assert verify(store).faults == ()
    for name in ("train.jsonl", "c2pa.json"):
        path = folder / name
        whole = path.read_bytes()
        path.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
        assert {one.file for one in verify(store).faults} == {name}
        path.write_bytes(whole)


def told(said, **more):
    """Facts of two sources, of which the second has that consent."""
    facts = known(licenses={"CC0-1.0": 2}, **more)
    object.__setattr__(facts.sources[1], "consents", {said: 3})
    return facts


WHERE = "of a.org on 2026-03-01, snapshot 0123456789ab"
REFUSED = {"use": "constrained", "constraint_info": "sites refuse some use of: talks"}


@pytest.mark.parametrize(
    ("facts", "use"),
    [
        pytest.param(known(licenses={"CC0-1.0": 2}), {"use": "allowed"}, id="nothing is asked"),
        pytest.param(
            known(licenses={"CC-BY-NC-4.0": 2}),
            {"use": "constrained", "constraint_info": "licence: CC-BY-NC-4.0"},
            id="a licence that asks something",
        ),
        pytest.param(
            known(licenses={"LicenseRef-House": 2}),
            {"use": "constrained", "constraint_info": "licence: LicenseRef-House"},
            id="a licence that nobody knows",
        ),
        pytest.param(known(licenses={"MIT": 1, "": 1}), None, id="some without: no signal"),
        pytest.param(known(licenses={}), None, id="none: no signal"),
        pytest.param(known(licenses={"CC0-1.0": 2}, demo=True), {"use": "notAllowed"}, id="a demo"),
        pytest.param(told(f"opt-out by robots.txt (OpenAI) {WHERE}"), REFUSED, id="an opt-out"),
        pytest.param(told(f"no opt-out {WHERE} AND no sale by terms {WHERE}"), REFUSED, id="terms against sale"),
        pytest.param(told(f"no opt-out {WHERE}"), {"use": "allowed"}, id="a site that was asked and refuses nothing"),
        pytest.param(told("not looked up: a.org"), None, id="a site that nobody looked up"),
    ],
)
def test_what_is_said_about_training_is_never_more_than_the_licences_and_sources_allow(facts, use, export):
    assert training_use(facts) == use
    assertions = {
        one["label"]: one["data"] for one in json.loads((export(facts) / "c2pa.json").read_text())["assertions"]
    }
    entries = assertions.get("cawg.training-mining", {}).get("entries")
    assert entries == (None if use is None else dict.fromkeys(USES, use))
