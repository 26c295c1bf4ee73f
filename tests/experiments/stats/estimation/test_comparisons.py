import numpy as np
import pytest

from experiments.stats.estimation.comparisons import check_alpha, check_arms, comparisons
from experiments.stats.estimation.contrasts import contrasts
from experiments.stats.estimation.cuped import estimate
from experiments.stats.estimation.sufficient_statistics import Proportion


def contrast_of(n, clicks):
    statistics = Proportion(n=np.array(n, dtype=float), sum=np.array(clicks, dtype=float))
    return contrasts(estimate(statistics))


def test_interval_is_the_effect_and_its_multiple_of_the_standard_error():
    contrast = contrast_of([1_000, 1_000], [100, 150])
    (row,) = comparisons(contrast, np.array([2.0]), p_value=np.array([0.03])).rows()
    se = contrast.standard_error[0]
    assert row.effect == pytest.approx(0.05)
    assert row.effect_interval == pytest.approx((0.05 - 2 * se, 0.05 + 2 * se))
    assert row.p_value == 0.03


def test_lift_of_a_control_without_clicks_is_undefined_with_a_reason():
    (row,) = comparisons(
        contrast_of([1_000, 1_000], [0, 10]), np.array([2.0]), p_value=np.array([0.01])
    ).rows()
    assert row.lift is None
    assert row.lift_reason


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, float("nan")])
def test_alpha_outside_its_range_is_refused(alpha):
    with pytest.raises(ValueError, match="alpha"):
        check_alpha(alpha)


def test_one_arm_is_refused():
    with pytest.raises(ValueError, match="arms"):
        check_arms(Proportion(n=np.array([10.0]), sum=np.array([1.0])))
