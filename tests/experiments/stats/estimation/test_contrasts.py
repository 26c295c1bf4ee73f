import numpy as np
import pandas as pd
import pytest
import tea_tasting as tt

from experiments.stats.estimation.contrasts import contrasts, raw_estimates
from experiments.stats.estimation.cuped import estimate
from experiments.stats.estimation.lift_intervals import lift_standard_error
from experiments.stats.estimation.sufficient_statistics import (
    Ratio,
    SufficientStatistics,
    stack_arms,
)
from experiments.stats.estimation.undefined_reasons import Reason
from experiments.stats.frequentist.fixed_horizon import compare_fixed


def ratio_of(top, bottom):
    return Ratio(
        n=len(top),
        numerator_sum=top.sum(),
        numerator_sum_squares=(top**2).sum(),
        denominator_sum=bottom.sum(),
        denominator_sum_squares=(bottom**2).sum(),
        product_sum=(top * bottom).sum(),
    )


@pytest.fixture
def visitors():
    rng = np.random.default_rng(5)
    views = [rng.poisson(4, n) + 1.0 for n in (400, 700)]
    return [
        (rng.binomial(v.astype(int), p).astype(float), v)
        for v, p in zip(views, (0.2, 0.25), strict=True)
    ]


def test_ratio_matches_tea_tasting(visitors):
    data = {
        "variant": np.repeat([0, 1], [len(v) for _, v in visitors]),
        "clicks": np.concatenate([clicks for clicks, _ in visitors]),
        "views": np.concatenate([views for _, views in visitors]),
    }
    metric = tt.RatioOfMeans("clicks", "views", equal_var=False, use_t=True)
    expected = metric.analyze(pd.DataFrame(data), 0, 1, variant="variant")
    row = compare_fixed(stack_arms([ratio_of(*arm) for arm in visitors])).rows()[0]
    assert row.effect == pytest.approx(expected.effect_size, rel=1e-9)
    assert row.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    interval = (expected.effect_size_ci_lower, expected.effect_size_ci_upper)
    assert row.effect_interval == pytest.approx(interval, rel=1e-9)


def test_ratio_of_ones_is_the_mean(visitors):
    (clicks, _), (more, _) = visitors
    ratio = stack_arms([ratio_of(c, np.ones(len(c))) for c in (clicks, more)])
    means = raw_estimates(ratio)
    assert means.mean == pytest.approx([clicks.mean(), more.mean()], rel=1e-12)
    variances = [c.var(ddof=1) / len(c) for c in (clicks, more)]
    assert means.variance == pytest.approx(variances, rel=1e-9)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, Reason.DEFINED),
        ({"denominator_sum": 0.0, "product_sum": 0.0}, Reason.ZERO_DENOMINATOR),
        ({"n": 0.0}, Reason.NO_VISITORS),
        ({"n": 1.0}, Reason.ONE_VISITOR),
        (
            {"numerator_sum": 6.0, "numerator_sum_squares": 14.0, "product_sum": 14.0},
            Reason.NO_VARIANCE,
        ),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_ratio_says_why_its_variance_is_unknown(change, reason):
    sums = {
        "n": 3.0,
        "numerator_sum": 3.0,
        "numerator_sum_squares": 5.0,
        "denominator_sum": 6.0,
        "denominator_sum_squares": 14.0,
        "product_sum": 7.0,
    }
    if change.get("n") == 0:
        sums = dict.fromkeys(sums, 0.0)
    elif change.get("n") == 1:
        sums = dict.fromkeys(sums, 1.0)
    arm = Ratio(**(sums | change))
    assert raw_estimates(arm).reason == reason


def test_ratio_without_denominator_has_no_effect():
    zero = Ratio(
        n=9, numerator_sum=0, numerator_sum_squares=0, denominator_sum=0,
        denominator_sum_squares=9, product_sum=0,
    )  # fmt: skip
    row = compare_fixed(stack_arms([zero, zero])).rows()[0]
    assert (row.effect, row.lift, row.p_value) == (None, None, None)
    assert "denominator" in row.reason
    assert "denominator" in row.lift_reason


def test_unknown_kind_of_statistics_is_refused():
    with pytest.raises(TypeError, match="statistics of an unknown kind: SufficientStatistics"):
        raw_estimates(SufficientStatistics(n=np.array([1.0, 2.0])))


def test_standard_error_of_the_lift_matches_growthbook(two_means):
    contrast = contrasts(estimate(two_means))
    assert lift_standard_error(contrast)[0] == pytest.approx(0.37879, abs=5e-6)
    assert contrast.dof[0] == pytest.approx(5841.742, abs=5e-4)
