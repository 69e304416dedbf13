"""What runs by itself, tick by tick: each delivery is made once, a changed one again, a removed one is withdrawn."""

import json
import os
import time
from dataclasses import asdict

import dagster as dg
import pytest

import definitions
from assets.arrivals import Seen, cursor_of
from assets.automation import how_fresh, is_on
from assets.batch_runs import Place
from assets.pace import Pace
from synth_dagster.errors import SynthError
from synth_dagster.recipe import Freshness
from tests.assets.automated import Ticks, later
from tests.assets.project import LINES, ONLY_CORPUS, TAUGHT, Programs, small_project
from tests.assets.teachers import Junk
from tests.scripted_teacher.echo import EchoTeacher


@pytest.fixture
def ticks(tmp_path):
    project = small_project(tmp_path / "p", ONLY_CORPUS, Programs(EchoTeacher()))
    with dg.DagsterInstance.ephemeral() as instance:
        yield Ticks(project, instance)


def keys(result):
    return [request.partition_key for request in result.run_requests or ()]


def reason(result):
    return result.skip_reason.skip_message


def texts(ticks, stage="seed_corpus"):
    return sorted(row["text"] for row in ticks.project.rows(stage))


class TestInbox:
    def test_a_delivery_is_read_when_it_has_been_quiet(self, ticks, monkeypatch):
        ticks.project.deliver(LINES)
        first = ticks.tick("inbox")
        assert not first.run_requests and "quiet for 10 s" in reason(first)
        later(monkeypatch)
        second = ticks.tick("inbox")
        (request,) = second.run_requests
        assert request.run_config == {"ops": {"tiny__plan": {"config": {"sources": ["notes"]}}}}
        assert ticks.carry_out("inbox", request).success
        assert [batch.batch for batch in ticks.project.lake.meta.planned("tiny")] == ["notes:start"]
        assert reason(ticks.tick("inbox")) == "Nothing new is delivered."

    def test_what_is_still_being_written_is_not_read(self, ticks, monkeypatch):
        path = ticks.project.deliver(LINES[:1])
        for n in range(1, 4):
            result = ticks.tick("inbox")
            assert not result.run_requests
            later(monkeypatch)
            ticks.project.deliver(LINES[: n + 1])  # it grew before the next tick
        assert path.exists() and not ticks.tick("inbox").run_requests
        later(monkeypatch)
        assert len(ticks.tick("inbox").run_requests) == 1

    @pytest.mark.parametrize("name", [".a.jsonl", "a.jsonl.part", "a.jsonl.tmp", "~$a.jsonl"])
    def test_hidden_and_temporary_files_are_no_delivery(self, ticks, monkeypatch, name):
        ticks.project.deliver(LINES, file=name)
        assert not ticks.settle(monkeypatch)
        (ticks.project.root / "inbox/notes" / name).rename(ticks.project.root / "inbox/notes/a.jsonl")
        assert len(ticks.settle(monkeypatch)) == 1

    def test_a_changed_file_of_the_same_size_and_time_is_noticed(self, ticks, monkeypatch):
        path = ticks.project.deliver(["The first one is here."])
        ticks.ingest(monkeypatch)
        before = path.stat()
        ticks.project.deliver(["The other one is here."])
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_size == before.st_size
        assert len(ticks.settle(monkeypatch)) == 1

    def test_a_run_that_was_never_launched_or_died_is_asked_for_again(self, ticks, monkeypatch):
        ticks.project.deliver(LINES)
        (lost,) = ticks.settle(monkeypatch)  # the daemon is killed before it launches this
        (again,) = ticks.tick("inbox").run_requests
        assert again.run_key == lost.run_key
        run = dg.DagsterRun(
            job_name="tiny__ingest",
            status=dg.DagsterRunStatus.FAILURE,
            tags={"dagster/run_key": str(again.run_key), "synth/outcome": "died"},
        )
        ticks.instance.add_run(run)
        (third,) = ticks.tick("inbox").run_requests
        assert third.run_key != again.run_key

    def test_a_source_that_cannot_be_looked_at_does_not_stop_the_others(self, ticks, monkeypatch):
        two = ONLY_CORPUS.replace(
            "stages:", "  - {name: letters, reader: files, path: inbox/letters/, license: CC0-1.0}\nstages:"
        )
        ticks.project.write_recipe(two)
        outside = ticks.project.root.parent / "elsewhere"
        outside.mkdir()
        (ticks.project.root / "inbox").mkdir()
        (ticks.project.root / "inbox" / "letters").symlink_to(outside)
        ticks.project.deliver(LINES)
        (request,) = ticks.settle(monkeypatch)
        assert request.run_config["ops"]["tiny__plan"]["config"]["sources"] == ["notes"]
        ticks.carry_out("inbox", request)
        assert "source 'letters' cannot be looked at: 'inbox/letters/' leaves the" in reason(ticks.tick("inbox"))

    def test_the_cursor_holds_hashes_and_no_names(self, ticks):
        ticks.project.deliver(LINES, file="quagmire.jsonl")
        ticks.tick("inbox")
        cursor = ticks.cursor["inbox"]
        assert "quagmire" not in cursor and len(cursor) < 300
        assert cursor_of("{broken") == cursor_of('{"notes": {"gone": 1}}') == {}
        assert set(cursor_of(cursor)) == {"notes"}

    def test_a_clock_that_is_set_back_delays_and_loses_nothing(self, ticks, monkeypatch):
        ticks.project.deliver(LINES)
        later(monkeypatch, 86_400)
        ticks.tick("inbox")
        later(monkeypatch, -86_400)
        assert not ticks.tick("inbox").run_requests
        later(monkeypatch)
        assert len(ticks.tick("inbox").run_requests) == 1

    def test_many_files_are_one_read_and_one_small_cursor(self, ticks, monkeypatch):
        folder = ticks.project.root / "inbox" / "notes"
        folder.mkdir(parents=True)
        for n in range(2_000):
            (folder / f"{n}.txt").write_text(f"Note number {n} says a few words.")
        assert len(ticks.settle(monkeypatch)) == 1
        assert len(ticks.cursor["inbox"]) < 300


class TestBatches:
    def test_each_delivery_is_launched_once(self, ticks, monkeypatch):
        ticks.project.deliver(LINES)
        ticks.ingest(monkeypatch)
        (request,) = ticks.tick("batches").run_requests
        assert request.partition_key == "notes:start"
        assert ticks.instance.get_dynamic_partitions("tiny_batches") == ["notes:start"]
        assert keys(ticks.tick("batches")) == ["notes:start"]  # the daemon was killed before it launched the run
        assert ticks.carry_out("batches", request).success
        assert keys(ticks.tick("batches")) == []
        assert len(texts(ticks)) == len(LINES)

    def test_a_changed_delivery_is_made_again_also_when_it_comes_back_as_it_was(self, ticks, monkeypatch):
        seen = set()
        for lines in (LINES[:3], LINES[3:], LINES[:3]):
            ticks.project.deliver(lines)
            ticks.ingest(monkeypatch)
            (request,) = ticks.tick("batches").run_requests
            seen.add(request.run_key)
            assert ticks.carry_out("batches", request).success
            assert texts(ticks) == sorted(lines)
        assert len(seen) == 3

    def test_a_removed_file_is_withdrawn_and_nothing_is_erased(self, ticks, monkeypatch):
        ticks.project.write_recipe(ONLY_CORPUS.replace("lang: en", "lang: en, shard: 1"))
        for name in "abcdef":
            ticks.project.deliver([LINES[ord(name) - ord("a")]], file=f"{name}.jsonl")
        ticks.ingest(monkeypatch)
        ticks.batches()
        before = ticks.project.versions("seed_corpus")
        made = ticks.project.lake.accepted_all("tiny", "seed_corpus")
        (ticks.project.root / "inbox/notes/f.jsonl").unlink()
        ticks.ingest(monkeypatch)
        ticks.batches()
        after = ticks.project.versions("seed_corpus")
        assert texts(ticks) == sorted(LINES[:5]) and len(after) < len(before)
        assert sorted(ticks.instance.get_dynamic_partitions("tiny_batches")) == sorted(after)
        states = {one.batch: one.state for one in ticks.project.lake.meta.planned("tiny", active_only=False)}
        assert {batch for batch, state in states.items() if state == "retired"} == before.keys() - after.keys()
        files = {path.name for path in (ticks.project.root / "lake" / "tiny" / "seed_corpus").rglob("*.parquet")}
        assert {f"{one.candidate_id}.parquet" for one in made.values()} <= files

    def test_a_delivery_that_its_gate_refused_waits_for_another_one(self, tmp_path, monkeypatch):
        project = small_project(tmp_path / "p", TAUGHT, Programs(Junk("Zzyx")))
        with dg.DagsterInstance.ephemeral() as instance:
            ticks = Ticks(project, instance)
            project.deliver(["Zzyx is a word that makes the teacher write nonsense in its answer."])
            ticks.ingest(monkeypatch)
            (result,) = ticks.batches()
            assert not result.success
            assert project.lake.accepted("tiny", "generated_instructions", "notes:start") is None
            for _ in range(3):
                assert keys(ticks.tick("batches")) == []
            nightly(ticks)
            assert keys(ticks.tick("batches")) == []  # nothing changed: the same would be refused again
            project.deliver(LINES[:2])
            ticks.ingest(monkeypatch)
            (result,) = ticks.batches()
            assert result.success

    def test_a_run_whose_process_died_is_launched_again_and_only_so_often(self, ticks, monkeypatch):
        ticks.project.deliver(LINES)
        ticks.ingest(monkeypatch)
        tries = []
        (request,) = ticks.tick("batches").run_requests
        while True:
            tries.append(request.run_key)
            add_run(ticks, "tiny__batch", request, "died")
            found = ticks.tick("batches").run_requests
            if not found:
                break
            (request,) = found
        assert len(tries) == len(set(tries)) == 3

    def test_a_death_is_found_after_a_clock_that_was_ahead_is_set_right(self, ticks, monkeypatch):
        ticks.project.deliver(LINES)
        ticks.ingest(monkeypatch)
        (request,) = ticks.tick("batches").run_requests
        ticks.cursor["batches"] = json.dumps(asdict(Place(until=time.time() + 86_400)))
        add_run(ticks, "tiny__batch", request, "died")
        assert keys(ticks.tick("batches")) == ["notes:start"]

    def test_a_run_that_failed_waits_for_the_nightly_ingest(self, ticks, monkeypatch):
        ticks.project.deliver(LINES)
        ticks.ingest(monkeypatch)
        (request,) = ticks.tick("batches").run_requests
        add_run(ticks, "tiny__batch", request, "failed")
        assert keys(ticks.tick("batches")) == []
        nightly(ticks)
        assert keys(ticks.tick("batches")) == ["notes:start"]

    def test_a_batch_that_is_being_made_is_not_launched_again(self, ticks, monkeypatch):
        ticks.project.deliver(LINES)
        ticks.ingest(monkeypatch)
        add_run(ticks, "tiny__batch", dg.RunRequest(partition_key="notes:start"), "", dg.DagsterRunStatus.STARTED)
        assert keys(ticks.tick("batches")) == []

    def test_ticks_with_nothing_to_do_launch_nothing_and_write_nothing(self, ticks, monkeypatch):
        ticks.project.deliver(LINES)
        ticks.ingest(monkeypatch)
        ticks.batches()
        ticks.tick("inbox")
        before = state_of(ticks.project.root / "lake")
        runs = len(ticks.instance.get_runs())
        for _ in range(5):
            later(monkeypatch, 30)
            assert not ticks.tick("inbox").run_requests and not ticks.tick("batches").run_requests
        assert state_of(ticks.project.root / "lake") == before
        assert len(ticks.instance.get_runs()) == runs

    def test_a_removed_source_leaves_with_its_batches(self, ticks, monkeypatch):
        two = ONLY_CORPUS.replace(
            "stages:", "  - {name: letters, reader: files, path: inbox/letters/, license: CC0-1.0}\nstages:"
        )
        ticks.project.write_recipe(two)
        ticks.project.deliver(LINES[:3])
        ticks.project.deliver(LINES[3:], source="letters")
        ticks.ingest(monkeypatch)
        assert len(ticks.batches()) == 2
        ticks.project.write_recipe(ONLY_CORPUS)
        assert ticks.project.run().causes == []
        assert texts(ticks) == sorted(LINES[:3])


@pytest.mark.prove
def test_objects_of_a_bucket_arrive_as_files_do(tmp_path, monkeypatch, bucket):
    """One is put there, replaced by one of the same size, joined by another, and removed."""
    source = f"reader: s3, path: 's3://{bucket.name}/notes/'"
    recipe = ONLY_CORPUS.replace("reader: files, path: inbox/notes/", source)
    project = small_project(tmp_path / "p", recipe, Programs(EchoTeacher()))

    def arrive(**objects):
        for name, text in objects.items():
            if text is None:
                bucket.client.delete_object(Bucket=bucket.name, Key=f"notes/{name}.txt")
            else:
                bucket.client.put_object(Bucket=bucket.name, Key=f"notes/{name}.txt", Body=text.encode())
        ticks.ingest(monkeypatch, "bucket")
        assert [result.success for result in ticks.batches()] == [True]
        assert keys(ticks.tick("bucket")) == keys(ticks.tick("batches")) == []
        return texts(ticks)

    with dg.DagsterInstance.ephemeral() as instance:
        ticks = Ticks(project, instance, env=bucket.env)
        assert arrive(a=LINES[0]) == [LINES[0]]
        assert arrive(a=LINES[0].upper()) == [LINES[0].upper()]
        assert arrive(b=LINES[1]) == sorted([LINES[0].upper(), LINES[1]])
        assert arrive(a=None) == [LINES[1]]


def add_run(ticks, job, request, outcome, status=dg.DagsterRunStatus.FAILURE):
    """A run as it stands in Dagster's storage when it ended like this."""
    tags = {**request.tags, "dagster/partition": str(request.partition_key), "dataset": "tiny"}
    tags |= {"synth/outcome": outcome} if outcome else {}
    tags |= {"dagster/run_key": request.run_key} if request.run_key else {}
    ticks.instance.add_run(dg.DagsterRun(job_name=job, status=status, tags=tags))


def nightly(ticks):
    """The nightly ingest has read the sources."""
    job = ticks.built.resolve_job_def("tiny__ingest")
    assert job.execute_in_process(instance=ticks.instance, tags={"synth/nightly": "true"}).success


def state_of(folder):
    """Every file of a lake but the ledger of leases, with size and time."""
    return {
        path: (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("meta.sqlite")
    }


class TestSwitches:
    def statuses(self, project, env):
        built = definitions.build(
            project.root, recipes=[project.recipe("tiny")], teachers=Programs(EchoTeacher()), env=env
        )
        return {one.name: one.default_status.value for one in (*(built.sensors or ()), *(built.schedules or ()))}

    def test_everything_is_stopped_until_somebody_starts_it(self, project):
        found = self.statuses(project(ONLY_CORPUS), {})
        assert found.keys() == {
            *(f"tiny__{name}" for name in ("inbox", "batches", "flow", "nightly_ingest", "weekly_release")),
            *("run_failure_webhook", "openlineage"),
        }
        assert set(found.values()) == {"STOPPED"}

    def test_one_variable_starts_all_and_an_address_starts_the_webhook(self, project):
        small = project(ONLY_CORPUS)
        found = self.statuses(small, {"SYNTH_AUTOMATION": "on"})
        assert {name for name, status in found.items() if status == "STOPPED"} == {"run_failure_webhook", "openlineage"}
        found = self.statuses(small, {"SYNTH_WEBHOOK": "https://hooks.example/1"})
        assert {name for name, status in found.items() if status == "RUNNING"} == {"run_failure_webhook"}

    def test_another_word_is_refused_with_the_words_that_are_allowed(self):
        with pytest.raises(SynthError, match=r"'perhaps'\. Set it to 'on' or 'off'"):
            is_on({"SYNTH_AUTOMATION": "perhaps"})


class TestPace:
    def test_sensors_look_as_often_as_the_variables_say(self, project):
        small = project(ONLY_CORPUS)
        env = {"SYNTH_TICK_SECONDS": "60", "SYNTH_QUIET_SECONDS": "300"}
        built = definitions.build(small.root, recipes=[small.recipe("tiny")], teachers=Programs(EchoTeacher()), env=env)
        found = {one.name: one.minimum_interval_seconds for one in built.sensors or ()}
        others = {"run_failure_webhook": 60, "openlineage": 60}
        assert found == {"tiny__inbox": 60, "tiny__batches": 60, "tiny__flow": 120, **others}

    def test_a_delivery_is_left_alone_for_as_long_as_the_variable_says(self, ticks, monkeypatch):
        ticks.env = {"SYNTH_QUIET_SECONDS": "300"}
        ticks.project.deliver(LINES)
        assert "quiet for 300 s" in reason(ticks.tick("inbox"))
        later(monkeypatch, 299)
        assert not ticks.tick("inbox").run_requests
        later(monkeypatch, 1)
        assert len(ticks.tick("inbox").run_requests) == 1

    @pytest.mark.parametrize("said", ["0", "-5", "soon", "1.5", "86401", "٣"])
    def test_what_is_no_number_of_seconds_is_refused(self, said):
        with pytest.raises(SynthError, match=r"SYNTH_TICK_SECONDS is .*Set it to whole seconds from 1 to 86400"):
            Pace.of({"SYNTH_TICK_SECONDS": said})


class TestFreshness:
    def test_the_windows_are_those_of_the_recipe(self):
        policy = how_fresh(Freshness(warn_after_days=1, fail_after_days=2))
        assert (policy.warn_window.to_timedelta().days, policy.fail_window.to_timedelta().days) == (1, 2)
        assert how_fresh(Freshness(warn_after_days=None)).warn_window is None

    def test_where_nothing_new_is_expected_there_is_no_policy(self):
        assert how_fresh(Freshness(fail_after_days=None)) is None


def test_a_cursor_survives_its_way_through_json():
    seen = Seen("a", 1.5, "k", 2, True)
    assert cursor_of(json.dumps({"notes": {"facts": "a", "since": 1.5, "asked": "k", "tries": 2, "done": True}})) == {
        "notes": seen
    }
