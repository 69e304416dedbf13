"""Attributes of texts, told by heads that learnt from labelled ones."""

import random

import pyarrow as pa
import pytest

from synth_dagster.errors import SynthError
from synth_dagster.methods.filter.text_attributes import TextAttributes
from tests.methods.labelled import PlainModels

WORDS = {
    "news": ["minister", "said", "yesterday", "police", "report", "election", "court"],
    "recipes": ["flour", "butter", "oven", "stir", "spoon", "bake", "minutes"],
    "code": ["function", "return", "class", "import", "loop", "array", "string"],
}
COMMON = ["the", "of", "and", "in", "a", "to", "with", "from", "at", "by"]


def said(label, rng):
    return " ".join(rng.choice(rng.choice([WORDS[label], COMMON])) for _ in range(30))


def examples(seed, each=25):
    rng = random.Random(seed)
    return [{"text": said(label, rng), "label": label} for label in WORDS for _ in range(each)]


def test_labels_of_texts_that_it_has_not_seen_are_right():
    method, models = TextAttributes(quality="kinds"), PlainModels({"kinds": examples(1)})
    asked = examples(2)
    found = method.measure(pa.table({"text": [row["text"] for row in asked]}), models=models)
    right = [label == row["label"] for label, row in zip(found["quality"].to_pylist(), asked, strict=True)]
    assert sum(right) / len(right) > 0.9
    assert all(0 <= share <= 1 for share in found["quality_share"].to_pylist())
    assert list(found) == ["quality", "quality_share"]  # no file, no attribute


def test_labels_are_dropped_only_where_a_person_says_so(verdicts_of):
    models = {"models": PlainModels({"kinds": examples(1), "more": examples(3)})}
    texts = [row["text"] for row in examples(4, each=2)]
    plain = TextAttributes(quality="kinds", domain="more")
    assert verdicts_of(plain, texts, models) == [None] * 6
    strict = TextAttributes(quality="kinds", domain="more", drop={"domain": ["code", "recipes"]})
    assert verdicts_of(strict, texts, models) == [None] * 2 + ["dropped_domain"] * 4
    assert strict.signals_fingerprint() == plain.signals_fingerprint()


def test_a_head_that_errs_too_often_is_refused_with_what_it_mixes_up():
    rng = random.Random(5)
    guesses = [{"text": said("news", rng), "label": rng.choice(["high", "low"])} for _ in range(60)]
    with pytest.raises(SynthError, match=r"macro-F1 of 0\.\d\d .* texts of '(high|low)' are taken for '(high|low)'"):
        TextAttributes(quality="q", min_f1=0.8).measure(pa.table({"text": ["a"]}), models=PlainModels({"q": guesses}))


def test_a_rule_for_an_attribute_without_texts_is_refused():
    with pytest.raises(SynthError, match="'drop' names 'toxicity', which has no labelled texts"):
        TextAttributes(quality="q", drop={"toxicity": ["high"]}).rules()


def test_no_text_has_no_label():
    method, models = TextAttributes(quality="kinds"), PlainModels({"kinds": examples(1)})
    found = method.measure(pa.table({"text": pa.array([None, ""], pa.string())}), models=models)
    assert found["quality"].to_pylist()[0] is None and found["quality"].to_pylist()[1] is not None
    assert len(method.measure(pa.table({"text": pa.array([], pa.string())}), models=models)["quality"]) == 0
