"""A bucket that refuses, breaks off, is missing or unsafe says so in one sentence; one that recovers is not noticed."""

import errno
import time
from dataclasses import replace

import pytest

from synth_dagster.errors import StorageError
from synth_dagster.storage import Replaced, S3Options, open_store
from synth_dagster.storage.bucket import BucketStore
from synth_dagster.storage.object_stream import ObjectStream
from tests.faulty_s3 import faulty


@pytest.fixture
def faults(bucket):
    with faulty(bucket.endpoint) as faults:
        yield faults


@pytest.fixture
def store(bucket, faults) -> BucketStore:
    """A store that reaches its bucket through the faulty proxy."""
    return open_store(bucket.url, replace(bucket.options, endpoint_url=faults.address))


def put(store, name: str, data: bytes = b"data") -> None:
    store.write(name, lambda file: file.write(data), needed=len(data))


@pytest.mark.prove
def test_a_few_503_are_not_noticed(store, faults):
    """Three attempts a request: two may fail."""
    put(store, "a")
    for work in (lambda: put(store, "b"), lambda: store.read("a"), lambda: list(store.entries())):
        faults.refuse = 2
        work()
        assert faults.refuse == 0


def test_503_for_long_is_said_and_half_a_file_is_seen_by_nobody(store, faults):
    put(store, "a", b"before")
    faults.refuse, faults.only = 1_000, "PUT"
    with pytest.raises(StorageError, match=r"503 SlowDown to PutObject of s3://.*/prefix/a, 3 times.*when the service"):
        put(store, "a", b"after")
    faults.refuse = 0
    assert store.read("a") == b"before"
    assert [entry.name for entry in store.entries()] == ["a"]


def test_a_stream_that_breaks_off_goes_on_where_it_was(store, faults):
    data = bytes(range(256)) * 10_000
    put(store, "a", data)
    faults.break_off = 3
    assert store.read("a") == data
    faults.break_off = 3
    assert store.local("a").read_bytes() == data


def test_a_stream_that_never_gives_a_byte_ends_in_words():
    file = ObjectStream("s3://lake/a", lambda offset, etag: (Silent(), "etag", 100), 0, None)
    with pytest.raises(StorageError, match=r"broke off 6 times at byte 0"):
        file.read()


class Silent:
    def read(self, _: int) -> bytes:
        return b""

    def close(self) -> None:
        pass


def test_a_file_replaced_in_the_middle_of_reading_is_noticed(store, faults):
    put(store, "a", b"1" * 3_000_000)
    with store.open("a") as file:
        faults.break_off = 0
        assert file.read(10) == b"1" * 10
        put(store, "a", b"2" * 3_000_000)
        file.seek(2_500_000)
        with pytest.raises(Replaced, match=r"was replaced since it was seen"):
            file.read()


def test_a_bucket_that_ignores_conditions_is_refused(store, faults):
    faults.forget_conditions = True
    with pytest.raises(StorageError, match=r"ignores If-None-Match.*destroy each other's commits"):
        store.prepare()
    with pytest.raises(StorageError, match=r"ignores If-None-Match"):
        store.prepare()
    faults.forget_conditions = False
    store.prepare()
    faults.forget_conditions = True
    with pytest.raises(StorageError, match=r"ignores If-None-Match"):
        store.prepare()


def test_a_safe_bucket_is_asked_once(store, faults):
    store.prepare()
    faults.asked.clear()
    store.prepare()
    assert len(faults.asked) == 1


def test_denied_names_the_bucket_and_no_secret(store, faults):
    faults.deny = True
    with pytest.raises(StorageError, match=r"denies PutObject.*AccessDenied.*Check the credentials") as told:
        put(store, "a")
    assert "testing-" not in str(told.value) + repr(store.options)
    store.prepare()  # who may not write can only read


def test_a_missing_bucket_is_named(bucket):
    store = open_store("s3://no-such-bucket-here/x", bucket.options)
    for work in (store.prepare, lambda: list(store.entries()), lambda: store.read("a")):
        with pytest.raises(StorageError, match=r"There is no bucket 'no-such-bucket-here' at http"):
            work()


def test_an_endpoint_that_is_away_is_named(bucket):
    store = open_store(bucket.url, replace(bucket.options, endpoint_url="http://127.0.0.1:9", attempts=1))
    with pytest.raises(StorageError, match=r"127.0.0.1:9 cannot be used.*Check the network"):
        store.entry("a")


def test_without_credentials_the_way_to_give_them_is_said(bucket, monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    store = open_store(bucket.url, S3Options(endpoint_url=bucket.endpoint, region="eu-west-1", cache=bucket.cache))
    for work in (lambda: store.entry("a"), store.storage_options):
        with pytest.raises(StorageError, match=r"no credentials for s3://.*AWS_ACCESS_KEY_ID"):
            work()


def test_an_unknown_profile_is_said(bucket):
    store = open_store(bucket.url, replace(bucket.options, profile="nobody"))
    with pytest.raises(StorageError, match=r"AWS_PROFILE"):
        store.entry("a")


def test_uploads_that_were_never_finished_are_removed(bucket):
    store, client = bucket.store, bucket.client
    client.create_multipart_upload(Bucket=bucket.name, Key="prefix/corpus/big.parquet")
    client.create_multipart_upload(Bucket=bucket.name, Key="elsewhere")
    assert store.remove_unfinished(0) == []
    assert store.remove_unfinished(time.time()) == ["corpus/big.parquet"]
    assert len(client.list_multipart_uploads(Bucket=bucket.name)["Uploads"]) == 1


def test_no_room_for_copies_is_said(bucket, monkeypatch):
    from synth_dagster.storage import folder

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    put(bucket.store, "a")
    monkeypatch.setattr(folder, "_write_flushed", full)
    with pytest.raises(StorageError, match=r"is full"):
        bucket.store.local("a")


def test_a_cache_folder_that_cannot_be_made_is_said(bucket, tmp_path):
    (tmp_path / "file").touch()
    store = open_store(bucket.url, replace(bucket.options, cache=tmp_path / "file" / "cache"))
    with pytest.raises(StorageError, match=r"SYNTH_CACHE"):
        put(store, "a")
