"""Workers read and write a lake in a bucket themselves; what dies or goes bad there is made again."""

import json
import subprocess
import sys
import time
from dataclasses import asdict, replace

import pytest

from synth_dagster.lake import files
from synth_dagster.runner import signals
from synth_dagster.scale.engine import Engine, read
from synth_dagster.scale.workers import Processes, Threads
from synth_dagster.storage import open_store
from tests.assets.project import ONLY_CORPUS, Programs, small_project
from tests.runner.by_hand import ByHand
from tests.runner.test_shuffled_duplicates import STEP, clusters_by_workers, pool, several
from tests.scale import works
from tests.scale.test_engine import ROWS, as_dict, by_hand, stored, work
from tests.scripted_teacher.echo import EchoTeacher

DONE = 2  # parts that are done when the leader is killed


@pytest.mark.prove
def test_workers_read_and_write_a_bucket_and_one_that_dies_takes_nothing_with_it(bucket, tmp_path):
    table, engine = works.rows(ROWS, keys=50), Engine(Processes(2), s3=bucket.options)
    inputs = stored(bucket.store, table)
    dying = work("dies_once", arguments={"mark": str(tmp_path / "died")})
    lengths = engine.map_batches(bucket.store, inputs, dying, folder="m")
    assert (tmp_path / "died").exists() and read(bucket.store, lengths).equals(works.lengths(table, {}))
    met = engine.shuffle(bucket.store, inputs, work("counted"), key="key", folder="s")
    assert as_dict(read(bucket.store, met)) == by_hand(table)

    folder = open_store(tmp_path / "folder")
    here = Engine(Threads(1)).shuffle(folder, stored(folder, table), work("counted"), key="key", folder="s")
    assert [part.digest for part in met] == [part.digest for part in here]
    assert not [
        path for path in bucket.cache.rglob("*.parquet") if "/input/" not in str(path)
    ]  # no copy is left behind


@pytest.mark.prove
def test_a_run_whose_leader_was_killed_goes_on_with_what_is_in_the_bucket(bucket, tmp_path):
    table, marks, killed = works.rows(ROWS, keys=50), tmp_path / "marks", tmp_path / "killed"
    marks.mkdir()
    inputs = stored(bucket.store, table, files=6, row_group=100)  # two row groups and 200 rows each
    arguments = {"marks": str(marks), "killed": str(killed), "waits_from": DONE * 200}
    options = {**asdict(bucket.options), "cache": str(bucket.cache)}
    told = {"url": bucket.url, "options": options, "arguments": arguments, "inputs": [one.as_json() for one in inputs]}
    with subprocess.Popen([sys.executable, "-c", LEADER, json.dumps(told)]) as leader:
        while leader.poll() is None and (len(done(bucket)) < DONE or len(list(marks.iterdir())) <= DONE):
            time.sleep(0.05)
        leader.kill()
    before, begun = done(bucket), list(marks.iterdir())
    assert len(before) == DONE < len(begun), "it was killed with work in hand"

    killed.touch()
    waits = work("marked_lengths", arguments=arguments)
    parts = Engine(Processes(2), s3=bucket.options).map_batches(bucket.store, inputs, waits, folder="m")
    assert read(bucket.store, parts).equals(works.lengths(table, {}))
    # what was done is not done again; what was in hand is, by another process
    assert len(list(marks.iterdir())) == len(inputs) + len(begun) - DONE
    assert before.items() <= done(bucket).items()


def done(bucket):
    """The parts that have a receipt, and when it was written."""
    return {one.name: one.modified for one in bucket.store.entries("m/map/") if one.name.endswith(".parquet.json")}


LEADER = """
import json, sys
from pathlib import Path
from synth_dagster.scale.engine import Engine, Part, Work
from synth_dagster.scale.workers import Threads
from synth_dagster.storage import S3Options, open_store
told = json.loads(sys.argv[1])
s3 = S3Options(**{**told["options"], "cache": Path(told["options"]["cache"])})
work = Work("tests.scale.works:marked_lengths", told["arguments"])
inputs = [Part.from_json(part) for part in told["inputs"]]
Engine(Threads(2), s3=s3).map_batches(open_store(told["url"], s3), inputs, work, folder="m")
"""


def test_a_file_that_goes_bad_in_a_bucket_is_made_again_and_read_anew(bucket):
    """The one that is made again has the name of the bad one: a copy on this machine would be of that."""
    store, name = bucket.store, "s/split/000001.parquet"

    class Spoils(Threads):
        spoilt = 0

        def run(self, tasks, s3, waiting):
            if '"kind":"gather"' in tasks[0] and not Spoils.spoilt:
                Spoils.spoilt += 1
                good = store.read(name)
                store.write(name, lambda into: into.write(good[: len(good) // 2]), needed=1)
            return super().run(tasks, s3, waiting)

    table = works.rows(300, keys=20)
    parts = Engine(Spoils(1), s3=bucket.options).shuffle(
        store, stored(store, table, files=2), work("counted"), key="key", folder="s"
    )
    assert Spoils.spoilt == 1 and as_dict(read(store, parts)) == by_hand(table)


@pytest.mark.prove
def test_signals_and_near_duplicates_of_a_lake_in_a_bucket_are_those_of_one_in_a_folder(bucket, tmp_path, monkeypatch):
    monkeypatch.setattr(signals, "FEW", 8)
    monkeypatch.setattr(files, "ROW_GROUP", 4)
    lines = [
        f"Line {n} tells of the river, and of the hills it comes from; it is the {n}th of them." for n in range(30)
    ]
    env = {**bucket.env, "SYNTH_LAKE": bucket.url, "SYNTH_METADATA": str(tmp_path / "meta.sqlite")}
    versions = []
    for name, variables, engine in (
        ("folder", {}, Engine(Threads(1))),
        ("bucket", env, Engine(Processes(2), s3=bucket.options)),
    ):
        project = small_project(tmp_path / name, ONLY_CORPUS, Programs(EchoTeacher()), env=variables)
        project.deliver(lines)
        hand = OnEngine(project, engine)
        hand.batches()
        versions.append([one.data_version for one in hand.lake.accepted_all("tiny", "quality_signals").values()])
        assert hand.lake.store.url == variables.get("SYNTH_LAKE", str(project.root / "lake"))
    assert versions[0] == versions[1] and len(versions[0]) == 1

    table = pool(200)
    there = clusters_by_workers(engine, bucket.store, "work", STEP, table)
    assert there.equals(several(STEP.method.cluster(table)))


class OnEngine(ByHand):
    """By hand, with the heavy steps on an engine."""

    def __init__(self, project, engine):
        super().__init__(project)
        self._engine = engine

    @property
    def context(self):
        return replace(super().context, engine=self._engine)
