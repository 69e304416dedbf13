"""Small transformers that are trained on a mixture lose less on what it holds, and the same mixture loses the same."""

import random

import pytest

from synth_dagster.parts.mixing.transformer_trainer import TransformerTrainer

WORDS = {"sea": ["harbour", "anchor", "tide", "sail"], "law": ["court", "appeal", "verdict", "judge"]}


def texts(kind, number, seed):
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS[kind], k=20)) for _ in range(number)]


def trainer(**settings):
    domains = {kind: texts(kind, 20, 1) for kind in WORDS} | {"empty": [""]}
    return TransformerTrainer(domains, {kind: texts(kind, 3, 2) for kind in WORDS}, context=32, width=16, **settings)


def test_a_student_loses_less_on_what_it_was_trained_on():
    some = trainer(trained_on=40_000)
    sea, law = some.losses({"sea": 0.95, "law": 0.05}), some.losses({"sea": 0.05, "law": 0.95})
    assert sea["sea"] + 0.5 < law["sea"] and law["law"] + 0.5 < sea["law"]
    assert sea["sea"] < 5  # of eight bits where nothing is known
    assert some.losses({"sea": 0.95, "law": 0.05}) == sea


def test_a_mixture_without_text_leaves_the_student_as_it_was():
    losses = trainer().losses({"empty": 1.0})
    assert losses["sea"] == pytest.approx(8, abs=0.3)  # one of 257 symbols, all alike: 8.006 bits
    assert TransformerTrainer({"d": ["abc"]}, {"t": [""]}, trained_on=500).losses({"d": 1.0})["t"] == 0
