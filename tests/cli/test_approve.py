"""Approving a release as a governance officer does: with commands, and seen wherever a release is shown."""

import json

import dagster as dg
import pytest

from synth_dagster.cli.project import Project
from tests.assets.project import LINES, ONLY_CORPUS
from tests.cli.project import new_place

SAID = ("--by", "Ada Lovelace", "--comment", "Read all six.")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A released dataset of people's texts, so that no demo stands in the way."""
    place = new_place(tmp_path_factory.mktemp("approve") / "p")
    said = "approval: {four_eyes: true}\npublication: {contact: a@example.org, removal: Write to us.}\n"
    (place.root / "recipes/tiny.yaml").write_text(f"{ONLY_CORPUS}{said}")
    place.deliver(LINES)
    done = place.call("run", SYNTH_USER="Charles Babbage")
    assert done.code in (0, 1), done.err  # a line that is no JSON was delivered too
    assert place.call("approvals").out.startswith("r0001: not approved\n")
    return place


def seen_in_dagster(place):
    """The observations of the release's partition: what its page in the UI shows."""
    with Project(place.root).instance() as instance:
        wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey(["tiny", "filtered_mix"]), asset_partitions=["r0001"])
        records = instance.fetch_observations(wanted, limit=100).records
    return [str(one.asset_observation.metadata["approval"].value) for one in reversed(records) if one.asset_observation]


def test_a_release_goes_out_in_public_when_it_is_approved_and_no_longer_when_that_is_revoked(place, tmp_path):
    public = ("export", "r0001", "--public", "--to", str(tmp_path / "out"))
    refused = place.call(*public)
    assert refused.code == 1 and "synth approve r0001 --by NAME --comment TEXT" in refused.err

    builder = place.call("approve", "r0001", *SAID, SYNTH_USER="charles babbage")
    assert builder.code == 2 and "was built by Charles Babbage (as SYNTH_USER said)" in builder.err
    key = str(tmp_path / "key.pem")
    assert place.call("keys", "new", key).code == 0
    done = place.call("approve", "r0001", *SAID, SYNTH_USER="Ada Lovelace", SYNTH_SIGNING_KEY=key)
    assert done.code == 0 and "approved by Ada Lovelace on 20" in done.out and "Signed by ed25519:" in done.out
    again = place.call("approve", "r0001", *SAID, "--json", SYNTH_USER="Ada Lovelace").json()
    assert (again["state"], again["added"], again["approved_by"]) == ("approved", False, ["Ada Lovelace"])

    assert "approved by Ada Lovelace" in place.call("status").out
    told = place.call("status", "--json").json()["releases"][0]["approval"]
    assert (told["state"], told["by"]) == ("approved", ["Ada Lovelace"])
    reports = [(place.root / f"lake/reports/tiny/r0001.{kind}").read_text() for kind in ("md", "html")]
    assert all("approved by Ada Lovelace" in text and "Read all six." in text for text in reports)
    assert len(seen_in_dagster(place)) == 1 and seen_in_dagster(place)[0].startswith("approved by Ada Lovelace on 20")
    assert place.call(*public).code == 0
    assert json.loads((tmp_path / "out/manifest.json").read_text())["approval"]["state"] == "approved"

    done = place.call("verify", "r0001")  # in the lake: the run had no key, the approval has one
    assert done.code == 0 and "holds r0001 of tiny as it was published" in done.out, done.out + done.err
    assert "Release: approved by Ada Lovelace" in done.out and "Unsigned" in done.out
    assert "Release: approved by Ada Lovelace" in place.call("verify", str(tmp_path / "out")).out
    (rows,) = (place.root / "lake/tiny/filtered_mix").rglob("*[0-9a-f].parquet")
    whole = rows.read_bytes()
    rows.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    done = place.call("verify", "latest", "--json")
    assert done.code == 1 and [fault["file"] for fault in done.json()["faults"]] == [
        rows.relative_to(place.root / "lake").as_posix()
    ]
    rows.write_bytes(whole)

    done = place.call("approve", "r0001", "--revoke", "--by", "Bob", "--comment", "A leak was found.")
    assert done.code == 0 and "approval revoked by Bob" in done.out and "Unsigned: SYNTH_SIGNING_KEY" in done.out
    assert place.call(*public).code == 1
    history = place.call("approvals", "latest").out
    assert "approve by Ada Lovelace (entered by Ada Lovelace, signed by ed25519:" in history
    assert "A leak was found." in history and len(place.call("approvals", "--json").json()[0]["history"]) == 2
    assert [line.partition(" by ")[0] for line in seen_in_dagster(place)] == ["approved", "approval revoked"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(("approve", "latest", *SAID), 2, "Name the release that was looked at", id="latest"),
        pytest.param(
            ("approve", "r0009", *SAID), 2, "No release of tiny is called 'r0009'. Did you mean", id="unknown"
        ),
        pytest.param(("approve", "r0001", "--by", "Ada", "--comment", ""), 2, "--comment says what", id="no comment"),
        pytest.param(("approve", "r0001", "--by", "Ada"), 2, "--comment", id="comment left out"),
        pytest.param(("verify", "r0009"), 1, "There is no folder r0009. No release of tiny is called", id="neither"),
        pytest.param(("approvals", "r0009"), 2, "No release of tiny is called 'r0009'", id="history of none"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(place, arguments, code, said):
    done = place.call(*arguments, SYNTH_USER="Ada Lovelace")
    assert done.code == code and said in done.err and "Traceback" not in done.err


def test_what_dagster_could_not_be_told_stands_and_is_told_by_the_same_command_again(place):
    """Its database is away: what was said is kept all the same."""
    config = place.root / "dagster.yaml"
    before = config.read_text()
    told = seen_in_dagster(place)
    try:
        config.write_text("storage: {no_such_storage: {}}\n")
        done = place.call("approve", "r0001", *SAID, "--again", SYNTH_USER="Ada Lovelace")
    finally:
        config.write_text(before)
    assert done.code == 0 and "It stands, but is not shown everywhere yet" in done.out
    assert seen_in_dagster(place) == told
    done = place.call("approve", "r0001", *SAID, "--again", SYNTH_USER="Ada Lovelace")
    assert done.code == 0 and "nothing was added" in done.out
    assert len(seen_in_dagster(place)) == len(told) + 1
