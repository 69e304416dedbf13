"""What each step did to the records of a release adds up, from what was read to what was kept."""

from synth_dagster.governance.answers_origin import steps
from synth_dagster.governance.report import release_facts
from synth_dagster.governance.step_counts import StepCount
from tests.assets.project import Programs, small_project
from tests.runner.by_hand import ByHand
from tests.scripted_teacher.echo import EchoTeacher

RECIPE = """
dataset: tiny
sources:
  - {name: notes, reader: files, path: inbox/notes/, license: CC0-1.0, lang: en}
stages:
  seed_corpus: [pii, {gopher_quality: {min_words: 5, min_stop_words: 0}}]
  filtered_mix:
    of: seed_corpus
    filters: [{readability: {max_eflaw: 20}}]
    deduplicate: exact
expect: {min_keep_rate: 0.1, max_reject_rate: 0.9}
"""
LINES = [
    "Water turned the wheel of this mill until someone built the weir below.",
    "Water turned the wheel of this mill until someone built the weir below.",
    "Please write letters about this mill to anna.varga@mill-museum.org before next summer.",
    "Too short.",
    " ".join(["horses run and dogs sit and cats eat and mice hide"] * 4) + ".",
]


def test_steps_of_the_stages_and_of_the_mix_add_up(tmp_path):
    hand = ByHand(small_project(tmp_path / "p", RECIPE, Programs(EchoTeacher())))
    hand.project.deliver(LINES)
    hand.batches()
    hand.release("r0001")
    facts = release_facts(hand.lake, hand.lake.meta.release("tiny", "r0001"), hand.context.recipe, hand.context.root)
    assert facts.step_counts == [
        # an address of five texts is replaced, and the text with it
        count("seed_corpus", "pii", 5, 5, replaced=1, made=1),
        count("seed_corpus", "gopher_quality", 5, 4, dropped={"too_few_words": 1}),
        # 44 words, 24 of at most three letters, in one sentence: 68
        count("filtered_mix", "readability", 4, 3, dropped={"hard_to_read": 1}),
        count("filtered_mix", "exact", 3, 2, dropped={"duplicate": 1}),
    ]
    assert facts.step_counts[-1].records_out == facts.about.kept
    (table,) = [one for one in steps(facts).tables if one.caption == "What each step did to the records of its stage"]
    assert table.rows[1] == ["seed_corpus", "gopher_quality", "too_few_words 1", 5, 1, 0, 0, 4]
    assert facts.as_json()["step_counts"][0]["step"] == "pii"


def count(stage, step, records_in, records_out, *, dropped=None, replaced=0, made=0):
    return StepCount(
        stage=stage,
        step=step,
        records_in=records_in,
        dropped=dropped or {},
        replaced=replaced,
        made=made,
        records_out=records_out,
    )
