"""A stage that is killed at any moment, again and again: the same bytes in the end, and nothing durable paid twice."""

import json
import multiprocessing
import random
import re
import sqlite3
import time
import zlib
from collections import Counter

import pytest

from synth_dagster.runner.plan import plan_batches
from synth_dagster.runner.stage import run_stage
from tests.assets.project import TAUGHT, small_project
from tests.assets.teachers import Endpoint
from tests.runner.by_hand import ByHand
from tests.runner.stage_process import make
from tests.teacher.faulty import question

STAGE, BATCH = "generated_instructions", "notes:start"
IN_FLIGHT = 8
MILLS = set(range(400))
PASSAGES = [f"The mill number {n} grinds the corn of village {7 * n} beside the river Ard." for n in MILLS]
# What a killed process held counts as spent: the calls that waited, 64 of 4,241 tokens at most, in each of 25 kills.
RECIPE = TAUGHT.replace("{use: embedded}", f"{{use: endpoint, max_in_flight: {IN_FLIGHT}}}")
RECIPE += f"budget: {{tokens_per_run: {100 * 25 * 4_241}}}\n"

# Processes are forked off one that has imported everything, so that a kill costs a moment and not a start.
PROCESSES = multiprocessing.get_context("forkserver")
PRELOADED = ["deltalake", "duckdb", "openai._httpx2", "pandas", "pyarrow.dataset", "tests.runner.stage_process"]
PRELOADED += [f"synth_dagster.{name}" for name in ("lake.sqlite", "teacher.client", "teacher.caches.file")]
PROCESSES.set_forkserver_preload(PRELOADED)


@pytest.fixture
def server(monkeypatch):
    with Endpoint() as endpoint:
        endpoint.delay = 0.02
        monkeypatch.setenv("SYNTH_MODEL", "m")
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        yield endpoint


@pytest.fixture
def killed(server, tmp_path):
    """Starts the stage in a process of its own, and kills it after so many seconds, or when it has asked so often."""
    running = [PROCESSES.Process(target=print)]  # the first one waits for the imports
    running[0].start()
    running[0].join()

    def killed(project, after=None, *, asks=None):
        environment = {"SYNTH_MODEL": "m", "OPENAI_BASE_URL": server.url}
        process = PROCESSES.Process(target=make, args=(project.root, STAGE, BATCH, environment))
        process.start()
        running.append(process)
        while asks is not None and server.calls < asks and process.is_alive():
            time.sleep(0.002)
        process.join(after or 0)
        process.kill()
        process.join()
        seen = -1
        while seen != server.calls or server.open:  # what was in the sockets still arrives
            seen = server.calls
            time.sleep(0.05)

    yield killed
    for process in running:
        process.kill()


def prepared(folder):
    """A project whose corpus is accepted, and nothing above it made."""
    project = small_project(folder, RECIPE)
    project.deliver(PASSAGES)
    hand = ByHand(project)
    with project.answering() as teachers:
        context = project.context(teachers=teachers)
        plan_batches(context)
        hand.accepted(run_stage(context, "seed_corpus", BATCH))
    return project


def finished(project):
    with project.answering() as teachers:
        return run_stage(project.context(teachers=teachers), STAGE, BATCH).candidate


def mills(text):
    """The numbers of the mills that a text is about."""
    return {int(number) for number in re.findall(r"mill number (\d+)", text)}


def durable(project):
    """The mills whose answers the cache holds."""
    path = project.root / "lake/cache.sqlite"
    if not path.exists():
        return set()
    connection = sqlite3.connect(path)
    try:
        rows = connection.execute("select answer from calls").fetchall()
    except sqlite3.OperationalError:  # killed before its tables were made
        rows = []
    finally:
        connection.close()
    return {mill for (answer,) in rows for mill in mills(json.loads(zlib.decompress(answer))[0])}


def asked(server):
    """How often each mill was asked about since the last look."""
    found = Counter(mill for body in server.requests for mill in mills(question(body)))
    server.requests.clear()
    return found


def kill_often(folder, server, killed, kills, moments):
    """Kills the stage so often, and says how many kills found it asking, and how many answers were lost in them.

    On a slow machine a time says nothing of how far the stage is, so the first third dies by the count of its requests:
    at most 8 * (30 + 8) of 400, so that each finds it asking.
    """
    project, asking, lost = prepared(folder), 0, 0
    for number in range(kills):
        before = durable(project)
        if number < kills / 3 and number < 8:
            killed(project, asks=moments.randrange(1, 30))
        else:
            killed(project, moments.uniform(0.05, 0.9))
        times, now = asked(server), durable(project)
        assert before <= now
        assert not before & set(times), "what was durable is asked for again"
        assert max(times.values(), default=1) == 1
        in_flight = set(times) - now  # at the kill: only these may be asked for again
        assert len(in_flight) <= IN_FLIGHT
        asking, lost = asking + bool(times), lost + len(in_flight)
    before, made = durable(project), finished(project)
    assert set(asked(server)) == MILLS - before
    return (made.data_version, made.rows, made.rejected), asking, lost


def undisturbed(folder, server):
    made = finished(prepared(folder))
    assert asked(server) == Counter(MILLS)
    return made.data_version, made.rows, made.rejected


def test_a_stage_killed_three_times(tmp_path, server, killed):
    wanted = undisturbed(tmp_path / "calm", server)
    made, asking, _ = kill_often(tmp_path / "p", server, killed, 3, random.Random(1))
    assert made == wanted and asking >= 1


@pytest.mark.prove
def test_a_stage_killed_a_hundred_times(tmp_path, server, killed):
    """Four times twenty-five kills: the early ones while it asks, the last ones while it writes."""
    in_all = 0
    server.delay = 0.06
    wanted = undisturbed(tmp_path / "calm", server)
    for seed in range(4):
        made, asking, lost = kill_often(tmp_path / str(seed), server, killed, 25, random.Random(seed))
        assert made == wanted and asking >= 8
        in_all += lost
    assert in_all > 0
