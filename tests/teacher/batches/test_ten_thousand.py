"""Ten thousand requests in several provider batches: each once, and in memory that does not hold the files."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from synth_dagster.lake.lake import Lake
from tests.teacher.batch_server import acquaint

ROOT = Path(__file__).parents[3]
PROGRAM = Path(__file__).with_name("many.py")
FEW, MANY = 1_000, 10_000
MOST, MOST_BYTES = 3_000, 5_000_000  # a line has some 2,200 bytes, so that the bytes are the tighter limit
KB_A_REQUEST = 16  # that waits: its text of 2 KB, the request around it, its coroutines


def asked(folder, server, requests):
    acquaint(folder / "cache.sqlite", server)
    command = [sys.executable, str(PROGRAM), str(folder), server.url, str(requests), str(MOST), str(MOST_BYTES)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=env)
    return json.loads(done.stdout)


@pytest.mark.prove
def test_ten_thousand_requests_go_in_several_batches_once_each_and_in_bounded_memory(tmp_path, server):
    few = asked(tmp_path / "few", server, FEW)
    server.finish()
    few_collected = asked(tmp_path / "few", server, FEW)
    server.batches.clear()
    server.files.clear()

    many = asked(tmp_path / "many", server, MANY)
    assert f"waits for {MANY:,} answers from {len(server.batches)} provider batches" in many["pending"]
    whole = sum(len(content) for content in server.files.values())
    assert math.ceil(whole / MOST_BYTES) <= len(server.batches) <= 1 + math.ceil(whole / MOST_BYTES)
    assert all(len(batch.lines) <= MOST and len(server.files[batch.file]) <= MOST_BYTES for batch in server.batches)
    assert len(server.submitted) == MANY and set(server.submitted.values()) == {1}

    server.finish()
    collected = asked(tmp_path / "many", server, MANY)
    assert collected["answers"] == MANY and server.calls == 0
    assert Lake.open(tmp_path / "many/lake").sessions.usage(dataset="d").calls == MANY
    grown = [(many["peak"] - few["peak"]) / 1024, (collected["peak"] - few_collected["peak"]) / 1024]
    print({"batches": len(server.batches), "bytes": whole, "KB a request": [kb / (MANY - FEW) for kb in grown]})
    assert max(grown) < KB_A_REQUEST * (MANY - FEW)
