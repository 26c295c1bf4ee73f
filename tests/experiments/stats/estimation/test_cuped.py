import numpy as np
import pytest
from scipy.stats import binomtest
from statsmodels.api import OLS

from experiments.stats.estimation.contrasts import contrasts, raw_estimates
from experiments.stats.estimation.cuped import estimate, is_adjustable, theta
from experiments.stats.estimation.lift_intervals import fieller_interval, lift_standard_error
from experiments.stats.estimation.sufficient_statistics import (
    Mean,
    Proportion,
    Ratio,
    SufficientStatistics,
    stack_arms,
)
from experiments.stats.frequentist.fixed_horizon import compare_fixed


@pytest.fixture
def reference():
    """The case of the notes, computed there with gbstats 0.8.0."""
    return Mean(
        n=np.full(2, 1000.0),
        sum=np.array([500.0, 560.0]),
        sum_squares=np.array([1200.0, 1400.0]),
        covariate_sum=np.array([480.0, 490.0]),
        covariate_sum_squares=np.array([1100.0, 1150.0]),
        covariate_product_sum=np.array([900.0, 1000.0]),
    )


def mean_of(y, x):
    return Mean(
        n=len(y), sum=y.sum(), sum_squares=(y**2).sum(), covariate_sum=x.sum(),
        covariate_sum_squares=(x**2).sum(), covariate_product_sum=(x * y).sum(),
    )  # fmt: skip


def ratio_of(y, d, x):
    return Ratio(
        n=len(y),
        numerator_sum=y.sum(),
        numerator_sum_squares=(y**2).sum(),
        denominator_sum=d.sum(),
        denominator_sum_squares=(d**2).sum(),
        product_sum=(y * d).sum(),
        covariate_sum=x.sum(),
        covariate_sum_squares=(x**2).sum(),
        covariate_product_sum=(x * y).sum(),
        covariate_denominator_product_sum=(x * d).sum(),
    )


def test_theta_matches_gbstats(reference):
    assert theta(reference)[0] == pytest.approx(0.7787923914, rel=1e-9)
    assert theta(reference, pooling="within")[0] == pytest.approx(0.7786456870, rel=1e-9)


def test_theta_of_few_visitors_matches_growthbook():
    y, x = np.array([2.0, 1, 5, 3]), np.array([0.3, 0.5, 0.9, 22])
    assert theta(stack_arms([mean_of(y, x)] * 2))[0] == pytest.approx(0.01864, abs=5e-6)


def test_adjusted_effect_matches_gbstats(reference):
    row = compare_fixed(reference).rows()[0]
    contrast = contrasts(estimate(reference))
    assert row.effect == pytest.approx(0.0522120761, abs=5e-11)
    assert contrast.standard_error[0] == pytest.approx(0.0309591189, abs=5e-11)
    assert row.p_value == pytest.approx(0.0918592, abs=5e-8)
    assert contrasts(raw_estimates(reference)).standard_error[0] == pytest.approx(
        0.0451491, abs=5e-8
    )


def test_adjusted_lift_follows_the_delta_method(reference):
    # gbstats reports 0.06551 and GrowthBook's HEAD 0.06563: both leave the gradient's true point.
    contrast = contrasts(estimate(reference))
    assert contrast.lift[0] == pytest.approx(0.1044241522, abs=5e-11)
    assert lift_standard_error(contrast)[0] == pytest.approx(0.0651148211, abs=5e-11)


def test_adjusted_lift_interval_solves_fieller_s_equation(reference):
    contrast = contrasts(estimate(reference))
    moments = (contrast.variance[0], contrast.base_variance[0], contrast.base_covariance[0])
    for end in fieller_interval(contrast, np.float64(2.0))[:2]:
        r = end[0]
        left = abs(contrast.effect[0] - r * contrast.base[0])
        right = 2 * np.sqrt(moments[0] + r**2 * moments[1] - 2 * r * moments[2])
        assert left == pytest.approx(right, rel=1e-9)


def test_theta_is_the_slope_of_the_regression():
    rng = np.random.default_rng(2)
    x = rng.normal(3, 1, 300)
    y = 2 * x + rng.normal(0, 1, 300)
    arms = stack_arms([mean_of(y[:100], x[:100]), mean_of(y[100:], x[100:])])
    slope = OLS(y, np.column_stack([np.ones(300), x])).fit().params[1]
    assert theta(arms)[0] == pytest.approx(slope, rel=1e-9)


def test_adjusted_proportion_equals_the_mean_of_zeros_and_ones():
    rng = np.random.default_rng(4)
    x = rng.normal(0, 1, (2, 500))
    y = (x + rng.normal(0, 1, (2, 500)) > 1).astype(float)
    means = stack_arms([mean_of(y[k], x[k]) for k in range(2)])
    sums = {
        name: getattr(means, name)
        for name in ("n", "sum", "covariate_sum", "covariate_sum_squares", "covariate_product_sum")
    }
    adjusted, other = estimate(Proportion(**sums)), estimate(means)
    assert adjusted.mean == pytest.approx(other.mean, rel=1e-9)
    # A proportion divides by n, a mean by n - 1.
    assert adjusted.variance * 500 / 499 == pytest.approx(other.variance, rel=1e-9)
    assert (adjusted.variance < raw_estimates(means).variance).all()


def test_adjusted_ratio_of_ones_is_the_adjusted_mean():
    rng = np.random.default_rng(6)
    x = rng.normal(1, 1, (2, 300))
    y = x + rng.normal(2, 1, (2, 300))
    ones = np.ones(300)
    ratio = estimate(stack_arms([ratio_of(y[k], ones, x[k]) for k in range(2)]))
    mean = estimate(stack_arms([mean_of(y[k], x[k]) for k in range(2)]))
    assert ratio.mean == pytest.approx(mean.mean, rel=1e-9)
    assert ratio.variance == pytest.approx(mean.variance, rel=1e-9)


def test_one_theta_serves_all_arms():
    rng = np.random.default_rng(8)
    x = rng.normal(0, 1, (3, 200))
    y = x + rng.normal(0, 1, (3, 200))
    arms = estimate(stack_arms([mean_of(y[k], x[k]) for k in range(3)]))
    slope = theta(stack_arms([mean_of(y[k], x[k]) for k in range(3)]))[0]
    assert arms.mean == pytest.approx(y.mean(axis=1) - slope * (x.mean(axis=1) - x.mean()))


def test_constant_covariate_changes_nothing():
    y = np.arange(10.0)
    arms = stack_arms([mean_of(y, np.ones(10)), mean_of(y * 2, np.ones(10))])
    assert estimate(arms).mean.tolist() == raw_estimates(arms).mean.tolist()
    assert estimate(arms).variance.tolist() == raw_estimates(arms).variance.tolist()


def test_covariate_that_explains_everything_leaves_no_variance():
    y = np.arange(10.0)
    row = compare_fixed(stack_arms([mean_of(y, y), mean_of(y + 1, y + 1)])).rows()[0]
    assert row.p_value is None
    assert "same outcome" in row.reason


def test_ratio_needs_the_product_with_its_denominator():
    y = np.arange(1.0, 10)
    whole = ratio_of(y, y + 1, y)
    partial = {name: getattr(whole, name) for name in whole.__dataclass_fields__}
    partial.pop("covariate_denominator_product_sum")
    arm = Ratio(**partial)
    assert not is_adjustable(arm)
    assert estimate(stack_arms([arm, arm])).mean == pytest.approx([y.sum() / (y + 1).sum()] * 2)


def test_theta_needs_a_covariate(two_means):
    with pytest.raises(ValueError, match="covariate_sum is missing: theta needs it"):
        theta(two_means)


def test_theta_refuses_an_unknown_kind():
    arms = SufficientStatistics(
        n=np.full(2, 3.0), covariate_sum=np.full(2, 3.0), covariate_sum_squares=np.full(2, 9.0),
        covariate_product_sum=np.full(2, 1.0),
    )  # fmt: skip
    with pytest.raises(TypeError, match="unknown kind: SufficientStatistics"):
        theta(arms)


@pytest.mark.slow
def test_adjustment_leaves_one_minus_the_squared_correlation_and_keeps_the_size():
    rng = np.random.default_rng(11)
    runs, n, correlation = 4_000, 200, 0.8
    x = rng.normal(0, 1, (runs, 2, n))
    y = correlation * x + np.sqrt(1 - correlation**2) * rng.normal(0, 1, (runs, 2, n))
    arms = Mean(
        n=np.full((runs, 2), float(n)),
        sum=y.sum(axis=-1),
        sum_squares=(y**2).sum(axis=-1),
        covariate_sum=x.sum(axis=-1),
        covariate_sum_squares=(x**2).sum(axis=-1),
        covariate_product_sum=(x * y).sum(axis=-1),
    )
    left = contrasts(estimate(arms)).variance / contrasts(raw_estimates(arms)).variance
    assert left.mean() == pytest.approx(1 - correlation**2, rel=0.02)
    alarms = int((compare_fixed(arms).p_value < 0.05).sum())
    assert binomtest(alarms, runs, 0.05).pvalue > 0.001
