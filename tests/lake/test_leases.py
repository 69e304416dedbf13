"""Leases keep the living apart and forget the dead."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from synth_dagster.errors import LakeError
from synth_dagster.lake import leases
from synth_dagster.lake.lake import Lake
from tests.lake.conftest import DATABASES, either

HOLDER = """
import sys, time
from synth_dagster.lake.lake import Lake
with Lake.open(sys.argv[1], metadata=sys.argv[2]).lease("lake", sys.argv[3]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=DATABASES)
def metadata(request):
    return either(request)


@pytest.fixture
def hold_elsewhere(metadata):
    """Holds a lease of the lake in a process of its own."""
    return lambda lake, kind: _hold(lake, metadata, kind)


def _hold(lake: Lake, metadata: str | Path, kind: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLDER, str(lake.store.folder), str(metadata), kind]
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
def test_who_goes_with_whom(lake, hold_elsewhere, first, second, together):
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


def test_a_lease_whose_holder_was_killed_is_broken_at_once(lake, hold_elsewhere):
    holder = hold_elsewhere(lake, "exclusive")
    stop(holder)
    with lake.lease("lake", "exclusive", wait_s=0):
        pass


def test_a_pid_that_is_used_again_is_another_process(lake, hold_elsewhere):
    holder = hold_elsewhere(lake, "exclusive")
    try:
        lake.meta.database.write("update leases set started = 'long ago'")
        with lake.lease("lake", "exclusive", wait_s=0):
            pass
    finally:
        stop(holder)


ELSEWHERE = "update leases set host = 'another machine', started = 'another boot:1'"


def test_a_holder_on_another_machine_is_believed_until_its_lease_expires(lake, hold_elsewhere):
    stop(hold_elsewhere(lake, "exclusive"))
    database = lake.meta.database
    database.write(ELSEWHERE)
    with pytest.raises(LakeError, match="another machine"):
        lake.lease("lake", wait_s=0).__enter__()
    database.write(f"update leases set expires = {database.clock} - 1")
    with lake.lease("lake", "exclusive", wait_s=0):
        pass


def test_the_clock_of_this_program_decides_nothing_between_machines(lake, hold_elsewhere, monkeypatch):
    """Set a day ahead, it would strike out a living holder; a day back, it would believe a dead one for a day."""
    database, day = lake.meta.database, 86_400
    true = time.time
    for jump in (day, -day):
        with monkeypatch.context() as patched:
            patched.setattr(time, "time", lambda by=jump: true() + by)
            stop(hold_elsewhere(lake, "exclusive"))
            database.write(ELSEWHERE)
            with pytest.raises(LakeError, match="another machine"):
                lake.lease("lake", wait_s=0).__enter__()
            database.write(f"update leases set expires = {database.clock} - 1")
            with lake.lease("lake", "exclusive", wait_s=0):
                pass


@pytest.mark.skipif(
    not Path("/proc/sys/kernel/random/boot_id").exists(), reason="this machine names no start of itself"
)
def test_a_clock_that_jumps_strikes_out_no_living_container_beside_this_one(lake, hold_elsewhere):
    stop(hold_elsewhere(lake, "exclusive"))
    database = lake.meta.database
    database.write(f"update leases set host = 'a container', expires = {database.clock} - 86400")  # as if set ahead
    with pytest.raises(LakeError, match="a container"):
        lake.lease("lake", wait_s=0).__enter__()
    # as if set back: the lease would be good for a day, and the time since the machine's start says that it is over
    database.write(f"update leases set expires = {database.clock} + 86400, ticks = 0")
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


def test_one_that_waits_for_all_is_not_starved_by_those_that_come_after(lake, hold_elsewhere):
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


def test_a_lease_that_cannot_be_given_back_is_given_back_when_it_can(lake, monkeypatch):
    """What it protected is done, so its holder hears of nothing, and nobody waits until that process ends."""

    def full(*_):
        raise LakeError("The disk is full.")

    with monkeypatch.context() as patch:
        with lake.lease("x", "exclusive"):
            patch.setattr(lake.meta.database, "write", full)
        with pytest.raises(LakeError, match="was not free"), lake.lease("x", "exclusive", wait_s=0):
            pass
    with lake.lease("x", "exclusive", wait_s=20):
        pass
