"""One map and one shuffle: the same rows however many workers there are, in bounded memory, whatever dies."""

import json
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synth_dagster.errors import MethodError
from synth_dagster.lake.canonical import data_version
from synth_dagster.scale import engine as engines
from synth_dagster.scale.engine import Engine, ScaleError, read, scratch
from synth_dagster.scale.parts import parts_of, written_before
from synth_dagster.scale.tasks import SkewedKey, Work, hashes
from synth_dagster.scale.workers import Processes, Threads, WorkersLost
from synth_dagster.storage import open_store
from tests.scale import works

ROWS = 1_200


def work(name, **more):
    return Work(f"tests.scale.works:{name}", more.pop("arguments", {}), **more)


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path)


def stored(store, table, *, files=3, row_group=200):
    """The table in some files, as parts of two row groups at most."""
    cuts = np.linspace(0, table.num_rows, files + 1).astype(int)
    names = [f"input/{number}.parquet" for number in range(files)]
    for name, start, end in zip(names, cuts, cuts[1:], strict=False):
        piece = table.slice(start, end - start)
        store.write(name, lambda into, piece=piece: pq.write_table(piece, into, row_group_size=row_group), needed=1)
    return parts_of(store, names, most_rows=2 * row_group)


def by_hand(table):
    """What `counted` makes of the whole table."""
    found = {}
    for row in table.select(["id", "key"]).to_pylist():
        found.setdefault(row["key"], []).append(row["id"])
    return {key: (len(ids), ids[0], ids[-1]) for key, ids in found.items()}


def as_dict(table):
    assert len(set(table["key"].to_pylist())) == table.num_rows, "each key comes once"
    return {row["key"]: (row["id_count"], row["id_first"], row["id_last"]) for row in table.to_pylist()}


# -------------------------------------------------------------------------------------------------- the same everywhere


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    number=st.integers(0, 500),
    keys=st.sampled_from([1, 2, 40, 5_000]),
    memory=st.sampled_from([20_000, 1 << 30]),
    seed=st.integers(0, 9),
)
def test_one_two_and_four_workers_give_the_same_bytes(tmp_path_factory, number, keys, memory, seed):
    store = open_store(tmp_path_factory.mktemp("lake"))
    table = works.rows(number, keys=keys, seed=seed)
    inputs = stored(store, table, files=2)
    mapped, shuffled = set(), set()
    for workers in (1, 2, 4):
        engine = Engine(Threads(workers), memory=memory)
        lengths = engine.map_batches(store, inputs, work("lengths"), folder=f"m{workers}")
        assert read(store, lengths).equals(works.lengths(table, {}))
        summed = engine.shuffle(
            store,
            inputs,
            work("summed", combine="tests.scale.works:combined", columns=("id", "key", "n")),
            key="key",
            folder=f"s{workers}",
        )
        mapped.add(data_version(read(store, lengths), ["id"]))
        shuffled.add(tuple(part.digest for part in summed))
        found = {row["key"]: (row["n_sum"], row["id_min"]) for row in read(store, summed).to_pylist()}
        assert found == {key: (count, first) for key, (count, first, _) in by_hand(table).items()}
    assert len(mapped) == len(shuffled) == 1


@pytest.mark.prove
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_processes_give_the_same_files_as_threads(store, workers):
    inputs = stored(store, works.rows(ROWS, keys=50))
    there = Engine(Processes(workers)).shuffle(store, inputs, work("counted"), key="key", folder="processes")
    here = Engine(Threads(2)).shuffle(store, inputs, work("counted"), key="key", folder="threads")
    assert [part.digest for part in there] == [part.digest for part in here]


@pytest.mark.parametrize("as_type", [pa.int64(), pa.int32(), pa.string(), pa.large_string(), pa.binary()], ids=str)
def test_all_rows_of_a_key_come_in_one_call_and_in_their_order(store, as_type):
    table = works.rows(ROWS, keys=200)
    keyed = table.set_column(1, "key", table["key"].cast(pa.string() if as_type == pa.binary() else as_type))
    keyed = keyed.set_column(1, "key", keyed["key"].cast(as_type))
    parts = Engine(memory=100_000).shuffle(
        store, stored(store, keyed), work("counted", columns=("id", "key")), key="key", folder="s"
    )
    assert as_dict(read(store, parts)) == by_hand(keyed)


def test_a_key_that_is_null_is_a_key(store):
    keys = pa.array([None, "a", None, "b", "a"])
    table = pa.table({"id": [0, 1, 2, 3, 4], "key": keys})
    parts = Engine().shuffle(store, stored(store, table, files=2), work("counted"), key="key", folder="s")
    assert as_dict(read(store, parts)) == {None: (2, 0, 2), "a": (2, 1, 4), "b": (1, 3, 3)}


def test_hashes_are_the_same_on_every_machine():
    # worked out once; another value would give other partitions to machines of another version
    assert hashes(pa.array([0, 1, -1])).tolist() == hashes(pa.array([0, 1, -1], pa.int8())).tolist()
    assert hashes(pa.array(["a"])).tolist() == hashes(pa.array([b"a"], pa.large_binary())).tolist()
    assert hashes(pa.array(["a"])).tolist() == [int.from_bytes(bytes.fromhex("40f89e395b66422f"), "little")]


# -------------------------------------------------------------------------------------------------------------- memory


def test_a_partition_that_is_too_large_is_done_in_passes(store):
    """All keys are in the first partition of any of 2 to 6: no call is given more than half of a worker's memory."""
    keys = [key for key in range(20_000) if hashes(pa.array([key]))[0] % 60 == 0]
    drawn = np.random.default_rng(1).choice(keys, ROWS)  # none of them so frequent that it fills a call alone
    table = works.rows(ROWS, keys=1).set_column(1, "key", pa.array(drawn))
    engine = Engine(memory=60_000)
    parts = engine.shuffle(store, stored(store, table), work("counted_and_sized"), key="key", folder="s")
    found = read(store, parts)
    assert as_dict(found) == by_hand(table)
    assert 1 < len(parts) <= 6 and [part.rows for part in parts[1:]] == [0] * (len(parts) - 1)
    given = found["given"].to_pylist()
    assert len(set(given)) > 2 and max(given) <= 30_000 < table.nbytes


def test_a_million_rows_of_one_key_are_made_fewer_before_they_travel(store):
    rows = 1_000_000
    table = pa.table({"id": np.arange(rows), "key": np.zeros(rows, np.int64), "n": np.ones(rows, np.int64)})
    inputs = stored(store, table, files=2, row_group=100_000)
    engine = Engine(memory=4 << 20)  # the table has 24 MB
    parts = engine.shuffle(store, inputs, work("summed", combine="tests.scale.works:combined"), key="key", folder="s")
    assert read(store, parts).to_pylist() == [{"key": 0, "n_sum": rows, "id_min": 0}]
    split = sum(entry.size for entry in store.entries("s/split/") if entry.name.endswith(".parquet"))
    assert split < 200_000  # a row or two a slice, and no million of them


def test_a_key_that_does_not_fit_and_cannot_be_made_fewer_is_said(store):
    table = pa.table({"id": np.arange(50_000), "key": np.zeros(50_000, np.int64)})
    inputs = stored(store, table, row_group=5_000)
    with pytest.raises(SkewedKey, match=r"of 1 keys of 'key' need .* has no 'combine'.*Give workers more memory"):
        Engine(memory=1 << 20).shuffle(store, inputs, work("counted"), key="key", folder="s")


def test_a_task_names_the_pieces_of_its_own_partition_and_each_piece_is_named_once(store):
    given = []

    class Listening(Threads):
        def run(self, tasks, s3, waiting):
            given.extend(json.loads(task) for task in tasks)
            return super().run(tasks, s3, waiting)

    inputs = stored(store, works.rows(ROWS, keys=50), files=6)
    Engine(Listening()).shuffle(store, inputs, work("counted"), key="key", folder="s")
    gathers = [task for task in given if task["kind"] == "gather"]
    named = [(task["partition"], part) for task in gathers for part in task["inputs"] if part["groups"]]
    assert len(gathers) > 3 and all(part["groups"][0]["partition"] == partition for partition, part in named)
    pieces = [(part["file"], part["first"], len(part["groups"])) for _, part in named]
    assert len(set(pieces)) == len(pieces) and sum(part["groups"][0]["rows"] for _, part in named) == ROWS


# ------------------------------------------------------------------------------------------------ deaths and bad files


def test_what_is_done_is_not_done_again_and_other_work_is(store):
    inputs = stored(store, works.rows(ROWS, keys=50))
    before = Engine().map_batches(store, inputs, work("lengths"), folder="m")
    written = {entry.name: entry.modified for entry in store.entries("m/")}
    assert Engine(Threads(4)).map_batches(store, inputs, work("lengths"), folder="m") == before
    assert {entry.name: entry.modified for entry in store.entries("m/")} == written
    again = Engine().map_batches(store, inputs, work("lengths", version="2"), folder="m")
    assert again == before  # the same rows, but by another function for all that is known
    assert {entry.name: entry.modified for entry in store.entries("m/")} != written


@pytest.mark.parametrize("spoil", ["cut", "flipped", "gone", "no receipt"])
def test_a_file_that_went_bad_between_runs_is_made_again(store, tmp_path, spoil):
    inputs = stored(store, works.rows(ROWS, keys=50))
    before = Engine().shuffle(store, inputs, work("counted"), key="key", folder="s")
    name = "s/split/000001.parquet"
    damage(tmp_path / name, spoil)
    for entry in list(store.entries("s/gather/")):
        store.remove(entry.name)
    assert Engine().shuffle(store, inputs, work("counted"), key="key", folder="s") == before
    receipt = json.loads((tmp_path / f"{name}.json").read_text())
    assert written_before(store, name, receipt["fingerprint"]) is not None


def damage(path, how):
    data = path.read_bytes()
    if how == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif how == "flipped":
        path.write_bytes(bytes([*data[:40], data[40] ^ 255]) + data[41:])
    elif how == "gone":
        path.unlink()
    else:
        path.with_name(path.name + ".json").unlink()


@pytest.mark.parametrize("spoil", ["cut", "flipped", "gone"])
def test_a_file_that_goes_bad_between_two_phases_is_made_again(store, tmp_path, spoil):
    class Spoils(Threads):
        """Damages what `split` wrote before `gather` begins, once."""

        def run(self, tasks, s3, waiting):
            if '"kind":"gather"' in tasks[0] and not (tmp_path / "spoilt").exists():
                (tmp_path / "spoilt").touch()
                damage(tmp_path / "s/split/000001.parquet", spoil)
            return super().run(tasks, s3, waiting)

    inputs = stored(store, works.rows(ROWS, keys=50))
    parts = Engine(Spoils()).shuffle(store, inputs, work("counted"), key="key", folder="s")
    assert as_dict(read(store, parts)) == by_hand(works.rows(ROWS, keys=50))
    assert (tmp_path / "spoilt").exists()


def test_files_that_go_bad_every_time_are_said(store, tmp_path):
    class Spoils(Threads):
        def run(self, tasks, s3, waiting):
            if '"kind":"gather"' in tasks[0]:
                damage(tmp_path / "s/split/000000.parquet", "cut")
            return super().run(tasks, s3, waiting)

    with pytest.raises(ScaleError, match=r"went bad 3 times.*000000"):
        Engine(Spoils()).shuffle(store, stored(store, works.rows(900, keys=9)), work("counted"), key="key", folder="s")


def test_a_process_that_dies_takes_nothing_with_it(store, tmp_path):
    table = works.rows(ROWS, keys=50)
    dying = work("dies_once", arguments={"mark": str(tmp_path / "died")})
    parts = Engine(Processes(2)).map_batches(store, stored(store, table), dying, folder="m")
    assert read(store, parts).equals(works.lengths(table, {}))
    assert (tmp_path / "died").exists()


@pytest.mark.prove
def test_processes_that_die_every_time_end_it(store):
    with pytest.raises(WorkersLost, match=r"died 3 times over the same tasks.*SYNTH_WORKER_MEMORY_MB"):
        Engine(Processes(1)).map_batches(store, stored(store, works.rows(9, keys=2), files=1), work("dies"), folder="m")


def test_what_a_function_raises_is_raised(store):
    with pytest.raises(MethodError, match=r"This cannot be done\."):
        Engine(Threads(2)).map_batches(store, stored(store, works.rows(ROWS, keys=2)), work("fails"), folder="m")


def test_a_function_that_is_not_there_is_named(store):
    with pytest.raises(MethodError, match=r"no function 'tests\.scale\.works:nothing'"):
        Engine().map_batches(store, stored(store, works.rows(9, keys=2)), work("nothing"), folder="m")


# ------------------------------------------------------------------------------------------------------------- progress


def test_progress_is_told_phase_by_phase_and_also_from_inside_a_task(store, monkeypatch):
    monkeypatch.setattr("synth_dagster.scale.tasks.BEAT_SECONDS", 0.0)
    monkeypatch.setattr(engines, "BEAT_SECONDS", 0.0)
    monkeypatch.setattr("synth_dagster.scale.workers.WAIT_SECONDS", 0.05)
    told = []
    table = works.rows(400, keys=5)
    inputs = stored(store, table, files=1, row_group=400)
    slow = work("slow_lengths", arguments={"seconds": 0.15})
    # a slice is an eighth of the memory, and the table about 16,000 bytes on disk
    engine = Engine(Threads(1), memory=inputs[0].bytes * 2)
    engine.map_batches(store, inputs, slow, folder="m", told=lambda *said: told.append(said))
    engine.shuffle(store, inputs, work("counted"), key="key", folder="s", told=lambda *said: told.append(said))
    assert told[0] == ("map", 0, 400)
    ended = list(dict.fromkeys(said for said in told if said[1] == said[2]))
    assert ended == [(phase, 400, 400) for phase in ("map", "split", "gather")]
    assert any(0 < done < 400 for phase, done, _ in told if phase == "map")
    assert all(later[1] >= earlier[1] for earlier, later in pairwise(told) if earlier[0] == later[0])
    assert [entry.name for entry in store.entries() if entry.name.endswith(".beat")] == []


def test_what_stands_between_phases_goes_when_the_work_is_done_and_stays_when_it_fails(store):
    inputs = stored(store, works.rows(90, keys=5))

    def cut_short():
        with scratch(store, "one") as folder:
            Engine().map_batches(store, inputs[:1], work("lengths"), folder=folder)
            Engine().map_batches(store, inputs, work("fails"), folder=f"{folder}/more")

    with pytest.raises(MethodError):
        cut_short()
    assert len(list(store.entries("scratch/"))) == 2  # a part and its receipt
    with scratch(store, "one") as folder:
        Engine().map_batches(store, inputs, work("lengths"), folder=folder)
    assert list(store.entries("scratch/")) == []
