"""A Ray cluster of two nodes on this machine gives the bytes that threads give, also when a node is killed."""

import threading
import time
from pathlib import Path

import pytest

from synth_dagster.errors import MethodError, SynthError
from synth_dagster.scale.engine import Engine, read
from synth_dagster.scale.on_ray import OnRay, connected
from synth_dagster.scale.workers import Threads
from synth_dagster.storage import open_store
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
        "RAY_health_check_failure_threshold": "3",
        "PYTHONPATH": str(ROOT),  # workers find this checkout and the tests' functions
    }.items():
        monkeypatch.setenv(name, value)
    import ray
    from ray._private import ray_constants
    from ray.cluster_utils import Cluster

    monkeypatch.setattr(ray_constants, "ENABLE_RAY_CLUSTER", False)  # the driver too stays on loopback
    node = {"num_cpus": 1, "object_store_memory": 80 * MIB, "memory": 600 * MIB, "node_ip_address": "127.0.0.1"}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    try:
        cluster.add_node(**node)
        cluster.wait_for_nodes()
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


@pytest.mark.prove
def test_a_cluster_gives_the_same_files_and_a_killed_node_takes_nothing_with_it(cluster, tmp_path):
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

    (other,) = [node for node in cluster.list_all_nodes() if node is not cluster.head_node]
    inputs = stored(store, table, files=6)
    slow = work("slow_lengths", arguments={"seconds": 0.7})
    done = []

    def kill():
        """As soon as a result is there: four tasks are left or more, and each node works on one or is given one."""
        while not done:
            time.sleep(0.05)
        cluster.remove_node(other, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    parts = engine.map_batches(
        store, inputs, slow, folder="killed", told=lambda phase, rows, total: done.append(rows) if rows else None
    )
    killer.join()
    assert len(cluster.list_all_nodes()) == 1
    assert read(store, parts).equals(works.lengths(table, {}))
    assert [part.digest for part in parts] == [
        part.digest for part in here.map_batches(store, inputs, slow, folder="slow here")
    ]


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
