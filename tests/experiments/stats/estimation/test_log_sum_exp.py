import numpy as np
import pytest
from scipy.special import logsumexp

from experiments.stats.estimation.log_sum_exp import log_sum_exp


@pytest.mark.parametrize("size", [1e-300, 1.0, 1e5])
def test_sums_are_those_of_scipy(size):
    values = size * np.random.default_rng(18).normal(size=(20, 3, 7))
    assert log_sum_exp(values) == pytest.approx(logsumexp(values, axis=-1), rel=1e-13)


def test_impossible_terms_add_nothing():
    values = np.array([[-np.inf, 2.0], [-np.inf, -np.inf]])
    assert log_sum_exp(values).tolist() == [2.0, -np.inf]
