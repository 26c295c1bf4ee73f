import numpy as np
import pytest

from experiments.services.insights.lift_estimates import lift_estimates
from experiments.stats.estimation.sufficient_statistics import Proportion


def test_lift_estimate_has_the_error_of_the_delta_method():
    # Values of gbstats 0.8.0, ../shared/notes/statistics.md section 14.
    both = Proportion(n=np.array([10_000, 10_000]), sum=np.array([500, 580]))
    (found,) = lift_estimates(both)
    assert found.lift == pytest.approx(0.16)
    assert found.se == pytest.approx(0.0688627621, rel=1e-8)
    assert found.base == pytest.approx(0.05)


def test_lift_estimate_is_none_without_a_click():
    assert lift_estimates(Proportion(n=np.array([10, 10]), sum=np.array([0, 3]))) == [None]
