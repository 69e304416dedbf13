"""An erasure beside others at work: whoever has read what is to go is waited for, and nobody brings it back."""

import asyncio
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from synth_dagster.errors import LakeError, TeacherError
from synth_dagster.governance import erase as erasing
from synth_dagster.governance import erase_files, erase_past, erase_scope
from synth_dagster.governance.erase import Asked, erase, plan, resume
from synth_dagster.lake.erasing import Eraser
from synth_dagster.lake.findings import findings, write_findings
from synth_dagster.lake.lake import Lake
from synth_dagster.record_tables import to_table
from synth_dagster.records import Parent, digest
from synth_dagster.runner import signals, stage
from synth_dagster.teacher.cache import AnswerCache, Stored
from tests.governance.erase_world import _rejects, check
from tests.lake.conftest import document, write_to

FORUM = Asked("demo", source="forum")


def is_waited_for(lake, name):
    """Whether somebody comes to wait for this lease. An erasure that does not wait ends, and never comes."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if lake.meta.database.rows("select 1 from leases where name = ? and held = 0", (name,)):
            return True
        time.sleep(0.01)
    return False


def beside(lake, name, work):
    """Somebody who holds a lease, and works once an erasure waits for it."""
    begun, waited = threading.Event(), []

    def run():
        with lake.lease(name, "exclusive" if name.startswith("batch/") else "shared"):
            begun.set()
            waited.append(is_waited_for(lake, name))
            work()

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(60)
    return thread, waited


@pytest.mark.parametrize(
    ("name", "work"),
    [
        pytest.param(
            "telling/demo",
            lambda world: world.lake.save_preview("late", f"<p>{world.texts['q2']}</p>"),
            id="a page of what was read before",
        ),
        pytest.param("batch/demo/answers/notes:1", lambda world: None, id="a step of a stage that has no table yet"),
    ],
)
def test_who_has_read_it_is_waited_for(world, name, work):
    before, answers = world.rows(), world.answers()
    thread, waited = beside(Lake.open(world.lake.store.url), name, lambda: work(world))
    receipt = erase(world.lake, FORUM, world.around, None)
    thread.join()
    assert waited == [True]
    check(world, receipt, ["fb"], before, answers)
    assert not [entry.name for entry in world.lake.store.entries("previews/") if "late" in entry.name]


ELSEWHERE = "update leases set host = 'another machine', started = 'a:1', expires = 0, ticks = null where name = ?"


@pytest.mark.parametrize(
    ("name", "stopped"),
    [
        pytest.param("batch/demo/questions/notes:1", True, id="of a stage that has a table"),
        pytest.param("batch/demo/answers/notes:1", True, id="of a stage that has no table yet"),
        pytest.param("batch/demo/answers/notes:9", False, id="no: at work on a batch that holds nothing of it"),
    ],
)
def test_a_machine_that_was_stopped_for_longer_than_its_lease_leaves_no_answer(world, name, stopped):
    """It has asked a teacher about what is erased meanwhile. It comes back without its lease, and is answered."""
    lake, told = Lake.open(world.lake.store.url), digest("what a teacher answered late")
    late = Stored(model="m", text=world.texts["q2"], finish_reason="stop", run_id="late")
    with lake.lease(name, "exclusive"), AnswerCache.open(world.around.answers) as cache:
        cache.holds = lake.keeps_leases
        if stopped:
            lake.meta.database.write(ELSEWHERE, (name,))
        receipt = erase(world.lake, FORUM, world.around, None)
        assert receipt["proof"]["clean"]
        if stopped:
            with pytest.raises(TeacherError, match="had not kept its lease"):
                asyncio.run(cache.put(told, late))
        else:
            asyncio.run(cache.put(told, late))
        assert (asyncio.run(cache.get(told)) is None) == stopped


@pytest.mark.prove
def test_a_step_that_begins_while_the_lake_is_waited_for_is_waited_for_too(world, monkeypatch):
    """It takes its lease after those of its batch were looked at; before the lake is held it may have read."""
    looked, steps = erasing._at_work, []

    def at_work(lake, batches):
        found = looked(lake, batches)
        if not steps:
            steps.append(beside(Lake.open(world.lake.store.url), "batch/demo/answers/notes:1", lambda: None))
        return found

    monkeypatch.setattr(erasing, "_at_work", at_work)
    receipt = erase(world.lake, FORUM, world.around, None)
    ((thread, waited),) = steps
    thread.join()
    assert waited == [True] and receipt["proof"]["clean"]


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(lambda lake: stage.run_stage(told(lake), "corpus", "notes:1"), id="a stage"),
        pytest.param(lambda lake: signals.run_signals(told(lake), "notes:1"), id="signals"),
    ],
)
def test_a_step_lets_an_erasure_end_before_it_reads(world, monkeypatch, run):
    order, lease = [], world.lake.lease

    def named(name, *how, **more):
        order.append(name.partition("/")[0])
        return lease(name, *how, **more)

    def reads(*given):
        order.append("reads")
        raise LakeError("far enough")

    monkeypatch.setattr(world.lake, "lease", named)
    monkeypatch.setattr(stage.CorpusView, "of", reads)  # the first of what a stage looks at
    monkeypatch.setattr(signals, "accepted", reads)
    with pytest.raises(LakeError, match="far enough"):
        run(world.lake)
    assert order == ["batch", "lake", "reads"]


def told(lake):
    return SimpleNamespace(lake=lake, recipe=SimpleNamespace(dataset="demo", mix=SimpleNamespace(of="corpus")))


def test_a_finding_about_all_records_together_brings_nothing_back(world):
    """As the gate of a release tells its share of synthetic records: it names no record."""
    erase(world.lake, FORUM, world.around, None)
    below = world.lake.accepted("demo", "questions", "notes:1")
    told = {"stage": "questions", "batch": "notes:1", "candidate_id": below.candidate_id, "guard": "gate"}
    told |= {"check": "depth", "kind": "depth", "severity": "info", "score": 1.0, "record_id": None}
    write_findings(world.lake, below, [told], run_id="run-2")
    assert findings(world.lake, "demo", stage="questions", every=True)["kind"].to_pylist() == ["depth"]


def test_rejects_bring_nothing_back_either(world):
    """A run whose machine was stopped for a while: all that it made of the batch was refused by the teacher."""
    rejects = _rejects(world, ["fb"])
    none = to_table([], "document")
    erase(world.lake, FORUM, world.around, None)
    with pytest.raises(LakeError, match="1 records that were erased since it was begun"):
        write_to(world.lake, "notes:1", none, stage="questions", rejects=rejects)
    write_to(world.lake, "notes:1", none, stage="questions", rejects=_rejects(world, ["a"]))


@pytest.mark.prove
def test_an_erasure_that_has_lost_the_lake_sweeps_nothing_away(world, monkeypatch):
    """Its machine was stopped, and others work: a file is written and not named yet. It is gone on with later."""
    before, answers = world.rows(), world.answers()
    withdraw = Eraser.withdraw

    def stopped(eraser):
        eraser.lease.lost.set()
        return withdraw(eraser)

    monkeypatch.setattr(Eraser, "withdraw", stopped)
    fresh = Path(world.lake.store.url) / "demo/corpus/batch=notes%3A3/0123456789abcdef0123456789abcdef.parquet"
    fresh.parent.mkdir()
    fresh.write_bytes(next(fresh.parents[1].rglob("batch=*/*.parquet")).read_bytes())
    with pytest.raises(LakeError, match="The lease 'lake' was lost"):
        erase(world.lake, FORUM, world.around, None)
    assert fresh.exists()
    fresh.unlink()
    monkeypatch.undo()
    (receipt,) = resume(world.lake, world.around, None)
    check(world, receipt, ["fb"], before, answers)


def test_a_dry_run_reads_again_where_a_candidate_gives_way_meanwhile(world, monkeypatch):
    made = [document("notes:1", n, parents=(Parent(digest("fb"), "corpus", "notes:1"),)) for n in range(2)]
    write_to(world.lake, "notes:1", to_table(made[:1], "document"), stage="questions")
    newer, read = to_table(made, "document"), erase_files.rows_of
    late = [lambda: write_to(world.lake, "notes:1", newer, stage="questions")]

    def rows_of(lake, file, *columns):
        if late:
            late.pop()()  # in the place of the first one
        return read(lake, file, *columns)

    for module in (erase_files, erase_past, erase_scope):
        monkeypatch.setattr(module, "rows_of", rows_of)
    found = plan(world.lake, FORUM)
    assert not late
    # nine as in the planted world, and both of the newer candidate
    assert found.as_json()["records"] == 9 + 2
