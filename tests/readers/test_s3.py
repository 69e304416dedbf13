"""Objects of a bucket come in as files do; what is wrong with one costs that one."""

import gzip
import json
from dataclasses import replace

import pytest

from synth_dagster.errors import StorageError
from synth_dagster.readers.base import DeliveryChanged, Item, NotDelivered, Unreadable
from synth_dagster.readers.places import Places
from synth_dagster.readers.s3 import S3
from synth_dagster.storage import open_store
from tests.faulty_s3 import faulty


@pytest.fixture
def places(bucket, tmp_path):
    return Places(tmp_path, open_bucket=lambda url: open_store(url, bucket.options))


@pytest.fixture
def put(bucket):
    """Writes an object of the bucket: text, bytes, or a list of JSON values as lines."""

    def write(key, content):
        if isinstance(content, list):
            content = "".join(json.dumps(value) + "\n" for value in content)
        body = content if isinstance(content, bytes) else content.encode()
        bucket.client.put_object(Bucket=bucket.name, Key=key, Body=body)

    return write


@pytest.fixture
def read(bucket, places):
    def read_all(path="notes/", **given):
        start, optional = given.pop("start", None), given.pop("optional", False)
        reader = S3(path=f"s3://{bucket.name}/{path}", **given)
        return list(reader.items(places, start=start, optional=optional))

    return read_all


def test_a_prefix_is_read_by_key_with_everything_below_it_whatever_its_format(put, read):
    put("notes/b.txt", "second")
    put("notes/a/z.md", "# First\n\ntext")
    put("notes/c.jsonl.gz", gzip.compress(b'{"id": 7, "text": "third"}\n{"body": "x", "text": "fourth"}\n'))
    put("notes2/d.txt", "another prefix")
    found = read()
    assert [item.text for item in found] == ["# First\n\ntext", "second", "third", "fourth"]
    assert [item.native_key for item in found][:3] == ["a/z.md", "b.txt", "c.jsonl.gz#7"]


def test_one_object_and_a_whole_bucket_are_places_too(put, read):
    put("notes/a.txt", "first")
    put("b.txt", "second")
    assert [(item.native_key, item.text) for item in read("notes/a.txt")] == [("a.txt", "first")]
    assert [item.native_key for item in read("")] == ["b.txt", "notes/a.txt"]


def test_reading_can_begin_at_any_item(put, read):
    put("notes/a.jsonl", [{"text": f"line {n}"} for n in range(5)])
    put("notes/b.txt", "last")
    whole = read()
    assert [read(start=item.locator) for item in whole] == [whole[number:] for number in range(6)]


def test_hidden_and_unfinished_objects_are_passed_over_and_others_are_named(put, read):
    for key in ("notes/.hidden/a.txt", "notes/b.txt.part", "notes/_folder/", "notes/good.txt"):
        put(key, "" if key.endswith("/") else "text")
    put("notes/empty.txt", "")
    put("notes/photo.png", b"\x89PNG")
    put("notes/../up.txt", "text")
    put("notes//twice.txt", "text")
    found = {item.native_key: item.reject.reason if isinstance(item, Unreadable) else item.text for item in read()}
    assert found == {
        "/twice.txt": "bad_name",
        "empty.txt": "empty_file",
        "good.txt": "text",
        "photo.png": "unknown_format",
    }


def test_two_spellings_of_an_accent_are_two_objects(put, read):
    put("notes/caf\u00e9.txt", "composed")
    put("notes/cafe\u0301.txt", "decomposed")
    assert sorted(item.text for item in read()) == ["composed", "decomposed"]
    assert len({item.native_key for item in read()}) == 2


def test_a_prefix_without_objects_is_no_delivery_unless_it_may_be_absent(read):
    with pytest.raises(NotDelivered, match=r"There is no object under s3://bucket-\w+/notes/\. Put \.txt"):
        read()
    assert read(optional=True) == []


# ------------------------------------------------------------------------------------------------------------- changes


def test_an_object_that_is_replaced_or_removed_after_the_listing_is_a_change(put, read, bucket, places):
    put("notes/a.txt", "first")
    put("notes/b.txt", "second")
    delivery = S3(path=f"s3://{bucket.name}/notes/").items(places)
    assert next(delivery).text == "first"
    put("notes/b.txt", "another")
    with pytest.raises(DeliveryChanged, match=r"b\.txt was replaced since it was seen.*run 'synth run' again"):
        next(delivery)
    delivery = S3(path=f"s3://{bucket.name}/notes/").items(places)
    bucket.client.delete_object(Bucket=bucket.name, Key="notes/b.txt")
    assert next(delivery).text == "first"
    with pytest.raises(DeliveryChanged, match="There is no object"):
        next(delivery)


def test_a_place_in_an_object_that_is_gone_is_told(put, read, bucket):
    put("notes/a.txt", "first")
    put("notes/b.txt", "second")
    place = read()[0].locator
    bucket.client.delete_object(Bucket=bucket.name, Key="notes/a.txt")
    with pytest.raises(DeliveryChanged, match=r"'a\.txt' is no longer delivered"):
        read(start=place)


def test_facts_are_others_when_an_object_comes_goes_or_changes_and_only_then(put, bucket, places):
    reader = S3(path=f"s3://{bucket.name}/notes/")
    seen = [reader.facts(places)]
    for key, text in (("a.txt", "first"), ("b.txt", "second"), ("b.txt", "2econd"), ("c.txt.part", "unfinished")):
        put(f"notes/{key}", text)
        seen.append(reader.facts(places))
    bucket.client.delete_object(Bucket=bucket.name, Key="notes/b.txt")
    seen.append(reader.facts(places))
    assert seen[0] is None and seen[3] == seen[4] and seen[5] == seen[1]
    assert len({*seen}) == 4


# ------------------------------------------------------------------------------------------------------------ bad days


def test_a_bucket_that_is_missing_is_told_also_where_the_source_may_be_absent(places):
    with pytest.raises(StorageError, match="There is no bucket 'nobody-has-this'"):
        list(S3(path="s3://nobody-has-this/notes/").items(places, optional=True))


def test_an_endpoint_that_is_down_is_one_sentence(bucket, tmp_path):
    options = replace(bucket.options, endpoint_url="http://127.0.0.1:9", attempts=1)
    places = Places(tmp_path, open_bucket=lambda url: open_store(url, options))
    with pytest.raises(StorageError, match=r"http://127\.0\.0\.1:9 cannot be used .* Check the network"):
        list(S3(path=f"{bucket.url}/").items(places))


@pytest.fixture
def faults(bucket):
    with faulty(bucket.endpoint) as faults:
        yield faults


@pytest.fixture
def through(bucket, faults, tmp_path):
    """What the reader gives through a proxy that has bad days; three attempts a request, so two may fail."""
    options = replace(bucket.options, endpoint_url=faults.address)
    places = Places(tmp_path, open_bucket=lambda url: open_store(url, options))
    return lambda **given: S3(path=f"s3://{bucket.name}/notes/").items(places, **given)


@pytest.mark.prove
def test_a_503_that_passes_is_not_noticed_wherever_it_comes(put, read, through, faults):
    put("notes/a.jsonl", [{"text": f"line {n}"} for n in range(50)])
    put("notes/b.txt", "last")
    whole = read()
    faults.refuse = 2  # the listing
    delivery = through()
    found = [next(delivery)]
    assert faults.refuse == 0
    faults.refuse = 2  # the next object
    assert found + list(delivery) == whole and faults.refuse == 0


def test_a_stream_that_breaks_off_is_taken_up_where_it_was(put, read, through, faults):
    put("notes/a.txt", "first")
    put("notes/b.jsonl", [{"text": "word " * 200} for _ in range(300)])
    delivery = through()
    found = [next(delivery)]
    faults.break_off = 3
    assert found + list(delivery) == read() and faults.break_off == 0


@pytest.mark.prove
@pytest.mark.parametrize("already", [0, 1], ids=["at the listing", "between two objects"])
@pytest.mark.parametrize(
    ("bad", "words"),
    [
        pytest.param({"refuse": 1_000}, r"503 SlowDown to \w+ of s3://.*, 3 times.*when the service", id="503"),
        pytest.param({"deny": True}, r"denies \w+.*AccessDenied.*Check the credentials", id="denied"),
    ],
)
def test_a_bucket_that_stays_away_or_denies_ends_the_delivery_in_words(put, through, faults, bad, words, already):
    put("notes/a.txt", "first")
    put("notes/b.txt", "second")
    delivery = through(optional=True)  # which does not mean that it may be unknown whether anything is there
    assert [next(delivery).text for _ in range(already)] == ["first"][:already]
    for name, value in bad.items():
        setattr(faults, name, value)
    with pytest.raises(StorageError, match=words) as told:
        list(delivery if already else through(optional=True))
    assert "testing-" not in str(told.value)


@pytest.mark.parametrize("path", ["inbox/notes/", "s3://", "s3:///notes", "https://x/y", "s3://bucket/a?b"])
def test_what_is_no_place_in_a_bucket_is_refused_with_the_recipe(path):
    with pytest.raises(ValueError, match="path"):
        S3(path=path)


def test_an_object_of_several_blocks_comes_in_whole(put, read):
    put("notes/a.jsonl", [{"text": "word " * 200} for _ in range(3000)])  # three megabytes
    assert sum(isinstance(item, Item) for item in read()) == 3000
