"""Signals of many records come from the engine's workers, and are what one process computes."""

import pyarrow.parquet as pq

from synth_dagster.lake import files
from synth_dagster.lake.lake import Lake
from synth_dagster.runner import signals
from tests.assets.project import ONLY_CORPUS, Programs, small_project
from tests.runner.by_hand import ByHand
from tests.scripted_teacher.echo import EchoTeacher

HELD = "select kind from leases where name = 'scratch' and held"
LINES = [
    f"Line {n} tells of the river, and of the hills that it comes from; it is the {n}th of them." for n in range(30)
]


def made(folder):
    hand = ByHand(small_project(folder, ONLY_CORPUS, Programs(EchoTeacher())))
    hand.project.deliver(LINES)
    hand.batches()
    (candidate,) = hand.lake.accepted_all("tiny", "quality_signals").values()
    return hand, candidate


def test_many_records_are_computed_in_parts_and_give_the_same_version(tmp_path, monkeypatch):
    _, together = made(tmp_path / "together")
    monkeypatch.setattr(signals, "FEW", 8)
    monkeypatch.setattr(files, "ROW_GROUP", 4)
    calls, of_slice = [], signals.signals_of
    held, read = [], signals.read

    def read_while_held(store, parts):
        """An erasure empties `scratch/` when nobody holds this."""
        held.extend(row["kind"] for row in Lake.open(store.url).meta.database.rows(HELD))
        return read(store, parts)

    def noted(table, arguments):
        calls.append(table.num_rows)
        return of_slice(table, arguments)

    noted.__name__ = "signals_of"
    monkeypatch.setattr(signals, "signals_of", noted)
    monkeypatch.setattr(signals, "read", read_while_held)
    hand, apart = made(tmp_path / "apart")
    assert apart.data_version == together.data_version and apart.rows == len(LINES)
    (corpus,) = hand.lake.accepted_all("tiny", "seed_corpus").values()
    groups = pq.read_metadata(hand.lake.store.local(hand.lake.file_of(corpus))).num_row_groups
    assert groups > 2 and len(calls) == -(-groups // 2)  # two row groups of four a part
    assert held == ["shared"]
    assert list(hand.lake.store.entries("scratch/")) == []
