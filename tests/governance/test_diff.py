"""Two planted releases, compared by hand: one record each for every way in which a verdict can change."""

import json

import pyarrow as pa
import pytest

from synth_dagster.errors import UnknownName
from synth_dagster.governance.diff import changed_records, diff
from synth_dagster.governance.diff_page import diff_page
from synth_dagster.governance.diff_words import erased
from synth_dagster.governance.erase import Asked, Surroundings, erase
from synth_dagster.lake.lake import Lake
from synth_dagster.lake.meta_values import Release
from synth_dagster.record_tables import to_table
from synth_dagster.records import digest
from synth_dagster.runner.verdicts import VERDICT
from tests.assets.project import LINES, ONLY_CORPUS, Programs, small_project
from tests.governance.erase_world import said
from tests.governance.test_trace import made
from tests.lake.conftest import write_to
from tests.runner.by_hand import ByHand
from tests.scripted_teacher.echo import EchoTeacher

BEFORE = {
    "stays": None,
    "goes": None,
    "comes": "rules:short",
    "moved": "rules:short",
    "gone": None,
    "same": "rules:short",
}
AFTER = {
    "stays": None,
    "goes": "minhash:duplicate",
    "comes": None,
    "moved": "rules:long",
    "new": None,
    "same": "rules:short",
}
LENGTH = {"stays": 10, "goes": 20, "comes": 30, "moved": 1, "gone": 40, "same": 1, "new": 50}


def publish(lake, release, reasons, *, words, licence, mix="m1"):
    """A release with what it judged, kept and was judged by; `words` is the signal of every record."""
    batch = f"notes:{release}"
    rows = [
        {"record_id": digest(name), "stage": "pairs", "batch": batch, "source": "notes", "reason": reason}
        | {"verdict": "dropped" if reason else "kept", "tokens": LENGTH[name]}
        for name, reason in reasons.items()
    ]
    table = pa.Table.from_pylist(rows, schema=pa.schema([field for field in VERDICT if field.name != "release"]))
    lake.accept(write_to(lake, release, table, stage="verdicts", partition="release"))
    kept = [made(name, "pairs", license=licence) for name, reason in reasons.items() if reason is None]
    mixed = write_to(lake, release, to_table(kept, "document"), stage="mix", partition="release")
    lake.accept(mixed)
    ids = [digest(name) for name in reasons]
    signals = write_to(
        lake, batch, pa.table({"record_id": ids, "rules__words": [words] * len(ids)}), stage="quality_signals"
    )
    lake.accept(signals)
    pins = {"records": "none", "signals": signals.candidate_id, "data_version": release}
    manifest = {"table": "mix", "of": "pairs", "mix": mix, "batches": {batch: pins}}
    lake.meta.add_release(Release("demo", release, "i", mixed.data_version, manifest, len(kept), False, "run-1"))


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    lake = Lake.open(tmp_path_factory.mktemp("diff") / "lake")
    publish(lake, "r0001", BEFORE, words=4, licence="MIT")
    publish(lake, "r0002", AFTER, words=6, licence="CC0-1.0", mix="m2")
    return lake


def test_every_change_of_a_verdict_is_counted_with_its_reasons(lake):
    found = diff(lake, "demo", "r0001", "r0002")
    assert {(one.was, one.now): (one.records, one.examples) for one in found.changes} == {
        ("kept", "dropped by minhash:duplicate"): (1, [digest("goes").hex()]),
        ("dropped by rules:short", "kept"): (1, [digest("comes").hex()]),
        ("dropped by rules:short", "dropped by rules:long"): (1, [digest("moved").hex()]),
        ("kept", "not judged"): (1, [digest("gone").hex()]),
        ("not judged", "kept"): (1, [digest("new").hex()]),
    }
    assert found.records == {"kept_in_both": 1, "added": 2, "removed": 2}
    assert (found.same_bytes, found.same_rules) == (False, False)
    assert found.batches == {"added": ["notes:r0002"], "removed": ["notes:r0001"], "changed": []}


def test_numbers_stand_beside_each_other(lake):
    found = diff(lake, "demo", "r0001", "r0002")
    assert found.numbers["tokens"] == (10 + 20 + 40, 10 + 30 + 50)
    assert json.loads(json.dumps(found.as_json()))["numbers"]["tokens"] == [70, 90]
    assert found.numbers["tokens_p50"] == (20, 30)
    assert found.numbers["keep_rate"] == (3 / 6, 3 / 6)
    assert found.shares["license"] == {"CC0-1.0": (0, 3), "MIT": (3, 0)}
    assert found.shares["model_id"] == {"none": (3, 3)}
    assert (found.signals, found.unread) == ({"rules__words": (4.0, 6.0)}, [])


def test_the_other_way_round_is_the_mirror(lake):
    there, back = diff(lake, "demo", "r0001", "r0002"), diff(lake, "demo", "r0002", "r0001")
    assert {(one.was, one.now, one.records) for one in there.changes} == {
        (one.now, one.was, one.records) for one in back.changes
    }
    assert back.numbers == {name: (now, was) for name, (was, now) in there.numbers.items()}


def test_a_release_is_equal_to_itself(lake):
    found = diff(lake, "demo", "r0002", "latest")
    assert found.same_bytes and found.same_rules and found.changes == []
    assert found.records == {"kept_in_both": 3, "added": 0, "removed": 0}
    assert list(changed_records(lake, "demo", "r0002", "latest")) == []


def test_every_changed_record_is_told(lake):
    rows = {row["record_id"]: (row["was"], row["now"]) for row in changed_records(lake, "demo", "r0001", "r0002")}
    assert rows.keys() == {digest(name) for name in ("goes", "comes", "moved", "gone", "new")}
    assert rows[digest("gone")] == ("kept", "not judged")


def test_signals_that_are_gone_are_said(lake, tmp_path):
    other = Lake.open(tmp_path / "lake")
    publish(other, "r0001", BEFORE, words=4, licence="MIT")
    (signals,) = other.meta.candidates("demo", "quality_signals")
    for path in (tmp_path / "lake/demo/quality_signals").rglob(f"{signals.candidate_id}.parquet"):
        path.unlink()
    found = diff(other, "demo", "r0001", "r0001")
    assert (found.signals, found.unread) == ({}, ["notes:r0001"])


def test_a_release_that_never_was(lake):
    with pytest.raises(UnknownName, match="Did you mean 'r0001'"):
        diff(lake, "demo", "r001", "r0002")


def test_what_erasures_took_is_told_by_erasure_without_a_text(tmp_path):
    """Eight texts, one of them dropped: a kept one goes with the first erasure, the dropped one with the second."""
    hand = ByHand(small_project(tmp_path / "p", ONLY_CORPUS, Programs(EchoTeacher())))
    kept, dropped = f"The text that is kept is of the {said('kept')}", said("dropped")
    hand.project.deliver([*LINES, kept, dropped])
    hand.batches()
    hand.release("r0001")
    around = Surroundings(hand.project.environment.cache, None, hand.project.root)
    names = [
        erase(hand.lake, Asked("tiny", where=f"text = '{text}'"), around, None)["erasure"] for text in (kept, dropped)
    ]
    found = diff(hand.lake, "tiny", "r0001", "r0003")
    assert found.records == {"kept_in_both": 6, "added": 0, "removed": 0}
    assert [(one.erasure, one.kept, one.dropped) for one in found.erased["before"]] == [
        (names[0], 1, 0),
        (names[1], 0, 1),
    ]
    assert found.erased["after"] == []  # the successor never held them
    assert [one.kept for one in diff(hand.lake, "tiny", "r0002", "r0003").erased["before"]] == [0]
    first, second = erased(found)
    assert first.startswith("Erased from r0001 on ") and "counted nowhere else here: 1 record that it kept." in first
    assert "1 record that it dropped." in second and f"erasures/{names[1]}.json in the lake" in second
    page = diff_page(found)
    assert first in page and kept not in page and dropped not in page
    assert json.loads(json.dumps(found.as_json()))["erased"]["before"][0]["kept"] == 1
    assert (tmp_path / f"p/lake/erasures/{names[0]}.json").is_file()
