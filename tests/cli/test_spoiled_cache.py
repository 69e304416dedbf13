"""A cache that cannot be used stops a command with one line that says the way out, and stays as it is."""

import re
import sqlite3
import subprocess

import pytest

from synth_dagster.teacher.cache import AnswerCache
from synth_dagster.teacher.caches import file as file_module
from tests.cli.project import new_place


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return new_place(tmp_path_factory.mktemp("spoiled") / "p")


@pytest.fixture
def cache(place):
    path = place.root / "lake/cache.sqlite"
    for one in path.parent.glob("cache.sqlite*"):
        one.unlink()
    AnswerCache.open(path).close()
    return path


def test_one_of_a_newer_version_also_on_a_network_disk(place, cache, monkeypatch):
    with sqlite3.connect(cache) as connection:
        connection.execute("pragma user_version = 99")
    connection.close()
    file_module._warn_of_network.cache_clear()
    monkeypatch.setattr(file_module, "network_disk", lambda path: "nfs4")
    before = cache.read_bytes()
    done = place.call("run")
    assert done.code == 1 and cache.read_bytes() == before
    (line,) = [line for line in done.out.splitlines() if line.startswith("failed:") and str(cache) in line]
    assert "written by a newer version" in line and "Upgrade synth_dagster, or name another cache file" in line
    (warning,) = [line for line in done.out.splitlines() if "network file system (nfs4)" in line]
    assert warning.startswith(f"The answer cache {cache} stands on") and "Set SYNTH_ANSWERS" in warning


def test_a_damaged_one_and_its_way_out(place, cache):
    # the second page is a table's: SQLite says which one, on two lines
    whole = bytearray(cache.read_bytes())
    whole[4096 : 2 * 4096] = b"\xff" * 4096
    cache.write_bytes(whole)
    done = place.call("plan")
    assert done.code == 1 and cache.read_bytes() == whole
    (line,) = done.err.splitlines()
    assert f"The answer cache {cache} cannot be read (" in line and "Nothing in it was changed." in line
    way_out = re.search(r"\((mkdir .*)\), since", line)
    assert way_out
    subprocess.run(way_out[1], shell=True, check=True)  # what a person copies from the line
    assert (cache.parent / "damaged-cache/cache.sqlite").read_bytes() == whole
    assert place.call("plan").code == 0
