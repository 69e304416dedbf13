"""An export is checked by whoever gets it: one flipped byte, a lost or an added file, and whose signature it has."""

import json
import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synth_dagster.errors import SynthError
from synth_dagster.exports import exporter
from synth_dagster.exports.base import Form, Origin
from synth_dagster.exports.files import ShardSize
from synth_dagster.exports.place import Folder
from synth_dagster.exports.verify import verify
from synth_dagster.signing import Signer, new_key
from synth_dagster.storage import FolderStore
from tests.exports.by_hand import exported, pair

PAIRS = [pair(f"Question {n}?") for n in range(3)]
FILES = {"README.md", "train/00000.jsonl", "train/00001.jsonl", "record_ids/train/00000.txt"}


def origin(signer=None):
    return Origin(dataset="demo_set", release="r0001", data_version="v1", signer=signer)


def handed_over(to, signer=None):
    exported("trl", PAIRS, "preference", to=to, origin=origin(signer), form=Form(shard=ShardSize(rows=2)))
    return to


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return new_key(folder / "ours"), new_key(folder / "theirs")


@pytest.fixture(scope="module")
def signed(tmp_path_factory, keys):
    return handed_over(tmp_path_factory.mktemp("signed") / "out", keys[0])


@pytest.fixture(scope="module")
def unsigned(tmp_path_factory):
    return handed_over(tmp_path_factory.mktemp("unsigned") / "out")


def found_in(folder, key=None):
    return verify(FolderStore(folder), key)


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_an_export_as_it_was_written_is_whole(signed, unsigned, keys):
    for folder, key in ((signed, keys[0].key), (unsigned, None)):
        found = found_in(folder)
        assert found.is_whole and (found.signed_by, found.what) == (key, "r0001 of demo_set")
        assert found.files == len(names(folder)) - (3 if key else 2)  # manifest, sums, signature
    assert set(names(signed)) > FILES
    assert "Signed by" in found_in(signed).signature() and "who made it" in found_in(unsigned).signature()
    assert "that was expected" in found_in(signed, keys[0].key).signature()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(draw=st.data())
@pytest.mark.parametrize("kind", ["signed", "unsigned"])
def test_one_flipped_bit_anywhere_is_found_in_its_file(kind, draw, request):
    """The changed file is among those named: of an unsigned manifest and its checksums, both are."""
    folder = request.getfixturevalue(kind)
    path = folder / draw.draw(st.sampled_from(names(folder)))
    before = path.read_bytes()
    changed = bytearray(before)
    changed[draw.draw(st.integers(0, len(before) - 1))] ^= 1 << draw.draw(st.integers(0, 7))
    try:
        path.write_bytes(changed)
        found = found_in(folder)
    finally:
        path.write_bytes(before)
    assert path.relative_to(folder).as_posix() in {fault.file for fault in found.faults}
    assert found_in(folder).is_whole


@pytest.mark.parametrize("name", sorted(FILES | {"SHA256SUMS", "manifest.sig.json"}))
def test_a_missing_file_is_named(signed, tmp_path, name):
    shutil.copytree(signed, tmp_path / "out")
    (tmp_path / "out" / name).unlink()
    (fault,) = found_in(tmp_path / "out").faults
    assert fault.file == name and "is missing" in fault.what


def test_an_added_file_is_named(signed, tmp_path):
    shutil.copytree(signed, tmp_path / "out")
    (tmp_path / "out/train/00002.jsonl").write_text("{}\n")
    (fault,) = found_in(tmp_path / "out").faults
    assert fault.file == "train/00002.jsonl" and "was added" in fault.what


def test_what_somebody_else_signed_is_not_ours(signed, keys, tmp_path):
    ours, theirs = keys
    (fault,) = found_in(signed, theirs.key).faults
    assert fault.what == f"is signed by another key, {ours.key}; expected was {theirs.key}"
    # signed again by another, who leaves everything else as it is
    shutil.copytree(signed, tmp_path / "out")
    manifest = (tmp_path / "out/manifest.json").read_bytes()
    (tmp_path / "out/manifest.sig.json").write_bytes(theirs.sign(manifest))
    (fault,) = found_in(tmp_path / "out").faults
    assert fault.file == "manifest.sig.json" and ours.key in fault.what and theirs.key in fault.what


def test_a_signature_that_was_taken_away_is_missed(signed, unsigned, keys, tmp_path):
    """Whoever takes it out of the manifest too is found by those who expect a key."""
    shutil.copytree(signed, tmp_path / "out")
    (tmp_path / "out/manifest.sig.json").unlink()
    assert "says that" in found_in(tmp_path / "out").faults[0].what
    (fault,) = found_in(unsigned, keys[0].key).faults
    assert fault.file == "manifest.json" and "is not signed; expected was" in fault.what


def test_the_checksums_are_those_of_the_command_that_every_machine_has(signed):
    done = subprocess.run(
        ["sha256sum", "--check", "SHA256SUMS"], cwd=signed, capture_output=True, text=True, check=True
    )
    assert done.stdout.count(": OK") == len(names(signed)) - 2  # all but itself and the signature


def test_a_folder_that_is_no_export_is_said_to_be_none(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(SynthError, match=r"holds no manifest.json, so it is no export of ours"):
        found_in(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"created_by": "another tool", "files": {}}))
    (fault,) = found_in(tmp_path).faults
    assert fault.file == "manifest.json" and "of another program" in fault.what


def test_a_name_that_leads_out_of_the_folder_is_not_followed(unsigned, tmp_path):
    shutil.copytree(unsigned, tmp_path / "out")
    (tmp_path / "secret").write_text("x")
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    manifest["files"]["../secret"] = {"bytes": 1, "sha256": "0" * 64}
    (tmp_path / "out/manifest.json").write_text(json.dumps(manifest))
    assert ("../secret", "is missing") in {(fault.file, fault.what) for fault in found_in(tmp_path / "out").faults}


def test_the_same_export_again_is_signed_when_a_key_is_there_now(tmp_path, keys):
    place, form = Folder(tmp_path / "out"), Form(shard=ShardSize(rows=2))
    handed_over(tmp_path / "out")

    def there(signer: Signer | None):
        return exporter("trl").there("preference", to=place, origin=origin(signer), form=form)

    assert there(None) is not None and there(keys[0]) is None
    handed_over(tmp_path / "out", keys[0])
    assert there(keys[0]) is not None and there(keys[1]) is None and there(None) is None
    handed_over(tmp_path / "out")  # a signature of before does not stay
    assert found_in(tmp_path / "out").is_whole and not (tmp_path / "out/manifest.sig.json").exists()
