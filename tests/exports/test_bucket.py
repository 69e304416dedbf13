"""An export in a bucket: the manifest comes last, and an export that broke off is taken up by the next one."""

import hashlib
import json
from dataclasses import replace

import pytest

from synth_dagster import exports
from synth_dagster.errors import StorageError, SynthError
from synth_dagster.exports.bucket import Bucket
from synth_dagster.exports.place import place_of
from synth_dagster.storage import open_store
from tests.exports.by_hand import ORIGIN, exported, pair

PAIRS = [pair("Q?"), pair("R?")]


@pytest.fixture
def place(bucket):
    return place_of(f"{bucket.url}/export", reached(bucket.options))


def reached(options):
    return lambda url: open_store(url, options)


class Stopped(Exception):
    """What ends an upload in the middle."""


class Stopping:
    """A store that fails at one of its writes, and notes the names of all."""

    def __init__(self, store, at=None):
        self._store, self._at, self.names = store, at, []

    def write(self, name, write, *, needed):
        self.names.append(name)
        if len(self.names) == self._at:
            raise Stopped
        self._store.write(name, write, needed=needed)

    def __getattr__(self, name):
        return getattr(self._store, name)


def test_the_files_are_those_of_a_folder_and_the_manifest_comes_last(place, tmp_path):
    store = Stopping(place.store)
    exported("axolotl", PAIRS, "preference", to=Bucket(store))
    exported("axolotl", PAIRS, "preference", to=tmp_path / "out")
    there = {entry.name for entry in place.store.entries()}
    assert there == {
        str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()
    }
    assert all(place.store.read(name) == (tmp_path / "out" / name).read_bytes() for name in there)
    assert store.names[0] == "manifest.partial.json" and store.names[-1] == "manifest.json"
    manifest = json.loads(place.store.read("manifest.json"))
    data = place.store.read("train.jsonl")
    assert manifest["files"]["train.jsonl"]["sha256"] == hashlib.sha256(data).hexdigest()


def test_an_export_knows_that_it_is_there(place):
    written = exported("trl", PAIRS, "preference", to=place)
    assert exports.exporter("trl").there("preference", to=place, origin=ORIGIN) == written
    place.store.write("train.jsonl", lambda file: file.write(b"short"), needed=5)
    assert exports.exporter("trl").there("preference", to=place, origin=ORIGIN) is None


@pytest.mark.parametrize("at", range(1, 7))
def test_an_export_that_broke_off_has_no_manifest_and_the_next_one_takes_it_up(at, place):
    exported("axolotl", PAIRS, "preference", to=place)
    with pytest.raises(Stopped):  # partial, README, SHA256SUMS, record_ids, train, manifest
        exported("trl", PAIRS, "preference", to=Bucket(Stopping(place.store, at)))
    assert (place.found() is None) == (at > 1)
    exported("trl", [*PAIRS, pair("S?")], "preference", to=place)
    there = {entry.name for entry in place.store.entries()}
    assert there == {"README.md", "SHA256SUMS", "manifest.json", "record_ids/train.txt", "train.jsonl"}
    found = place.found()
    assert found is not None and (found.format, found.rows) == ("trl", 3)


def test_what_is_somebody_elses_is_not_touched(place):
    place.store.write("thesis.txt", lambda file: file.write(b"mine"), needed=4)
    with pytest.raises(SynthError, match=r"holds something else than an earlier export, such as 'thesis.txt'"):
        exported("trl", PAIRS, "preference", to=place)
    assert [entry.name for entry in place.store.entries()] == ["thesis.txt"]


def test_bad_days_are_said_in_sentences(bucket, tmp_path, monkeypatch):
    gone = place_of("s3://no-such-bucket-here/x", reached(bucket.options))
    with pytest.raises(StorageError, match="There is no bucket 'no-such-bucket-here'"):
        exported("trl", PAIRS, "preference", to=gone)
    away = place_of(bucket.url, reached(replace(bucket.options, endpoint_url="http://127.0.0.1:9", attempts=1)))
    with pytest.raises(StorageError, match="cannot be used for"):
        exported("trl", PAIRS, "preference", to=away)
    with pytest.raises(StorageError, match="neither a folder nor in an S3 bucket"):
        place_of("gs://bucket/x", reached(bucket.options))


def test_no_room_for_the_files_on_the_way_says_where_they_are_written(place, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("synth_dagster.exports.base._Export.write", full)
    with pytest.raises(SynthError, match=r"No space left on device. Free some space, or set TMPDIR"):
        exported("trl", PAIRS, "preference", to=place)
    assert not list(place.store.entries())
