"""A live daemon with SYNTH_AUTOMATION=on: what is delivered becomes batches, each in exactly once, on bad days too."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.assets.project import small_project
from tests.assets.teachers import Endpoint
from tests.moto_server import new_bucket
from tests.ui.dagster_ui import dagster_ui, kill_group, members, until
from tests.ui.live import LONG, Hook, Inbox, Live, Objects

pytestmark = pytest.mark.prove(minutes=10)

INBOX = """\
dataset: tiny
sources: [{name: notes, reader: files, path: inbox/notes/, license: CC0-1.0, lang: en, shard: 30}]
teachers: {writer: {use: embedded}, judge: {use: embedded}}
stages:
  seed_corpus: []
  generated_instructions: [{grounded_qa: {per_passage: 1}}]
  preference_pairs: [{ultrafeedback: {completions: 2}}]
  filtered_mix: {of: preference_pairs, filters: [answer_rules]}
expect: {min_keep_rate: 0.01}
fresh: {warn_after_days: 0.001, fail_after_days: 0.0013} # 86 and 112 seconds
"""
IN_FLIGHT = 2
BUCKET = """\
dataset: objects
sources: [{name: notes, reader: s3, path: %s/notes/, license: CC0-1.0, lang: en, shard: 8}]
teachers: {writer: {use: endpoint, model: slow, max_in_flight: 2, patience_s: 120}}
stages:
  seed_corpus: []
  generated_instructions: [{grounded_qa: {per_passage: 1}}]
  filtered_mix: {of: generated_instructions, filters: [answer_rules]}
expect: {min_keep_rate: 0.01}
"""
LOOKS = 60.0  # seconds: many looks, five apart, of a sensor that may take ten on a busy machine
SENSORS = 7  # three of each dataset, and the webhook
NOTE = """\
The heron is a wading bird that hunts in shallow water. It stands still for a long time because fish flee from movement.
A heron eats fish, frogs and small mammals. It nests in colonies high in trees, which are called heronries.

The kingfisher is a small bird with a long bill that dives for fish. It digs a tunnel into a river bank for its nest.
A kingfisher needs clear water because it finds its prey by sight. In hard winters many of them die.

In year {n} of the count there were {n} pairs of herons in the colony of the valley.
"""


def notes(*numbers: int) -> dict[str, str]:
    return {f"{n:03}": NOTE.format(n=n) for n in numbers}


def mills(*numbers: int) -> dict[str, str]:
    """One sentence each: the endpoint asks one question about it."""
    return {f"{n:03}": f"Mill {n} grinds the corn of village {n} and it was built in {1500 + n}." for n in numbers}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, moto: str) -> Iterator[Live]:
    root = tmp_path_factory.mktemp("live")
    bucket = new_bucket(moto, root / "cache")
    project = small_project(root / "p", INBOX)
    project.write_recipe(BUCKET % bucket.url, "objects")
    hook = Hook()
    with Endpoint() as teacher:
        env = {
            "SYNTH_AUTOMATION": "on",
            "SYNTH_WEBHOOK": hook.url,
            "SYNTH_TICK_SECONDS": "5",
            "SYNTH_QUIET_SECONDS": "3",
            "FRESHNESS_DAEMON_INTERVAL_SECONDS": "5",
            "SYNTH_MODEL": "slow",
            "OPENAI_BASE_URL": teacher.url,
            **bucket.env,
        }
        with pytest.MonkeyPatch.context() as here:
            for name in ("SYNTH_MODEL", "OPENAI_BASE_URL"):  # who answers is part of what is made
                here.setenv(name, env[name])
            inbox = Inbox("tiny", project)
            with dagster_ui(project.root, **env) as ui:
                yield Live(project, inbox, Objects("objects", project, bucket=bucket), teacher, hook, env, ui)
    hook.close()


def launched_by_hand(live: Live, job: str, batch: str) -> str:
    """Launch it as soon as Dagster knows the batch; the run's id."""
    found: list[str] = []
    until(lambda: bool(found.extend(live.launch(job, batch)) or found), seconds=LONG, what=live.ui.tail)
    return found[0]


def test_two_daemons_bring_each_delivery_in_exactly_once(live: Live):
    """Files and objects, one and then many; besides, somebody clicks twice on a batch that is on its way."""
    with live.another_daemon():
        live.inbox.put(**notes(0))
        live.objects.put(**mills(0))
        until(lambda: bool(live.objects.batches()), seconds=LONG, what=live.ui.tail)
        (batch,) = live.objects.batches()
        by_hand = {launched_by_hand(live, "objects__batch", batch) for _ in range(2)}
        live.wait()
        live.inbox.put(**notes(*range(1, 50)))
        live.objects.put(**mills(*range(1, 20)))
        live.wait()
    # a run that both daemons started may be reported as failed until the next look of the sensor of batches
    until(lambda: {run["status"] for run in live.runs()} == {"SUCCESS"}, seconds=LOOKS, what=live.ui.tail)
    runs = live.runs()
    assert by_hand < {run["runId"] for run in runs}
    assert live.hook.messages == []
    for delivered in (live.inbox, live.objects):
        assert len(delivered.batches()) > 1
        assert set(delivered.versions().values()) == {1}
    assert set(live.teacher.times_seen().values()) == {1}


def test_what_is_replaced_is_made_again_and_what_is_removed_is_withdrawn(live: Live):
    if "008" not in live.inbox.texts:  # where this is the only test that runs
        live.inbox.put(**notes(*range(6, 10)))
        live.objects.put(**mills(*range(6, 10)))
        live.wait()
    live.inbox.put(**{"007": NOTE.format(n="seven")})
    live.inbox.remove("008")
    live.objects.put(**{"007": "Mill 7 was rebuilt of stone after the flood of 1902."})
    live.objects.remove("008")
    asked = live.teacher.calls
    live.wait()
    # a mill that did not change may be in a batch that did, and its answer is in the cache
    assert live.teacher.calls - asked == 1
    assert set(live.teacher.times_seen().values()) == {1}
    assert set(live.inbox.versions().values()) | set(live.objects.versions().values()) == {1}


def test_a_worker_killed_inside_the_teacher_step_is_replaced_and_what_was_paid_is_kept(live: Live):
    before, told = live.teacher.calls, len(live.hook.messages)
    answers, asked = live.teacher.script, mills(*range(200, 210))
    # four answers arrive, then two requests hang: what is in flight when the worker is killed
    live.teacher.script = lambda body, seen: replace(
        answers(body, seen), delay=0.0 if live.teacher.calls <= before + 4 else 60.0
    )
    live.objects.put(**asked)
    until(lambda: live.teacher.calls == before + 4 + IN_FLIGHT, seconds=LONG, what=live.ui.tail)
    (killed,) = [run for run in live.runs() if run["runId"] in live.holding_the_pool()]
    os.kill(int(killed["tags"]["synth/pid"]), signal.SIGKILL)
    live.teacher.script = answers
    live.wait()
    runs = {run["runId"]: run for run in live.runs()}
    assert runs[killed["runId"]]["status"] == "FAILURE"
    (again,) = [run for run in runs.values() if run["tags"].get("dagster/run_key", "").endswith(killed["runId"])]
    assert (again["status"], again["batch"], again["tags"]["synth/try"]) == ("SUCCESS", killed["batch"], "2")
    assert live.holding_the_pool() == set()
    # every question once, and the two that were in flight again
    assert live.teacher.calls - before == len(asked) + IN_FLIGHT
    assert set(live.objects.versions().values()) == {1}
    until(lambda: len(live.hook.messages) > told, seconds=LONG, what=live.ui.tail)
    (message,) = live.hook.messages[told:]
    assert (message["run"], message["batch"]) == (killed["runId"], killed["batch"])
    assert message["why"] == ["the process of the run died"]


def test_an_idle_daemon_makes_nothing_while_what_is_old_turns_to_warning_and_failing(live: Live):
    corpus = "tiny/seed_corpus"
    live.inbox.put(**notes(300))
    live.wait()
    old = live.age_a_tick()
    time.sleep(25)  # two looks of the flow sensors: conditions change once more after the end of a run
    runs, files, rows, turns = len(live.runs()), live.files_stored(), live.rows_stored(), len(live.turns(corpus))
    start = time.monotonic()
    until(lambda: live.freshness(corpus) == "DEGRADED", seconds=150, what=live.ui.tail)
    time.sleep(max(0.0, 60 - (time.monotonic() - start)))
    idle = time.monotonic() - start
    assert live.turns(corpus)[-3:] == ["PASS", "WARN", "FAIL"]
    assert live.freshness("tiny/filtered_mix") == "UNKNOWN"  # never made
    assert len(live.runs()) == runs
    assert live.files_stored() == files
    grown = {name: count - rows[name] for name, count in live.rows_stored().items() if count != rows[name]}
    # a row for each look of a sensor, and one for each turn of the policy
    assert 0 < grown.pop("schedules.db: job_ticks") <= SENSORS * (idle / 5 + 2)
    turned = len(live.turns(corpus)) - turns
    events = {"index.db: event_logs": turned, ".db: event_logs": turned}  # events of no run stand in both
    assert grown == (events if turned else {})
    assert not live.is_kept(old)
    live.inbox.put(**notes(301))
    until(lambda: live.freshness(corpus) == "HEALTHY", seconds=LONG, what=live.ui.tail)
    live.wait()


def test_when_everything_is_killed_in_the_middle_the_next_start_goes_on(live: Live):
    live.inbox.put(**notes(*range(400, 430)))
    until(lambda: bool(live.unfinished()), seconds=LONG, what=live.ui.tail)
    kill_group(live.ui.process.pid)  # everything at once, as when the machine loses power
    live.ui.process.wait()
    until(lambda: not members(live.ui.process.pid), seconds=20, what=lambda: "Processes are left.")
    with live.started_again():
        live.wait()
    assert set(live.inbox.versions().values()) == {1}
