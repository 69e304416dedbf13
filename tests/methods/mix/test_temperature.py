"""Temperature mixing: the card's numbers by hand, and what holds for all sizes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.errors import SynthError
from synth_dagster.methods.mix.temperature import Temperature

SIZES = {"a": 10, "b": 40, "c": 200, "d": 1_000}


@pytest.mark.parametrize(
    ("alpha", "weights"),
    [
        # roots 3.162, 6.325, 14.142, 31.623 add up to 55.252
        pytest.param(0.5, [0.0572, 0.1145, 0.2560, 0.5723], id="square roots"),
        pytest.param(1, [0.008, 0.032, 0.16, 0.8], id="as large as they are"),
    ],
)
def test_weights_of_the_card(alpha, weights):
    mixture = Temperature(alpha=alpha, max_epochs=100).mix(SIZES)
    assert list(mixture.weights.values()) == pytest.approx(weights, abs=5e-5)
    assert list(mixture.tokens.values()) == pytest.approx([weight * 1_250 for weight in weights], abs=0.07)


def test_a_rare_language_is_raised_by_a_power_of_three_tenths():
    # 1e6 ** .3 = 63.10 and 1e3 ** .3 = 7.94
    mixture = Temperature(alpha=0.3, budget=8_000, max_epochs=100).mix({"common": 1_000_000, "rare": 1_000})
    assert mixture.weights["common"] / mixture.weights["rare"] == pytest.approx(63.10 / 7.94, rel=1e-3)
    assert list(mixture.weights.values()) == pytest.approx([0.888, 0.112], abs=5e-4)


def test_what_a_domain_may_not_give_goes_to_the_others_in_proportion():
    # equal thirds of 300 are 100 each; a gives 10, so b and c share 290: 145 each
    assert Temperature(alpha=0, budget=300, max_epochs=1).mix({"a": 10, "b": 500, "c": 500}).tokens == {
        "a": 10,
        "b": 145,
        "c": 145,
    }


def test_who_is_at_the_limit_is_said():
    assert "['a']" in Temperature(alpha=0, budget=300, max_epochs=1).mix({"a": 10, "b": 500, "c": 500}).how


def test_an_empty_domain_gets_nothing_even_at_alpha_zero():
    assert Temperature(alpha=0).mix({"a": 0, "b": 5}).weights == {"a": 0.0, "b": 1.0}


@pytest.mark.parametrize("sizes", [{}, {"a": 0}])
def test_a_mix_of_nothing_is_refused(sizes):
    with pytest.raises(SynthError, match="add data"):
        Temperature().mix(sizes)


def test_more_than_the_domains_can_give_is_refused():
    with pytest.raises(SynthError, match=r"2,501 tokens.*1,250 tokens.*2 times"):
        Temperature(budget=2_501, max_epochs=2).mix(SIZES)


DOMAINS = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(0, 10**9), min_size=1, max_size=12)


@given(DOMAINS.filter(lambda sizes: sum(sizes.values())), st.floats(0, 2), st.floats(1, 50), st.floats(0.01, 1))
def test_what_holds_for_all_sizes(sizes, alpha, epochs, part):
    budget = max(1, int(part * epochs * sum(sizes.values())))
    mixture = Temperature(alpha=alpha, max_epochs=epochs, budget=budget).mix(sizes)
    assert sum(mixture.weights.values()) == pytest.approx(1)
    assert sum(mixture.tokens.values()) == pytest.approx(budget)
    for name, size in sizes.items():
        assert 0 <= mixture.tokens[name] <= epochs * size
        for other, other_size in sizes.items():
            if size <= other_size:
                assert mixture.tokens[name] <= mixture.tokens[other] * (1 + 1e-9) + 1e-9
