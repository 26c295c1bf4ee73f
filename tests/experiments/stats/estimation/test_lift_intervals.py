import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.stats.estimation.contrasts import contrasts
from experiments.stats.estimation.cuped import estimate
from experiments.stats.estimation.lift_intervals import (
    fieller_interval,
    lift_standard_error,
    log_ratio,
)
from experiments.stats.estimation.sufficient_statistics import Mean, Proportion

Z = np.float64(stats.norm.isf(0.025))


@pytest.fixture
def contrast(two_proportions):
    return contrasts(estimate(two_proportions))


def test_fieller_matches_the_reference(contrast):
    low, high, _ = fieller_interval(contrast, Z)
    assert (low[0], high[0]) == pytest.approx((0.0327968, 0.3042608), abs=5e-8)


def test_log_ratio_matches_scipy(contrast):
    value, error = log_ratio(contrast)
    result = stats.contingency.relative_risk(580, 10_000, 500, 10_000)
    expected = result.confidence_interval(0.95)
    low, high = np.exp(value[0] - Z * error[0]), np.exp(value[0] + Z * error[0])
    assert (low, high) == pytest.approx((expected.low, expected.high), rel=1e-9)


def test_log_ratio_needs_one_sign():
    arms = Mean(n=np.full(2, 100.0), sum=np.array([100.0, -50.0]), sum_squares=np.full(2, 120.0))
    assert np.isnan(log_ratio(contrasts(estimate(arms)))).all()


def test_delta_matches_gbstats(contrast):
    assert lift_standard_error(contrast)[0] == pytest.approx(0.0688627621, rel=1e-8)


@given(
    st.floats(0.5, 50),
    st.floats(-50, 50),
    # At most 3 x 0.15 of the least base, 0.5: the set stays bounded.
    st.floats(0.001, 0.15),
    st.floats(0.001, 9),
    st.floats(0.5, 3),
)
def test_fieller_ends_solve_their_equation(base, other, base_sd, other_sd, k):
    n = 100.0
    sums = np.array([base, other]) * n
    deviations = np.array([base_sd, other_sd]) ** 2 * n * (n - 1)
    arms = Mean(n=np.full(2, n), sum=sums, sum_squares=sums**2 / n + deviations)
    contrast = contrasts(estimate(arms))
    for end in fieller_interval(contrast, np.float64(k))[:2]:
        left = abs(other - (1 + end[0]) * base)
        right = k * np.sqrt(other_sd**2 + (1 + end[0]) ** 2 * base_sd**2)
        assert left == pytest.approx(right, rel=1e-4, abs=1e-6)


def test_fieller_of_a_control_near_zero_is_unbounded():
    arms = Mean(n=np.full(2, 100.0), sum=np.array([1.0, 50.0]), sum_squares=np.full(2, 100.0))
    low, high, reason = fieller_interval(contrasts(estimate(arms)), Z)
    assert np.isnan(low[0])
    assert np.isnan(high[0])
    assert reason.tolist() == [6]


def test_lift_keeps_the_direction_of_a_negative_baseline():
    arms = Mean(n=np.full(2, 100.0), sum=np.array([-100.0, -50.0]), sum_squares=np.full(2, 120.0))
    contrast = contrasts(estimate(arms))
    low, high, _ = fieller_interval(contrast, Z)
    assert contrast.lift[0] == pytest.approx(0.5)
    assert 0 < low[0] < 0.5 < high[0]


def test_interval_says_that_the_control_is_zero():
    arms = Mean(n=np.full(2, 9.0), sum=np.array([0.0, 9.0]), sum_squares=np.full(2, 20.0))
    low, high, reason = fieller_interval(contrasts(estimate(arms)), Z)
    assert np.isnan(low[0])
    assert np.isnan(high[0])
    assert reason.tolist() == [5]


@pytest.mark.slow
def test_fieller_covers_at_low_counts_where_delta_does_not():
    rng = np.random.default_rng(20_261_122)
    n, base, lift, runs = 1000, 0.01, 0.2, 40_000
    clicks = np.stack(
        [rng.binomial(n, base, runs), rng.binomial(n, base * (1 + lift), runs)], axis=-1
    ).astype(float)
    contrast = contrasts(estimate(Proportion(n=np.full((runs, 2), float(n)), sum=clicks)))
    # The unbounded sets (control with 3 clicks or fewer) cover every lift and are left out.
    low, high, reason = fieller_interval(contrast, Z)
    is_missed = (lift < low) | (high < lift)
    assert is_missed[reason == 0].mean() == pytest.approx(0.040, abs=0.005)
    error = lift_standard_error(contrast)
    by_delta = np.abs(contrast.lift - lift) > Z * error
    assert by_delta[np.isfinite(error)].mean() > 0.07
