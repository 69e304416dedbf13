"""What one run leaves behind for the next: a closed gate, the version before it, and a release that does not see it."""

import pytest

from synth_dagster.errors import ExitCode
from tests.assets.project import LINES, TAUGHT, Programs, small_project
from tests.assets.teachers import Junk

TWO_SOURCES = TAUGHT.replace(
    "teachers:", "  - {name: letters, reader: files, path: inbox/letters/, license: CC-BY-4.0}\nteachers:"
)
BAD = ["Zzyx is the word that makes the teacher write nonsense in its answer.", "Zzyx, and Zzyx again, and nothing."]


@pytest.fixture(scope="module")
def after_a_bad_batch(tmp_path_factory):
    """Two batches released as r0001; then one of them is delivered anew and its gate closes. The rows before it."""
    small = small_project(tmp_path_factory.mktemp("two") / "p", TWO_SOURCES, Programs(Junk("Zzyx")))
    small.deliver(LINES[:3])
    small.deliver(LINES[3:], source="letters")
    first = small.run()
    assert (first.exit_code(), first.made) == (
        ExitCode.DONE,
        ["batch notes:start", "batch letters:start", "release r0001"],
    )
    before = {stage: small.rows(stage) for stage in ("generated_instructions", "quality_signals")}
    small.deliver(BAD, source="letters")
    return small, before, small.run()


def test_a_closed_gate_leaves_the_version_before_it_and_stops_what_stands_below(after_a_bad_batch):
    small, before, told = after_a_bad_batch
    assert told.exit_code() == ExitCode.FAILED
    assert any("generated_instructions/something_came_out" in cause for cause in told.causes)
    # the bad version is of new passages, which were fine; the stages below did not run
    assert {row["text"] for row in small.rows("seed_corpus", batches=["letters:start"])} == set(BAD)
    for stage, rows in before.items():
        assert small.rows(stage) == rows
    states = [c.state for c in small.candidates("generated_instructions") if c.batch == "letters:start"]
    assert states == ["accepted", "refused"]
    assert len([c for c in small.candidates("quality_signals") if c.batch == "letters:start"]) == 1


def test_the_next_release_is_refused_until_it_is_allowed_and_then_does_not_see_the_bad_batch(after_a_bad_batch):
    small, _, told = after_a_bad_batch
    assert "no release: batch letters:start: the newest version of 'generated_instructions' failed its checks" in (
        told.causes
    )
    assert small.releases() == ["r0001"]
    told = small.run(allow_missing=True)
    assert told.made == ["release r0002"] and told.exit_code() == ExitCode.FAILED
    manifest = small.lake.meta.release("tiny", "r0002").manifest
    assert list(manifest["batches"]) == ["notes:start"]
    assert manifest["missing"] == {"letters:start": "the newest version of 'generated_instructions' failed its checks"}
    rows = [row for row in small.rows("filtered_mix") if row["release"] == "r0002"]
    assert {row["source"] for row in rows} == {"notes"}
    assert {row["source"] for row in small.rows("filtered_mix") if row["release"] == "r0001"} == {"notes", "letters"}
    # the delivery is repaired: what was accepted before is current again, and nothing has to be made
    small.deliver(LINES[3:], source="letters")
    assert small.run().causes == []
    assert list(small.lake.meta.release("tiny", "r0003").manifest["missing"]) == []
