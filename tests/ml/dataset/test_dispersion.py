import numpy as np
import pytest
from statsmodels.stats.meta_analysis import combine_effects

from ml.dataset.contrast_groups import build_groups, stack_arms
from ml.dataset.dispersion import arm_variance, log_odds, replicate_dispersion
from tests.ml.factories import arm_row, arms_of


def test_variance_of_one_group_is_der_simonian_and_lairds():
    arms = arms_of([0] * 4, [900, 1500, 1200, 3000], [30, 80, 31, 160])
    odds, variance = log_odds(arms)
    expected = combine_effects(odds, variance, method_re="dl").tau2
    assert arm_variance(arms) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("tau", [0.15, 0.3])
def test_variance_of_simulated_groups_is_recovered(tau):
    rng = np.random.default_rng(3)
    group = np.repeat(np.arange(3000), 4)
    level = rng.normal(-4, 0.5, 3000)[group]
    visitors = np.full(12_000, 4000)
    clicks = rng.binomial(visitors, 1 / (1 + np.exp(-level - rng.normal(0, tau, 12_000))))
    assert np.sqrt(arm_variance(arms_of(group, visitors, clicks))) == pytest.approx(tau, rel=0.06)


def test_more_noise_leaves_less_spread():
    arms = arms_of([0] * 3, [1000] * 3, [20, 40, 70])
    assert arm_variance(arms, dispersion=2.0) < arm_variance(arms)
    with pytest.raises(ValueError, match=r"dispersion: 0\.5 is below 1"):
        arm_variance(arms, dispersion=0.5)


def test_no_arms_spread_nothing():
    assert arm_variance(stack_arms([])) == 0


def test_dispersion_is_unknown_without_enough_replicates():
    rows = [arm_row(test=f"{test}", clicks=50) for test in range(29) for _ in range(2)]
    assert replicate_dispersion(build_groups(rows)) is None


def test_dispersion_is_the_chi_squared_a_degree_and_at_least_one():
    equal = [arm_row(test=f"{test}", clicks=50) for test in range(30) for _ in range(2)]
    assert replicate_dispersion(build_groups(equal)) == 1.0
    rows = [arm_row(test=f"{test}", clicks=clicks) for test in range(30) for clicks in (40, 70)]
    dataset = build_groups(rows)
    assert replicate_dispersion(dataset) == pytest.approx(dataset.replicate_chi2 / 30)
