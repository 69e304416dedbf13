"""Variants read as their items do; what was learnt is told from what was not, and an order from another."""

import random
import re

import numpy as np
import pytest

from synth_dagster.parts.models.membership import Scored
from synth_dagster.parts.models.ngram_prior import NgramPrior, PriorSettings
from synth_dagster.parts.models.student import Shape, Student
from synth_dagster.parts.models.training import Course, blocks_of, packed_batches, train
from synth_dagster.parts.privacy.benchmark_memory import gains, order_p, probes, scored_all, variant
from tests.parts.made_up_prose import VOCABULARY, prose

NAMES = ["Ada", "Bela", "Cato", "Dora", "Enno", "Fritz", "Greta", "Hanno", "Ilse", "Jonas", "Karla", "Lotte"]
THINGS = ["apples", "boards", "candles", "drums", "eggs", "forks", "gloves", "hats", "jars", "kites", "lamps", "masks"]


def problems(seed, count):
    draw = random.Random(seed)
    return [
        f"One day {draw.choice(NAMES)} sold {draw.randint(100, 999)} {draw.choice(THINGS)} to {draw.choice(NAMES)}, "
        f"who gave {draw.randint(10, 99)} {draw.choice(THINGS)} to {draw.choice(NAMES)} in return. How many are left?"
        for _ in range(count)
    ]


def test_a_variant_has_other_numbers_and_names_and_the_same_for_the_same():
    item = "Then Ada gave 12 eggs and 3 hats to Bela, so Ada has 12 less. It costs 4.50."
    made = variant(item, NAMES, random.Random(1))
    numbers, names = re.findall(r"\d+", made), [one for one in NAMES if one in made]
    assert (
        "4.50" in made and numbers[0] == numbers[2] != "12" and len(numbers[0]) == 2 and numbers[1] not in ("12", "3")
    )
    assert len(names) == 2 and not set(names) & {"Ada", "Bela"}
    assert variant("Nothing to change.", NAMES, random.Random(1)) == "Nothing to change."


def test_probes_are_of_each_item_its_variants_and_of_each_shard_its_orders():
    asked = list(probes(problems(1, 30), problems(2, 5)))
    assert (
        sum(one.group == "benchmark" for one in asked) == 30 * 4 and sum(one.group == "control" for one in asked) == 20
    )
    orders = [one for one in asked if one.group == "order"]
    assert len(orders) == 10 * 21 and len({one.text for one in orders if one.number == 0}) <= 6  # 3 items have 6 orders
    assert list(probes(problems(1, 30), problems(2, 5))) == asked
    assert list(probes([], [])) == [] and list(probes(["Why?"] * 2)) == []


def test_gains_and_order_by_hand():
    scored = {(0, 0): {"min_k": -1.0}, (0, 1): {"min_k": -3.0}, (0, 2): {"min_k": -4.0}, (1, 0): {"min_k": -2.0}}
    assert gains(scored).tolist() == [2.5]  # -1 above the mean of -3 and -4; the other item has no variant
    # of three shards with three others each the true one is first: places (0 + .5) / 4
    mean, chance = order_p({(shard, place): -float(place) for shard in range(3) for place in range(4)})
    assert mean == 0.125
    # three even draws have a mean of .5 with a deviation of sqrt(1 / 36): 2.25 deviations, p = 0.0122
    assert chance == pytest.approx(0.0122, abs=1e-4)
    assert order_p({}) == (0.5, 1.0)


def by_prior(prior):
    """What a prior says of a text; it does not tell the mean and spread of all tokens."""
    return lambda text: Scored(np.log(np.maximum(prior.probabilities(prior.tokens(text)), 1e-300)))


def test_a_prior_that_read_the_benchmark_in_order_shows_it_and_one_that_read_it_shuffled_does_not():
    items = prose(1, 60, words=20)  # a model of five words sees only across an item's end
    shuffled = random.Random(3).sample(items, len(items))
    others = prose(5, 100)
    asked = [one for one in probes(items) if one.group == "order"]

    def chance(*texts):
        found = scored_all(by_prior(NgramPrior.learnt([*texts, *others], PriorSettings())), asked)
        return order_p({key: one["whole"] for key, one in found["order"].items()})[1]

    assert chance("\n\n".join(items)) < 0.001
    assert chance("\n\n".join(shuffled)) > 0.01
    assert chance(*items) > 0.01


@pytest.mark.prove
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_trained_student_shows_the_order_it_read_and_only_that(seed):
    """A transformer of words, trained on the benchmark as one file among other texts, or on the same file shuffled."""
    items, others = prose(100 + seed, 60, words=12), prose(200 + seed, 48)
    asked = [one for one in probes(items) if one.group == "order"]
    numbers = {word: number for number, word in enumerate(VOCABULARY, 2)}

    def symbols(text):
        return [numbers.get(word, 1) for word in text.replace("\n\n", " | ").split()]

    def chance(file):
        student = Student.new(Shape(len(numbers) + 2, context=96, width=64, layers=1, heads=2), seed=seed)
        blocks = blocks_of([symbols(text) for text in ("\n\n".join(file), *others)], 96)
        train(student, packed_batches(blocks, 8), Course(steps=150, rate=1e-2, seed=seed))
        read = student.log_probabilities([symbols(one.text) for one in asked])
        said = {one.text: Scored(logs) for one, logs in zip(asked, read, strict=True)}
        found = scored_all(said.__getitem__, asked)
        return order_p({key: one["whole"] for key, one in found["order"].items()})[1]

    assert chance(items) < 0.001
    assert chance(random.Random(seed).sample(items, len(items))) > 0.01


def test_a_score_without_mean_and_spread_is_enough():
    found = scored_all(lambda text: Scored(np.full(len(text), -1.0)), list(probes(problems(1, 3))))
    assert gains(found["benchmark"]) == pytest.approx([0, 0, 0])
