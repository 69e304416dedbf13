"""A release in the lake is checked against its manifest: one flipped byte is named, and what is no harm is no alarm."""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from synth_dagster.errors import SynthError
from synth_dagster.governance.approving import Word, say
from synth_dagster.governance.erase import Surroundings, erase
from synth_dagster.governance.erase_scope import Asked
from synth_dagster.governance.release_seal import seal_release
from synth_dagster.governance.release_verify import verify_release
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.seals import Seals
from synth_dagster.records import digest
from synth_dagster.signing import new_key
from tests.governance.audit_world import plant

MANIFEST, SIGNATURE = "releases/demo/r0001.json", "releases/demo/r0001.sig.json"


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    return new_key(tmp_path_factory.mktemp("keys") / "ours.pem")


@pytest.fixture(scope="module", params=["signed", "unsigned"])
def sealed(request, tmp_path_factory, signer):
    """A lake with a sealed release, and the key that signed it, if one did."""
    key = signer if request.param == "signed" else None
    return _planted(tmp_path_factory.mktemp("sealed") / "lake", key), key


def _planted(root, key=None):
    lake = plant(root)
    lake.meta.store_recipe("demo", "dataset: demo\n")
    lake.meta.remember_prompt("f00d", "You ask.", "About {passage}")
    seal_release(lake, lake.meta.release("demo", "r0001"), key)
    return lake


@pytest.fixture
def copied(sealed, tmp_path):
    """The same lake in a folder of its own, to do harm to."""
    lake, key = sealed
    shutil.copytree(lake.store.folder, tmp_path / "lake")
    return Lake.open(tmp_path / "lake"), key


def found_in(lake, expected=None):
    return verify_release(lake, lake.meta.release("demo", "r0001"), expected)


def files_of(lake):
    return sorted(json.loads(lake.store.read(MANIFEST))["files"])


def named(found):
    return {fault.file for fault in found.faults}


def flip(path, at, bit=0):
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << bit
    path.write_bytes(data)


def test_a_release_is_whole_and_its_manifest_says_what_it_was_made_from_and_by_what(sealed):
    lake, key = sealed
    found = found_in(lake, key.key if key else None)
    assert found.is_whole and not found.notes and found.signed_by == (key.key if key else None)
    assert (found.what, found.approval) == ("r0001 of demo", "not approved")
    told = json.loads(lake.store.read(MANIFEST))
    assert {Path(name).parts[1] for name in told["files"]} == {"corpus", "questions", "mix", "verdicts"}
    assert set(told["own"]) == {"mix", "verdicts"} and told["prompts"].keys() == {"f00d"}
    facts = told["facts"]
    assert (facts["code"]["lock"], facts["recipe"], facts["rules"]) == ("1234", "feed", "cafe")
    assert facts["models"] == {"x": 3, "y": 2} and [one["stage"] for one in facts["versions"]] == [
        "corpus",
        "questions",
    ]
    assert {one["name"] for one in facts["checks"]} >= {"kept", "every_record_names_its_source"}
    assert "Passage" not in json.dumps(told)  # no record


def test_a_release_is_sealed_once(copied, signer):
    lake, key = copied
    before = lake.store.read(MANIFEST)
    seal = seal_release(lake, lake.meta.release("demo", "r0001"), signer)
    assert seal.signed_by == (key.key if key else "") and lake.store.read(MANIFEST) == before


def test_a_flipped_byte_of_any_file_is_found_in_that_file(copied):
    """At the beginning, in the pages, in the footer that statistics are in, and at the end."""
    lake, _ = copied
    for name in files_of(lake):
        path = lake.store.folder / name
        whole, size = path.read_bytes(), path.stat().st_size
        for place, at in enumerate((0, size // 3, size // 2, size - 20, size - 1)):
            flip(path, at, bit=place)
            assert named(found_in(lake)) == {name}
            path.write_bytes(whole)
    assert found_in(lake).is_whole


def test_a_flipped_byte_of_the_manifest_or_of_its_seal_is_found(copied):
    """Every 97th byte, which meets names, hashes, signs and the ends of lines alike."""
    lake, key = copied
    for name in (MANIFEST, *([SIGNATURE] if key else [])):
        path = lake.store.folder / name
        whole = path.read_bytes()
        for at in range(0, len(whole), 97 if name == MANIFEST else 5):
            flip(path, at, bit=at % 7)
            assert {MANIFEST, SIGNATURE} & named(found_in(lake))
            path.write_bytes(whole)
    lake.meta.database.write("update seals set manifest = ?", ("0" * 64,))
    (fault,) = found_in(lake).faults
    assert fault.file == ("the lake's metadata" if key else MANIFEST)


def test_what_is_missing_is_named(copied, signer):
    lake, key = copied
    if key:
        lake.store.remove(SIGNATURE)
        assert [fault.line() for fault in found_in(lake).faults] == [
            f"{SIGNATURE}: is missing: {MANIFEST} says that {key.key} signed it"
        ]
    own = next(name for name in files_of(lake) if "/mix/" in name)
    lake.store.remove(own)
    assert own in named(found_in(lake))
    lake.store.remove(MANIFEST)
    assert named(found_in(lake)) == {MANIFEST}


def test_what_somebody_changes_in_the_metadata_is_named(copied):
    lake, _ = copied
    lake.meta.database.write("update releases set demo = 1 where release = 'r0001'")
    lake.meta.database.write("update prompts set system = 'You lie.'")
    assert {fault.what for fault in found_in(lake).faults} == {
        "demo of the release is True, not False",
        "the prompt f00d was changed",
    }


def test_another_key_and_none_are_not_the_one_that_is_expected(copied, tmp_path):
    lake, key = copied
    (fault,) = found_in(lake, new_key(tmp_path / "theirs.pem").key).faults
    assert fault.file == MANIFEST and ("is signed by another key" if key else "is not signed") in fault.what


# ------------------------------------------------------------------------------------------------------- no false alarm


def replaced(lake, stage, change=lambda table: table):
    """The release's file in a table rewritten by another program, as a compaction does; the old one is vacuumed."""
    place = lake.store.folder / "demo" / stage
    (old,) = (Path(name) for name in files_of(lake) if f"/{stage}/" in name)
    table = pq.ParquetFile(lake.store.folder / old).read()
    table = change(table.append_column("release", pa.array(["r0001"] * table.num_rows)))
    write_deltalake(place, table, mode="overwrite", predicate="release = 'r0001'")
    (lake.store.folder / old).unlink()
    return str(old)


def test_a_file_that_a_compaction_has_replaced_is_held_against_what_it_says(copied):
    lake, _ = copied
    name = replaced(lake, "mix", lambda table: table.take(list(range(table.num_rows))[::-1]))
    found = found_in(lake)
    assert found.is_whole, found.faults
    assert found.notes == (f"{name}: another file with the same rows has taken its place",)


def test_a_file_that_was_replaced_by_other_rows_is_found(copied):
    lake, _ = copied
    name = replaced(lake, "mix", lambda table: table.slice(1))
    assert [fault.line() for fault in found_in(lake).faults] == [
        f"{name}: was replaced in its table by a file with other rows"
    ]


def test_an_old_input_that_a_vacuum_took_is_told_and_is_no_fault(copied):
    lake, _ = copied
    name = next(name for name in files_of(lake) if "/corpus/" in name)
    table = DeltaTable(lake.store.folder / "demo/corpus")
    table.delete()
    table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    assert not (lake.store.folder / name).exists()
    found = found_in(lake)
    assert found.is_whole and found.notes == (
        f"{name}: is no longer kept, as after a vacuum; what was made from it is unchanged",
    )


def _as_a_run_would(lake):
    """Every release of a run reads signals and counts its verdicts; this planted one does not."""
    some = lake.accepted("demo", "questions", "notes:1").candidate_id
    pins = ('{"data_v', f'{{"signals":"{some}","data_v')
    lake.meta.database.write("update releases set manifest = replace(manifest, ?, ?)", pins)
    counted = json.dumps({"verdicts": {"kept": 0, "dropped": {}}})
    lake.meta.database.write("update candidates set details = ? where stage = 'verdicts'", (counted,))


def test_an_erasure_is_no_false_alarm(tmp_path, signer):
    """`f` was eliminated, so nothing comes of it; q3 comes from `d`, so r0001 goes and r0003 is what is left."""
    lake = _planted(tmp_path / "lake", signer)
    around = Surroundings(None, None, tmp_path / "project", None)
    erase(lake, Asked("demo", record=digest("f").hex()), around, signer)
    found = found_in(lake, signer.key)
    assert found.is_whole, found.faults
    assert any("has rewritten it without records that this release does not hold" in note for note in found.notes)
    _as_a_run_would(lake)
    receipt = erase(lake, Asked("demo", record=digest("d").hex()), around, signer)
    assert receipt["proof"]["clean"]
    with pytest.raises(SynthError, match=r"'r0001' of 'demo' was withdrawn, .*'r0003' is what is left of it"):
        found_in(lake)
    successor = lake.meta.release("demo", "r0003")
    assert verify_release(lake, successor, signer.key).is_whole  # sealed by the erasure
    (one, *_) = lake.read("demo", "mix", where="release = 'r0003'")["record_id"].to_pylist()
    left = erase(lake, Asked("demo", record=one.hex()), around, signer)["releases"]
    (last,) = [told["successor"] for told in left if told["withdrawn"] == "r0003"]
    with pytest.raises(SynthError, match=rf"'r0001' of 'demo' was withdrawn, .*'{last}' is what is left of it"):
        found_in(lake)


def test_an_older_release_without_a_manifest_is_said_to_have_none(copied):
    lake, _ = copied
    with pytest.raises(SynthError, match=r"'r0002' of 'demo' has no manifest.*synth run demo --release r0002"):
        verify_release(lake, lake.meta.release("demo", "r0002"))


def test_a_kill_before_the_seal_is_gone_over_again(tmp_path, signer):
    """The manifest of before had another signer; what counts is the one that the seal names."""
    lake = plant(tmp_path / "lake")
    release = lake.meta.release("demo", "r0001")
    seal_release(lake, release, signer)
    lake.meta.database.write("delete from seals")
    assert "does not know" in found_in(lake).faults[0].what
    seal_release(lake, release, None)
    found = found_in(lake)
    assert found.is_whole and found.signed_by is None and lake.store.entry(SIGNATURE) is None
    assert Seals(lake.meta.database).of("demo", "r0001") is not None


# --------------------------------------------------------------------------------------------------------- approvals


def test_who_approved_it_is_told_and_that_it_was_this_manifest_is_checked(copied):
    lake, _ = copied
    say(lake, "demo", "r0001", Word(by="Ada Lovelace", comment="Read."))
    assert found_in(lake).is_whole and found_in(lake).approval.startswith("approved by Ada Lovelace on ")
    say(lake, "demo", "r0002", Word(by="Ada Lovelace", comment="Read."))
    seal_release(lake, lake.meta.release("demo", "r0002"), None)
    found = verify_release(lake, lake.meta.release("demo", "r0002"))
    assert found.is_whole and "before it had a manifest" in found.notes[0]


def test_a_release_in_a_bucket_is_checked_where_it_lies(sealed, bucket):
    """What this machine keeps of it as a copy is no proof: the object itself is read."""
    lake, _ = sealed
    for path in lake.store.folder.rglob("*"):
        if path.is_file() and not path.name.startswith("meta.sqlite"):
            key = f"prefix/{path.relative_to(lake.store.folder).as_posix()}"
            bucket.client.put_object(Bucket=bucket.name, Key=key, Body=path.read_bytes())
    away = Lake.open(bucket.url, metadata=lake.store.folder / "meta.sqlite", s3=bucket.options)
    assert found_in(away).is_whole
    away.read("demo", "mix", batches=["r0001"])  # a copy of it is on this machine now
    name = next(name for name in files_of(lake) if "/mix/" in name)
    data = bytearray((lake.store.folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    bucket.client.put_object(Bucket=bucket.name, Key=f"prefix/{name}", Body=bytes(data))
    assert named(found_in(away)) == {name}
