import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import chi2, multivariate_normal
from statsmodels.stats.meta_analysis import combine_effects

from experiments.stats.meta_analysis.heterogeneity import (
    SPREADS,
    cochran_q_p_value,
    equal_effects_p_value,
    likeliest_spread,
    log_likelihood,
    pooled_mean,
    spread_interval,
)

RNG = np.random.default_rng(20261122)
S = RNG.uniform(0.03, 0.3, 40)
Y = RNG.normal(0.05, np.hypot(S, 0.1))


def test_pooled_mean_matches_statsmodels():
    result = combine_effects(Y, S**2, method_re="dl", use_t=False)
    assert pooled_mean(Y, S)[0] == pytest.approx(result.mean_effect_fe, rel=1e-9)
    assert pooled_mean(Y, S)[1] == pytest.approx(result.sd_eff_w_fe, rel=1e-9)


def test_cochran_q_is_that_of_the_squared_distances():
    q = np.sum(((Y - 0.05) / S) ** 2)
    assert cochran_q_p_value(Y, S, mean=0.05) == pytest.approx(chi2.sf(q, 40), rel=1e-9)


def test_likelihood_with_a_known_mean_is_that_of_the_normal_law():
    expected = multivariate_normal.logpdf(Y, np.full(40, 0.05), np.diag(S**2 + 0.1**2))
    assert log_likelihood(Y, S, mean=0.05, spread=0.1) == pytest.approx(expected, rel=1e-12)


def test_likeliest_spread_maximises_the_density():
    def minus_density(spread):
        covariance = np.diag(S**2 + spread**2)
        return -multivariate_normal.logpdf(Y, np.full(40, 0.05), covariance)

    best = minimize_scalar(minus_density, bounds=(0, 1), method="bounded").x
    assert likeliest_spread(Y, S, mean=0.05) == pytest.approx(best, abs=1e-4)


def test_likeliest_spread_is_zero_without_any():
    assert likeliest_spread(np.zeros(30), np.ones(30), mean=0.0) == 0


def test_spread_interval_is_where_q_is_a_quantile():
    low, high = spread_interval(Y, S, mean=0.05)
    for spread, target in ((low, chi2.ppf(0.975, 40)), (high, chi2.ppf(0.025, 40))):
        assert np.sum((Y - 0.05) ** 2 / (S**2 + spread**2)) == pytest.approx(target, rel=1e-6)
    assert spread_interval(np.zeros(30), np.ones(30), mean=0.0) == (0, 0)


@settings(max_examples=30)
@given(factor=st.floats(1e-6, 1e6), shift=st.floats(-10, 10))
def test_spreads_scale_and_shift_with_the_effects(factor, shift):
    y, s, mean = (Y + shift) * factor, S * factor, (0.05 + shift) * factor
    spread = likeliest_spread(Y, S, mean=0.05)
    assert likeliest_spread(y, s, mean=mean) == pytest.approx(factor * spread, rel=1e-3)
    ends = [factor * end for end in spread_interval(Y, S, mean=0.05)]
    assert spread_interval(y, s, mean=mean) == pytest.approx(ends, rel=1e-5)


@pytest.mark.slow
def test_spread_interval_covers_at_its_level():
    rng = np.random.default_rng(20261122)
    n_repeats, truth = 1_000, 0.1
    hits = 0
    for _ in range(n_repeats):
        s = rng.uniform(0.05, 0.2, 25)
        low, high = spread_interval(rng.normal(0, np.hypot(s, truth)), s, mean=0.0)
        hits += low <= truth <= high
    # The interval is exact: binomial standard error 0.7 %.
    assert hits / n_repeats == pytest.approx(0.95, abs=0.025)


def test_equal_effects_are_tested_by_the_likelihood_of_their_differences():
    """The law of the differences to the first effect needs no prior of the common mean."""
    y, s = np.array([0.35, 0.05, 0.1]), np.array([0.05, 0.06, 0.1])
    differences = np.array([[-1.0, 1.0, 0.0], [-1.0, 0.0, 1.0]])

    def density(spread):
        covariance = differences @ np.diag(s**2 + spread**2) @ differences.T
        return multivariate_normal.pdf(differences @ y, cov=covariance)

    e_value = np.mean([density(spread) for spread in SPREADS]) / density(0.0)
    assert e_value > 1
    assert equal_effects_p_value(y, s) == pytest.approx(1 / e_value)
    assert equal_effects_p_value(y + 7, s) == pytest.approx(1 / e_value)


def test_groups_that_take_no_part_leave_the_test_as_it_is():
    y, s = np.array([[0.3, np.nan, 0.0], [0.1, np.nan, np.nan]]), np.full((2, 3), 0.05)
    both, one = equal_effects_p_value(y, s)
    assert both == pytest.approx(equal_effects_p_value(np.array([0.3, 0.0]), np.full(2, 0.05)))
    assert np.isnan(one)
    assert np.isnan(equal_effects_p_value(np.zeros(0), np.zeros(0)))
