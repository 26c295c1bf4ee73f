import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, norm

from experiments.stats.meta_analysis.partial_pooling import pool_partially


def test_posterior_mean_equals_brute_force_over_mean_and_spread():
    y, s = np.array([0.1, 0.5, -0.1, 0.2]), np.array([0.1, 0.2, 0.1, 0.05])
    typical = np.mean(s**-2.0) ** -0.5
    # Midpoints of the shrinkage factor, which is uniform, and of the common mean.
    factors = (np.arange(1_000) + 0.5) / 1_000
    means = np.linspace(-3, 3, 601)
    square = typical**2 * (1 - factors) / factors
    density = np.ones((factors.size, means.size))
    for effect, se in zip(y, s, strict=True):
        density *= norm.pdf(effect, means[None, :], np.sqrt(se**2 + square)[:, None])
    kept = (square / (square + s[1] ** 2))[:, None]
    expected = np.sum((means + kept * (y[1] - means)) * density) / np.sum(density)
    assert pool_partially(y, s).effects[1].mean == pytest.approx(expected, rel=1e-3)


def test_equal_effects_stay_and_gain_precision():
    pooled = pool_partially([0.1] * 5, [0.05] * 5)
    assert [belief.mean for belief in pooled.effects] == pytest.approx([0.1] * 5)
    assert pooled.effects[0].sd < 0.05
    assert pooled.shrinkage > 0.6


def test_far_apart_effects_are_left_alone():
    pooled = pool_partially([-1.0, 0.0, 1.0], [0.01] * 3)
    assert [belief.mean for belief in pooled.effects] == pytest.approx([-1, 0, 1], abs=1e-3)
    assert pooled.shrinkage < 0.01


def test_the_noisiest_effect_moves_most():
    y, s = [0.1, 0.0, 0.5, 0.05], [0.05, 0.05, 0.4, 0.05]
    moved = [abs(b.mean - raw) for b, raw in zip(pool_partially(y, s).effects, y, strict=True)]
    assert max(moved) == moved[2] > 0.3


def test_shared_variance_widens_but_does_not_shrink():
    y, own = [0.1, 0.0, 0.3], 0.05
    alone = pool_partially(y, [own] * 3)
    shared = pool_partially(y, [math.hypot(own, 0.04)] * 3, shared_variance=0.04**2)
    for one, other in zip(alone.effects, shared.effects, strict=True):
        assert other.mean == pytest.approx(one.mean)
        assert other.sd == pytest.approx(math.hypot(one.sd, 0.04))


effects = st.lists(st.floats(-100, 100), min_size=2, max_size=8)


@settings(max_examples=30)
@given(y=effects, shift=st.floats(-100, 100), factor=st.floats(0.01, 100))
def test_pooling_follows_shift_scale_and_order(y, shift, factor):
    s = np.linspace(1, 3, len(y))
    means = [belief.mean for belief in pool_partially(y, s).effects]
    moved = pool_partially((np.array(y)[::-1] + shift) * factor, s[::-1] * factor)
    expected = (np.array(means)[::-1] + shift) * factor
    got = [belief.mean for belief in moved.effects]
    assert got == pytest.approx(expected, rel=1e-6, abs=1e-6 * factor)


@settings(max_examples=30)
@given(y=effects, log_s=st.lists(st.floats(-20, 20), min_size=8, max_size=8))
def test_answers_are_finite_and_between_the_effects(y, log_s):
    pooled = pool_partially(y, 10 ** np.array(log_s[: len(y)]))
    slack = 1e-6 * (1 + max(map(abs, y)))
    for belief in pooled.effects:
        assert min(y) - slack <= belief.mean <= max(y) + slack
        assert 0 < belief.sd < math.inf
    assert 0 < pooled.shrinkage < 1


@pytest.mark.parametrize(
    ("y", "s", "shared", "message"),
    [
        ([0.1], [0.1], 0.0, "length of at least 2"),
        ([0.1, 0.2], [0.1], 0.0, "length of at least 2"),
        ([0.1, math.nan], [0.1, 0.1], 0.0, "effects must be finite"),
        ([0.1, 0.2], [0.1, 0.0], 0.0, "ses must be positive"),
        ([0.1, 0.2], [0.1, math.inf], 0.0, "ses must be positive"),
        ([0.1, 0.2], [0.1, 0.1], 0.02, "shared_variance must be in"),
        ([0.1, 0.2], [0.1, 0.1], math.nan, "shared_variance must be in"),
    ],
)
def test_pooling_refuses_bad_input(y, s, shared, message):
    with pytest.raises(ValueError, match=message):
        pool_partially(y, s, shared_variance=shared)


S = np.array([0.05, 0.06, 0.08, 0.12, 0.2, 0.3])


def coverage_and_errors(spreads, rng, level=0.9):
    """Share of true effects inside their intervals; squared errors of raw and pooled."""
    inside, raw, pooled = [], 0.0, 0.0
    for spread in spreads:
        truth = rng.normal(0.1, spread, S.size)
        y = rng.normal(truth, S)
        for belief, true, observed in zip(pool_partially(y, S).effects, truth, y, strict=True):
            inside.append(abs(belief.chance_below(true) - 0.5) <= level / 2)
            raw += (observed - true) ** 2
            pooled += (belief.mean - true) ** 2
    return inside, raw, pooled


@pytest.mark.slow
def test_intervals_cover_exactly_when_spreads_follow_the_prior():
    rng = np.random.default_rng(20261122)
    factors = rng.uniform(size=2_000)
    spreads = np.mean(S**-2.0) ** -0.5 * np.sqrt((1 - factors) / factors)
    inside, raw, pooled = coverage_and_errors(spreads, rng)
    # One segment of each report, so that the trials are independent.
    assert binomtest(sum(inside[:: S.size]), 2_000, 0.9).pvalue > 0.001
    assert pooled < raw


@pytest.mark.slow
@pytest.mark.parametrize(("spread", "least"), [(0.0, 0.95), (0.05, 0.9), (0.3, 0.85)])
def test_intervals_cover_about_as_stated_at_any_one_spread(spread, least):
    inside, raw, pooled = coverage_and_errors([spread] * 400, np.random.default_rng(20261122))
    # Stated 90 %: more when all segments are alike, a little less when they differ widely.
    assert np.mean(inside) > least
    assert pooled < raw
