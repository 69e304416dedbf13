"""A Ray cluster of two nodes on this machine gives the bytes that threads give, also when a node is killed."""

import threading
import time
from pathlib import Path

import pytest

from synth_dagster.errors import MethodError, SynthError
from synth_dagster.methods.dedup.minhash import Minhash
from synth_dagster.runner import shuffled_duplicates
from synth_dagster.runner.shuffled_duplicates import clusters_by_workers
from synth_dagster.scale.engine import Engine, read
from synth_dagster.scale.on_ray import OnRay, connected
from synth_dagster.scale.workers import Threads
from synth_dagster.storage import open_store
from tests.runner.test_shuffled_duplicates import STEP, several
from tests.runner.test_shuffled_duplicates import pool as duplicates
from tests.scale import works
from tests.scale.test_engine import as_dict, by_hand, stored, work

ROOT = Path(__file__).parents[2]
MIB = 1 << 20


@pytest.fixture
def cluster(monkeypatch):
    """A head and another node of one CPU each, on loopback; both are gone afterwards."""
    for name, value in {
        "RAY_AUTH_MODE": "disabled",  # else a token is written under the user's home
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_health_check_period_ms": "500",
        "RAY_health_check_failure_threshold": "10",  # a node that is only slow is not given up
        "PYTHONPATH": str(ROOT),  # workers find this checkout and the tests' functions
    }.items():
        monkeypatch.setenv(name, value)
    import ray
    from ray._private import ray_constants

    monkeypatch.setattr(ray_constants, "ENABLE_RAY_CLUSTER", False)  # the driver too stays on loopback
    cluster = of_two_nodes()
    try:
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


def of_two_nodes(tries=3):
    """Ray gives a node half a minute to start, which cannot be set: on a busy machine it is begun anew."""
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 80 * MIB, "memory": 600 * MIB, "node_ip_address": "127.0.0.1"}
    cluster = Cluster()
    try:
        cluster.add_node(**node, include_dashboard=False)
        cluster.add_node(**node)
        cluster.wait_for_nodes(timeout=120)
    except Exception:  # Ray raises Exception itself
        cluster.shutdown()
        if tries == 1:
            raise
        return of_two_nodes(tries - 1)
    return cluster


@pytest.mark.prove
def test_a_cluster_gives_the_files_and_the_clusters_that_threads_give(cluster, tmp_path, monkeypatch):
    store = open_store(tmp_path)
    table = works.rows(1_200, keys=50)
    inputs = stored(store, table)
    engine = Engine(OnRay(cluster.address, memory=100 * MIB))
    here = Engine(Threads(2))

    there = engine.shuffle(store, inputs, work("counted"), key="key", folder="ray")
    assert [part.digest for part in there] == [
        part.digest for part in here.shuffle(store, inputs, work("counted"), key="key", folder="threads")
    ]
    assert as_dict(read(store, there)) == by_hand(table)
    with pytest.raises(MethodError, match=r"This cannot be done\."):
        engine.map_batches(store, inputs, work("fails"), folder="fails")

    monkeypatch.setattr(shuffled_duplicates, "_AT_ONCE", 100)
    table = duplicates(400)
    assert clusters_by_workers(engine, store, "duplicates", STEP, table).equals(several(Minhash().cluster(table)))


@pytest.mark.prove
@pytest.mark.parametrize("does", ["lengths", "counted"], ids=["of a map", "of a shuffle"])
def test_what_a_killed_node_had_in_hand_is_done_by_another(cluster, tmp_path, does):
    store, table = open_store(tmp_path / "store"), works.rows(1_200, keys=50)
    inputs = stored(store, table, files=6)
    (other,) = [node for node in cluster.list_all_nodes() if node is not cluster.head_node]
    marks = tmp_path / "marks"
    marks.mkdir()
    waits = work("but_not_there", arguments={"does": does, "marks": str(marks), "doomed": other.node_id})
    in_hand = []

    def kill():
        """As soon as the other node has begun a task, which it never ends."""
        while not in_hand and not over.is_set():
            in_hand.extend(path.stem.partition("-")[0] for path in marks.glob(f"*-{other.node_id}.began"))
            time.sleep(0.05)
        cluster.remove_node(other, allow_graceful=False)

    over, killer = threading.Event(), threading.Thread(target=kill)
    killer.start()
    try:
        parts = done(Engine(OnRay(cluster.address, memory=100 * MIB)), store, inputs, does, waits, "killed")
    finally:
        over.set()
        killer.join()
    assert in_hand and not list(marks.glob(f"*-{other.node_id}.ended"))
    assert {path.stem.partition("-")[0] for path in marks.glob("*.ended")} >= set(in_hand)
    assert len(cluster.list_all_nodes()) == 1
    if does == "counted":
        assert as_dict(read(store, parts)) == by_hand(table)
    else:
        assert read(store, parts).equals(works.lengths(table, {}))
    here = done(Engine(Threads(2)), store, inputs, does, work(does), "here")
    assert [part.digest for part in parts] == [part.digest for part in here]


def done(engine, store, inputs, does, by, folder):
    if does == "counted":
        return engine.shuffle(store, inputs, by, key="key", folder=folder)
    return engine.map_batches(store, inputs, by, folder=folder)


def test_a_cluster_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")

    class NoRay:
        @staticmethod
        def is_initialized():
            return False

        @staticmethod
        def init(**_):
            raise ConnectionError

    monkeypatch.setitem(__import__("sys").modules, "ray", NoRay)
    with pytest.raises(SynthError, match=r"No Ray cluster answers at '10\.0\.0\.1:6379'.*SYNTH_RAY_ADDRESS"):
        connected("10.0.0.1:6379")


def test_ray_is_not_imported_before_it_is_needed():
    import subprocess
    import sys

    code = "import sys, synth_dagster.scale.on_ray, synth_dagster.scale.engine; print('ray' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
