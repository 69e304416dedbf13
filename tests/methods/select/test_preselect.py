"""Strength by hand, and texts whose losses follow the order of models are told from those whose losses do not."""

import random

import numpy as np
import pyarrow as pa
import pytest

from synth_dagster.errors import SynthError
from synth_dagster.methods.select.preselect import Preselect, labelled, strengths
from synth_dagster.parts.models.linear_text import auc
from synth_dagster.runner.models import TrainedModels

WORDS = ("axiom lemma proof theorem field ring group measure", "sale cookie banner login cart menu offer click")


def text(kind, rng):
    return " ".join(rng.choice([*WORDS[kind].split(), "and", "the", "of", "with"]) for _ in range(rng.randint(10, 40)))


def sample(number, seed=0):
    """Texts of the first kind have losses that fall with the rank of the model, the others have noise."""
    rng, rows = random.Random(seed), []
    for place in range(number):
        kind = place % 2
        losses = [rng.gauss(3, 0.2) for _ in range(6)] if kind else [3 - 0.1 * k + rng.gauss(0, 0.02) for k in range(6)]
        rows.append({"text": text(kind, rng), "losses": losses})
    return rows


class Sampled(TrainedModels):
    """Models of a sample that is in memory."""

    def __init__(self, rows):
        super().__init__(None, None)
        self._rows = rows

    def rows(self, path):
        return self._rows


def pool(number, seed=1):
    rng = random.Random(seed)
    texts = [text(place % 2, rng) for place in range(number)]
    ids = [place.to_bytes(16, "big") for place in range(number)]
    return pa.table({"record_id": pa.array(ids, pa.binary()), "text": texts})


@pytest.mark.parametrize(
    ("losses", "strength"),
    [
        pytest.param([3.0, 2.8, 2.9, 2.5, 2.4, 2.3], 14, id="one pair the wrong way round"),
        pytest.param([2.3, 2.4, 2.5, 2.9, 2.8, 3.0], 1, id="reversed"),
        pytest.param([2.0] * 6, 0, id="ties count as failures"),
        pytest.param([6, 5, 4, 3, 2, 1], 15, id="perfect"),
    ],
)
def test_strength_by_hand(losses, strength):
    assert strengths(np.array([losses])) == [strength]


def test_models_in_no_order_have_half_of_the_pairs():
    losses = np.random.default_rng(0).normal(size=(4_000, 6))
    # a strength of 15 pairs has mean 7.5 and deviation about 2.7, so the mean of 4,000 one of .043: .3 is seven of them
    assert strengths(losses).mean() == pytest.approx(7.5, abs=0.3)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_planted_texts_are_told_apart_and_a_tenth_of_the_characters_is_kept(seed):
    asked = pool(2_000, seed + 10)
    found = Preselect(losses="sample").select(asked, models=Sampled(sample(600, seed)))
    first_kind = np.arange(2_000) % 2 == 0
    assert auc(found["score"].to_numpy(), first_kind) > 0.9
    sizes, kept = np.array([len(one) for one in asked["text"].to_pylist()]), found["selected"].to_numpy()
    assert sizes[kept].sum() / sizes.sum() == pytest.approx(0.1, abs=0.002)
    assert first_kind[kept].all()


def test_a_share_of_documents_counts_documents():
    found = Preselect(losses="sample", of="documents", share=0.25).select(pool(100), models=Sampled(sample(200)))
    assert found["selected"].to_numpy().sum() == 25


def test_as_many_of_the_weakest_as_of_full_strength_are_learnt_from():
    labels = labelled(sample(600), "sample")["label"].to_pylist()
    assert labels.count("strong") == labels.count("weak") > 100


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([{"text": "a", "losses": [1.0]}], id="one model"),
        pytest.param(
            [{"text": "a", "losses": [2, 1]}, {"text": "b", "losses": [3, 2, 1]}], id="another number of models"
        ),
        pytest.param([{"text": "a", "losses": [2, float("nan")]}], id="no number"),
        pytest.param([{"losses": [2, 1]}], id="no text"),
        pytest.param([], id="nothing"),
        pytest.param([{"text": "a", "losses": [1, 2]}], id="none of full strength"),
    ],
)
def test_a_sample_that_says_nothing_is_refused(rows):
    with pytest.raises(SynthError, match="'sample'"):
        labelled(rows, "sample")
