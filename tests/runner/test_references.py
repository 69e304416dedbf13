"""A release says what it was checked against: which files, by which hash, how many items, by which settings."""

import hashlib
import json

import pytest

from synth_dagster.governance.facts import facts_of
from tests.assets.project import LINES, ONLY_CORPUS, Programs, small_project
from tests.runner.by_hand import ByHand
from tests.scripted_teacher.echo import EchoTeacher

STEP = "{gopher_quality: {min_words: 3}}"
RECIPE = ONLY_CORPUS.replace(STEP, f"{STEP}, {{decontaminate: {{against: benchmarks, n: 8}}}}")
MATHS = ["A farmer has 12 hens and each of them lays 3 eggs a week, so how many eggs does he sell in 4 weeks?"]
LAW = ["Which of the following is the highest court of the valley of Sulmar,one,two,three,four,A"] * 2


@pytest.fixture
def hand(tmp_path):
    hand = ByHand(small_project(tmp_path / "p", RECIPE, Programs(EchoTeacher())))
    folder = hand.project.root / "benchmarks"
    folder.mkdir()
    # a word problem as GSM8K has them, and questions with their choices as MMLU has them
    (folder / "gsm.jsonl").write_text("".join(json.dumps({"question": one, "answer": "144"}) + "\n" for one in MATHS))
    (folder / "mmlu.csv").write_text("\n".join(LAW) + "\n")
    hand.project.deliver([*LINES, f"In the village it is asked: {MATHS[0]} Nobody there knows it."])
    hand.batches()
    return hand


def test_the_list_of_benchmarks_is_kept_and_hashed_with_the_release(hand):
    hand.release("r0001")
    (release,) = hand.lake.meta.releases("tiny")
    (checked,) = release.manifest["benchmarks"]
    files = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in hand.project.root.glob("benchmarks/*")
    }
    assert checked["files"] == {
        "gsm.jsonl": {"sha256": files["gsm.jsonl"], "items": 1},
        "mmlu.csv": {"sha256": files["mmlu.csv"], "items": 2},
    }
    assert (checked["items"], checked["stage"], checked["step"]) == (3, "filtered_mix", "decontaminate")
    assert (checked["settings"]["mode"], checked["settings"]["n"], checked["settings"]["threshold"]) == (
        "coverage",
        8,
        0.5,
    )
    assert release.manifest["verdicts"]["dropped"] == {"decontaminate:contaminated": 1}
    # one record was dropped, for the one item of the one file
    found = {"gsm.jsonl": {"records": 1, "items": 1}}
    assert release.manifest["contamination"] == {"decontaminate": found}
    assert facts_of(hand.lake, release, "document").benchmarks == [checked | {"found": found}]


def test_another_benchmark_is_another_release_and_the_old_list_stays(hand):
    hand.release("r0001")
    (hand.project.root / "benchmarks" / "new.txt").write_text("The lighthouse on the cape was built in 1871 of wood.")
    hand.batches()
    hand.release("r0002")
    first, second = (one.manifest["benchmarks"][0] for one in hand.lake.meta.releases("tiny"))
    assert "new.txt" not in first["files"] and second["files"]["new.txt"]["items"] == 1


def test_a_release_that_compares_with_nothing_says_so(tmp_path):
    hand = ByHand(
        small_project(
            tmp_path / "p",
            RECIPE.replace(", {decontaminate: {against: benchmarks, n: 8}}", ""),
            Programs(EchoTeacher()),
        )
    )
    hand.project.deliver(LINES)
    hand.batches()
    hand.release("r0001")
    (release,) = hand.lake.meta.releases("tiny")
    facts = facts_of(hand.lake, release, "document")
    assert facts.benchmarks == [] and "against which benchmarks it was checked: none is named" in facts.unknown
