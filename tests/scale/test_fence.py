"""A worker that outlives its leader leaves nothing of what it read before an erasure."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth_dagster.scale import tasks
from synth_dagster.scale.engine import Engine, read, remove_scratch, scratch
from synth_dagster.scale.parts import parts_of, write_part
from synth_dagster.scale.tasks import Task, Work, run_task
from synth_dagster.storage import open_store
from synth_dagster.storage.fence import FENCE, Fenced, fence_of, raise_fence

FILE = "scratch/one/map/000000.parquet"


@pytest.fixture
def store(tmp_path):
    made = open_store(tmp_path)
    table = pa.table({"id": [1, 2], "text": ["what goes", "what stays"]})
    made.write("input/0.parquet", lambda into: pq.write_table(table, into), needed=1)
    return made


def task(store, function="lengths", fence=""):
    (part,) = parts_of(store, ["input/0.parquet"], most_rows=10)
    work = Work(f"tests.scale.works:{function}", {"store": store.url})
    return Task("map", store.url, FILE, (part,), work, 1 << 20, fence=fence).as_json()


def left(store):
    return [entry.name for entry in store.entries("scratch/")]


def erased(store, word="an erasure"):
    raise_fence(store, word)
    remove_scratch(store)


def test_a_task_of_before_an_erasure_is_not_begun(store):
    given = task(store)
    erased(store)
    with pytest.raises(Fenced, match="Run it again"):
        run_task(given)
    assert left(store) == []
    run_task(task(store, fence=fence_of(store)))
    assert left(store) == [FILE, f"{FILE}.json"]


def test_what_was_being_made_during_an_erasure_gets_no_name(store):
    with pytest.raises(Fenced):
        run_task(task(store, "lengths_while_erased"))
    assert left(store) == []


def test_what_was_written_while_an_erasure_began_goes_again(store, monkeypatch):
    def late(*given):
        part = write_part(*given)
        erased(store)
        store.write(FILE, lambda into: into.write(b"as if it came after the folder was emptied"), needed=1)
        return part

    monkeypatch.setattr(tasks, "write_part", late)
    with pytest.raises(Fenced):
        run_task(task(store))
    assert left(store) == []


def test_what_a_killed_worker_left_goes_when_somebody_works_there_again(store):
    with scratch(store, "one") as folder:
        pass
    store.write(f"{folder}/kept", lambda into: into.write(b"of this time"), needed=1)
    with scratch(store, "two"):
        assert len(left(store)) == 1  # to go on with
    raise_fence(store, "an erasure")
    with scratch(store, "one") as later:
        assert later != folder and left(store) == []


def test_after_an_erasure_the_same_work_is_the_same_but_for_where_it_stands(store):
    parts = parts_of(store, ["input/0.parquet"], most_rows=10)
    work = Work("tests.scale.works:lengths", {})
    before = Engine().map_batches(store, parts, work, folder="scratch/one")
    erased(store)
    after = Engine().map_batches(store, parts, work, folder="scratch/one")
    assert [part.digest for part in before] == [part.digest for part in after] and fence_of(store) == "an erasure"
    assert read(store, after)["length"].to_pylist() == [9, 10] and store.entry(FENCE) is not None
