"""Shares as the recipe says them: by hand, for any sizes, and refused where the text is not there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.errors import SynthError
from synth_dagster.methods.mix.fixed_ratio import FixedRatio

SIZES = {"real": 100, "synthetic": 300}


@pytest.mark.parametrize(
    ("method", "tokens"),
    [
        pytest.param(FixedRatio(), {"real": 100, "synthetic": 100}, id="one to one, as much as there is"),
        # 100 is three fifths of 166.7
        pytest.param(
            FixedRatio(shares={"real": 3, "synthetic": 2}), {"real": 100, "synthetic": 66.67}, id="three to two"
        ),
        pytest.param(FixedRatio(shares={"synthetic": 1}), {"real": 0, "synthetic": 300}, id="one of them alone"),
        pytest.param(FixedRatio(budget=50), {"real": 25, "synthetic": 25}, id="a budget"),
        pytest.param(FixedRatio(max_epochs=2), {"real": 200, "synthetic": 200}, id="seen twice"),
    ],
)
def test_tokens_by_hand(method, tokens):
    assert method.mix(SIZES).tokens == pytest.approx(tokens, abs=0.01)


def test_an_empty_domain_takes_no_part_unless_it_is_named():
    assert FixedRatio().mix({"real": 0, "synthetic": 10}).tokens == {"real": 0, "synthetic": 10}
    with pytest.raises(SynthError, match="No domain with text is called 'real'"):
        FixedRatio(shares={"real": 1, "synthetic": 1}).mix({"real": 0, "synthetic": 10})


@pytest.mark.parametrize(
    ("method", "said"),
    [
        pytest.param(FixedRatio(budget=201), "200 are there", id="more than there is"),
        pytest.param(FixedRatio(shares={"rael": 1}), "Did you mean 'real'", id="no such domain"),
        pytest.param(FixedRatio(shares={"real": 0}), "at least one domain", id="no share at all"),
    ],
)
def test_what_cannot_be_mixed_is_refused(method, said):
    with pytest.raises(SynthError, match=said):
        method.mix(SIZES)


@given(st.dictionaries(st.sampled_from("abcd"), st.integers(1, 10**9), min_size=1), st.data())
def test_the_ratio_holds_and_nothing_is_seen_too_often(sizes, data):
    shares = {name: data.draw(st.floats(0.01, 100)) for name in sizes}
    mixture = FixedRatio(shares=shares, max_epochs=1.5).mix(sizes)
    total = sum(shares.values())
    assert mixture.weights == pytest.approx({name: share / total for name, share in shares.items()})
    assert all(mixture.tokens[name] <= 1.5 * size * (1 + 1e-6) for name, size in sizes.items())
    assert any(mixture.tokens[name] == pytest.approx(1.5 * size) for name, size in sizes.items())
