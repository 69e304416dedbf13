"""The linear classifier: what it learns from planted texts, and that it does so the same each time."""

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.errors import MethodError
from synth_dagster.parts.models.linear_text import LinearText, TrainingSettings, auc, features
from synth_dagster.parts.tensors import packed, unpacked

SUBJECTS = ["river", "harbour", "library", "market", "bridge", "orchard", "railway", "theatre", "windmill", "quarry"]
DOINGS = ["opens early", "holds many boats", "was built of stone", "sells wool and cheese", "lies below the hill"]


def planted(number, seed, wrong=0.0):
    """Half clean sentences, half the same words shuffled; some labels are wrong."""
    rng = random.Random(seed)
    texts, labels = [], []
    for place in range(number):
        text = " ".join(f"the old {rng.choice(SUBJECTS)} {rng.choice(DOINGS)}." for _ in range(6))
        words = text.split()
        if place % 2:
            rng.shuffle(words)
        texts.append(" ".join(words))
        labels.append(("clean", "shuffled")[(place % 2) ^ (rng.random() < wrong)])
    return pa.array(texts), labels


def learnt(wrong=0.0, **settings):
    texts, labels = planted(400, 1, wrong)
    return LinearText.learnt(texts, labels, TrainingSettings(bits=16, **settings))


def clean_share(model, texts):
    return model.probabilities(texts)[:, model.labels.index("clean")]


@pytest.mark.parametrize(("wrong", "least"), [(0.0, 0.95), (0.1, 0.9)])
def test_planted_texts_are_told_apart_by_their_word_pairs(wrong, least):
    texts, labels = planted(300, 2)
    assert auc(clean_share(learnt(wrong), texts), np.array(labels) == "clean") > least


def test_single_words_cannot_tell_an_order():
    texts, labels = planted(300, 2)
    assert auc(clean_share(learnt(ngrams=1), texts), np.array(labels) == "clean") < 0.65


def test_the_same_texts_give_the_same_bytes_and_another_seed_gives_others():
    assert learnt().packed() == learnt().packed() != learnt(seed=1).packed()


def test_a_model_survives_its_bytes():
    model = learnt()
    again = LinearText.unpacked(model.packed())
    texts, _ = planted(20, 3)
    assert (again.probabilities(texts) == model.probabilities(texts)).all()


def test_a_text_is_scored_alone_and_rows_sum_to_one():
    model, (texts, _) = learnt(), planted(50, 4)
    together = model.probabilities(texts)
    assert together.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (model.probabilities(texts.slice(7, 1))[0] == together[7]).all()


def test_what_has_no_words_is_as_probable_as_its_label_is_common():
    texts = pa.array(["good one", "good two", "good three", "bad"])
    model = LinearText.learnt(texts, ["good"] * 3 + ["bad"], TrainingSettings(bits=8))
    assert model.probabilities(pa.array(["", None, "!?"]))[:, 1] == pytest.approx(0.75)


def test_features_are_runs_of_words():
    found = features(pa.array(["a b c", "", "a"]), 2, 16)
    assert list(found.counts) == [5, 0, 1]  # a, b, c, a b, b c
    assert found.hashes[5] == found.hashes[0]
    assert found.hashes.max() < 1 << 16


def test_auc_by_hand():
    # positives .9 .5, negatives .5 .1: of 4 pairs 3 are right and one is even
    assert auc(np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False])) == 3.5 / 4


@given(st.lists(st.text("ab c", max_size=12), min_size=1, max_size=12), st.integers(1, 3))
def test_any_texts_can_be_learnt_and_scored(texts, labels):
    names = [str(place % labels) for place in range(len(texts))]
    model = LinearText.learnt(pa.array(texts, pa.string()), names, TrainingSettings(bits=8, epochs=1))
    chances = LinearText.unpacked(model.packed()).probabilities(pa.array(texts, pa.string()))
    assert chances.shape == (len(texts), len(set(names))) and np.isfinite(chances).all()


@pytest.mark.parametrize("cut", [0, 5, 30, -1])
def test_bytes_that_are_cut_are_refused(cut):
    whole = packed({"a": np.arange(6, dtype=np.float32).reshape(2, 3)}, {"labels": "x"})
    assert (unpacked(whole)[0]["a"] == np.arange(6).reshape(2, 3)).all()
    with pytest.raises(MethodError, match="Train it again"):
        unpacked(whole[:cut])


def test_offsets_that_lie_are_refused():
    whole = packed({"a": np.zeros(2, np.float32)}, {})
    with pytest.raises(MethodError, match="Train it again"):
        unpacked(whole.replace(b"[0,8]", b"[0,9]"))
