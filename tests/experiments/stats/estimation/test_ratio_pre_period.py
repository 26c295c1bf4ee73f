import numpy as np
import pytest

from experiments.stats.estimation.contrasts import contrasts
from experiments.stats.estimation.cuped import estimate, is_adjustable
from experiments.stats.estimation.lift_intervals import lift_standard_error
from experiments.stats.estimation.ratio_pre_period import PrePeriod, adjust_for_pre_period
from experiments.stats.estimation.sufficient_statistics import Ratio

# GrowthBook, packages/stats/tests/frequentist/test_tests.py: the sums of its ratio test.
RATIO = Ratio(
    n=np.full(2, 100.0),
    numerator_sum=np.array([485.112236689623, 514.7757826608777]),
    numerator_sum_squares=np.array([2715.484666118136, 2994.897482705013]),
    denominator_sum=np.array([679.9093275844917, 705.4090874383759]),
    denominator_sum_squares=np.array([4939.424001640236, 5291.36604146392]),
    product_sum=np.array([3602.146836776702, 3918.1561431600717]),
)
PRE = {
    "numerator_sum": np.array([192.59138069991536, 206.94157227402536]),
    "numerator_sum_squares": np.array([460.076026390857, 514.2903702246757]),
    "denominator_sum": np.array([290.1398399750233, 302.54389139107326]),
    "denominator_sum_squares": np.array([920.9461385038898, 994.4506208125663]),
    "product_sum": np.array([634.239482353647, 698.4173425817908]),
    "numerator_with_numerator": np.array([1113.6215759318352, 1237.0953021125997]),
    "numerator_with_denominator": np.array([1559.2878434944676, 1701.0287270040265]),
    "denominator_with_numerator": np.array([1460.3181079276983, 1604.0759503266522]),
    "denominator_with_denominator": np.array([2130.9404074446747, 2292.081739775257]),
}


def test_pre_period_ratio_agrees_with_growthbook():
    adjusted = adjust_for_pre_period(RATIO, PrePeriod(**PRE))
    contrast = contrasts(estimate(adjusted))
    assert is_adjustable(adjusted)
    assert contrast.lift[0] == pytest.approx(-0.0007, abs=5e-6)
    # GrowthBook linearises each arm's pre-period at its own ratio; this pools it, so the
    # covariate is the same variable in both arms. Equal to first order: 0.00391 there.
    assert lift_standard_error(contrast)[0] == pytest.approx(0.00391, rel=0.03)
    assert lift_standard_error(contrasts(estimate(RATIO)))[0] == pytest.approx(0.0279, abs=5e-5)


def test_pre_period_equals_visitors_linearised_by_hand():
    rng = np.random.default_rng(9)
    d_pre, d = rng.poisson(5, (2, 80)) + 1.0, rng.poisson(5, (2, 80)) + 1.0
    m_pre, m = d_pre + rng.normal(0, 1, (2, 80)), d + rng.normal(0, 1, (2, 80))
    ratio = Ratio(
        n=np.full(2, 80.0), numerator_sum=m.sum(1), numerator_sum_squares=(m**2).sum(1),
        denominator_sum=d.sum(1), denominator_sum_squares=(d**2).sum(1), product_sum=(m * d).sum(1),
    )  # fmt: skip
    pre = PrePeriod(
        numerator_sum=m_pre.sum(1), numerator_sum_squares=(m_pre**2).sum(1),
        denominator_sum=d_pre.sum(1), denominator_sum_squares=(d_pre**2).sum(1),
        product_sum=(m_pre * d_pre).sum(1), numerator_with_numerator=(m * m_pre).sum(1),
        numerator_with_denominator=(m * d_pre).sum(1),
        denominator_with_numerator=(d * m_pre).sum(1),
        denominator_with_denominator=(d * d_pre).sum(1),
    )  # fmt: skip
    x = m_pre - m_pre.sum() / d_pre.sum() * d_pre
    adjusted = adjust_for_pre_period(ratio, pre)
    assert adjusted.covariate_sum == pytest.approx(x.sum(1), abs=1e-9)
    assert adjusted.covariate_sum_squares == pytest.approx((x**2).sum(1))
    assert adjusted.covariate_product_sum == pytest.approx((x * m).sum(1))
    assert adjusted.covariate_denominator_product_sum == pytest.approx((x * d).sum(1))


def test_pre_period_needs_a_denominator():
    with pytest.raises(ValueError, match="denominator_sum of the pre-period must not be 0"):
        adjust_for_pre_period(RATIO, PrePeriod(**(PRE | {"denominator_sum": np.zeros(2)})))
