"""What is planted is kept, the rest goes; the model is learnt from the project's files."""

import random
from pathlib import Path

import pytest

import synth_dagster
from synth_dagster.errors import SynthError
from synth_dagster.methods.filter.linear_classifier import LinearClassifier
from synth_dagster.runner.models import TrainedModels

ROOT = Path(synth_dagster.__file__).parents[1]
EXAMPLES = "tests/fixtures/labelled/pages.jsonl"


def pages(good, seed):
    rng = random.Random(seed)
    nouns, doings = ["river", "market", "castle", "garden", "quarry"], ["holds", "sells", "keeps", "lends"]
    if good:
        return f"The {rng.choice(nouns)} {rng.choice(doings)} what the {rng.choice(nouns)} needs, and the rest of it."
    return " ".join(rng.sample(["click", "here", "home", "menu", "login", "share", "more", "cart"], 5))


def test_planted_pages(verdicts_of):
    models = {"models": TrainedModels(ROOT, None)}
    method = LinearClassifier(examples=EXAMPLES)
    kept = verdicts_of(method, [pages(True, n) for n in range(100)], models)
    gone = verdicts_of(method, [pages(False, n) for n in range(100)], models)
    assert kept.count(None) > 90 and gone.count("improbable") > 90


def test_a_label_that_nobody_gave_is_told(verdicts_of):
    with pytest.raises(SynthError, match=r"label .*'excellent'.*good, other"):
        verdicts_of(
            LinearClassifier(examples=EXAMPLES, label="excellent"), ["x"], {"models": TrainedModels(ROOT, None)}
        )


def test_only_the_threshold_is_no_part_of_the_signals():
    one = LinearClassifier(examples=EXAMPLES)
    assert one.signals_fingerprint() == LinearClassifier(examples=EXAMPLES, min_probability=0.9).signals_fingerprint()
    other = LinearClassifier(examples=EXAMPLES, epochs=4)
    assert one.signals_fingerprint() != other.signals_fingerprint()
