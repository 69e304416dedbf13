"""Writers die at any moment and many write at once: what is shown is whole, and what was acknowledged stays."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from synth_dagster.lake.lake import Lake

# Writes and accepts batches whose rows all carry one number, and says the number once it is accepted.
WRITER = """
import os, sys
import pyarrow as pa
from synth_dagster.lake.lake import Lake

def rows(batch, number):
    ids = [f"{batch}/{number}/{place:04d}".encode() for place in range(200)]
    return pa.table({"record_id": ids, "number": [number] * 200, "text": [os.urandom(500).hex()] * 200})

def reject(number):
    return pa.table({"reject_id": [b"r"], "stage": ["corpus"], "reason": [str(number)]})

root, first, last, *batches = sys.argv[1:]
lake = Lake.open(root)
for number in range(int(first), int(last)):
    for batch in batches:
        candidate = lake.write_candidate(
            "demo", "corpus", batch, rows(batch, number), rejects=reject(number), run_id=f"run-{batch}-{number}",
            session_id="s", code_version="c", inputs={}, recipe_hash="h", details={},
        )
        lake.accept(candidate)
        sys.stdout.write(f"{batch} {number}\\n")  # at once: a kill between the pieces of a print would cut the line
        sys.stdout.flush()
"""


def start(root: Path, first: int, last: int, *batches: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(root), str(first), str(last), *batches]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def shown(lake: Lake) -> dict[str, set[tuple[int, int]]]:
    """batch -> its (number, rows): one pair when what is shown is whole."""
    with lake.connect("demo") as connection:
        rows = connection.execute("select batch, number, count(*) from corpus group by all").fetchall()
    found: dict[str, set[tuple[int, int]]] = {}
    for batch, number, count in rows:
        found.setdefault(batch, set()).add((number, count))
    return found


def kill_some(root: Path, kills: int) -> None:
    acknowledged, first, chance = -1, 0, random.Random(kills)
    for _ in range(kills):
        writer = start(root, first, 1_000_000, "notes:1")
        assert writer.stdout
        said = [writer.stdout.readline()]  # it is at work: from here on, any moment will do
        time.sleep(chance.uniform(0, 0.25))
        writer.send_signal(signal.SIGKILL)
        said += writer.stdout.read().splitlines()
        writer.communicate()
        acknowledged = max([acknowledged, *(int(line.split()[1]) for line in said if line.strip())])
        first = acknowledged + 1
        lake = Lake.open(root)
        ((number, count),) = shown(lake)["notes:1"]
        assert count == 200
        assert number in (acknowledged, acknowledged + 1)  # the last one may have been shown before it was said
        assert lake.accepted("demo", "corpus", "notes:1").run_id == f"run-notes:1-{number}"
        first = number + 1
    finishing = start(root, first, first + 1, "notes:1")
    out, err = finishing.communicate(timeout=60)
    assert (finishing.returncode, out, err) == (0, f"notes:1 {first}\n", "")
    lake = Lake.open(root)
    assert shown(lake) == {"notes:1": {(first, 200)}}
    assert lake.connect("demo").execute("select reason from rejects").fetchall() == [(str(first),)]
    assert lake.meta.database.rows("select * from leases") == []


def test_a_writer_killed_at_any_moment(tmp_path):
    kill_some(tmp_path, 4)


@pytest.mark.prove
def test_a_writer_killed_eighty_times(tmp_path):
    kill_some(tmp_path, 80)


def test_eight_processes_accept_disjoint_batches(tmp_path):
    """Eight writers, five batches each: 40 batches of 200 rows, every one of them acknowledged."""
    writers = [start(tmp_path, 0, 1, *(f"w{writer}:{batch}" for batch in range(5))) for writer in range(8)]
    said = [writer.communicate(timeout=240) for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 8, said
    assert sum(len(out.splitlines()) for out, _ in said) == 40
    lake = Lake.open(tmp_path)
    found = shown(lake)
    assert len(found) == 40
    assert all(pairs == {(0, 200)} for pairs in found.values())
    assert lake.connect("demo").execute("select count(*) from rejects").fetchall() == [(40,)]
    # each run is seen with its own batch, however many others committed in between
    assert len(lake.read("demo", "corpus", as_of="run-w3:4-0", where="batch = 'w3:4'")) == 200


def test_two_processes_that_make_the_same_batch_leave_one_version(tmp_path):
    writers = [start(tmp_path, number, number + 1, "notes:1") for number in (1, 2)]
    for writer in writers:
        writer.communicate(timeout=120)
    assert any(writer.returncode == 0 for writer in writers)  # one may be told that it was replaced
    ((number, count),) = shown(Lake.open(tmp_path))["notes:1"]
    assert (number in (1, 2), count) == (True, 200)


def test_the_process_ends_cleanly(tmp_path):
    reader = "import sys; from synth_dagster.lake.lake import Lake; lake = Lake.open(sys.argv[1]);"
    reader += "assert lake.read('demo', 'corpus', where='number = 0').num_rows == 200"
    start(tmp_path, 0, 1, "notes:1").communicate(timeout=60)
    assert subprocess.run([sys.executable, "-c", reader, str(tmp_path)], check=False).returncode == 0
