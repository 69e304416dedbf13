"""Duplicates found by workers and a shuffle are those that the method finds by itself, whoever works."""

import random
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth_dagster.methods.dedup.minhash import Minhash
from synth_dagster.runner import shuffled_duplicates
from synth_dagster.runner import verdicts as deciding
from synth_dagster.runner.duplicates import most_of_an_index
from synth_dagster.runner.release_inputs import release_inputs
from synth_dagster.runner.shuffled_duplicates import BYTES_A_DUPLICATE, clusters_by_workers, met, signed
from synth_dagster.scale.engine import Engine, ScaleError
from synth_dagster.scale.workers import Processes, Threads
from synth_dagster.storage import open_store
from tests.assets.project import LINES, ONLY_CORPUS, Programs, small_project
from tests.runner.by_hand import ByHand
from tests.scripted_teacher.echo import EchoTeacher

MIB = 1 << 20
STEP = SimpleNamespace(slug="minhash", key="minhash", method=Minhash())


def pool(count, *, seed=0):
    """Texts of 60 words of which some are copies, some nearly so, and some empty."""
    rng = random.Random(seed)
    texts = []
    for _ in range(count):
        kind = rng.random()
        if texts and kind < 0.3:
            texts.append(rng.choice(texts))
        elif texts and kind < 0.5:
            texts.append(f"{rng.choice(texts)} more")
        else:
            texts.append("" if kind > 0.97 else " ".join(f"w{rng.randrange(5_000)}a" for _ in range(60)))
    ids = [(number * 7_919 % 100_003).to_bytes(16, "big") for number in range(count)]
    return pa.table(
        {
            "record_id": pa.array(ids, pa.binary()),
            "text": pa.array(texts, pa.string()),
            "priority": pa.array([rng.randrange(3) for _ in texts]),
        }
    )


def several(clusters):
    """Of what a method finds, the records that have a duplicate."""
    return clusters.filter(pa.compute.greater(clusters["size"], 1)).combine_chunks()


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(shuffled_duplicates, "_AT_ONCE", 64)


@pytest.mark.parametrize(
    "workers",
    [
        pytest.param(Threads(1), id="one thread"),
        pytest.param(Threads(4), id="four threads"),
        pytest.param(Processes(2), id="two processes", marks=pytest.mark.prove),
    ],
)
def test_workers_find_the_clusters_that_the_method_finds(small_pieces, tmp_path, workers):
    table = pool(500)
    expected = Minhash().cluster(table)
    assert len(set(expected["cluster"].to_pylist())) < 400, "there are clusters to find"
    assert expected["size"].to_pylist().count(1) > 0, "and records that have no duplicate"
    found = clusters_by_workers(Engine(workers, memory=4 * MIB), open_store(tmp_path), "work", STEP, table)
    assert found.equals(several(expected))


def test_a_run_that_was_cut_off_goes_on_with_what_is_there(small_pieces, tmp_path):
    table, store, engine = pool(200), open_store(tmp_path), Engine(Threads(2))
    first = clusters_by_workers(engine, store, "work", STEP, table)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("signed/map/*.parquet")}
    assert len(times) == 4  # 200 / 64
    assert clusters_by_workers(engine, store, "work", STEP, table).equals(first)
    assert {path: path.stat().st_mtime_ns for path in times} == times


@pytest.mark.parametrize("count", [0, 1])
def test_hardly_any_records(tmp_path, count):
    table = pool(count)
    found = clusters_by_workers(Engine(Threads(1)), open_store(tmp_path), "work", STEP, table)
    assert found.equals(several(Minhash().cluster(table)))


def test_more_duplicates_than_a_worker_has_memory_for_are_refused_with_what_to_set(tmp_path):
    copies = pool(500).set_column(1, "text", pa.array(["one and the same text of some words"] * 500))
    engine = Engine(Threads(1), memory=500 * BYTES_A_DUPLICATE - 1)
    told = "500 of 500 records .* takes 1 MiB, and a worker has 0 MiB. Set SYNTH_WORKER_MEMORY_MB to 1 or more"
    with pytest.raises(ScaleError, match=told):
        clusters_by_workers(engine, open_store(tmp_path), "work", STEP, copies)
    more = replace(engine, memory=500 * BYTES_A_DUPLICATE)
    found = clusters_by_workers(more, open_store(tmp_path), "work", STEP, copies)
    assert found.equals(Minhash().cluster(copies)) and found["size"].unique().to_pylist() == [500]


ARGUMENTS = {"slug": "minhash", "settings": {}}


def test_a_text_that_stands_a_hundred_times_is_sent_once_with_a_pair_for_each_copy():
    table = pa.table({"row": pa.array(range(50, 150)), "text": pa.array(["the same text"] * 100)})
    found = signed(table, ARGUMENTS)
    assert found.num_rows == 14 + 99
    assert found.filter(pa.compute.not_equal(found["of"], -1))["of"].unique().to_pylist() == [50]
    pairs = met(found, {}).to_pylist()
    assert sorted((one["left"], one["right"]) for one in pairs) == [(50, row) for row in range(51, 150)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 5), max_size=30))
def test_a_key_makes_a_pair_less_than_it_has_records(keys):
    table = pa.table({"key": np.array(keys, np.uint64), "row": np.arange(len(keys)), "of": np.full(len(keys), -1)})
    pairs = [(one["left"], one["right"]) for one in met(table, {}).to_pylist()]
    assert sorted(pairs) == sorted((keys.index(key), row) for row, key in enumerate(keys) if keys.index(key) != row)


def test_what_an_index_of_a_workers_memory_does_not_hold_is_found_by_workers(tmp_path):
    recipe = f"{ONLY_CORPUS}    deduplicate: minhash\n"
    hand = ByHand(small_project(tmp_path / "p", recipe, Programs(EchoTeacher())))
    hand.project.deliver([*LINES, *LINES[:3]])
    hand.batches()
    found = []
    for memory, indexed in ((168 * 8, False), (1 << 30, True)):  # 14 bands of 8 + 4 bytes, of 8 records: there are more
        context = replace(hand.context, engine=Engine(Threads(1), memory=memory))
        assert most_of_an_index(Minhash(), context.engine) == memory // 168
        verdicts = deciding.decided(context, "r0001", release_inputs(context))[0]
        found.append(verdicts.select(["record_id", "reason", "duplicate_of", "cluster_size"]).to_pylist())
        assert bool(list(hand.lake.store.entries("duplicates/"))) == indexed
    assert found[0] == found[1] and sum(row["duplicate_of"] is not None for row in found[0]) == 3
    assert not list(hand.lake.store.entries("scratch/"))
