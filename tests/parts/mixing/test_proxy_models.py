"""Small models that count: their bits per byte are the sums written out, and follow what the target needs."""

import math
import random

import pytest

from synth_dagster.parts.mixing.proxy_models import CountingTrainer

WORDS = {"sea": ["harbour", "anchor", "tide", "sail"], "law": ["court", "appeal", "verdict", "judge"]}


def texts(kind, number, seed):
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS[kind], k=30)) for _ in range(number)]


def test_bits_of_one_byte_by_hand():
    # order 0: of three bytes two are a and one b, so of 300 bytes 200 and 100; with a backing of 4 bytes that are
    # anything, b has (100 + 4 / 256) / (300 + 4)
    trainer = CountingTrainer({"d": ["aab"]}, {"t": ["b"]}, trained_on=300, order=0, backing=4.0)
    assert trainer.losses({"d": 1.0})["t"] == pytest.approx(-math.log2((100 + 4 / 256) / (300 + 4)))


def test_a_model_loses_less_on_what_it_was_trained_on():
    trainer = CountingTrainer({kind: texts(kind, 20, 1) for kind in WORDS}, {"t": texts("sea", 5, 2)})
    losses = [trainer.losses({"sea": share, "law": 1 - share})["t"] for share in (0.0, 0.1, 0.5, 1.0)]
    assert losses == sorted(losses, reverse=True) and losses[-1] < 1 < losses[0]


def test_more_of_the_same_text_is_the_same_domain():
    once = CountingTrainer({"d": texts("sea", 20, 1)}, {"t": texts("sea", 3, 2)})
    twice = CountingTrainer({"d": texts("sea", 20, 1) * 2}, {"t": texts("sea", 3, 2)})
    assert once.losses({"d": 1.0})["t"] == pytest.approx(twice.losses({"d": 1.0})["t"], rel=0.01)


def test_a_domain_without_text_teaches_nothing():
    # of every byte nothing is known: eight bits
    assert CountingTrainer({"d": []}, {"t": ["abc"]}).losses({"d": 1.0})["t"] == pytest.approx(8)
    assert CountingTrainer({"d": ["abc"]}, {"t": [""]}).losses({"d": 1.0})["t"] == 0


def test_each_target_has_its_own_loss():
    domains = {kind: texts(kind, 20, 1) for kind in WORDS}
    trainer = CountingTrainer(domains, {kind: texts(kind, 3, 2) for kind in WORDS}, trained_on=5_000)
    sea, law = trainer.losses({"sea": 0.9, "law": 0.1}), trainer.losses({"sea": 0.1, "law": 0.9})
    assert sea["sea"] < law["sea"] and law["law"] < sea["law"]
