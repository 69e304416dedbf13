"""Leases keep the living apart and forget the dead."""

import subprocess
import sys
import threading
import time

import pytest

from synth_dagster.errors import LakeError
from synth_dagster.lake import leases
from synth_dagster.lake.lake import Lake

HOLDER = """
import sys, time
from synth_dagster.lake.lake import Lake
with Lake.open(sys.argv[1]).lease("lake", sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold_elsewhere(lake: Lake, kind: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLDER, str(lake.root), kind]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "held\n"
    return process


def stop(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        pytest.param("shared", "shared", True, id="shared go together"),
        pytest.param("shared", "exclusive", False, id="exclusive waits for shared"),
        pytest.param("exclusive", "shared", False, id="shared waits for exclusive"),
        pytest.param("exclusive", "exclusive", False, id="one exclusive at a time"),
    ],
)
def test_who_goes_with_whom(lake, first, second, together):
    holder = hold_elsewhere(lake, first)
    try:
        if together:
            with lake.lease("lake", second, wait_s=5):
                pass
        else:
            with pytest.raises(LakeError, match=rf"Held by process {holder.pid} on .* \({first}\) since 20\d\d-"):
                lake.lease("lake", second, wait_s=0.1).__enter__()
        with lake.lease("batch/demo/corpus/notes:1", second, wait_s=5):
            pass  # another name is another lease
    finally:
        stop(holder)


def test_a_lease_whose_holder_was_killed_is_broken_at_once(lake):
    holder = hold_elsewhere(lake, "exclusive")
    stop(holder)
    with lake.lease("lake", "exclusive", wait_s=0):
        pass


def test_a_pid_that_is_used_again_is_another_process(lake):
    holder = hold_elsewhere(lake, "exclusive")
    try:
        lake.meta.database.write("update leases set started = 'long ago'")
        with lake.lease("lake", "exclusive", wait_s=0):
            pass
    finally:
        stop(holder)


def test_a_holder_on_another_machine_is_believed_until_its_lease_expires(lake):
    holder = hold_elsewhere(lake, "exclusive")
    stop(holder)
    database = lake.meta.database
    database.write("update leases set host = 'another machine'")
    with pytest.raises(LakeError, match="another machine"):
        lake.lease("lake", wait_s=0).__enter__()
    database.write("update leases set expires = ?", (time.time() - 1,))
    with lake.lease("lake", "exclusive", wait_s=0):
        pass


def test_a_heartbeat_keeps_a_lease_longer_than_its_time(lake):
    with lake.lease("lake", "exclusive", ttl_s=0.1) as lease:
        first = lake.meta.database.row("select expires from leases")["expires"]
        until = time.monotonic() + 10
        while lake.meta.database.row("select expires from leases")["expires"] == first:
            assert time.monotonic() < until
            time.sleep(0.01)
        lease.check()


def test_a_lease_that_was_taken_away_says_so(lake):
    with lake.lease("lake", ttl_s=0.1) as lease:
        lake.meta.database.write("delete from leases")
        assert lease.lost.wait(10)
        with pytest.raises(LakeError, match="was lost"):
            lease.check()


def test_one_that_waits_for_all_is_not_starved_by_those_that_come_after(lake):
    holder = hold_elsewhere(lake, "shared")
    got = threading.Event()

    def exclusive():
        with lake.lease("lake", "exclusive", wait_s=30):
            got.set()

    waiter = threading.Thread(target=exclusive)
    waiter.start()
    try:
        while not lake.meta.database.rows("select * from leases where held = 0"):
            time.sleep(0.01)
        with pytest.raises(LakeError, match=r"exclusive, waiting"):
            lake.lease("lake", "shared", wait_s=0.1).__enter__()
        assert not got.is_set()
    finally:
        stop(holder)
        waiter.join(30)
    assert got.is_set()


def test_one_that_shares_already_does_not_wait_for_one_that_waits_for_it(lake):
    got = threading.Event()

    def exclusive():
        with lake.lease("lake", "exclusive", wait_s=30):
            got.set()

    with lake.lease("lake"):
        waiter = threading.Thread(target=exclusive)
        waiter.start()
        while not lake.meta.database.rows("select * from leases where held = 0"):
            time.sleep(0.01)
        with lake.lease("lake", wait_s=5):
            assert not got.is_set()
    waiter.join(30)
    assert got.is_set()


def test_threads_of_one_process_keep_apart_too(lake):
    inside, most = [], []

    def work():
        with lake.lease("lake", "exclusive", wait_s=60):
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert most == [1] * 6


def test_a_lease_is_let_go_when_the_block_fails(lake):
    with pytest.raises(ZeroDivisionError), lake.lease("lake", "exclusive"):
        raise ZeroDivisionError
    assert lake.meta.database.rows("select * from leases") == []


def test_processes_are_named_by_pid_and_start():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    me = leases.Holder.me()
    other = leases.Holder(me.host, child.pid, leases.process_start(child.pid))
    assert not me.is_gone() and not other.is_gone()
    child.communicate(b"\n")
    assert other.is_gone()
