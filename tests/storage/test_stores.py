"""A folder and a bucket behave alike."""

import random

import pytest

from synth_dagster.errors import StorageError
from synth_dagster.storage import NotThere, Replaced, open_store


def names(entries) -> list[str]:
    return [entry.name for entry in entries]


def test_what_is_written_is_read(store, put):
    put("a/b.bin", b"0123456789")
    assert store.read("a/b.bin") == b"0123456789"
    put("a/b.bin", b"other")
    assert store.read("a/b.bin") == b"other"
    assert store.entry("a/b.bin").size == 5
    assert store.link("a/b.bin") == f"{store.url}/a/b.bin"


def test_nothing_is_there_before_it_is_whole(store):
    def fails(file):
        file.write(b"half")
        assert store.entry("a") is None
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        store.write("a", fails, needed=4)
    assert names(store.entries()) == []
    assert list(store.folder.rglob("*")) == []


def test_the_first_to_create_wins(store):
    assert store.create("lock", b"first")
    assert not store.create("lock", b"second")
    assert store.read("lock") == b"first"
    assert names(store.entries()) == ["lock"]


def test_a_missing_file_has_no_entry_and_is_named(store):
    assert store.entry("a/b") is None
    for ask in (store.open, store.read, store.local):
        with pytest.raises(NotThere, match="a/b"):
            ask("a/b")
    store.remove("a/b")  # is no mistake
    assert (names(store.entries()), store.folders()) == ([], [])


def test_a_listing_is_in_the_order_of_bytes_and_can_be_entered_anywhere(store, put):
    """`-` comes before `/` and `/` before `0`, so `a-b` comes before what the folder `a` holds, and `a0` after it."""
    there = ["a-b", "a/1", "a/2/x", "a/é x%3A", "a0", "b", "ü"]
    for name in reversed(there):
        put(name)
    assert names(store.entries()) == there
    for number, name in enumerate(there):
        assert names(store.entries(after=name)) == there[number + 1 :]
    assert names(store.entries("a/")) == ["a/1", "a/2/x", "a/é x%3A"]
    assert names(store.entries("a/", after="a/1")) == ["a/2/x", "a/é x%3A"]
    assert names(store.entries("a")) == there[:5]
    assert names(store.entries("a/2")) == ["a/2/x"]
    assert names(store.entries("none/")) == []
    assert (store.folders(), store.folders("a/")) == (["a"], ["2"])


def test_an_etag_changes_when_the_file_does(store, put):
    put("a", b"one")
    before = store.entry("a")
    assert next(store.entries()) == before
    assert store.open("a", etag=before.etag).read() == b"one"
    put("a", b"two")
    assert store.entry("a").etag != before.etag
    with pytest.raises(Replaced, match="Look again"):
        store.open("a", etag=before.etag)


def test_a_stream_can_be_entered_and_moved_about(store, put):
    data = random.Random(1).randbytes(3_000_000)
    put("a", data)
    with store.open("a", 2_999_990) as file:
        assert file.read() == data[-10:]
        assert file.read() == b""
        assert file.seek(5) == 5
        assert file.read(3) == data[5:8]
        assert file.seek(-4, 2) == len(data) - 4
        assert file.read() == data[-4:]
        file.seek(0)
        assert b"".join(iter(lambda: file.read(65_536), b"")) == data
    assert store.open("a", 3_000_000).read() == b""
    assert store.open("a", 4_000_000).read() == b""


def test_an_empty_file_is_a_file(store, put):
    put("a", b"")
    assert (store.read("a"), store.entry("a").size) == (b"", 0)


def test_a_large_file_arrives_whole(store, put):
    """70 MB go to a bucket in five parts of 16 MiB."""
    data = random.Random(2).randbytes(1_000_000) * 70
    put("a", data)
    assert store.entry("a").size == len(data)
    assert store.local("a").read_bytes() == data


def test_a_local_file_is_the_file_or_a_copy(store, put):
    put("a/b=1/c", b"one")
    assert store.local("a/b=1/c").read_bytes() == b"one"
    assert store.local("a/b=1/c") == store.folder / "a/b=1/c"
    put("a/b=1/d", b"two", keep=True)
    assert [path.read_bytes() for path in store.local_all(["a/b=1/d", "a/b=1/c"])] == [b"two", b"one"]


def test_removing_takes_one_file(store, put):
    put("a/1")
    put("a/2")
    assert store.local("a/1").exists()
    store.remove("a/1")
    assert names(store.entries()) == ["a/2"]
    with pytest.raises(NotThere):
        store.local("a/1")


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../up", "a/../../up", "a\0b", "."])
def test_names_that_leave_the_store_are_refused(store, name):
    with pytest.raises(StorageError, match="cannot name a file"):
        store.read(name)


def test_a_place_is_made_ready_as_often_as_one_likes(store):
    store.prepare()
    assert store.create("kept", b"What is there stays.")
    store.prepare()
    assert store.read("kept") == b"What is there stays."


@pytest.mark.parametrize("url", ["gs://bucket/x", "file:///tmp/x", "s3://", "s3:///x", "s3://bucket/x?y=1"])
def test_other_places_are_refused(url):
    with pytest.raises(StorageError, match="s3://bucket/prefix"):
        open_store(url)
