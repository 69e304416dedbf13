"""Work in other processes: the same results in the same order, whoever dies."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from synth_dagster.parts import processes
from synth_dagster.parts.processes import shared_out
from synth_dagster.parts.threads import alone, in_threads

LIMIT = 60.0  # seconds that a worker is waited for on a slow machine
HERE = __name__ if __name__.startswith("tests.") else f"tests.parts.{__name__}"


def lengths(texts, arguments):
    """Of each text its length as often as asked, after the process that looked."""
    counts = [len(text or "") for text in texts.to_pylist()]
    return np.array([[os.getpid()] * len(counts), *[counts] * arguments["times"]], np.uint64)


def dies(texts, arguments):
    os.kill(os.getpid(), signal.SIGKILL)


def fails(texts, arguments):
    return np.zeros(1) if arguments["fine"] else 1 // 0


def here(texts):
    return lengths(texts, {"times": 2})


@pytest.fixture
def workers(monkeypatch):
    found = processes._Workers()
    monkeypatch.setattr(processes, "_WORKERS", found)
    monkeypatch.setattr(processes, "MUCH", 1)
    monkeypatch.setattr(processes, "usable", lambda: 2)
    yield found
    found.end()


def ready(workers):
    """The one worker, once it has begun or has ended."""
    (worker,), ends = workers._idle, time.monotonic() + LIMIT
    while not worker.is_ready():
        assert time.monotonic() < ends, "no worker began"
        time.sleep(0.01)
    return worker


def given(name):
    return shared_out(here, f"{HERE}:{name}", {"times": 2}, size=1)


def test_a_worker_does_what_is_done_here(workers):
    many = pa.array([f"{'word ' * (number % 50)}" for number in range(40_000)], pa.large_string())  # more than 1 MiB
    items = [pa.array(["one", None, "three"]), many, many.slice(7, 100), pa.array([], pa.string())]
    work = given("lengths")
    worker = ready(workers)
    found = [work(texts) for texts in items]
    assert [one[1:].tolist() for one in found] == [here(texts)[1:].tolist() for texts in items]
    assert {number for one in found for number in one[0].tolist()} == {worker._process.pid}
    in_both = list(in_threads(work, [pa.array(["x" * number]) for number in range(200)]))
    assert [int(one[1, 0]) for one in in_both] == list(range(200))


def test_what_a_worker_had_in_hand_when_it_died_is_done_here(workers):
    work = given("dies")
    ready(workers)
    assert work(pa.array(["four"])).tolist() == [[os.getpid()], [4], [4]]
    assert workers._idle == [], "one that never did anything is not started again by itself"


def test_a_worker_that_was_killed_meanwhile_is_followed_by_another(workers):
    work = given("lengths")
    first = ready(workers)
    work(pa.array(["four"]))
    os.kill(first._process.pid, signal.SIGKILL)
    first._process.wait(LIMIT)
    assert work(pa.array(["four"])).tolist() == [[os.getpid()], [4], [4]]
    assert work(pa.array(["four"]))[1:].tolist() == [[4], [4]]
    assert ready(workers)._process.pid != first._process.pid


def test_a_worker_that_ended_while_nobody_asked_is_replaced_when_there_is_work_again(workers):
    given("lengths")
    first = ready(workers)
    first._process.kill()
    first._process.wait(LIMIT)
    given("lengths")
    assert ready(workers).lives()


def test_work_that_no_worker_knows_is_done_here(workers):
    work = given("no_such_function")
    ready(workers)
    assert work(pa.array(["four"])).tolist() == [[os.getpid()], [4], [4]]


def test_a_mistake_of_the_work_is_raised_here(workers):
    def work(texts):
        raise ZeroDivisionError("here")

    failing = shared_out(work, f"{HERE}:fails", {"fine": False}, size=1)
    ready(workers)
    with pytest.raises(ZeroDivisionError, match="here"):
        failing(pa.array(["four"]))
    assert ready(workers).lives(), "the worker goes on"


def test_no_worker_is_started_for_little_work_nor_by_one_of_several(workers, monkeypatch):
    monkeypatch.undo()
    assert shared_out(here, "no:matter", {}, size=processes.MUCH - 1) is here
    with alone():
        assert shared_out(here, "no:matter", {}, size=processes.MUCH) is here


def test_a_worker_ends_with_the_process_that_started_it():
    script = (
        "from synth_dagster.parts import processes, threads\n"
        "processes.usable = lambda: 2\n"
        "processes.shared_out(None, 'os:getpid', {}, size=processes.MUCH)\n"
        "print(processes._WORKERS._idle[0]._process.pid, flush=True)\n"
        "input()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent:
        worker = int(parent.stdout.readline())
        parent.kill()
    ends = time.monotonic() + LIMIT
    while state_of(worker) not in "ZX":
        assert time.monotonic() < ends, "the worker outlived its parent"
        time.sleep(0.01)


def state_of(process):
    """As Linux tells it: Z for one that has ended and that nobody has asked about, X for one that is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"
