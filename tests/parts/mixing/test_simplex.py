"""Mixtures: draws within all limits, a surface that ranks unseen mixtures, and the best one found."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_dagster.parts.mixing.simplex import Draws, Search, Surface, capped, dirichlet, spearman, tempered


def test_the_prior_is_flatter_at_temperature_two():
    # sizes 1, 4, 16: roots 1, 2, 4 of 7; what is not there has no share
    assert tempered(np.array([1, 4, 16, 0]), 2.0) == pytest.approx([1 / 7, 2 / 7, 4 / 7, 0])


def test_five_hundred_draws_keep_all_limits():
    rng = np.random.default_rng(1)
    prior = tempered(rng.integers(1, 1_000, 24), 2.0)
    caps = np.minimum(20 * prior, 0.6)
    found = Draws().of(prior, caps, 512, rng)
    assert found.shape == (512, 24)
    assert found.sum(axis=1) == pytest.approx(np.ones(512)) and (found <= caps + 1e-9).all()
    assert ((found == 0) | (found >= 2e-4 * (1 - 1e-9))).all()
    apart = np.abs(found[:, None] - found[None]).max(axis=2) + 10 * np.eye(512)
    assert apart.min() >= 0.05


def test_where_no_more_mixtures_are_apart_there_are_fewer():
    # two domains at least .05 apart: at most 21
    found = Draws().of(np.array([0.5, 0.5]), np.ones(2), 100, np.random.default_rng(2))
    assert 10 <= len(found) <= 21


def planted(seed, domains=6):
    """Bits per byte that fall with each domain as it is needed, and rise where it is overdone: convex."""
    rng = np.random.default_rng(seed)
    needed = rng.dirichlet(np.full(domains, 2.0))
    return lambda weights: 1.0 + (needed * -np.log(0.05 + weights)).sum(axis=1) * 0.1 + 0.2 * (weights**2).sum(axis=1)


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_a_planted_surface_is_ranked_and_its_optimum_found(seed):
    rng, prior, bits = np.random.default_rng(seed), np.full(6, 1 / 6), planted(seed)
    tried = Draws().of(prior, np.ones(6), 60, rng)
    surface = Surface.fitted(tried, bits(tried) + rng.normal(0, 0.002, len(tried)))
    unseen = rng.dirichlet(np.full(6, 1.0), 50)
    assert spearman(surface.losses(unseen), bits(unseen)) > 0.9
    search = Search(draws=30_000, gamma=0.0)
    chosen = search.best(surface.losses, prior, np.ones(6), rng)
    best = bits(rng.dirichlet(np.full(6, 1.0), 100_000)).min()
    assert chosen.sum() == pytest.approx(1) and bits(chosen[None])[0] <= 1.02 * best


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_a_search_that_moves_ends_lower_than_the_best_draw_around_the_prior(seed):
    prior, bits = np.full(12, 1 / 12), planted(seed, 12)
    ends = [
        bits(
            Search(draws=1_500, gamma=0.0, step=step).best(bits, prior, np.ones(12), np.random.default_rng(seed))[None]
        )
        for step in (0.0, 0.2)
    ]
    assert ends[1] < ends[0] < bits(prior[None])


def test_a_price_on_divergence_and_a_cap_hold_the_search_near_the_prior():
    prior, rng = np.array([0.1, 0.3, 0.6]), np.random.default_rng(6)
    wants_the_first = lambda weights: -weights[:, 0]  # noqa: E731
    free = Search(draws=6_000, gamma=0.0).best(wants_the_first, prior, np.ones(3), rng)
    assert free[0] == pytest.approx(0.65, abs=0.02)  # 6.5 times .1
    held = Search(draws=6_000, gamma=10.0).best(wants_the_first, prior, np.ones(3), rng)
    # at gamma 10 the price is least where log(w / p) is in proportion to the slopes / 10: .1 e^.1 / (.1 e^.1 + .9)
    assert held[0] == pytest.approx(0.1094, abs=0.02)


@given(st.integers(0, 2**32 - 1), st.integers(2, 8))
def test_what_is_cut_off_at_a_cap_goes_to_the_others(seed, count):
    rng = np.random.default_rng(seed)
    weights, caps = rng.dirichlet(np.full(count, 0.3), 5), rng.uniform(1 / count, 1, count)
    found = capped(weights, caps)
    assert found.sum(axis=1) == pytest.approx(np.ones(5)) and (found <= caps + 1e-9).all() and (found >= 0).all()


def test_concentrations_near_zero_give_a_mixture_all_the_same():
    found = dirichlet(np.array([[1e-12, 0.0, 1e-11], [1.0, 0.0, 1.0]]), np.random.default_rng(7))
    assert found.sum(axis=1) == pytest.approx([1, 1]) and found[1, 1] == 0


def test_ranks_and_their_correlation():
    assert spearman(np.array([1, 2, 3.0]), np.array([10, 20, 90.0])) == pytest.approx(1)
    assert spearman(np.array([1, 2, 3.0]), np.array([3, 2, 1.0])) == pytest.approx(-1)
    # ranks 1.5 1.5 3 and 1 2 3: covariance .5, deviations sqrt(.5) and sqrt(2/3): .866
    assert spearman(np.array([1, 1, 2.0]), np.array([1, 2, 3.0])) == pytest.approx(0.866, abs=1e-3)
    # ranks 1 2.5 2.5 4: covariance 4.5 / 4, deviations sqrt(4.5 / 4) and sqrt(5 / 4): 4.5 / sqrt(22.5)
    assert spearman(np.array([1, 2, 2, 3.0]), np.array([1, 2, 3, 4.0])) == pytest.approx(0.9487, abs=1e-4)
    assert spearman(np.ones(3), np.arange(3.0)) == 0
