"""Erasing what a lake keeps beside its tables: what stands between phases, the index of duplicates, trained models."""

import json
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from synth_dagster.errors import MethodError
from synth_dagster.governance.erase import Asked, erase
from synth_dagster.governance.erase_look import halves_in
from synth_dagster.lake.doomed import stored_files
from synth_dagster.lake.ids import Ids
from synth_dagster.lake.signature_index import SignatureIndex, halves
from synth_dagster.records import digest
from synth_dagster.runner.models import TrainedModels
from synth_dagster.scale.engine import Engine, Work, scratch
from synth_dagster.scale.parts import parts_of
from tests.governance.erase_world import PARENTS, check, look

HERE = "tests.governance.test_erase_derived"  # as workers import it


def as_it_is(table, arguments):
    return table


def fails(table, arguments):
    raise MethodError("This cannot be done.")


def cut_short(world):
    """Work over all questions that fails in its second phase; what the first one left."""
    with pytest.raises(MethodError):
        work(world.lake)
    return [entry.name for entry in world.lake.store.entries("scratch/")]


def work(lake):
    names = [file.name for file in stored_files(lake) if file.table == "questions"]
    with scratch(lake.store, "demo-work") as folder:
        inputs = parts_of(lake.store, names, most_rows=100)
        parts = Engine().map_batches(lake.store, inputs, Work(f"{HERE}:as_it_is", {}), folder=folder)
        Engine().map_batches(lake.store, parts, Work(f"{HERE}:fails", {}), folder=f"{folder}/more")


def test_what_stands_between_phases_goes_and_the_receipt_says_so(world):
    left, before, answers = cut_short(world), world.rows(), world.answers()
    with_records = [name for name in look(world, {"q3"}).with_text if name.startswith("scratch/")]
    assert with_records and with_records == [name for name in look(world, {"q3"}).with_ids if name in left]
    receipt = erase(world.lake, Asked("demo", source="forum"), world.around, None)
    check(world, receipt, ["fb"], before, answers)
    assert list(world.lake.store.entries("scratch/")) == []
    assert set(left) <= receipt["files"]["removed"].keys()
    assert set(with_records) <= set(receipt["proof"]["before"]["with_text"])
    assert receipt["counts"]["scratch_files_removed"] == len(left)


def test_whoever_works_there_is_waited_for(world):
    left, receipts = cut_short(world), []
    asked = Asked("demo", source="forum")
    work = threading.Thread(target=lambda: receipts.append(erase(world.lake, asked, world.around, None)))
    with world.lake.lease("scratch"):
        work.start()
        while not waiting(world.lake) and work.is_alive():
            time.sleep(0.01)
        assert waiting(world.lake) and [entry.name for entry in world.lake.store.entries("scratch/")] == left
    work.join()
    assert receipts[0]["proof"]["clean"] and list(world.lake.store.entries("scratch/")) == []


def waiting(lake):
    return lake.meta.database.rows("select 1 from leases where name = 'scratch' and kind = 'exclusive'")


def test_the_index_of_duplicates_goes(world):
    ids = pa.array(sorted(digest(name) for name in PARENTS), pa.binary())
    index = SignatureIndex(world.lake.store, "demo/minhash", {"bands": 1})
    index.add(halves(ids), np.zeros(len(ids)), np.arange(len(ids), dtype=np.uint64)[None])
    paths = list((Path(world.lake.store.url) / "duplicates").rglob("segment-*.bin"))
    wanted = Ids.from_arrow(pa.array([digest("fb")], pa.binary())).unique()
    assert any(halves_in([path.read_bytes()], wanted) for path in paths)  # it names the record
    names = {entry.name for entry in world.lake.store.entries("duplicates/")}
    found = look(world, {"fb"}).with_ids
    assert any(name.startswith("duplicates/") for name in found)
    receipt = erase(world.lake, Asked("demo", source="forum"), world.around, None)
    assert list(world.lake.store.entries("duplicates/")) == []
    assert names and names <= receipt["files"]["removed"].keys()


def test_trained_models_stay_and_the_receipt_names_them(world):
    root = world.around.project
    rows = [{"text": f"{word} {number}", "label": word} for word in ("good", "bad") for number in range(8)]
    (root / "labelled.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    models = TrainedModels(root, world.lake.store)
    models.trained("ngram_classifier", {}, models.examples("labelled.jsonl", label="good"))
    (name,) = [entry.name for entry in world.lake.store.entries("models/")]
    receipt = erase(world.lake, Asked("demo", source="forum"), world.around, None)
    assert receipt["proof"]["clean"] and world.lake.store.entry(name) is not None
    assert any("what 1 trained model learnt" in told for told in receipt["proof"]["not_searched"])
