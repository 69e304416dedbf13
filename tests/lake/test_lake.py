"""What readers see is what was accepted, whole, and nothing else."""

import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth_dagster.errors import LakeError, StorageError, UnknownName
from synth_dagster.lake import files
from synth_dagster.lake.acceptance import Acceptance
from synth_dagster.lake.canonical import data_version
from synth_dagster.lake.lake import Lake
from synth_dagster.parts.sql import literal
from synth_dagster.record_tables import REJECT
from tests.faulty_s3 import faulty
from tests.lake.conftest import documents, in_bucket, rejects, write_to

FOLDER = pytest.mark.parametrize("opened", ["folder"], indirect=True)


@pytest.fixture(params=["folder", "bucket"])
def opened(request, tmp_path) -> Callable[[], Lake]:
    """Opens the lake of a test, as often as it is called: one in a folder, and one in a bucket."""
    if request.param == "folder":
        return lambda: Lake.open(tmp_path / "lake")
    bucket = request.getfixturevalue("bucket")
    return lambda: in_bucket(bucket)


@pytest.fixture
def lake(opened) -> Lake:
    return opened()


def names(lake, prefix="demo/", suffix=".parquet") -> list[str]:
    return [entry.name for entry in lake.store.entries(prefix) if entry.name.endswith(suffix)]


def texts(lake, **more):
    return lake.read("demo", "corpus", columns=["text"], **more)["text"].to_pylist()


def test_nobody_sees_a_candidate_before_it_is_accepted(lake, write):
    candidate = write("notes:1")
    assert lake.read("demo", "corpus").num_rows == 0
    assert lake.connect("demo").execute("select count(*) from corpus").fetchall() == [(0,)]
    assert lake.awaiting("demo", "corpus", "notes:1") == candidate
    assert lake.accepted("demo", "corpus", "notes:1") is None
    assert lake.candidate_table(candidate, ["text", "batch"]).num_rows == 3


def test_accepting_shows_the_batch(lake, write):
    candidate = write("notes:1")
    version = lake.accept(candidate)
    accepted = lake.accepted("demo", "corpus", "notes:1")
    assert (accepted.candidate_id, accepted.state, accepted.version) == (candidate.candidate_id, "accepted", version)
    assert lake.awaiting("demo", "corpus", "notes:1") is None
    assert sorted(texts(lake)) == ["hello 0", "hello 1", "hello 2"]
    assert lake.counts("demo") == {"corpus": (3, 1, version)}


def test_accepting_twice_is_accepting_once(lake, write):
    candidate = write("notes:1", rejects=rejects("notes:1", "unparsable"))
    assert lake.accept(candidate) == lake.accept(candidate) == 1
    assert len(texts(lake)) == 3
    assert lake.connect("demo").execute("select count(*) from rejects").fetchall() == [(1,)]


def test_a_new_version_takes_the_place_of_the_old_one(lake, write):
    lake.accept(write("notes:1", rejects=rejects("notes:1", "unparsable")))
    lake.accept(write("notes:2", 1))
    lake.accept(write("notes:1", 2, text="better"))
    assert texts(lake, batches=["notes:1"]) == sorted(["better 0", "better 1"], key=texts(lake).index)
    assert len(texts(lake)) == 3
    assert lake.connect("demo").execute("select count(*) from rejects").fetchall() == [(0,)]


def test_a_failed_candidate_leaves_the_version_before_it_readable(lake, write):
    first = write("notes:1")
    lake.accept(first)
    worse = write("notes:1", text="worse")
    lake.refuse(worse)
    assert lake.accepted("demo", "corpus", "notes:1").candidate_id == first.candidate_id
    assert all(text.startswith("hello") for text in texts(lake))
    assert lake.candidate_table(worse).num_rows == 3  # for the examples
    write("notes:1", text="third")
    with pytest.raises(LakeError, match="Make the batch again"):
        lake.candidate_table(worse)


def test_a_newer_candidate_replaces_one_that_waits(lake, write):
    older, newer = write("notes:1"), write("notes:1", 2)
    assert lake.awaiting("demo", "corpus", "notes:1") == newer
    with pytest.raises(LakeError, match="replaced by a newer one"):
        lake.accept(older)
    lake.accept(newer)
    assert len(texts(lake)) == 2


def test_an_older_version_cannot_come_back_by_being_accepted_late(lake, write):
    first, second = write("notes:1"), None
    lake.accept(first)
    second = write("notes:1", 2)
    lake.accept(second)
    with pytest.raises(LakeError, match="newer version"):
        lake.accept(first)
    assert len(texts(lake)) == 2


def test_the_table_is_right_when_the_note_was_never_made(lake, opened, write):
    """Killed between the Delta commit and the metadata: the next one to ask makes the note."""
    first = write("notes:1", rejects=rejects("notes:1", "cut"))
    finish, lake.meta.finish_accept = lake.meta.finish_accept, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        lake.accept(first)
    lake.meta.finish_accept = finish
    assert lake.meta.candidate(first.candidate_id).state == "awaiting"
    again = opened()
    assert again.awaiting("demo", "corpus", "notes:1") is None
    assert again.accepted("demo", "corpus", "notes:1").state == "accepted"
    assert again.meta.versions_as_of("demo", "run-1") == {"corpus": 1, "rejects": 1}
    write("notes:1", 5)
    assert len(texts(again)) == 3


def test_an_accept_killed_between_rejects_and_records_can_be_refused(lake, write, monkeypatch):
    lake.accept(write("notes:1", rejects=rejects("notes:1", "old reason")))
    second = write("notes:1", 1, rejects=rejects("notes:1", "new reason"))
    commit = Acceptance.commit_files

    def killed_at_the_records(self, dataset, table, *rest, **more):
        if table == "corpus":
            raise KeyboardInterrupt
        return commit(self, dataset, table, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Acceptance, "commit_files", killed_at_the_records)
        with pytest.raises(KeyboardInterrupt):
            lake.accept(second)
    assert len(texts(lake)) == 3
    lake.refuse(second)
    assert lake.connect("demo").execute("select reason from rejects").fetchall() == [("old reason",)]


def test_a_table_as_a_run_left_it(lake, write):
    lake.accept(write("notes:1", run_id="aaa-1"))
    lake.accept(write("notes:2", 2, run_id="bbb-2"))
    lake.accept(write("notes:1", 5, run_id="ccc-3"))
    assert [len(texts(lake, as_of=run)) for run in ("aaa-1", "bbb", "ccc-3")] == [3, 5, 7]
    with lake.connect("demo", as_of="bbb-2") as then:
        assert then.execute("select count(*) from corpus").fetchall() == [(5,)]
    with pytest.raises(UnknownName, match="aaa-1"):
        texts(lake, as_of="aaa-2")


def test_a_table_that_came_later_was_empty_then(lake, write):
    lake.accept(write("notes:1", run_id="first"))
    lake.accept(write("notes:1", run_id="second", stage="pairs"))
    assert lake.connect("demo", as_of="first").execute("select count(*) from pairs").fetchall() == [(0,)]


def test_a_retired_batch_is_gone_now_and_there_before(lake, write):
    lake.accept(write("notes:1", run_id="before", rejects=rejects("notes:1", "cut")))
    lake.accept(write("notes:2", 1, run_id="before"))
    lake.retire("demo", "corpus", "notes:1", "after")
    assert lake.accepted("demo", "corpus", "notes:1") is None
    assert list(lake.accepted_all("demo", "corpus")) == ["notes:2"]
    assert len(texts(lake)) == 1
    assert len(texts(lake, as_of="before")) == 4
    assert lake.retire("demo", "corpus", "notes:1", "again") is not None
    assert lake.read("demo", "corpus", as_of="after").num_rows == 1


def test_the_data_version_is_that_of_what_is_read_back(lake, write):
    candidate = write("notes:1")
    assert data_version(lake.candidate_table(candidate)) == candidate.data_version
    lake.accept(candidate)
    assert data_version(lake.read("demo", "corpus")) == candidate.data_version
    assert data_version(lake.read("demo", "corpus", where="true")) == candidate.data_version
    assert write("notes:1", run_id="another run").data_version == candidate.data_version


def test_reading_is_by_batch_and_record_id_whatever_the_order_of_writing(lake, write):
    for batch in ("notes:2", "notes:10", "é x%/y='z'", "notes:1"):
        lake.accept(write(batch, 4))
    rows = lake.read("demo", "corpus", columns=["batch", "record_id"])
    assert rows.to_pylist() == sorted(rows.to_pylist(), key=lambda row: (row["batch"], row["record_id"]))
    assert rows["batch"].unique().to_pylist() == ["notes:1", "notes:10", "notes:2", "é x%/y='z'"]
    assert lake.read("demo", "corpus", columns=["batch", "record_id"], where="true").equals(rows)


def test_reading_some_of_it(lake, write):
    lake.accept(write("notes:1", 4))
    lake.accept(write("notes:2", 4))
    assert len(texts(lake, limit=5)) == 5
    assert texts(lake, where="text = 'hello 2' -- and nothing else", batches=["notes:2"]) == ["hello 2"]
    assert texts(lake, where="text like 'hello%'", limit=0) == []
    with pytest.raises(UnknownName, match="Did you mean 'text'"):
        lake.read("demo", "corpus", columns=["txet"])
    with pytest.raises(UnknownName, match="Did you mean 'corpus'"):
        lake.read("demo", "corpse")
    with pytest.raises(LakeError, match="cannot be used on demo/corpus"):
        texts(lake, where="no_such_column = 1")


def test_streaming_gives_the_same_rows_a_few_at_a_time(lake, write):
    lake.accept(write("notes:1", 25))
    lake.accept(write("notes:2", 3))
    parts = list(lake.stream("demo", "corpus", rows=10))
    assert [part.num_rows for part in parts] == [10, 10, 5, 3]
    assert pa.Table.from_batches(parts).equals(lake.read("demo", "corpus"))


def test_large_batches_are_written_in_row_groups_that_fit(lake, monkeypatch, write):
    monkeypatch.setattr(files, "ROW_GROUP", 10)
    candidate = write("notes:1", 25)
    (file,) = names(lake, suffix=f"{candidate.candidate_id}.parquet")
    assert pq.ParquetFile(lake.store.local(file)).num_row_groups == 3


def test_new_columns_join_with_the_batch_that_has_them(lake):
    ids = pa.array([b"1"], pa.binary())
    lake.accept(write_to(lake, "a", pa.table({"record_id": ids, "words": [7]}), stage="signals"))
    wider = pa.table({"record_id": ids, "words": [8], "share": [0.5]})
    candidate = write_to(lake, "b", wider, stage="signals")
    assert lake.read("demo", "signals").column_names == ["record_id", "words", "batch"]
    lake.accept(candidate)
    shown = lake.read("demo", "signals", columns=["batch", "words", "share"])
    expected = [{"batch": "a", "words": 7, "share": None}, {"batch": "b", "words": 8, "share": 0.5}]
    assert shown.to_pylist() == expected
    assert lake.read("demo", "signals", columns=["batch", "words", "share"], where="true").to_pylist() == expected


def test_a_column_of_another_type_is_refused(lake):
    ids = pa.array([b"1"], pa.binary())
    lake.accept(write_to(lake, "a", pa.table({"record_id": ids, "words": [7]}), stage="signals"))
    with pytest.raises(LakeError, match=r"'words'.*string.*int64"):
        write_to(lake, "b", pa.table({"record_id": ids, "words": ["many"]}), stage="signals")
    narrow = pa.table({"record_id": ids, "words": pa.array([7], pa.int8())})
    assert write_to(lake, "b", narrow, stage="signals").rows == 1  # every int8 is an int64


def test_two_batches_that_disagree_on_a_new_column_cannot_both_be_accepted(lake):
    ids = pa.array([b"1"], pa.binary())
    write_to(lake, "a", pa.table({"record_id": ids}), stage="signals")
    first = write_to(lake, "b", pa.table({"record_id": ids, "x": [1.5]}), stage="signals")
    second = write_to(lake, "c", pa.table({"record_id": ids, "x": ["1.5"]}), stage="signals")
    lake.accept(first)
    with pytest.raises(LakeError, match="Another batch has made the column 'x'"):
        lake.accept(second)
    assert lake.read("demo", "signals").num_rows == 1


def test_rows_of_another_batch_are_refused(lake):
    with pytest.raises(LakeError, match="Write each by itself"):
        write_to(lake, "notes:1", documents("notes:2", 1))


def test_releases_are_partitions_of_a_mix_and_may_repeat_a_record(lake):
    mix = pa.table({"record_id": pa.array([b"1", b"1"], pa.binary()), "text": ["a", "a"]})
    candidate = write_to(lake, "r0001", mix, stage="mix", partition="release")
    lake.accept(candidate)
    assert lake.read("demo", "mix").to_pylist() == [{"record_id": b"1", "text": "a", "release": "r0001"}] * 2
    assert lake.accepted("demo", "mix", "r0001").partition == "release"
    with pytest.raises(LakeError, match="partitioned by"):
        write_to(lake, "notes:1", mix, stage="mix")


def test_an_empty_batch_can_be_accepted(lake, write):
    lake.accept(write("notes:1", 0))
    assert lake.accepted("demo", "corpus", "notes:1").rows == 0
    assert lake.read("demo", "corpus").num_rows == 0
    assert lake.counts("demo")["corpus"][:2] == (0, 1)


def test_no_text_in_the_log(lake, write):
    lake.accept(write("notes:1", text="SECRET-alice", rejects=rejects("notes:1", "SECRET-bob")))
    lake.accept(write("notes:1", text="SECRET-carol"))
    logs = [name for name in names(lake, suffix="") if "/_delta_log/" in name]
    assert len(logs) > 2
    assert not [log for log in logs if b"SECRET" in lake.store.read(log)]


ODD = (
    "../../up",
    "/etc/passwd",
    "a'b; drop table corpus; --",
    "batch=x",
    "%2e%2e%2f",
    "*?[a-z]",
    "ä 東京 \U0001f600",
    "n\no\tr",
)


def test_a_batch_may_be_called_anything(lake, write):
    """Any characters are safe as a folder of the table and in SQL: each is its own batch, and none leaves the lake."""
    for number, batch in enumerate(ODD):
        lake.accept(write(batch, number + 1))
    for number, batch in enumerate(ODD):
        assert lake.accepted("demo", "corpus", batch).rows == number + 1
        rows = lake.read("demo", "corpus", where=f"batch = {literal(batch)}")
        assert set(rows["batch"].to_pylist()) == {batch} and rows.num_rows == number + 1
    with lake.connect("demo") as connection:
        found = dict(connection.execute("select batch, count(*) from corpus group by all").fetchall())
    assert found == {batch: number + 1 for number, batch in enumerate(ODD)}
    lake.retire("demo", "corpus", ODD[0], run_id="r")
    assert lake.accepted("demo", "corpus", ODD[0]) is None and len(lake.accepted_all("demo", "corpus")) == len(ODD) - 1
    assert {name.split("/")[0] for name in names(lake, prefix="")} == {"demo"}


@pytest.mark.parametrize("name", ["Demo", "1st", "../up", "derived", ""])
def test_names_that_cannot_be_folders_are_refused(lake, name):
    with pytest.raises(LakeError, match="cannot name a dataset or stage"):
        lake.accepted(name, "corpus", "notes:1")


def test_a_lake_in_a_bucket_needs_a_database_elsewhere():
    with pytest.raises(LakeError, match="Set SYNTH_METADATA"):
        Lake.open("s3://bucket/prefix")


def test_a_bucket_where_commits_would_be_lost_is_refused_when_it_is_opened(bucket):
    with faulty(bucket.endpoint) as faults:
        faults.forget_conditions = True
        with pytest.raises(StorageError, match="ignores If-None-Match"):
            in_bucket(replace(bucket, endpoint=faults.address))


def test_a_full_disk_says_what_was_needed_and_leaves_nothing(lake, write, monkeypatch):
    lake.accept(write("notes:1"))

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.pq, "write_table", full)
    with pytest.raises(StorageError, match=r"is full: this batch needs up to \d+\.\d MB"):
        write("notes:1", 9)
    assert len(names(lake)) == 1
    assert not list(lake.store.folder.rglob(".tmp-*"))
    assert len(texts(lake)) == 3


FILE_TOO_LARGE = """
import os, resource, signal, sys, pyarrow as pa
from synth_dagster.errors import StorageError
from synth_dagster.lake.acceptance import Acceptance
from synth_dagster.lake.lake import Lake
lake = Lake.open(sys.argv[1])
noise = pa.table({"record_id": [os.urandom(16) for _ in range(100_000)], "text": [os.urandom(20).hex()] * 100_000})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
try:
    lake.write_candidate("demo", "noise", "b", noise, rejects=None, run_id="r", session_id="s", code_version="c",
                         inputs={}, recipe_hash="h", details={})
except StorageError as error:
    print(error)
"""


def test_a_file_the_system_refuses_is_a_full_disk(tmp_path):
    """100,000 ids of 16 random bytes cannot be a file of a million; the log of a new meta.sqlite, 320,000, can."""
    done = subprocess.run(
        [sys.executable, "-c", FILE_TOO_LARGE, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "is full" in done.stdout
    assert not list(tmp_path.rglob("*.parquet")) + list(tmp_path.rglob(".tmp-*"))


NO_ROOM_TO_COMMIT = """
import resource, signal, sys
from synth_dagster.errors import StorageError
from synth_dagster.lake import tables
from synth_dagster.lake.acceptance import Acceptance
from synth_dagster.lake.lake import Lake
lake = Lake.open(sys.argv[1])
candidate = lake.awaiting("demo", "corpus", "notes:1")
commit = tables._replace
def no_room(*given):
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
    try:
        return commit(*given)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
tables._replace = no_room
try:
    lake.accept(candidate)
except StorageError as error:
    print(error)
"""


@FOLDER
def test_no_room_for_the_commit_leaves_the_candidate_waiting(lake, write):
    candidate = write("notes:1")
    command = [sys.executable, "-c", NO_ROOM_TO_COMMIT, str(lake.store.folder)]
    assert "is full" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert lake.awaiting("demo", "corpus", "notes:1").candidate_id == candidate.candidate_id
    lake.accept(candidate)
    assert len(texts(lake)) == 3


def test_rejects_of_a_candidate_have_all_their_columns(lake, write):
    few = pa.table({"reject_id": [b"r"], "reason": ["cut"]})
    (row,) = lake.candidate_rejects(write("notes:1", rejects=few)).to_pylist()
    assert (row["reason"], row["stage"], row["batch"], row["raw"]) == ("cut", "corpus", "notes:1", None)
    assert lake.candidate_rejects(write("notes:2")).num_rows == 0


def test_a_table_of_rejects_of_before_takes_the_calls_of_new_ones(lake, write, monkeypatch):
    before = pa.schema([field for field in REJECT if field.name != "calls"])
    monkeypatch.setattr("synth_dagster.lake.layout.REJECT", before)
    old = write("notes:1", rejects=rejects("notes:1", "cut").select(before.names))
    lake.accept(old)
    monkeypatch.undo()
    told = rejects("notes:2", "refused").drop_columns("calls")
    told = told.append_column(REJECT.field("calls"), pa.array([[b"one", b"two"]], pa.list_(pa.binary())))
    lake.accept(write("notes:2", rejects=told))
    asked = "select batch, calls from rejects order by batch"
    assert lake.connect("demo").execute(asked).fetchall() == [("notes:1", None), ("notes:2", [b"one", b"two"])]
    assert lake.candidate_rejects(old)["calls"].to_pylist() == [None]


def test_previews_are_pages_under_one_folder(lake):
    page = lake.save_preview("../corpus/notes:1", "<p>text</p>")
    (name,) = names(lake, "previews/", ".html")
    assert page == f"{lake.store.url}/{name}"
    assert lake.store.read(name) == b"<p>text</p>"


@FOLDER
def test_sweeping_takes_what_is_left_over_and_nothing_else(lake, write):
    lake.accept(write("notes:1", run_id="old"))
    lake.accept(write("notes:1", 2))
    waiting, refused = write("notes:2"), write("notes:3")
    lake.refuse(refused)
    folder = lake.store.folder / "demo" / "corpus" / "batch=notes%3A1"
    for name in (".tmp-dead", "orphan.parquet", "part-1.parquet#1"):
        (folder / name).write_bytes(b"left by a dead writer")
    assert lake.sweep() == []  # all of it is fresh
    yesterday = time.time() - 90_000
    for file in (lake.store.folder / "demo").rglob("*"):
        os.utime(file, (yesterday, yesterday))
    removed = {file.rpartition("/")[2] for file in lake.sweep()}
    assert removed == {".tmp-dead", "orphan.parquet", "part-1.parquet#1", f"{refused.candidate_id}.parquet"}
    assert len(texts(lake, as_of="old")) == 3
    assert lake.accept(waiting)


def test_sweeping_a_bucket_takes_what_is_left_over_and_nothing_else(bucket):
    lake = in_bucket(bucket)
    lake.accept(write_to(lake, "notes:1", documents("notes:1", 3), run_id="old"))
    lake.accept(write_to(lake, "notes:1", documents("notes:1", 2)))
    waiting, refused = (write_to(lake, batch, documents(batch, 3)) for batch in ("notes:2", "notes:3"))
    lake.refuse(refused)
    lake.store.create("demo/corpus/batch=notes%3A1/orphan.parquet", b"left by a dead writer")
    bucket.client.create_multipart_upload(Bucket=bucket.name, Key="prefix/demo/corpus/big.parquet")
    assert "orphan.parquet" not in str(lake.sweep())  # it is fresh; the server says that all uploads are old
    removed = {file.rpartition("/")[2] for file in lake.sweep(older_than_s=-60)}
    assert removed == {"orphan.parquet", f"{refused.candidate_id}.parquet"}
    assert "Uploads" not in bucket.client.list_multipart_uploads(Bucket=bucket.name)
    assert len(texts(lake, as_of="old")) == 3
    assert lake.accept(waiting)


@FOLDER
def test_sweeping_leaves_the_checkpoints_of_the_log(lake, write):
    for number in range(101):  # a checkpoint is made after every hundred commits
        lake.accept(write("notes:1", 1, run_id=f"run-{number}"))
    assert [name for name in names(lake, suffix="") if "/_delta_log/" in name and ".checkpoint" in name]
    assert lake.sweep(older_than_s=-60) == []
    lake.accept(write("notes:1", 2))
    assert len(texts(lake)) == 2


def test_names_on_disk(lake, write):
    assert lake.datasets() == []
    write("notes:1", rejects=rejects("notes:1", "cut"))
    lake.save_preview("p", "x")
    assert (lake.datasets(), lake.stages("demo"), lake.stages("nothing")) == (["demo"], ["corpus"], [])
