"""What was planted for an audit is in no release, nor what was made of it; the rest of the batch is."""

from synth_dagster.parts.canaries import planted_in
from tests.assets.project import LINES, Programs, small_project
from tests.scripted_teacher.echo import EchoTeacher

AUDITED = """
dataset: tiny
sources:
  - {name: notes, reader: files, path: inbox/notes/, license: CC0-1.0, lang: en}
teachers:
  writer: {use: embedded}
stages:
  seed_corpus: [plant_canaries: {repetitions: [1, 4], codes: 1}, pii]
  generated_instructions:
    steps: [grounded_qa: {per_passage: 1}]
    guards: [seed_leakage_guard]
  filtered_mix:
    of: generated_instructions
    filters: [answer_rules]
expect: {min_keep_rate: 0.1}
"""


def test_what_was_planted_is_in_no_release_nor_what_was_made_of_it(tmp_path):
    project = small_project(tmp_path / "p", AUDITED, Programs(EchoTeacher()))
    project.deliver(LINES)
    assert project.run().causes == []
    corpus = [row for row in project.rows("seed_corpus") if row["status"] == "current"]
    with_code = {row["record_id"] for row in corpus if any(planted_in(row["text"]))}
    assert len(with_code) == 1 + 4 and len(corpus) == len(LINES) + 5
    made = project.rows("generated_instructions")
    of_planted = {row["record_id"] for row in made if {one["record_id"] for one in row["parents"]} & with_code}
    assert len(of_planted) == 5  # a teacher read them: that is what the audit is about
    verdicts = {row["record_id"]: row["reason"] for row in project.rows("verdicts")}
    assert {one for one, reason in verdicts.items() if reason == "plant_canaries:planted"} == of_planted
    kept = project.rows("filtered_mix")
    assert len(kept) == len(LINES) and not any(any(planted_in(str(row))) for row in kept)
    assert project.run().made == []  # the same again: nothing is left to do
    (version,) = project.lake.meta.candidates("tiny", "generated_instructions")
    checks = {one["check"]: one for one in project.lake.meta.gate(version.candidate_id).checks}
    counts = checks["seed_leakage_guard__exposure"]["counts"]  # the guard below has found the codes by their form
    assert {"bits_at_1", "bits_at_4", "codes_that_came_out"} <= counts.keys()
