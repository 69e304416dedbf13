"""Evol-Instruct beside its released code, which evolves once, answers, and eliminates nothing."""

import json
from pathlib import Path

import pytest

from synth_dagster.methods.augment.evol_instruct import EvolInstruct
from synth_dagster.parts.asking.evolution import leaks_template

RELEASED = json.loads((Path(__file__).parents[2] / "fixtures" / "evol_instruct_released.json").read_text("utf-8"))


def test_as_many_operations_are_drawn_from():
    assert len(EvolInstruct().operations) == RELEASED["operations"] == 5


@pytest.mark.parametrize("words", RELEASED["forbidden"])
def test_words_that_its_templates_forbid_are_those_of_rule_d(words):
    assert leaks_template(f"Explain what the {words} says of tides.") and leaks_template(f"{words}: explain tides.")
    assert not leaks_template("Explain what the given text says of tides.")
