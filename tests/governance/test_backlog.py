"""What a release lacks becomes a source that another recipe reads: cells, seeds in their order, and a limit."""

import json

import pytest

from synth_dagster.cli.backlog import show_backlog
from synth_dagster.errors import SynthError
from synth_dagster.governance.backlog import backlog_of, lines
from tests.assets.project import ONLY_CORPUS, Programs, small_project
from tests.runner.by_hand import ByHand
from tests.scripted_teacher.echo import EchoTeacher

MEASURED = ONLY_CORPUS + "    measure: [{long_tail_coverage: {by: topic, floor: 4, reference: topics.jsonl}}]\n"
ROWS = [
    *({"topic": "rivers", "text": f"The river number {n} runs down to the sea."} for n in range(6)),
    {"topic": "bells", "text": "A bell of Pell was cast of copper and tin.", "translated": True},
    {"topic": "bells", "text": "The bell of Corran was cracked by the frost.", "translated": True},
    {
        "topic": "mills",
        "text": "The mill of Sulmar grinds the rye of the valley and it stands beside the weir of the river.",
    },
]


@pytest.fixture(scope="module")
def hand(tmp_path_factory):
    project = small_project(tmp_path_factory.mktemp("backlog") / "p", teachers=Programs(EchoTeacher()))
    said = [{"cell": topic, "count": 4} for topic in ("rivers", "bells", "mills", "wells")]
    (project.root / "topics.jsonl").write_text("\n".join(map(json.dumps, said)))
    project.write_recipe(MEASURED)
    path = project.deliver(["x"])
    path.write_text("".join(json.dumps({"id": str(n), **row}) + "\n" for n, row in enumerate(ROWS)))
    hand = ByHand(project)
    hand.lake.meta.store_recipe("tiny", hand.context.recipe.text)  # as a launch does
    hand.batches()
    hand.release("r0001")
    return hand


def found_in(hand, **how):
    release = hand.lake.meta.release("tiny", "r0001")
    return backlog_of(hand.lake, release, hand.context.recipe, hand.project.root, **how), release


def test_cells_are_listed_with_what_they_lack_and_how_much_of_it_may_be_translated(hand):
    backlog, _ = found_in(hand)
    # of 4 each: rivers has 6, bells 2, mills 1, wells none; half of 4 may be translations, and bells has two
    assert [(one.cell, one.records, one.missing, one.translations_left, len(one.seeds)) for one in backlog] == [
        ("wells", 0, 4, 2, 0),
        ("mills", 1, 3, 2, 1),
        ("bells", 2, 2, 0, 2),
    ]
    ids = {row["text"]: row["record_id"].hex() for row in hand.project.rows("filtered_mix")}
    assert list(backlog[2].seeds) == sorted(ids[row["text"]] for row in ROWS[6:8])
    assert [len(one.seeds) for one in found_in(hand, seeds=1)[0]] == [0, 1, 1]
    assert [one.translations_left for one in found_in(hand, most_translated=1)[0]] == [4, 4, 2]


def test_its_lines_hold_the_texts_and_share_out_what_is_wanted(hand):
    backlog, release = found_in(hand)
    said = list(lines(hand.lake, release, backlog))
    wanted = {}
    for line in said:
        wanted[line["cell"]] = wanted.get(line["cell"], 0) + line["wanted"]
    assert wanted == {"wells": 4, "mills": 3, "bells": 2}
    assert said[0] == {
        "id": "topic/wells", "text": "wells", "wanted": 4, "seed": None, "cell": "wells", "by": "topic", "missing": 4,
        "translations_left": 2, "dataset": "tiny", "release": "r0001",
    }  # fmt: skip
    assert said[1]["text"] == ROWS[8]["text"] and said[1]["license"] == "CC0-1.0" and said[1]["lang"] == "en"
    assert len({line["id"] for line in said}) == len(said) == 4


def test_another_recipe_reads_it(hand):
    backlog, release = found_in(hand)
    place = hand.project.root / "inbox/backlog/topics.jsonl"
    place.parent.mkdir(parents=True)
    place.write_text("".join(json.dumps(line) + "\n" for line in lines(hand.lake, release, backlog)))
    filling = (
        ONLY_CORPUS.replace("tiny", "filling").replace("inbox/notes/", "inbox/backlog/").replace("{min_words: 3}", "{}")
    )
    hand.project.write_recipe(filling, "filling")
    other = Filling(hand.project)
    other.batches()
    rows = hand.project.rows("seed_corpus", dataset="filling")
    about = [json.loads(row["attributes"]) for row in rows]
    assert {(one["cell"], one["wanted"], one["translations_left"]) for one in about} == {
        ("wells", 4, 2), ("mills", 3, 2), ("bells", 1, 0),
    }  # fmt: skip
    assert {row["text"] for row in rows} == {"wells", *(row["text"] for row in ROWS[6:])}


class Filling(ByHand):
    @property
    def context(self):
        return self.project.context("filling")


def test_a_recipe_that_does_not_measure_its_tail_says_how_to(hand):
    hand.project.write_recipe(ONLY_CORPUS.replace("tiny", "plain"), "plain")
    release = hand.lake.meta.release("tiny", "r0001")
    for recipe in (hand.project.context("plain").recipe, None):
        with pytest.raises(SynthError, match=r"does not say what a cell is.*long_tail_coverage"):
            backlog_of(hand.lake, release, recipe, hand.project.root)


def test_the_command_tells_writes_and_refuses_what_could_not_be_read_later(hand, tmp_path, capsys):
    to = tmp_path / "new/backlog.jsonl"
    given = {"to": to, "seeds": 5, "most_translated": 0.5, "as_json": False}
    show_backlog(hand.project.root, "tiny", "latest", **given)
    assert "wells" in capsys.readouterr().out
    assert [json.loads(line)["cell"] for line in to.read_text().splitlines()] == ["wells", "mills", "bells", "bells"]
    show_backlog(hand.project.root, "tiny", "r0001", **given | {"to": None, "as_json": True})
    assert [cell["missing"] for cell in json.loads(capsys.readouterr().out)["cells"]] == [4, 3, 2]
    with pytest.raises(SynthError, match=r"Give it the suffix \.jsonl"):
        show_backlog(hand.project.root, "tiny", "r0001", **given | {"to": tmp_path / "backlog.json"})
