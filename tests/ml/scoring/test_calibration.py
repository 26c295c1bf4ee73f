import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from ml.dataset.pairs import pair_arms
from ml.scoring.calibration import (
    Calibration,
    fit_calibration,
    fit_slope,
    log_rate_ratios,
    predicted_lift,
    win_probability,
)
from tests.ml.factories import arms_of


def simulated(tau=0.2, slope=1.5, n_groups=4000, visitors=5000, seed=7):
    """Pairs whose true log ratio is normal around slope times the score difference."""
    rng = np.random.default_rng(seed)
    score = rng.normal(0, 0.1, 2 * n_groups)
    effect = slope * score + rng.normal(0, tau, 2 * n_groups)
    group = np.repeat(np.arange(n_groups), 2)
    clicks = rng.binomial(visitors, 0.02 * np.exp(effect))
    arms = arms_of(group, np.full(2 * n_groups, visitors), clicks)
    pairs = pair_arms(arms)
    return arms, pairs, score[pairs.first] - score[pairs.second]


def test_slope_is_logistic_regressions_without_offset():
    rng = np.random.default_rng(1)
    difference = rng.normal(0, 0.3, 500)
    won = rng.random(500) < 1 / (1 + np.exp(-2.5 * difference))
    smooth = np.where(won, 500.5 / 501, 0.5 / 501)
    model = sm.GLM(smooth, difference, family=sm.families.Binomial())
    assert fit_slope(difference, won) == pytest.approx(model.fit().params[0], rel=1e-5)


def test_slope_is_zero_for_scores_that_mislead_or_tell_nothing():
    won = np.array([True, True, False])
    assert fit_slope(np.array([-1.0, -2.0, 1.0]), won) == 0
    assert fit_slope(np.zeros(3), won) == 0
    assert fit_slope(np.array([]), np.array([], dtype=bool)) == 0


@pytest.mark.parametrize("n_pairs", [1, 3, 60])
def test_few_pairs_are_no_proof_of_certainty(n_pairs):
    slope = fit_slope(np.full(n_pairs, 0.1), np.ones(n_pairs, dtype=bool))
    assert 1 / (1 + np.exp(-0.1 * slope)) == pytest.approx(
        (n_pairs + 0.5) / (n_pairs + 1), abs=1e-6
    )


@given(st.integers(0, 99))
def test_slope_does_not_depend_on_which_arm_is_a(seed):
    rng = np.random.default_rng(seed)
    difference, won = rng.normal(size=30), rng.random(30) < 0.6
    flip = rng.random(30) < 0.5
    flipped = fit_slope(np.where(flip, -difference, difference), won ^ flip)
    assert fit_slope(difference, won) == pytest.approx(flipped, abs=1e-6)


def test_lift_slope_and_spread_are_recovered():
    arms, pairs, difference = simulated(tau=0.2, slope=1.5)
    found = fit_calibration(difference, arms, pairs)
    assert found.lift_slope == pytest.approx(1.5, abs=0.15)
    assert found.lift_sd == pytest.approx(np.sqrt(2) * 0.2, rel=0.06)


def test_prediction_interval_holds_the_true_lift_95_times_in_100():
    arms, pairs, difference = simulated(seed=8)
    found = fit_calibration(difference, arms, pairs)
    rng = np.random.default_rng(9)
    truth = np.expm1(1.5 * difference + rng.normal(0, np.sqrt(2) * 0.2, len(difference)))
    lifts = [predicted_lift(value, found) for value in difference]
    inside = [lift.low < t < lift.high for lift, t in zip(lifts, truth, strict=True)]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.015)


def test_probabilities_are_calibrated_on_new_tests():
    arms, pairs, difference = simulated(seed=10)
    found = fit_calibration(difference, arms, pairs)
    _, new_pairs, new_difference = simulated(seed=11)
    said = win_probability(new_difference, found)
    for low, high in [(0.2, 0.4), (0.4, 0.6), (0.6, 0.8)]:
        inside = (said >= low) & (said < high)
        assert new_pairs.first_won[inside].mean() == pytest.approx(said[inside].mean(), abs=0.04)


def test_probability_of_a_swap_is_the_complement():
    found = Calibration(slope=3.0, lift_slope=1.0, lift_sd=0.1)
    there, back = win_probability(np.array([0.4, -0.4]), found)
    assert there + back == pytest.approx(1)


def test_rate_ratio_variance_is_katzs():
    arms = arms_of([0, 0], [1000, 2000], [30, 90])
    ratio, variance = log_rate_ratios(arms, pair_arms(arms))
    assert ratio[0] == pytest.approx(np.log(30.5 / 1000.5) - np.log(90.5 / 2000.5))
    assert variance[0] == pytest.approx(1 / 30.5 - 1 / 1000.5 + 1 / 90.5 - 1 / 2000.5)


def test_calibration_without_pairs_is_refused():
    arms = arms_of([0, 0], [100, 100], [5, 5])
    with pytest.raises(ValueError, match="pairs: there are none to calibrate on"):
        fit_calibration(np.array([]), arms, pair_arms(arms))
