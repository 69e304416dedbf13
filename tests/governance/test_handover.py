"""A release of a real lake handed over: what belongs together stays together, and what must not go out does not."""

import json
import random
from dataclasses import replace

import pytest

from synth_dagster.errors import SynthError, UnknownName
from synth_dagster.exports.files import BadOption, ShardSize
from synth_dagster.exports.place import Folder
from synth_dagster.governance.handover import Wishes, hand_over, the_release
from tests.assets.project import LINES, Programs, small_project
from tests.exports.by_hand import lines_of
from tests.runner.by_hand import ByHand
from tests.scripted_teacher.echo import EchoTeacher

# Long items, cut into several passages each; two passages with equal words stand in different items.
RECIPE = """
dataset: tiny
sources:
  - {name: notes, reader: files, path: inbox/notes/, license: CC0-1.0, lang: en, chunk: {max_words: 20, min_words: 1}}
teachers:
  writer: {use: embedded}
stages:
  seed_corpus: [pii]
  generated_instructions:
    - grounded_qa: {per_passage: 1}
    - evol_instruct: {rounds: 1}
  filtered_mix:
    of: generated_instructions
    deduplicate: {minhash: {}}
"""


def passages(item):
    """Three passages of words that no other item has, so that near-duplicates are only those that a test plants."""
    words = random.Random(item)
    letters = "abcdefghijklmnoprstuvw"
    some = ["".join(words.choices(letters, k=7)) for _ in range(42)]
    return "\n\n".join(" ".join(some[14 * n : 14 * n + 14]).capitalize() + "." for n in range(3))


ITEMS = {f"item{n}": passages(n) for n in range(12)}


@pytest.fixture(scope="module")
def hand(tmp_path_factory):
    """A released dataset of twelve items with three passages each; items 3 and 8 share one passage, word for word."""
    hand = ByHand(small_project(tmp_path_factory.mktemp("handover") / "p", RECIPE, Programs(EchoTeacher())))
    shared = LINES[0]
    hand.project.deliver(
        {key: f"{text}\n\n{shared}" if key in ("item3", "item8") else text for key, text in ITEMS.items()}
    )
    hand.batches()
    hand.release("r0001")
    return hand


def out(hand, to, name="r0001", format_="trl", **wishes):
    return hand_over(hand.lake, "tiny", name, format_=format_, to=Folder(to), wishes=Wishes(**wishes))


def items_of(hand):
    """Record -> the items that it goes back to, by following every parent."""
    rows = [row for stage in ("seed_corpus", "generated_instructions") for row in hand.project.rows(stage)]
    by_id = {row["record_id"]: row for row in rows}

    def follow(record_id):
        row = by_id[record_id]
        if not row["parents"]:
            return {json.loads(row["attributes"])["native_key"]}
        return set().union(*(follow(parent["record_id"]) for parent in row["parents"]))

    return {record_id.hex(): follow(record_id) for record_id in by_id}


@pytest.mark.parametrize("seed", range(5))
def test_no_source_document_is_on_both_sides(hand, tmp_path, seed):
    done = out(hand, tmp_path / "out", validation=0.3, seed=seed)
    items = items_of(hand)
    sides = {
        split: set().union(*(items[line] for line in (tmp_path / f"out/record_ids/{split}.txt").read_text().split()))
        for split in ("train", "validation")
    }
    assert sides["train"] and sides["validation"] and not sides["train"] & sides["validation"]
    # equal passages, and what was dropped as a duplicate, tie their items together
    assert len({"item3", "item8"} & sides["validation"]) in (0, 2)
    facts = done.manifest.options["validation"]
    assert facts["groups"] <= 11 and 0 < facts["reached"] <= 0.3 and facts["seed"] == seed


def test_the_same_command_again_writes_nothing(hand, tmp_path):
    first = out(hand, tmp_path / "out", validation=0.3, shard=ShardSize(rows=5))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    again = out(hand, tmp_path / "out", validation=0.3, shard=ShardSize(rows=5))
    assert (first.made, again.made) == (True, False) and again.manifest == first.manifest
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")} == before
    assert out(hand, tmp_path / "out", validation=0.3).made


def test_the_split_is_that_of_the_versions_that_the_release_was_made_from(tmp_path):
    hand = ByHand(small_project(tmp_path / "p", RECIPE, Programs(EchoTeacher())))
    hand.project.deliver(ITEMS)
    hand.batches()
    hand.release("r0001")
    before = out(hand, tmp_path / "before", validation=0.3)
    hand.project.deliver({key: f"{text} Now with more words at the end." for key, text in ITEMS.items()})
    hand.batches()
    assert out(hand, tmp_path / "after", validation=0.3).manifest == before.manifest


def test_latest_is_the_last_accepted_release(hand):
    assert the_release(hand.lake, "tiny", "latest").release == "r0001"


def test_an_unknown_release_names_the_nearest(hand, tmp_path):
    with pytest.raises(UnknownName, match=r"No release of tiny is called 'r0002'. Did you mean 'r0001'"):
        out(hand, tmp_path / "out", "r0002")


def test_a_withdrawn_release_is_refused_with_the_next_one(hand, tmp_path, monkeypatch):
    known = hand.lake.meta.release("tiny", "r0001")
    withdrawn = replace(known, state="withdrawn")
    later = replace(known, release="r0002", created_at=known.created_at + 1)
    monkeypatch.setattr(hand.lake.meta, "releases", lambda dataset: [withdrawn, later])
    with pytest.raises(SynthError, match=r"'r0001' of 'tiny' was withdrawn.* Name 'r0002'"):
        out(hand, tmp_path / "out")
    assert the_release(hand.lake, "tiny", "latest").release == "r0002"
    monkeypatch.setattr(hand.lake.meta, "releases", lambda dataset: [withdrawn])
    with pytest.raises(SynthError, match=r"was withdrawn.* 'synth run' makes the next one"):
        out(hand, tmp_path / "out")
    with pytest.raises(SynthError, match="has no release yet"):
        out(hand, tmp_path / "out", "latest")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("share", [0.0, 1.5, -1.0])
def test_a_share_out_of_range_is_refused_before_any_work(hand, tmp_path, share):
    with pytest.raises(BadOption, match="The validation share is"):
        out(hand, tmp_path / "out", validation=share)
    assert not (tmp_path / "out").exists()


def test_a_share_that_no_group_fits_is_refused_with_what_would(hand, tmp_path):
    with pytest.raises(SynthError, match=r"No validation part of 0.001 can be held out.*Ask for at least 0\.\d+"):
        out(hand, tmp_path / "out", validation=0.001)
    assert not (tmp_path / "out").exists()


def test_a_release_without_records_says_so(tmp_path):
    recipe = RECIPE.replace("deduplicate: {minhash: {}}", "filters: [{answer_rules: {max_question_characters: 1}}]")
    hand = ByHand(small_project(tmp_path / "p", recipe, Programs(EchoTeacher())))
    hand.project.deliver(ITEMS)
    hand.batches()
    hand.release("r0001")
    with pytest.raises(
        SynthError, match=r"release 'r0001' of 'tiny' gives no row in the format 'trl': it has no records"
    ):
        out(hand, tmp_path / "out", validation=0.3)
    assert not (tmp_path / "out").exists()


def test_what_goes_out_is_what_the_release_holds(hand, tmp_path):
    out(hand, tmp_path / "out")
    rows = hand.project.rows("filtered_mix")
    lines = lines_of(tmp_path / "out/train.jsonl")
    assert [line["messages"][0]["content"] for line in lines] == [row["messages"][0]["content"] for row in rows]


def test_an_erasure_waits_for_an_export_that_is_under_way(hand, tmp_path, monkeypatch):
    """Before its manifest is written, which is last, nobody can find it."""
    stream, held = hand.lake.stream, []

    def read(*given, **named):
        held.append(hand.lake.leases_held("telling/"))
        return stream(*given, **named)

    monkeypatch.setattr(hand.lake, "stream", read)
    out(hand, tmp_path / "out")
    assert held and all(one == {"telling/tiny"} for one in held)
    assert hand.lake.leases_held("telling/") == set()
