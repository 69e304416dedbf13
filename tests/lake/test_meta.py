"""The metadata store keeps what it is told, for many writers, in either database."""

import pytest

from synth_dagster.errors import LakeError, UnknownName
from synth_dagster.lake.meta import Meta
from synth_dagster.lake.meta_values import PlannedBatch, Release
from synth_dagster.storage import FolderStore
from tests.lake.conftest import DATABASES, either


@pytest.fixture(params=DATABASES)
def metadata(request):
    return either(request)


@pytest.fixture
def meta(tmp_path, metadata) -> Meta:
    return Meta(metadata, FolderStore(tmp_path))


def batch(name, *, source="notes", start="{}", count=1):
    return PlannedBatch("demo", name, source, f"digest of {name}", count, start)


def release(name, version="v1", **more):
    return Release("demo", name, "made of", version, {"corpus": {"a": 1}}, 10, True, "run", **more)


def test_a_recipe_is_kept_by_its_hash(meta, tmp_path):
    hashed = meta.store_recipe("demo", "dataset: demo\n")
    assert meta.store_recipe("demo", "dataset: demo\n") == hashed
    assert meta.recipe(hashed) == (tmp_path / "recipes" / f"{hashed}.yaml").read_text() == "dataset: demo\n"
    with pytest.raises(UnknownName, match=f"Did you mean '{hashed}'"):
        meta.recipe(hashed[:-1])


def test_a_plan_replaces_the_one_before_and_retires_what_is_gone(meta):
    assert meta.plan("demo", "notes", [batch("notes:1"), batch("notes:0")]) == []
    meta.plan("demo", "book", [batch("book:1", source="book")])
    retired = meta.plan("demo", "notes", [batch("notes:0", count=7), batch("notes:2")])
    assert [(b.batch, b.state) for b in retired] == [("notes:1", "retired")]
    assert [(b.batch, b.count) for b in meta.planned("demo")] == [("book:1", 1), ("notes:0", 7), ("notes:2", 1)]
    assert len(meta.planned("demo", active_only=False)) == 4
    assert meta.planned_batch("demo", "notes:1").state == "retired"
    assert meta.plan("demo", "notes", [batch("notes:1")]) and meta.planned_batch("demo", "notes:1").state == "active"
    with pytest.raises(UnknownName, match="Did you mean 'notes:2'"):
        meta.planned_batch("demo", "notes2")
    with pytest.raises(LakeError, match="of another source"):
        meta.plan("demo", "notes", [batch("book:1", source="book")])


def test_the_latest_gate_counts(lake, write):
    candidate, other = write("notes:1"), write("notes:2")
    lake.meta.record_gate(candidate.candidate_id, False, "suite a", [{"name": "rows", "passed": False}])
    lake.meta.record_gate(other.candidate_id, True, "suite a", [])
    lake.meta.record_gate(candidate.candidate_id, True, "suite b", [{"name": "rows", "passed": True}])
    gate = lake.meta.gate(candidate.candidate_id)
    assert (gate.passed, gate.suite, gate.checks) == (True, "suite b", [{"name": "rows", "passed": True}])
    assert [(g.candidate_id, g.suite) for g in lake.meta.gates("demo")] == [
        (candidate.candidate_id, "suite b"),
        (other.candidate_id, "suite a"),
    ]
    assert lake.meta.gate("nobody") is None
    with pytest.raises(LakeError, match="No candidate"):
        lake.meta.record_gate("nobody", True, "s", [])


def test_versions_as_of_a_run(meta):
    for run, table, version in [("a1", "corpus", 1), ("b1", "corpus", 2), ("b1", "pairs", 1), ("a2", "corpus", 3)]:
        meta.add_version(run, "demo", table, version)
    meta.add_version("a1", "other", "corpus", 9)
    assert meta.versions_as_of("demo", "a1") == {"corpus": 1}
    assert meta.versions_as_of("demo", "b") == {"corpus": 2, "pairs": 1}
    assert meta.versions_as_of("demo", "a2") == {"corpus": 3, "pairs": 1}
    with pytest.raises(LakeError, match="'a' begins the ids of 2 runs: a1, a2"):
        meta.versions_as_of("demo", "a")
    for unknown in ("zz", ""):
        with pytest.raises(UnknownName, match="No run that changed demo"):
            meta.versions_as_of("demo", unknown)


def test_a_version_noted_late_after_a_crash_does_not_bring_later_ones_in(meta):
    meta.add_version("second", "demo", "corpus", 2)
    meta.add_version("first", "demo", "corpus", 1)  # killed before it could say so
    assert meta.versions_as_of("demo", "first") == {"corpus": 1}
    assert meta.versions_as_of("demo", "second") == {"corpus": 2}


def test_prompts(meta):
    meta.remember_prompt("h1", "be brief", "ask {this}")
    meta.remember_prompt("h1", "be brief", "ask {this}")
    assert meta.prompt("h1") == ("be brief", "ask {this}")
    with pytest.raises(UnknownName):
        meta.prompt("h9")


def test_a_release_does_not_change(meta):
    first = meta.add_release(release("r0001"))
    assert meta.add_release(release("r0001")) == first == meta.release("demo", "r0001")
    with pytest.raises(LakeError, match="under a new name"):
        meta.add_release(release("r0001", "v2"))
    meta.add_release(release("spring"))
    assert [r.release for r in meta.releases("demo")] == ["r0001", "spring"]
    assert meta.next_release_name("demo") == "r0002"
    assert meta.next_release_name("other") == "r0001"
    with pytest.raises(UnknownName, match="Did you mean 'spring'"):
        meta.release("demo", "sprnig")
