"""What was planted for an audit is in no release, nor what was made of it; the rest of the batch is."""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest

from synth_dagster.methods.synthesize.plant_canaries import PlantCanaries
from synth_dagster.parts.privacy.canaries import planted_in
from synth_dagster.record_tables import to_table
from synth_dagster.records import Document, Parent
from synth_dagster.runner.planted import planted
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


def document(number, stage, *parents, method="read", status="current"):
    links = [Parent(bytes([one]) * 16, of, "a:0", "source") for one, of in parents]
    return Document(
        record_id=bytes([number]) * 16,
        body=f"text {number}",
        source="a",
        batch="a:0",
        parents=links,
        stage=stage,
        method=method,
        status=status,
    )


@dataclass
class World:
    """A lake of one batch of two stages, from memory."""

    records: list

    def accepted(self, dataset, stage, batch):
        return SimpleNamespace(dataset=dataset, stage=stage, batch=batch)

    def candidate_table(self, version, columns=None):
        return to_table([one for one in self.records if one.stage == version.stage], "document")


def found_in(records, step):
    step = SimpleNamespace(slug=step.slug, method=step)
    reads = {"corpus": None, "last": "corpus"}
    recipe = SimpleNamespace(
        stages={"corpus": SimpleNamespace(steps=[step])},
        mix=SimpleNamespace(name="mix", of="last"),
        stage=lambda name: SimpleNamespace(reads=reads[name]),
    )
    version = SimpleNamespace(dataset="d", stage="last", batch="a:0")
    return {one[0]: why for one, why in planted(World(records), recipe, version).items()}


def test_lineage_decides_whatever_a_later_step_calls_the_record():
    records = [
        document(1, "corpus"),
        document(2, "corpus", (1, "corpus"), method="plant_canaries", status="superseded"),
        document(3, "corpus", (2, "corpus"), method="pii"),  # the planted one, corrected
        document(4, "last", (3, "corpus"), method="grounded_qa"),
        document(5, "last", (4, "last"), (1, "corpus"), method="evol_instruct"),  # of a planted one, and of another
        document(6, "last", (1, "corpus"), method="grounded_qa"),
        document(7, "last", (1, "corpus"), method="plant_canaries"),
        replace(document(8, "last", (2, "corpus")), status="eliminated", reason="x:y"),
    ]
    why = "plant_canaries:planted"
    assert found_in(records, PlantCanaries()) == {4: why, 5: why, 7: why}


def test_where_no_step_plants_nothing_is_looked_for():
    step = SimpleNamespace(slug="pii", for_audit=False)
    assert found_in([document(2, "last", method="plant_canaries")], step) == {}


@pytest.mark.prove
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
    # each copy has two forms, before and after the second step, and counts once
    assert {"bits_at_1", "bits_at_4", "codes_that_came_out"} <= counts.keys()
