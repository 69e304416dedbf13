"""The trainer: labelled texts in, data out."""

import pyarrow as pa

from synth_dagster.methods.train.ngram_classifier import NgramClassifier
from synth_dagster.parts.models.linear_text import LinearText

FLAT = pa.table({"text": ["buy now", "buy it now", "a long walk", None], "label": ["ad", "ad", "prose", "prose"]})


def test_the_artefact_is_a_model_of_the_labels():
    model = LinearText.unpacked(NgramClassifier(bits=10, epochs=20, rate=0.5).train(FLAT))
    assert model.labels == ("ad", "prose")
    ad = model.probabilities(pa.array(["buy buy now", "a long, long walk"]))[:, 0]
    assert ad[0] > 0.5 > ad[1]


def test_settings_change_what_is_learnt():
    assert NgramClassifier(bits=10).train(FLAT) != NgramClassifier(bits=10, epochs=1).train(FLAT)
