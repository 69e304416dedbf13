"""UniMax: the card's numbers by hand, and what holds for all sizes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.errors import SynthError
from synth_dagster.methods.mix.unimax import Unimax

SIZES = {"d": 1_000, "a": 10, "c": 200, "b": 40}


def test_tokens_of_the_card():
    # 400 / 4 = 100 > 20; 380 / 3 = 127 > 80; 300 / 2 = 150 < 400; 150
    mixture = Unimax(budget=400, max_epochs=2).mix(SIZES)
    assert mixture.tokens == {"a": 20, "b": 80, "c": 150, "d": 150}
    assert mixture.weights == {"a": 0.05, "b": 0.2, "c": 0.375, "d": 0.375}
    assert "['a', 'b']" in mixture.how


def test_without_a_budget_one_epoch_takes_everything_once():
    assert Unimax(max_epochs=1).mix(SIZES).tokens == SIZES


def test_more_than_the_domains_can_give_is_refused():
    with pytest.raises(SynthError, match="max_epochs"):
        Unimax(budget=2_501, max_epochs=2).mix(SIZES)


def stepwise(sizes, budget, epochs):
    """The card's loop: from small to large, what remains shared equally."""
    found, remaining = {}, budget
    for left, (name, size) in zip(
        range(len(sizes), 0, -1), sorted(sizes.items(), key=lambda item: item[1]), strict=True
    ):
        found[name] = min(remaining / left, epochs * size)
        remaining -= found[name]
    return found


DOMAINS = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(1, 10**9), min_size=1, max_size=12)


@given(DOMAINS, st.floats(1, 50), st.floats(0.01, 1))
def test_it_is_the_loop_of_the_card_and_keeps_its_promises(sizes, epochs, part):
    budget = max(1, int(part * epochs * sum(sizes.values())))
    tokens = Unimax(budget=budget, max_epochs=epochs).mix(sizes).tokens
    assert tokens == pytest.approx(stepwise(sizes, budget, epochs))
    assert sum(tokens.values()) == pytest.approx(budget)
    assert all(tokens[name] <= epochs * size for name, size in sizes.items())
    from_small_to_large = [tokens[name] for name in sorted(sizes, key=sizes.__getitem__)]
    assert all(one <= other * (1 + 1e-9) for one, other in pairwise(from_small_to_large))
