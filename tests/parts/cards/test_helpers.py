"""Which helpers are alike, and which asserts hang on a function, as CHASE's released code decides it."""

import json
from itertools import combinations
from pathlib import Path

import pytest

from synth_dagster.parts.cards.helpers import Function, KnownFunctions, asserts_of

# what the released code said of these inputs of our own; `made_by` says which of its functions
RELEASED = json.loads((Path(__file__).parents[2] / "fixtures" / "chase_released.json").read_text())


def test_helpers_are_alike_that_the_released_code_takes_for_alike():
    functions = [Function(name, objective, "") for name, objective in RELEASED["helpers"]]
    pairs = list(combinations(functions, 2))
    assert len(pairs) == 66
    assert [[one.name, other.name] for one, other in pairs if one.is_like(other)] == RELEASED["alike"]
    for one, other in pairs:
        assert KnownFunctions([one]).has_like(other) == one.is_like(other)


@pytest.mark.parametrize(("test", "hangs"), RELEASED["asserts"])
def test_asserts_hang_on_a_function_that_the_released_code_sees_on_it(test, hangs):
    assert asserts_of(test, "f") == hangs


@pytest.mark.parametrize("code", ["", "1 = 2", "assert", "def f(:", "\x00", "((((((((((" * 50])
def test_what_is_no_python_asserts_nothing(code):
    assert not asserts_of(code, "f")
