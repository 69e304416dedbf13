"""Copies of immutable files: bounded, the least used leave first, and what is in use stays."""

import os
import signal
import subprocess
import sys
import time

import pytest

from synth_dagster.storage import cache as caches
from synth_dagster.storage.cache import FileCache


@pytest.fixture
def cache(tmp_path, monkeypatch) -> FileCache:
    """Room for five copies of 100 bytes; it looks each time, since other processes may have added some."""
    monkeypatch.setattr(caches, "LOOK_SECONDS", -1)
    return FileCache(tmp_path, "lake", 500)


def add(cache, *names: str) -> None:
    for name in names:
        cache.add(name, lambda file: file.write(b"x" * 100), needed=100)


def age(cache, **seconds: float) -> None:
    for name, ago in seconds.items():
        os.utime(cache.folder / name, (time.time() - ago,) * 2)


def there(cache) -> list[str]:
    return sorted(path.name for path in cache.root.joinpath("files").rglob("*") if path.is_file())


def test_what_was_not_used_for_longest_leaves(cache):
    add(cache, *"abcde")
    age(cache, a=500, b=400, c=300, d=200, e=100)
    assert cache.find("a")  # is used now
    add(cache, "f")  # 600 bytes would be too many; down to 90 % of what is left beside the new one is 360
    assert there(cache) == ["a", "d", "e", "f"]


def test_what_was_used_in_the_last_minute_stays_whatever_the_bound(cache):
    add(cache, *"abcdefgh")
    assert there(cache) == list("abcdefgh")


def test_a_hold_keeps_what_was_used_since_it_began(cache):
    add(cache, *"abcde")
    age(cache, a=500, b=400, c=300, d=200, e=100)
    with cache.hold():
        (held,) = cache.root.joinpath("holds").iterdir()
        os.utime(held, (time.time() - 350,) * 2)
        add(cache, "f", "g")
        assert there(cache) == list("cdefg")
    add(cache, "h")
    assert there(cache) == list("efgh")  # c and d were not used since
    assert list(cache.root.joinpath("holds").iterdir()) == []


HOLDER = """
import sys
from pathlib import Path
from synth_dagster.storage.cache import FileCache
with FileCache(Path(sys.argv[1]), "lake", 500).hold():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_hold_ends_with_its_process(cache):
    add(cache, *"abcde")
    age(cache, a=500, b=400, c=300, d=200, e=100)
    command = [sys.executable, "-c", HOLDER, str(cache.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        (held,) = cache.root.joinpath("holds").iterdir()
        os.utime(held, (time.time() - 1_000,) * 2)
        add(cache, "f")
        assert there(cache) == list("abcdef")
        holder.send_signal(signal.SIGKILL)
    add(cache, "g")
    assert there(cache) == list("defg")
    assert list(cache.root.joinpath("holds").iterdir()) == []


def test_caches_of_several_lakes_share_one_bound(cache, tmp_path):
    other = FileCache(tmp_path, "other", 500)
    add(other, *"abc")
    age(other, a=500, b=400, c=300)
    add(cache, *"def")
    assert there(cache) == list("cdef")


def test_what_a_dead_writer_left_leaves_too(cache):
    add(cache, "a")
    (cache.folder / ".tmp-dead").write_bytes(b"x" * 600)
    age(cache, **{".tmp-dead": 1_000})
    add(cache, "b")
    assert there(cache) == ["a", "b"]
