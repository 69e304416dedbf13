"""However many requests are in flight and in whatever order the answers come, a stage has the same canonical bytes."""

import random
import re
from dataclasses import replace

import pytest

from synth_dagster.runner.plan import plan_batches
from synth_dagster.runner.stage import run_stage
from tests.assets.project import TAUGHT, small_project
from tests.assets.teachers import asked_about
from tests.runner.by_hand import ByHand
from tests.teacher.faulty import FaultServer, Say, question

PASSAGES = [f"The mill number {n} grinds the corn of village {7 * n} beside the river Ard." for n in range(120)]
BATCH = "notes:start"
RETRY = 1_000_000  # the seed of a second attempt begins here


@pytest.fixture
def server(monkeypatch):
    with FaultServer() as endpoint:
        monkeypatch.setenv("SYNTH_MODEL", "m")
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        yield endpoint


def shuffled(order: random.Random):
    """Answers after 0 to 20 ms. Of twenty mills one is answered with nonsense, and one only when it is repaired."""

    def script(body, seen):
        first = body | {"messages": [turn for turn in body["messages"] if "mill number" in turn["content"]]}
        (mill,) = re.findall(r"mill number (\d+)", question(first))[:1]
        is_nonsense = int(mill) % 20 == 0 or (int(mill) % 20 == 1 and body["seed"] < RETRY)
        return Say("nonsense" if is_nonsense else asked_about(first), delay=order.uniform(0, 0.02))

    return script


def test_1_8_and_256_in_flight_give_the_same_bytes(tmp_path, server):
    versions, most = {}, {}
    for in_flight in (1, 8, 256):
        server.script, server.most_open = shuffled(random.Random(in_flight)), 0
        recipe = TAUGHT.replace("{use: embedded}", f"{{use: endpoint, max_in_flight: {in_flight}}}")
        project = small_project(tmp_path / str(in_flight), recipe)
        project.deliver(PASSAGES)
        hand = ByHand(project)
        with project.answering() as teachers:
            context = replace(project.context(teachers=teachers), in_flight=in_flight)
            plan_batches(context)
            hand.accepted(run_stage(context, "seed_corpus", BATCH))
            made = run_stage(context, "generated_instructions", BATCH).candidate
        versions[in_flight] = (made.data_version, made.rows, made.rejected)
        most[in_flight] = server.most_open
    assert most[1] == 1 < most[8] <= 8 < most[256]  # how many wait at once hangs on the machine too
    assert len(set(versions.values())) == 1
    assert versions[1][1:] == (114, 6)  # 120 / 20 are nonsense at both attempts
