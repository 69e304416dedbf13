"""ToEdit beside its released code: from the same candidates and draws the same text, token by token."""

import asyncio
import json
import random
from pathlib import Path

import numpy as np
import pytest

from synth_dagster.methods.augment import toedit
from synth_dagster.methods.augment.toedit import Toedit, weights
from synth_dagster.parts.models.priors import Candidates
from synth_dagster.records import Document, digest
from synth_dagster.runner.models import TrainedModels

ROOT = Path(__file__).parents[3]
RELEASED = json.loads((ROOT / "tests/fixtures/toedit_released.json").read_text(encoding="utf-8"))
WORDS = RELEASED["words"]
CASES = pytest.mark.parametrize("case", RELEASED["cases"], ids=lambda case: case["strategy"])


def text_of(numbers):
    return "".join(f" {WORDS[number]}" for number in numbers)


class Written:
    """A prior whose candidates are written down for every place of one text."""

    name = "written"

    def __init__(self, case):
        self.case = case

    def tokens(self, text):
        return [f" {word}" for word in text.split()]

    def probabilities(self, tokens):
        shares = [dict(zip(*row, strict=True)) for row in self.case["candidates"]]
        return np.array([share[token] for share, token in zip(shares, self.case["tokens"], strict=True)])

    def likeliest(self, tokens, places, most):
        rows = [self.case["candidates"][place] for place in places]
        return [Candidates([f" {WORDS[number]}" for number in words], np.log(shares)) for words, shares in rows]


class Judged(Toedit):
    """A method of one's own, with the prior of the case that its `prior` numbers."""

    def prior_of(self, references, models):
        return Written(RELEASED["cases"][int(self.prior)])


def edited(case, monkeypatch, **settings):
    # both draw by the inverse of the same uniform numbers
    monkeypatch.setattr(toedit, "stream", lambda *_: random.Random(case["seed"]))
    place = str(RELEASED["cases"].index(case))
    method = Judged(prior=place, strategy=case["strategy"], keep_facts=False, **settings)
    document = Document(body=text_of(case["tokens"]), record_id=digest(case["seed"]))
    (made,) = asyncio.run(method.augment(document, references=None, models=TrainedModels(ROOT, None)))
    return made


@CASES
def test_the_text_becomes_the_same(case, monkeypatch):
    made = edited(case, monkeypatch)
    assert made.body == text_of(case["becomes"]) != text_of(case["tokens"])
    assert made.attributes["n_resampled"] == case["draws"]
    assert made.attributes["n_dropped"] == len(case["tokens"]) - len(case["becomes"])


@pytest.mark.parametrize("case", RELEASED["cases"][:2], ids=lambda case: case["strategy"])
def test_candidates_have_the_same_weights(case):
    temperature = 1.5 if case["strategy"] == "up_revise" else 1.0
    sure = [
        shares
        for token, (words, shares) in list(zip(case["tokens"], case["candidates"], strict=True))[1:]
        if dict(zip(words, shares, strict=True))[token] > 0.99
    ]
    assert len(sure) == case["draws"]
    for shares, expected in zip(sure, case["weights"], strict=False):
        assert weights(np.log(shares), temperature) == pytest.approx(expected, abs=1e-5)


def test_a_token_at_the_threshold_itself_is_drawn_as_the_paper_says_where_the_code_asks_for_more(monkeypatch):
    # equation 2 has p >= .99, the code > .99: a rounding apart, and no stored token stands there
    shares = [dict(zip(*row, strict=True)) for case in RELEASED["cases"] for row in case["candidates"]]
    assert all(share != 0.99 for one in shares for share in one.values())
    case = {**RELEASED["cases"][0], "tokens": [0, 0], "candidates": [[[0, 1], [0.99, 0.01]]] * 2}
    monkeypatch.setitem(RELEASED, "cases", [case])
    assert edited(case, monkeypatch).attributes["n_resampled"] == 1
