"""Models on demand: learnt once, kept in the lake, learnt again when what they were learnt from changes."""

import json

import pytest

from synth_dagster.errors import SynthError
from synth_dagster.runner import models as module
from synth_dagster.runner.models import TrainedModels
from synth_dagster.storage.folder import FolderStore
from tests.assets.project import LINES, ONLY_CORPUS

ROWS = [("buy now, cheap", "ad"), ("cheap, buy it now", "ad"), ("the river rises in the hills", "good")]
SETTINGS = {"bits": 10, "epochs": 2}


def written(root, rows=ROWS):
    lines = [json.dumps({"text": text, "label": label}) for text, label in rows]
    (root / "labelled.jsonl").write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture
def shelf(tmp_path):
    (tmp_path / "lake").mkdir()
    return FolderStore(tmp_path / "lake")


def learnt(root, shelf):
    models = TrainedModels(root, shelf)
    return models.trained("ngram_classifier", SETTINGS, models.examples("labelled.jsonl", label="good"))


def kept(shelf):
    return sorted(entry.name for entry in shelf.entries("models/"))


def test_a_model_is_learnt_once(tmp_path, shelf, monkeypatch):
    written(tmp_path)
    first = learnt(tmp_path, shelf)
    monkeypatch.setattr(TrainedModels, "_made", None)
    assert learnt(tmp_path, shelf) == first and len(kept(shelf)) == 1


def test_other_texts_are_another_model(tmp_path, shelf):
    written(tmp_path)
    first = learnt(tmp_path, shelf)
    written(tmp_path, [*ROWS, ("the market opens", "good")])
    assert learnt(tmp_path, shelf) != first and len(kept(shelf)) == 2


def test_a_kept_model_that_is_broken_is_learnt_again(tmp_path, shelf):
    written(tmp_path)
    first = learnt(tmp_path, shelf)
    (name,) = kept(shelf)
    (tmp_path / "lake" / name).write_bytes(first[:50])
    assert learnt(tmp_path, shelf) == first
    assert module._checked(shelf.read(name)) == first


def test_folders_are_labels(tmp_path):
    for label, text in (("good", "a walk"), ("ad", "buy")):
        (tmp_path / "texts" / label).mkdir(parents=True)
        (tmp_path / "texts" / label / "one.txt").write_text(text, encoding="utf-8")
    found = TrainedModels(tmp_path, None).examples("texts", label="good")
    assert found.to_pylist() == [{"text": "buy", "label": "ad"}, {"text": "a walk", "label": "good"}]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        pytest.param(['{"text": "a", "label": "x"}'], "two labels", id="one label"),
        pytest.param(['{"text": "a"}'], r"labelled.jsonl:1 needs 'text', and 'label'", id="no label"),
        pytest.param(["{"], r"labelled.jsonl:1 is no JSON", id="cut"),
    ],
)
def test_what_cannot_be_learnt_from_is_told(tmp_path, lines, says):
    (tmp_path / "labelled.jsonl").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(SynthError, match=says):
        TrainedModels(tmp_path, None).examples("labelled.jsonl", label="x")


CLASSIFIED = ONLY_CORPUS.replace(
    "[{gopher_quality: {min_words: 3}}]",
    "[{linear_classifier: {examples: labelled.jsonl, bits: 10, epochs: 20, rate: 0.5}}]",
)


def test_a_recipe_learns_and_filters(by_hand):
    hand = by_hand(CLASSIFIED)
    written(hand.project.root, [*ROWS, ("a market sells wool and cheese", "good")])
    hand.project.deliver([*LINES, "Buy it now, cheap, buy it cheap now."])
    hand.batches()
    hand.release("r1")
    (name,) = kept(hand.lake.store)
    assert name.startswith("models/ngram_classifier-") and hand.lake.datasets() == ["tiny"]
    verdicts = hand.lake.read("tiny", "verdicts")["verdict"].to_pylist()
    assert sorted(verdicts) == ["dropped", *["kept"] * len(LINES)]
