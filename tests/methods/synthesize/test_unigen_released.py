"""UniGen beside its released code: which examples a request is shown; `test_spread.py` has its other choices."""

import json
from itertools import combinations
from pathlib import Path
from random import Random

import numpy as np
import pytest

from synth_dagster.parts.similarity.spread import varied

RELEASED = json.loads((Path(__file__).parents[2] / "fixtures" / "unigen_released.json").read_text(encoding="utf-8"))


class First(Random):
    """Draws the first of what there is, as the stored choices were made."""

    def randrange(self, *_):
        return 0


def drawn_from(case):
    rows = np.random.default_rng(case["seed"]).normal(size=(case["vectors"], case["dimensions"]))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    if case["count"] > 2:
        rows = np.abs(rows)  # of one quadrant, so that the bound has to rise
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def most_alike(rows, places):
    return max(float(rows[one] @ rows[other]) for one, other in combinations(places, 2))


@pytest.mark.parametrize("case", RELEASED["chosen"], ids=lambda case: f"{case['count']} of {case['vectors']}")
def test_two_examples_are_the_same_and_of_more_ours_differ_from_each_of_the_others(case):
    rows = drawn_from(case)
    ours = varied(rows, case["count"], First())
    if case["count"] == 2:
        assert ours == case["chosen"]
    else:  # it compares with the least similar of those that are there, so that a copy of another one passes
        assert most_alike(rows, ours) < most_alike(rows, case["chosen"])
