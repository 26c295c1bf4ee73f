import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from experiments.stats.estimation.sufficient_statistics import stack_arms
from experiments.stats.estimation.winsorization import (
    CAP_IS_ZERO,
    NO_VALUES,
    winsorise_at,
    winsorise_percentile,
)
from experiments.stats.frequentist.fixed_horizon import compare_fixed


def test_cap_at_a_number_matches_a_hand_count():
    result = winsorise_at([[1.0, 2.0, 900.0], [1.0, 300.0]], 100.0)
    assert [arm.sum for arm in result.arms] == [103, 101]
    assert [arm.sum_squares for arm in result.arms] == [1 + 4 + 10_000, 1 + 10_000]
    assert [arm.sum for arm in result.uncapped] == [903, 301]
    assert result.shares_capped == pytest.approx((1 / 3, 1 / 2))
    assert result.share_of_sum_cut == pytest.approx(1_000 / 1_204)
    assert (result.cap, result.reason) == (100, None)


def test_percentile_is_pooled_over_the_arms():
    small, large = np.arange(1.0, 501), np.arange(501.0, 1001)
    result = winsorise_percentile([small, large], 99.9)
    assert result.cap == np.quantile(np.arange(1.0, 1001), 0.999, method="inverted_cdf") == 999
    assert result.shares_capped == (0, 1 / 500)


def test_visitors_without_a_value_count_as_zeros():
    listed = [np.arange(1.0, 11), np.arange(1.0, 21)]
    zeros = [np.concatenate((arm, np.zeros(970))) for arm in listed]
    short = winsorise_percentile(listed, 99.0, visitors=[980, 990])
    long = winsorise_percentile(zeros, 99.0)
    assert short.cap == long.cap
    assert short.arms == long.arms
    assert short.shares_capped == long.shares_capped


def test_negative_values_and_low_percentiles_are_ranked_right():
    refunds = np.array([-50.0, -20.0, 30.0, 40.0])
    assert winsorise_percentile([refunds], 75.0).cap == 30
    for percentile in (10.0, 50.0):
        assert winsorise_percentile([refunds], percentile, visitors=[10]).reason == CAP_IS_ZERO
    assert winsorise_percentile([refunds], 90.0, visitors=[10]).cap == 30


def test_a_percentile_of_zero_caps_nothing_and_says_so():
    result = winsorise_percentile([[5.0], [7.0]], 99.0, visitors=[1_000, 1_000])
    assert (result.cap, result.reason) == (None, CAP_IS_ZERO)
    assert result.arms == result.uncapped
    assert result.shares_capped == (0, 0)


def test_nobody_caps_nothing_and_says_so():
    result = winsorise_percentile([[], []])
    assert (result.cap, result.reason) == (None, NO_VALUES)
    empty = winsorise_at([[], [3.0]], 2.0)
    assert empty.shares_capped == (0, 1)
    assert winsorise_at([[-1.0], [-2.0]], 2.0).share_of_sum_cut is None


@settings(max_examples=30)
@given(
    arms=st.lists(st.lists(st.floats(0, 1e6), min_size=1, max_size=30), min_size=2, max_size=4),
    cap=st.floats(1e-3, 1e6),
)
def test_capping_never_raises_a_sum_and_is_idempotent(arms, cap):
    result = winsorise_at(arms, cap)
    for capped, uncapped in zip(result.arms, result.uncapped, strict=True):
        assert capped.sum <= uncapped.sum
        assert capped.sum <= cap * capped.n * (1 + 1e-12)
    again = winsorise_at([np.minimum(arm, cap) for arm in arms], cap)
    assert again.arms == result.arms
    assert again.shares_capped == (0,) * len(arms)


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([[1.0]], {"cap": 0.0}, "cap must be positive"),
        ([[1.0]], {"cap": math.nan}, "cap must be positive"),
        ([[1.0, math.nan]], {"cap": 1.0}, "values of arm 0 must be finite"),
        ([[1.0], [[2.0]]], {"cap": 1.0}, "values of arm 1 must be finite"),
        ([[1.0]], {"cap": 1.0, "visitors": [0]}, "visitors of arm 0 must be at least 1"),
        ([[1.0]], {"cap": 1.0, "visitors": [1, 2]}, "visitors must have one entry"),
    ],
)
def test_capping_refuses_bad_input(values, options, message):
    with pytest.raises(ValueError, match=message):
        winsorise_at(values, **options)


@pytest.mark.parametrize("percentile", [0.0, 100.0, math.nan])
def test_percentile_refuses_the_ends(percentile):
    with pytest.raises(ValueError, match="percentile must be in"):
        winsorise_percentile([[1.0]], percentile)


@pytest.mark.slow
def test_pooled_cap_keeps_the_size_of_the_test_and_cuts_the_noise():
    rng = np.random.default_rng(20261122)
    n_tests, n = 300, 4_000
    alarms, ratio = 0, []
    for _ in range(n_tests):
        payers = rng.random((2, n)) < 0.05
        values = np.where(payers, rng.lognormal(3, 1.5, (2, n)), 0.0)
        result = winsorise_percentile(list(values), 99.9)
        alarms += compare_fixed(stack_arms(result.arms)).p_value[0] <= 0.05
        spread = [arm.sum_squares - arm.sum**2 / arm.n for arm in (*result.arms, *result.uncapped)]
        ratio.append(sum(spread[:2]) / sum(spread[2:]))
    assert stats.binomtest(int(alarms), n_tests, 0.05).pvalue > 0.001
    assert np.median(ratio) < 0.8
