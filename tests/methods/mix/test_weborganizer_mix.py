"""RegMix over domains: what the target is like gets more, nothing is asked for that is not there."""

import random

import pytest

from synth_dagster.errors import SynthError
from synth_dagster.methods.mix.weborganizer_mix import WeborganizerMix
from synth_dagster.runner.choosing import shared_out

WORDS = {
    "sea": ["harbour", "anchor", "tide", "sail", "mast", "keel"],
    "law": ["court", "appeal", "verdict", "judge", "statute", "plea"],
    "food": ["oven", "flour", "butter", "whisk", "simmer", "taste"],
}


def texts(kind, number, seed):
    rng = random.Random(f"{kind} {seed}")
    return [" ".join(rng.choices(WORDS[kind], k=40)) for _ in range(number)]


DOMAINS = {kind: texts(kind, 30, 1) for kind in WORDS}
SIZES = dict.fromkeys(WORDS, 10_000)


def mixed(references, aims, sizes=SIZES, domains=DOMAINS, **settings):
    method = WeborganizerMix(target="aims/", **{"trials": 24, "draws": 3_000, "trained_on": 3_000, **settings})
    return method.mix(sizes, references=references({"aims/": aims}), texts=domains)


def test_the_domain_that_the_target_is_like_gets_most(references):
    found = mixed(references, texts("sea", 6, 2), budget=8_000)
    assert max(found.weights, key=found.weights.get) == "sea" and found.weights["sea"] > 0.6
    assert sum(found.tokens.values()) == pytest.approx(8_000)
    assert "RegMix of 3 domains" in found.how and "Spearman" in found.how


def test_a_domain_that_is_used_up_gives_all_it_has_and_the_others_the_rest(references):
    sizes = {"sea": 1_000, "law": 20_000, "food": 20_000}
    found = mixed(references, texts("sea", 6, 2), sizes=sizes, budget=20_000)
    assert found.tokens["sea"] <= 1_000 + 1e-6 and sum(found.tokens.values()) == pytest.approx(20_000)
    # records of 100 tokens: what is taken of each domain is within 1 % of the budget
    taken = sum(100 * sum(shared_out([100] * (sizes[name] // 100), found.tokens[name])) for name in sizes)
    assert 0.99 * 20_000 <= taken <= 20_000


def test_topic_and_format_are_sought_apart_and_multiplied(references):
    domains = {f"{topic} x {form}": DOMAINS[topic] for topic in ("sea", "law") for form in ("news", "faq")}
    sizes = dict.fromkeys(domains, 5_000)
    found = mixed(references, texts("sea", 6, 2), sizes=sizes, domains=domains, budget=4_000)
    assert found.weights["sea x news"] + found.weights["sea x faq"] > 0.6
    assert found.weights["sea x news"] * found.weights["law x faq"] == pytest.approx(
        found.weights["sea x faq"] * found.weights["law x news"], rel=1e-6
    )


def test_without_texts_the_mixture_is_that_of_the_corpus(references):
    found = mixed(references, ["a"], sizes={"a": 100, "b": 300}, domains=None, budget=200)
    assert found.weights == pytest.approx({"a": 0.25, "b": 0.75})


def test_the_same_seed_gives_the_same_mixture(references):
    assert mixed(references, texts("law", 6, 2)) == mixed(references, texts("law", 6, 2))


def test_a_budget_that_cannot_be_filled_is_refused(references):
    with pytest.raises(SynthError, match="cannot be made"):
        mixed(references, ["a"], budget=1_000_000)


@pytest.mark.prove
def test_transformers_that_are_trained_on_each_mixture_find_the_domain_that_the_target_is_like(references):
    found = mixed(references, texts("sea", 4, 2), budget=8_000, small_models="transformer", trials=8, trained_on=40_000)
    assert max(found.weights, key=found.weights.get) == "sea" and found.weights["sea"] > 0.5
    assert sum(found.tokens.values()) == pytest.approx(8_000)
