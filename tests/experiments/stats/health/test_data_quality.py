import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.stats.bayesian.priors import NormalPrior
from experiments.stats.estimation.sufficient_statistics import Mean
from experiments.stats.health.data_quality import (
    check_covariate_balance,
    check_multiple_arms,
    check_too_good,
)


@pytest.mark.parametrize(
    ("count", "clean", "is_unhealthy"),
    [(9, 100, False), (10, 990, True), (10, 991, False), (0, 0, False), (10, 0, True)],
    ids=["nine", "one-percent", "below", "nobody", "only-multiple"],
)
def test_multiple_arms_are_unhealthy_from_ten_and_one_percent(count, clean, is_unhealthy):
    assert check_multiple_arms(count, clean).is_unhealthy is is_unhealthy


def test_multiple_arms_share_is_of_everybody():
    assert check_multiple_arms(10, 90).share == 0.1
    assert check_multiple_arms(0, 0).share is None
    with pytest.raises(ValueError, match="counts must be at least 0"):
        check_multiple_arms(-1, 5)


def covariate_of(arms):
    return Mean(
        n=np.array([float(len(arm)) for arm in arms]),
        sum=np.array([arm.sum() for arm in arms]),
        sum_squares=np.array([arm @ arm for arm in arms]),
    )


def test_covariate_balance_of_two_arms_is_welchs_t_test():
    rng = np.random.default_rng(20261122)
    arms = [rng.exponential(1, 400), rng.exponential(1, 900)]
    balance = check_covariate_balance(covariate_of(arms))
    assert balance.p_value == pytest.approx(stats.ttest_ind(*arms, equal_var=False).pvalue)
    assert not balance.is_unbalanced


def test_covariate_balance_alarms_below_one_in_a_thousand():
    rng = np.random.default_rng(20261122)
    arms = [rng.normal(0, 1, 2_000), rng.normal(0, 1, 2_000), rng.normal(0.2, 1, 2_000)]
    assert check_covariate_balance(covariate_of(arms)).is_unbalanced


def test_covariate_without_variance_has_no_balance_but_a_reason():
    balance = check_covariate_balance(covariate_of([np.ones(5), np.ones(5)]))
    assert (balance.p_value, balance.is_unbalanced) == (None, False)
    assert balance.reason


@pytest.mark.parametrize(
    ("lift", "se", "is_suspicious"),
    [(0.51, 0.2, True), (-0.51, 0.2, True), (0.5, 0.01, False), (0.9, 0.5, False)],
    ids=["gain", "loss", "at-the-limit", "noise"],
)
def test_too_good_needs_size_and_evidence(lift, se, is_suspicious):
    assert check_too_good(lift, se).is_suspicious is is_suspicious


def test_too_good_uses_what_finished_experiments_say():
    prior = NormalPrior(mean=0.0, sd=0.05)
    surprise = check_too_good(0.3, 0.05, prior=prior)
    assert surprise.p_value == pytest.approx(2 * stats.norm.sf(0.3 / math.hypot(0.05, 0.05)))
    assert surprise.is_suspicious
    assert not check_too_good(0.1, 0.05, prior=prior).is_suspicious


@given(lift=st.floats(-1e6, 1e6), se=st.floats(1e-6, 1e6), sd=st.floats(1e-6, 1e6))
def test_too_good_mirrors_with_the_lift(lift, se, sd):
    prior = NormalPrior(sd=sd)
    one, two = (check_too_good(x, se, prior=prior) for x in (lift, -lift))
    assert one == two
    assert 0 <= one.p_value <= 1


@pytest.mark.parametrize(
    ("lift", "se", "message"),
    [(math.nan, 1, "lift must be finite"), (1, 0, "se must be positive"), (1, math.nan, "se must")],
)
def test_too_good_refuses_bad_input(lift, se, message):
    with pytest.raises(ValueError, match=message):
        check_too_good(lift, se)
