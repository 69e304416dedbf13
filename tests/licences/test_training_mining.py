"""What C2PA manifests say about mining and training: what is silent allows nothing and refuses nothing."""

import json
from itertools import product

import pytest

from synth_dagster.licences.consent import refused
from synth_dagster.licences.signals import Signals
from synth_dagster.licences.training_mining import NEEDED, answer, entries_of, use_of

NAMES = ("data_mining", "ai_inference", "ai_training", "ai_generative_training")
SAID = {
    "allowed": {"use": "allowed"},
    "refused": {"use": "notAllowed"},
    "constrained": {"use": "constrained", "constraint_info": "ask us"},
}


def opted_out(said):
    """Whether a release that obeys keeps a record of this consent out, whatever it is used for."""
    return refused(said, purpose=None, published=False) == "opted_out"


def asserted(entries, label="cawg.training-mining", prefix="cawg.", **more):
    listed = {f"{prefix}{name}": entry for name, entry in entries.items()}
    return {"assertions": [{"label": label, "data": {"entries": listed} | more}]}


def reported(*manifests):
    """As c2patool prints them."""
    named = {f"urn:c2pa:{number}": one for number, one in enumerate(manifests)}
    return {"active_manifest": next(iter(named)), "manifests": named}


def test_every_combination_of_entries_decides_as_the_strictest_that_a_purpose_needs():
    """3 values in 4 entries: 81 manifests, against each of the 4 purposes."""
    order = ("refused", "constrained", "allowed")
    seen = 0
    for values in product(SAID, repeat=len(NAMES)):
        told = dict(zip(NAMES, values, strict=True))
        entries = entries_of(reported(asserted({name: SAID[use] for name, use in told.items()})))
        assert entries == told
        for purpose, needed in NEEDED.items():
            assert answer(entries, purpose) == min((told[name] for name in needed), key=order.index)
            seen += 1
    assert seen == 3**4 * 4


@pytest.mark.parametrize(
    ("entry", "use"),
    [
        pytest.param({"use": "constrained"}, "refused", id="a constraint that says no more"),
        pytest.param({"use": "constrained", "constraint_info": " "}, "refused", id="or only a space"),
        pytest.param({"use": "constrained", "constraints_info": "ask us"}, "constrained", id="as the prose calls it"),
        pytest.param({"use": "perhaps"}, None, id="a use that nobody knows"),
        pytest.param({"use": ["allowed"]}, None, id="no word"),
        pytest.param("allowed", None, id="no entry"),
    ],
)
def test_an_entry_is_read_to_the_strict_side(entry, use):
    assert use_of(entry) == use


@pytest.mark.parametrize(
    "manifest",
    [
        pytest.param(None, id="nothing"),
        pytest.param([], id="a list"),
        pytest.param({"assertions": {}}, id="assertions that are none"),
        pytest.param({"manifests": []}, id="manifests that are none"),
        pytest.param({"assertions": [{"label": "c2pa.actions.v2", "data": {"entries": 3}}, 4]}, id="other assertions"),
        pytest.param({"assertions": [{"label": "cawg.training-mining", "data": {"entries": [1]}}]}, id="no entries"),
    ],
)
def test_what_says_nothing_is_no_signal_and_no_consent(manifest):
    assert entries_of(manifest) == {} and answer({}, "generative training") is None


def test_half_of_what_a_purpose_needs_allows_nothing_and_may_refuse():
    assert answer({"ai_generative_training": "allowed"}, "generative training") is None
    assert answer({"data_mining": "refused"}, "generative training") == "refused"
    assert answer({"data_mining": "refused"}, "inference") is None


def test_older_forms_and_several_assertions_are_read_and_the_strictest_wins():
    old = {"assertions": [{"label": "c2pa.training-mining", "data": {"c2pa.ai_training": {"use": "notAllowed"}}}]}
    assert entries_of(old) == {"ai_training": "refused"}
    second = asserted({"ai_training": SAID["allowed"]}, label="cawg.training-mining__1")
    assert entries_of(reported(old, second)) == {"ai_training": "refused"}


def consent(tmp_path, told, path="/a"):
    folder = tmp_path / "2026-03-01" / "a.org"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "c2pa.json").write_text(told if isinstance(told, str) else json.dumps(told))
    return Signals.read(tmp_path).consent(f"http://a.org{path}")


def test_a_site_that_refuses_by_c2pa_has_opted_out_of_the_page_or_of_all(tmp_path):
    no = asserted({"ai_generative_training": SAID["refused"]})
    assert consent(tmp_path, reported(no)).startswith("opt-out by C2PA of a.org on 2026-03-01")
    told = {"/a": no, "/b": asserted(dict.fromkeys(NAMES, SAID["allowed"]))}
    assert opted_out(consent(tmp_path, told))
    assert "no opt-out of a.org" in consent(tmp_path, told, "/b") and "no opt-out" in consent(tmp_path, told, "/c")
    asks = consent(tmp_path, asserted({"data_mining": SAID["constrained"]}))
    assert asks.startswith("conditions by C2PA of a.org") and not opted_out(asks)
    assert "no opt-out" in consent(tmp_path, "<h1>Not found</h1>")
