"""Many processes write one lake in a bucket, and die, while S3 has bad days: nothing is lost and nothing is doubled."""

import json
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from synth_dagster.errors import StorageError
from synth_dagster.lake.lake import Lake
from tests.faulty_s3 import faulty
from tests.lake.conftest import documents, in_bucket, write_to
from tests.lake.test_crash import WRITER, shown
from tests.moto_server import KEY, REGION, SECRET, Bucket

OPEN = """
import json
from pathlib import Path
from synth_dagster.storage import S3Options
place = json.loads(root)
options = S3Options(**(place["s3"] | {"cache": Path(place["s3"]["cache"])}))
lake = Lake.open(place["url"], metadata=place["metadata"], s3=options)
"""


def start(bucket: Bucket, cache: Path, first: int, last: int, *batches: str) -> "subprocess.Popen[str]":
    """The writer of the crash tests, on a machine of its own as far as files go."""
    s3 = {"endpoint_url": bucket.endpoint, "region": REGION, "access_key_id": KEY, "secret_access_key": SECRET}
    metadata = str(bucket.cache.parent / "meta.sqlite")
    place = json.dumps({"url": bucket.url, "metadata": metadata, "s3": {**s3, "cache": str(cache)}})
    program = WRITER.replace("lake = Lake.open(root)\n", OPEN)
    command = [sys.executable, "-c", program, place, str(first), str(last), *batches]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_write_disjoint_batches(bucket, tmp_path):
    writers = [start(bucket, tmp_path / f"cache{n}", 0, 2, *(f"w{n}:{batch}" for batch in range(3))) for n in (1, 2)]
    said = [writer.communicate(timeout=240) for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0], said
    assert sum(len(out.splitlines()) for out, _ in said) == 12
    lake = in_bucket(bucket)
    assert shown(lake) == {f"w{n}:{batch}": {(1, 200)} for n in (1, 2) for batch in range(3)}
    assert lake.connect("demo").execute("select count(*) from rejects").fetchall() == [(6,)]
    assert len(lake.read("demo", "corpus", as_of="run-w1:2-0", where="batch = 'w1:2'")) == 200


def test_two_processes_write_the_same_batches(bucket, tmp_path):
    """Each may be told that the other replaced its candidate; what is shown is one of the two, whole."""
    writers = [start(bucket, tmp_path / f"cache{n}", n, n + 1, "notes:1", "notes:2") for n in (1, 2)]
    for writer in writers:
        writer.communicate(timeout=240)
    assert any(writer.returncode == 0 for writer in writers)
    found = shown(in_bucket(bucket))
    assert found.keys() == {"notes:1", "notes:2"}
    assert all(len(pairs) == 1 and pairs <= {(1, 200), (2, 200)} for pairs in found.values())


@pytest.mark.prove
def test_a_writer_killed_at_any_moment(bucket, tmp_path):
    kill_some(bucket, tmp_path, 2)


@pytest.mark.prove
def test_a_writer_killed_thirty_times(bucket, tmp_path):
    kill_some(bucket, tmp_path, 30)


def kill_some(bucket: Bucket, folder: Path, kills: int) -> None:
    first, chance = 0, random.Random(kills)
    for _ in range(kills):
        writer = start(bucket, folder / "cache", first, 1_000_000, "notes:1")
        assert writer.stdout
        said = [writer.stdout.readline()]  # it is at work: from here on, any moment will do
        time.sleep(chance.uniform(0, 0.5))
        writer.send_signal(signal.SIGKILL)
        said += writer.stdout.read().splitlines()
        writer.communicate()
        acknowledged = max(int(line.split()[1]) for line in said if line.strip())
        ((number, count),) = shown(in_bucket(bucket))["notes:1"]
        assert (count, number in (acknowledged, acknowledged + 1)) == (200, True)
        first = number + 1
    finishing = start(bucket, folder / "cache", first, first + 1, "notes:1")
    out, err = finishing.communicate(timeout=120)
    assert (finishing.returncode, out, err) == (0, f"notes:1 {first}\n", "")
    lake = in_bucket(bucket)
    assert shown(lake) == {"notes:1": {(first, 200)}}
    assert lake.connect("demo").execute("select reason from rejects").fetchall() == [(str(first),)]
    assert lake.meta.database.rows("select * from leases") == []
    lake.sweep(older_than_s=-60)
    assert shown(in_bucket(bucket)) == {"notes:1": {(first, 200)}}


@pytest.mark.prove
def test_a_lake_rides_out_503(bucket):
    """Every tenth second or so is bad: what was asked for still arrives, once."""
    with faulty(bucket.endpoint) as faults:
        lake = in_bucket(replace(bucket, endpoint=faults.address))
        for number in range(3):
            faults.refuse = 1
            candidate = write_to(lake, "notes:1", documents("notes:1", 3, text=f"try {number}"))
            faults.refuse = 1
            lake.accept(candidate)
            faults.refuse = 1
            assert lake.read("demo", "corpus").num_rows == 3
    assert len(shown_texts(in_bucket(bucket))) == 3


def test_a_lake_whose_bucket_is_away_says_so_and_goes_on_later(bucket):
    with faulty(bucket.endpoint) as faults:
        lake = in_bucket(replace(bucket, endpoint=faults.address))
        lake.accept(write_to(lake, "notes:1", documents("notes:1", 3)))
        second = write_to(lake, "notes:1", documents("notes:1", 2, text="second"))
        faults.refuse, faults.only = 1_000, "PUT"
        with pytest.raises(StorageError, match="503") as told:
            lake.accept(second)
        assert "second" not in str(told.value)
        assert "testing-" not in str(told.value)
        faults.refuse = 0
        assert lake.read("demo", "corpus").num_rows == 3
        lake.accept(second)
        assert lake.read("demo", "corpus").num_rows == 2


def shown_texts(lake: Lake) -> list[str]:
    return lake.read("demo", "corpus", columns=["text"])["text"].to_pylist()


def test_another_machine_reads_what_was_accepted_and_keeps_few_copies(bucket, tmp_path):
    lake = in_bucket(bucket)
    for number in range(3):
        lake.accept(write_to(lake, f"notes:{number}", documents(f"notes:{number}", 3)))
    options = replace(bucket.options, cache=tmp_path / "other", cache_bytes=1)
    other = Lake.open(bucket.url, metadata=tmp_path / "meta.sqlite", s3=options)
    assert len(shown_texts(other)) == 9
    copies = list((tmp_path / "other").rglob("*.parquet"))
    assert len(copies) == 3  # used just now: these may be in use
    with other.connect("demo") as connection:
        assert connection.execute("select count(*) from corpus").fetchone() == (9,)


def test_a_connection_keeps_its_files_however_small_the_cache(bucket, tmp_path, monkeypatch):
    """A view opens its files when it is asked; by then others may have filled the cache."""
    from synth_dagster.storage import cache

    monkeypatch.setattr(cache, "JUST_USED", 0.3)
    monkeypatch.setattr(cache, "LOOK_SECONDS", -1)
    lake = in_bucket(replace(bucket, cache=tmp_path / "one"))
    lake.accept(write_to(lake, "notes:1", documents("notes:1", 3)))
    small = replace(bucket.options, cache=tmp_path / "one", cache_bytes=1)
    reader = Lake.open(bucket.url, metadata=bucket.cache.parent / "meta.sqlite", s3=small)
    connection = reader.connect("demo")
    time.sleep(0.5)
    reader.store.write("other", lambda file: file.write(b"x"), needed=1, keep=True)
    assert connection.execute("select count(*) from corpus").fetchone() == (3,)
    held = list((tmp_path / "one").rglob("*.parquet"))
    del connection
    reader.store.write("another", lambda file: file.write(b"x"), needed=1, keep=True)
    assert len(held) == 1
    assert not list((tmp_path / "one").rglob("*.parquet"))


def test_threads_share_a_lake(bucket):
    lake = in_bucket(bucket)
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            lake.accept(write_to(lake, f"notes:{number}", documents(f"notes:{number}", 3)))
        except BaseException as error:  # noqa: BLE001 - told by the test
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert lake.counts("demo")["corpus"][:2] == (12, 4)


def test_the_lineage_index_of_a_bucket_stands_on_this_machine(bucket):
    from synth_dagster.lake.lineage import Lineage

    lake = in_bucket(bucket)
    lake.accept(write_to(lake, "notes:1", documents("notes:1", 3)))
    lineage = Lineage(lake)
    record = lake.read("demo", "corpus", columns=["record_id"])["record_id"][0].as_py()
    assert lineage.now().resolve(record.hex()[:8]) == record
    assert list(bucket.cache.rglob("lineage.sqlite"))
    assert not [key for key in bucket.every_key() if "sqlite" in key]
