import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint, proportions_ztest

from experiments.stats.estimation.multiplicity import adjust_p_values
from experiments.stats.estimation.sufficient_statistics import Mean, Proportion, stack_arms
from experiments.stats.frequentist.fixed_horizon import (
    compare_fixed,
    pooled_z_p_values,
    wilson_interval,
)


def one_row(statistics, **options):
    return compare_fixed(statistics, **options).rows()[0]


def test_welch_matches_growthbook(two_means):
    row = one_row(two_means)
    assert row.effect == pytest.approx(0.29, rel=1e-9)
    assert row.effect_interval == pytest.approx((0.04538, 0.53462), abs=5e-6)
    assert row.p_value == pytest.approx(0.02016, abs=5e-6)
    assert row.lift == pytest.approx(0.70732, abs=5e-6)


def test_welch_matches_scipy_from_sums(two_means):
    n, mean = two_means.n, two_means.sum / two_means.n
    sd = np.sqrt((two_means.sum_squares - n * mean**2) / (n - 1))
    expected = stats.ttest_ind_from_stats(
        mean[1], sd[1], n[1], mean[0], sd[0], n[0], equal_var=False
    )
    assert one_row(two_means).p_value == pytest.approx(expected.pvalue, rel=1e-9)


def test_welch_of_a_proportion_matches_gbstats(two_proportions):
    row = one_row(two_proportions)
    assert row.effect_interval == pytest.approx((0.0017358243, 0.0142641757), abs=5e-11)
    assert row.p_value == pytest.approx(0.0123145389, rel=1e-8)


def test_pooled_z_matches_statsmodels(two_proportions):
    expected = proportions_ztest(two_proportions.sum, two_proportions.n)[1]
    row = one_row(two_proportions, test="pooled_z")
    assert row.p_value == pytest.approx(expected, rel=1e-9)


@pytest.mark.needs_shared
def test_pooled_z_with_holm_reproduces_the_library_test(library_arms):
    p_values = compare_fixed(library_arms, test="pooled_z").p_value
    expected = [2.3e-16, 0.0169, 9.1e-7, 6.4e-18]
    assert adjust_p_values(p_values, "holm") == pytest.approx(expected, rel=0.01)


def test_p_value_survives_far_below_double_rounding():
    row = one_row(Proportion(n=np.array([1e6, 1e6]), sum=np.array([1e5, 1.15e5])))
    assert 0 < row.p_value < 1e-200


def test_alpha_of_each_comparison_widens_its_own_interval():
    arms = Proportion(n=np.full(3, 1000.0), sum=np.array([100.0, 120.0, 120.0]))
    result = compare_fixed(arms, alpha=np.array([0.05, 0.01]))
    assert result.effect_low[1] < result.effect_low[0]


def test_many_experiments_at_once_equal_one_by_one():
    rng = np.random.default_rng(1)
    n = rng.integers(100, 200, (4, 3, 5)).astype(float)
    clicks = rng.integers(1, 90, (4, 3, 5)).astype(float)
    together = compare_fixed(Proportion(n=n, sum=clicks))
    single = compare_fixed(Proportion(n=n[2, 1], sum=clicks[2, 1]))
    assert together.p_value[2, 1] == pytest.approx(single.p_value, rel=1e-12)
    assert together.lift_high[2, 1] == pytest.approx(single.lift_high, rel=1e-12)


@pytest.mark.parametrize(
    ("arms", "reason"),
    [
        (Proportion(n=np.array([0.0, 10.0]), sum=np.array([0.0, 5.0])), "no visitors"),
        (Proportion(n=np.array([10.0, 10.0]), sum=np.array([0.0, 0.0])), "same outcome"),
        (Proportion(n=np.array([20.0, 20.0]), sum=np.array([5.0, 20.0])), "same outcome"),
        (Mean(n=np.ones(2), sum=np.ones(2), sum_squares=np.ones(2)), "one visitor only"),
        (
            Mean(n=np.full(2, 9.0), sum=np.full(2, 0.9), sum_squares=np.full(2, 0.09)),
            "same outcome",
        ),
    ],
)
def test_undefined_test_is_none_with_a_reason(arms, reason):
    row = one_row(arms)
    assert (row.p_value, row.effect_interval, row.lift_interval) == (None, None, None)
    assert reason in row.reason


def test_zero_control_keeps_the_effect_and_drops_the_lift():
    row = one_row(Proportion(n=np.array([20.0, 20.0]), sum=np.array([0.0, 3.0])))
    assert (row.effect, row.lift) == (pytest.approx(0.15), None)
    assert "mean is 0" in row.lift_reason


def test_pooled_z_is_defined_when_one_arm_has_no_click():
    arms = Proportion(n=np.array([20.0, 20.0]), sum=np.array([0.0, 3.0]))
    row = one_row(arms, test="pooled_z")
    assert row.p_value == pytest.approx(proportions_ztest([0, 3], [20, 20])[1], rel=1e-9)


def test_pooled_z_p_values_are_those_beside_the_intervals(library_arms):
    p_values = compare_fixed(library_arms, test="pooled_z").p_value
    assert pooled_z_p_values(library_arms).tolist() == p_values.tolist()


@pytest.mark.parametrize("clicks", [[0.0, 0.0], [20.0, 20.0]])
def test_pooled_z_is_undefined_when_all_or_none_click(clicks):
    row = one_row(Proportion(n=np.array([20.0, 20.0]), sum=np.array(clicks)), test="pooled_z")
    assert row.p_value is None


def test_numbers_beyond_range_are_undefined():
    two_visitors = Mean(
        n=np.full(2, 2.0), sum=np.array([2e20, 2.0]), sum_squares=np.array([1e41, 4.0])
    )
    row = one_row(two_visitors, alpha=1e-300)
    assert row.effect_interval is None
    assert "beyond the range" in row.reason


def test_pooled_z_is_for_proportions(two_means):
    with pytest.raises(ValueError, match="test must be 'welch' for Mean or with"):
        compare_fixed(two_means, test="pooled_z")


@pytest.mark.parametrize("alpha", [0, 1, -0.1, float("nan")])
def test_compare_fixed_refuses_alpha(two_proportions, alpha):
    with pytest.raises(ValueError, match="alpha must lie between 0 and 1"):
        compare_fixed(two_proportions, alpha=alpha)


@pytest.mark.parametrize("n", [10.0, np.array([10.0])])
def test_compare_fixed_needs_two_arms(n):
    with pytest.raises(ValueError, match="arms must be two or more"):
        compare_fixed(Proportion(n=n, sum=n))


def test_rows_refuse_many_experiments():
    arms = Proportion(n=np.full((2, 2), 9.0), sum=np.full((2, 2), 3.0))
    with pytest.raises(ValueError, match="rows needs one experiment"):
        compare_fixed(arms).rows()


counts = st.integers(2, 10**6).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n - 1)))


@given(counts, counts)
def test_swapping_the_arms_mirrors_the_effect(first, second):
    forth, back = (
        one_row(stack_arms([Proportion(n=n, sum=s) for n, s in pair]))
        for pair in ([first, second], [second, first])
    )
    assert forth.p_value == pytest.approx(back.p_value, rel=1e-9)
    assert forth.effect_interval[0] == pytest.approx(-back.effect_interval[1], abs=1e-12)


@given(counts, counts, st.floats(0.001, 0.5))
def test_lift_interval_and_effect_interval_give_one_verdict(first, second, alpha):
    row = one_row(stack_arms([Proportion(n=n, sum=s) for n, s in (first, second)]), alpha=alpha)
    if row.lift_interval is not None and abs(row.p_value - alpha) > 1e-9:
        is_significant = row.p_value < alpha
        assert (row.effect_interval[0] > 0 or row.effect_interval[1] < 0) == is_significant
        assert (row.lift_interval[0] > 0 or row.lift_interval[1] < 0) == is_significant


@given(counts, counts)
def test_smaller_alpha_gives_a_wider_interval(first, second):
    arms = stack_arms([Proportion(n=n, sum=s) for n, s in (first, second)])
    narrow, wide = one_row(arms, alpha=0.05), one_row(arms, alpha=0.01)
    assert wide.effect_interval[0] < narrow.effect_interval[0]
    assert wide.effect_interval[1] > narrow.effect_interval[1]


@pytest.mark.parametrize(("clicks", "visitors"), [(0, 20), (20, 20), (1, 3), (500, 10_000)])
def test_wilson_matches_statsmodels(clicks, visitors):
    expected = proportion_confint(clicks, visitors, method="wilson")
    assert wilson_interval(clicks, visitors) == pytest.approx(expected, rel=1e-9, abs=1e-15)


def test_wilson_of_nobody_is_undefined():
    low, high = wilson_interval(np.array([0, 1]), np.array([0, 9]))
    assert np.isnan(low[0])
    assert np.isnan(high[0])
    assert 0 < low[1] < high[1] < 1


def test_wilson_refuses_more_clicks_than_visitors():
    with pytest.raises(ValueError, match="sum must be at most n"):
        wilson_interval(11, 10)
