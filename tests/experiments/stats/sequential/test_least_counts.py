import numpy as np
import pytest

from experiments.stats.estimation.sufficient_statistics import Proportion
from experiments.stats.sequential.least_counts import has_few_clicks, has_few_visitors


def phases(n, clicks):
    return Proportion(n=np.array(n, dtype=float), sum=np.array(clicks, dtype=float))


@pytest.mark.parametrize(
    ("n", "clicks", "is_few"),
    [([100, 100], [20, 20], False), ([100, 100], [19, 20], True), ([100, 100], [20, 81], True)],
)
def test_few_clicks_counts_both_sides_of_both_arms(n, clicks, is_few):
    assert has_few_clicks(phases([n], [clicks])).tolist() == [is_few]


def test_phases_of_equal_shares_count_as_one():
    assert has_few_clicks(phases([[900, 100]] * 2, [[90, 10]] * 2)).tolist() == [False]
    assert has_few_clicks(phases([[900, 100]] * 2, [[90, 10], [90, 9]])).tolist() == [True]


def test_click_counts_by_the_weight_of_its_phase():
    """Few clicks of much weight are skewed, whatever others weigh next to nothing."""
    both = phases([[99_000, 1_000], [10_000, 10_000]], [[990, 10], [100, 100]])
    assert has_few_clicks(both, scale=np.array([[1.0], [1.0]])).tolist() == [False]
    assert has_few_clicks(both, scale=np.array([[100.0], [1.0]])).tolist() == [True]


@pytest.mark.parametrize(("others", "effective"), [(40, 19.84), (45, 20.36)])
def test_weighted_clicks_are_as_skewed_as_so_many_of_equal_weight(others, effective):
    """Skewness of a weighted sum of Poisson counts: sum w^3 m / (sum w^2 m)^1.5."""
    # The arm's clicks weigh 0.9 x 3 and 0.5 x 1: the control's part of the phase, and the scale.
    weights, clicks = np.array([2.7, 0.5]), np.array([16.0, others])
    skewness = (weights**3 @ clicks) / (weights**2 @ clicks) ** 1.5
    assert 1 / skewness**2 == pytest.approx(effective, abs=0.01)
    both = phases([[9_000, 1_000], [50_000, 50_000]], [[900, 16], [2_000, others]])
    is_few = has_few_clicks(both, scale=np.array([[3.0], [1.0]])).tolist()
    assert is_few == [effective < 20]


def test_few_visitors_counts_both_arms():
    assert has_few_visitors(phases([99, 200, 300], [0, 0, 0])).tolist() == [True, True]
    assert has_few_visitors(phases([100, 99, 300], [0, 0, 0])).tolist() == [True, False]
