"""Processes: a killed one loses nothing that was paid and durable, and two of them agree."""

import asyncio
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from synth_dagster.teacher.cache import AnswerCache
from tests.teacher.faulty import Say, question

ASKER = Path(__file__).with_name("asker.py")
ROOT = Path(__file__).parents[2]
CALLS = 200
IN_FLIGHT = 16
KILLS = 40


@pytest.fixture
def start(server, cache_path):
    """Starts a process that asks for a range of words; it is ended with the test whatever happens."""
    running = []

    def start(first=0, last=CALLS, in_flight=IN_FLIGHT, *more):
        asked = [server.url, str(cache_path), str(in_flight), str(first), str(last), *more]
        command = [sys.executable, str(ASKER), *asked]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def answers_of(process):
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return json.loads(out)


def kept(path):
    connection = sqlite3.connect(path)
    try:
        made = connection.execute("select count(*) from sqlite_master where name = 'calls'").fetchone()[0]
        return connection.execute("select count(*) from calls").fetchone()[0] if made else 0
    finally:
        connection.close()


def killed_after(process, server, requests):
    """Kills the process as soon as the server has seen so many requests."""
    deadline = time.monotonic() + 60
    while server.calls < requests and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    seen = -1
    while seen != server.calls:  # what was in the sockets at the kill still arrives
        seen = server.calls
        time.sleep(0.1)


def test_a_kill_pays_again_only_for_what_was_in_flight(start, server, cache_path):
    server.delay = 0.02
    killed_after(start(), server, requests=80)
    durable, seen = kept(cache_path), server.calls
    assert 0 < durable < CALLS
    texts = answers_of(start())
    again = [thing for thing, times in server.times_seen().items() if times > 1]
    assert len(set(texts)) == CALLS
    # all that the server saw beyond what was durable was in flight at the kill, and only that is asked twice
    assert len(again) == seen - durable <= IN_FLIGHT
    assert server.calls == CALLS + len(again)
    calls = server.calls
    assert answers_of(start()) == texts
    assert server.calls == calls


@pytest.mark.prove
def test_forty_kills_change_no_answer(start, server, cache_path):
    server.delay = 0.01
    rng = random.Random(4711)
    for _ in range(KILLS):
        cache_path.unlink(missing_ok=True)
        for rest in ("-wal", "-shm"):
            cache_path.with_name(cache_path.name + rest).unlink(missing_ok=True)
        server.requests.clear()
        killed_after(start(), server, requests=rng.randrange(1, CALLS))
        durable, seen = (kept(cache_path) if cache_path.exists() else 0), server.calls
        texts = answers_of(start())
        assert len(set(texts)) == CALLS
        assert server.calls == CALLS + seen - durable
        assert seen - durable <= IN_FLIGHT


def until(happened):
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_of_two_processes_that_want_to_know_what_a_model_understands_one_finds_out(start, server):
    """The first one's question is held back until the other has been there, and for a second more."""
    server.holds_probes = True
    one = start(0, 10, IN_FLIGHT, "form")
    until(lambda: server.probes)
    other = start(10, 20, IN_FLIGHT, "form")
    until(lambda: server.times_seen()["Give one word for 10."])  # what it asks next is a form
    time.sleep(1)
    server.holds_probes = False
    assert len(set(answers_of(one) + answers_of(other))) == 20
    assert len(server.probes) == 1
    # both know what was found out: nothing was asked in another form than the one that works
    forms = [body["response_format"]["type"] for body in server.requests if "response_format" in body]
    assert forms == ["json_schema"] * 18


def test_two_processes_with_one_cache_agree(start, server, cache_path):
    """The server never gives the same answer twice; whoever is first in the cache is what both return."""
    server.delay = 0.01
    server.script = lambda body, seen: Say(f"{question(body)} told for the time number {seen}")
    one, other = start(in_flight=8), start(in_flight=8)
    first, second = answers_of(one), answers_of(other)
    assert first == second
    assert kept(cache_path) == CALLS
    assert max(Counter(question(body) for body in server.requests).values()) <= 2
    with AnswerCache.open(cache_path) as cache:
        assert asyncio.run(cache.get(b"nothing")) is None
