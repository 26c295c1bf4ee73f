import numpy as np
import pytest
from scipy.stats import binomtest

from experiments.stats.estimation.contrasts import contrasts
from experiments.stats.estimation.cuped import estimate
from experiments.stats.estimation.mantel_haenszel import each_field, mantel_haenszel_contrasts
from experiments.stats.estimation.sufficient_statistics import Mean, Proportion, Ratio
from experiments.stats.estimation.undefined_reasons import Reason

# The control's and the arm's visitors and clicks, phase by phase.
N = np.array([[9_000.0, 1_000.0], [5_000.0, 5_000.0], [300.0, 700.0]])
CLICKS = np.array([[900.0, 98.0], [150.0, 161.0], [12.0, 33.0]])


def test_lift_of_rates_is_the_rate_ratio_of_greenland_and_robins():
    contrast = mantel_haenszel_contrasts(Proportion(n=N, sum=CLICKS))
    n_0, n_1, x_0, x_1 = N[:, 0], N[:, 1], CLICKS[:, 0], CLICKS[:, 1]
    ratio = sum(x_1 * n_0 / (n_0 + n_1)) / sum(x_0 * n_1 / (n_0 + n_1))
    assert contrast.lift[0] == pytest.approx(ratio - 1, rel=1e-12)
    assert contrast.information[0] == pytest.approx(900 + 2_500 + 210)
    assert contrast.n[0] == 21_000


def test_variance_is_that_of_the_weighted_difference():
    contrast = mantel_haenszel_contrasts(Proportion(n=N, sum=CLICKS))
    weights = np.array([900.0, 2_500.0, 210.0]) / 3_610
    rate = CLICKS / N
    variance = (weights**2 * (rate * (1 - rate) / (N - 1)).sum(axis=1)).sum()
    assert contrast.variance[0] == pytest.approx(variance, rel=1e-12)


@pytest.mark.parametrize("kind", ["rate", "mean", "ratio", "covariate"])
def test_one_stratum_is_compared_as_without_strata(kind):
    before = {
        "covariate_sum": np.array([400.0, 420.0, 800.0]),
        "covariate_sum_squares": np.array([700.0, 690.0, 1_500.0]),
        "covariate_product_sum": np.array([300.0, 350.0, 700.0]),
    }
    n, total = np.array([2_000.0, 2_100.0, 4_000.0]), np.array([500.0, 560.0, 1_000.0])
    whole = {
        "rate": Proportion(n=n, sum=total),
        "mean": Mean(n=n, sum=total, sum_squares=total * 3),
        "ratio": Ratio(
            n=n, numerator_sum=total, numerator_sum_squares=total * 3, denominator_sum=2 * n,
            denominator_sum_squares=5 * n, product_sum=total * 2,
        ),
        "covariate": Mean(n=n, sum=total, sum_squares=total * 3, **before),
    }[kind]  # fmt: skip
    expected = contrasts(estimate(whole))
    found = mantel_haenszel_contrasts(each_field(whole, lambda field: field[None]))
    for name in ("effect", "variance", "base", "base_variance", "base_covariance", "information"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-12)


def test_equal_strata_agree_with_the_whole_for_every_kind_of_metric():
    n = np.full((4, 2), 5_000.0)
    rates = {"sum": n * [0.05, 0.06]}
    ratio = {
        "numerator_sum": n * [1.0, 1.1], "numerator_sum_squares": n * 3,
        "denominator_sum": n * 2, "denominator_sum_squares": n * 5, "product_sum": n * [2.1, 2.3],
    }  # fmt: skip
    for whole in (
        Proportion(n=n, **rates),
        Mean(n=n, **rates, sum_squares=n * 0.4),
        Ratio(n=n, **ratio),
    ):
        summed = contrasts(estimate(each_field(whole, lambda field: field.sum(axis=0))))
        found = mantel_haenszel_contrasts(whole)
        assert found.lift == pytest.approx(summed.lift, rel=1e-9)
        assert found.variance == pytest.approx(summed.variance, rel=1e-3)


def test_phases_of_one_arm_do_not_count():
    alone = np.vstack([N, [[50_000.0, 0.0], [0.0, 800.0], [0.0, 0.0]]])
    clicks = np.vstack([CLICKS, [[1.0, 0.0], [0.0, 700.0], [0.0, 0.0]]])
    both = mantel_haenszel_contrasts(Proportion(n=N, sum=CLICKS))
    found = mantel_haenszel_contrasts(Proportion(n=alone, sum=clicks))
    for name in ("effect", "variance", "base", "n", "information", "lift"):
        assert getattr(found, name) == pytest.approx(getattr(both, name), rel=1e-12)


def test_arms_that_never_met_are_not_compared():
    contrast = mantel_haenszel_contrasts(
        Proportion(n=np.array([[100.0, 0.0], [0.0, 100.0]]), sum=np.array([[9.0, 0], [0, 9.0]]))
    )
    assert contrast.reason.tolist() == [Reason.NO_VISITORS]
    assert np.isnan(contrast.effect[0])
    assert np.isnan(contrast.lift[0])


def test_strata_need_two_axes():
    with pytest.raises(ValueError, match="strata and two arms or more"):
        mantel_haenszel_contrasts(Proportion(n=np.array([9.0, 9.0]), sum=np.array([1.0, 1.0])))


def test_covariate_has_one_coefficient_over_the_strata():
    """A stratum of a few visitors would fit a coefficient of its own to their noise."""
    rng = np.random.default_rng(5)
    sums = {name: [] for name in ("n", "s", "ss", "x", "xx", "xy")}
    for size in (4_000, 4_000, 3):
        x = rng.normal(1.0, 1.0, (2, size))
        y = 0.8 * x + rng.normal(0, 0.5, (2, size))
        for name, value in zip(sums, (np.ones_like(x), y, y**2, x, x**2, x * y), strict=True):
            sums[name].append(value.sum(axis=1))
    n, s, ss, x, xx, xy = (np.array(sums[name]) for name in sums)
    adjusted = Mean(
        n=n, sum=s, sum_squares=ss, covariate_sum=x, covariate_sum_squares=xx,
        covariate_product_sum=xy,
    )  # fmt: skip
    plain = mantel_haenszel_contrasts(Mean(n=n, sum=s, sum_squares=ss))
    found = mantel_haenszel_contrasts(adjusted)
    # The noise that is left has variance 0.25 of 0.89.
    assert found.variance[0] / plain.variance[0] == pytest.approx(0.25 / 0.89, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(6, 3), (2, 1), (400, 40)])
def test_many_small_strata_keep_the_level(sizes):
    rng = np.random.default_rng([21, *sizes])
    runs, strata = 4_000, 300
    n = np.stack([rng.poisson(size, (runs, strata)) for size in sizes], axis=-1)
    rate = rng.uniform(0.02, 0.5, (1, strata, 1))
    contrast = mantel_haenszel_contrasts(
        Proportion(n=n.astype(float), sum=rng.binomial(n, rate).astype(float))
    )
    alarms = int((np.abs(contrast.effect / contrast.standard_error) > 1.959964).sum())
    assert binomtest(alarms, runs, 0.05).pvalue > 0.001


def test_scale_changes_the_weights_of_the_strata():
    scale = np.array([[1 / 0.3], [2.0], [1 / 0.21**0.5]])
    contrast = mantel_haenszel_contrasts(Proportion(n=N, sum=CLICKS), scale=scale)
    weights = np.array([900.0, 2_500.0, 210.0]) * scale[:, 0]
    weights /= weights.sum()
    rate = CLICKS / N
    assert contrast.effect[0] == pytest.approx(weights @ (rate[:, 1] - rate[:, 0]), rel=1e-12)
    variance = (weights**2 * (rate * (1 - rate) / (N - 1)).sum(axis=1)).sum()
    assert contrast.variance[0] == pytest.approx(variance, rel=1e-12)
    assert contrast.information[0] == pytest.approx(900 + 2_500 + 210)


def test_stratum_of_no_scale_is_left_out():
    scale = np.array([[1.0], [1.0], [0.0]])
    found = mantel_haenszel_contrasts(Proportion(n=N, sum=CLICKS), scale=scale)
    first = mantel_haenszel_contrasts(Proportion(n=N[:2], sum=CLICKS[:2]))
    assert found.effect == pytest.approx(first.effect, rel=1e-12)
    assert found.variance == pytest.approx(first.variance, rel=1e-12)


@pytest.mark.parametrize("part", [0.5, 1.0])
def test_part_of_the_variance_may_be_that_of_both_arms(part):
    contrast = mantel_haenszel_contrasts(Proportion(n=N[:1], sum=CLICKS[:1]), null_part=part)
    rate, both = CLICKS[0] / N[0], 998 / 10_000
    own = rate * (1 - rate) / (N[0] - 1)
    joined = both * (1 - both) * 10_000 / 9_999 / N[0]
    each = part * joined + (1 - part) * own
    assert contrast.variance[0] == pytest.approx(each.sum(), rel=1e-12)
    assert contrast.control_variance[0] == pytest.approx(each[0], rel=1e-12)
