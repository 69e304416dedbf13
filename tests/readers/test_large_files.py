"""Ten gigabytes in two: a delivery is planned, and its last batch read, in memory that does not grow with it."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from synth_dagster.readers.base import Item
from synth_dagster.readers.files import Files
from synth_dagster.readers.formats.json_values import _Window
from synth_dagster.readers.formats.rows import Counts
from synth_dagster.readers.places import Places

ROOT = Path(__file__).resolve().parents[2]
GB = 1_000_000_000

RECIPE = """
dataset: tiny
sources:
  - name: notes
    reader: files
    path: inbox/notes/
    license: CC0-1.0
    shard: 2000
    max_expansion: 1000
stages:
  seed_corpus: []
  filtered_mix: {of: seed_corpus, filters: [{gopher_quality: {min_words: 3}}]}
"""

# Memory is limited to 2 GB of address space, which holds whatever a library reserves and never touches, too.
PROGRAM = """
import json, resource, sys
from pathlib import Path
from synth_dagster.parts.shards import digest_of
from synth_dagster.recipe.load import load_recipe
from synth_dagster.lake.lake import Lake
from synth_dagster.readers.places import Places
from synth_dagster.runner.context import RunContext
from synth_dagster.runner.plan import plan_batches
from synth_dagster.runner.deliveries import read_batch
from tests.peak_memory import peak_bytes

resource.setrlimit(resource.RLIMIT_AS, (2_000_000_000, 2_000_000_000))
root = Path(sys.argv[1])
context = RunContext(
    recipe=load_recipe(root / "recipes/tiny.yaml", root=root), lake=Lake.open(root / "lake"), teachers=None,
    places=Places(root), run_id="by-hand",
)
plan = plan_batches(context)
records, rejects = read_batch(context, "seed_corpus", plan.active[-1].batch)
print(json.dumps({
    "batches": len(plan.active), "items": sum(batch.count for batch in plan.active),
    "records": len(records), "rejects": [reject.reason for _, reject in rejects], "last": plan.active[-1].count,
    "peak": peak_bytes(),
}))
"""


def planned(folder):
    """What a process with little memory makes of a project's delivery."""
    (folder / "recipes").mkdir()
    (folder / "recipes/tiny.yaml").write_text(RECIPE)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, folder], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return json.loads(done.stdout)


@pytest.mark.prove
def test_ten_gigabytes_of_lines_are_planned_in_two_gigabytes_of_memory(tmp_path):
    lines = [{"text": f"Note {n}: " + "it rained all day and nobody went out. " * 800} for n in range(3_200)]
    part = "".join(json.dumps(line) + "\n" for line in lines).encode()
    parts = 1 + 10 * GB // len(part)
    squeezed = gzip.compress(part, 6)
    (tmp_path / "inbox/notes").mkdir(parents=True)
    with (tmp_path / "inbox/notes/a.jsonl.gz").open("wb") as file:
        for _ in range(parts):  # a gzip file may be many, one after the other
            file.write(squeezed)
    found = planned(tmp_path)
    assert len(part) * parts > 10 * GB and found["items"] == parts * len(lines)
    assert found["records"] == found["last"] and found["rejects"] == []
    assert found["peak"] < GB


@pytest.mark.prove
def test_ten_gigabytes_without_a_line_end_are_one_reject(tmp_path):
    (tmp_path / "inbox/notes").mkdir(parents=True)
    with (tmp_path / "inbox/notes/a.jsonl").open("wb") as file:
        file.write(b'{"text": "before"}\n')
        os.truncate(file.fileno(), 10 * GB)  # a hole: it takes no room, and reads as NUL
        file.seek(10 * GB)
        file.write(b'\n{"text": "after"}\n')
    found = planned(tmp_path)
    assert (found["items"], found["records"], found["rejects"]) == (3, 2, ["line_too_long"])
    assert found["peak"] < GB


GROWTH = """
import sys
from pathlib import Path
from synth_dagster.readers.files import Files
from synth_dagster.readers.places import Places
from tests.peak_memory import peak_bytes
items = Files(path=sys.argv[2], max_expansion=100_000).items(Places(Path(sys.argv[1])))
for _ in range(100): next(items)
before = peak_bytes()
print(100 + sum(1 for _ in items), peak_bytes() - before)
"""


def write_rows(path, rows):
    """The rows in the format of the file's name, so that nothing is told apart by a dictionary."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
    if path.name == "a.parquet":  # one group of rows
        pq.write_table(pa.Table.from_pylist(rows), path, use_dictionary=False, compression="none")
    elif path.name == "a.csv":
        path.write_text("id,text\n" + "".join(f'{row["id"]},"{row["text"]}"\n' for row in rows))
    elif path.name == "a.json":
        path.write_text(json.dumps(rows))
    else:
        path.write_bytes(pa.compress(lines, codec="zstd", asbytes=True))


@pytest.mark.prove
@pytest.mark.parametrize(
    ("name", "rows", "most"),
    [
        ("a.json", 10_000, 30_000_000),
        ("a.csv", 10_000, 30_000_000),
        ("a.jsonl.zst", 10_000, 30_000_000),
        # Arrow's arrays, Python's texts and what the allocator keeps of both: a plateau after some 60 MB
        ("a.parquet", 30_000, 120_000_000),
    ],
)
def test_hundreds_of_megabytes_stream(name, rows, most, tmp_path):
    text = "".join(f"It rained {n} days and nobody went out. " for n in range(250))  # 10,390 characters
    write_rows(tmp_path / name, [{"id": str(n), "text": f"{n} {text}"} for n in range(rows)])
    ended = subprocess.run(
        [sys.executable, "-c", GROWTH, tmp_path, name], capture_output=True, text=True, check=True, cwd=ROOT
    )
    count, growth = map(int, ended.stdout.split())
    assert count == rows and growth < most


def test_counts_are_those_of_a_dictionary():
    counts, known = Counts(8), {}
    for number in [1 + (n * n * 2_654_435_761) % 5_000 for n in range(20_000)]:
        known[number] = known.get(number, 0) + 1
        assert counts.add(number) == known[number]


def test_a_large_array_can_be_entered_at_its_end_without_reading_what_stands_before(tmp_path, monkeypatch):
    rows = [{"id": str(n), "text": f"text {n} " + "x" * 5_000} for n in range(2_000)]
    (tmp_path / "a.json").write_text(json.dumps(rows))
    reader = Files(path="a.json")
    everything = list(reader.items(Places(tmp_path)))
    last = everything[-1]
    assert isinstance(last, Item)
    start = last.locator.replace("}", ',"repeats":{}}')
    read: list[int] = []
    grow = _Window.grow
    monkeypatch.setattr(_Window, "grow", lambda window: (read.append(window.offset), grow(window))[1])
    assert list(reader.items(Places(tmp_path), start=start)) == [last]
    assert read[0] == 0 and min(read[1:]) > 9_000_000  # whether it is an array, and then the end
