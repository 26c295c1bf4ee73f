import numpy as np
import pytest
from scipy import stats

from experiments.stats.health.interaction import find_interaction

EVEN = [[5_000, 5_000], [5_000, 5_000]]


def test_factor_is_the_ratio_of_the_ratios():
    found = find_interaction(EVEN, [[500, 400], [600, 300]])
    assert found.factor == pytest.approx((300 / 400) / (600 / 500))


def test_p_value_is_the_inverse_of_a_ratio_of_densities():
    hits = np.array([[500, 500], [500, 620]])
    found = find_interaction(EVEN, hits)
    variance = (1 / hits - 1 / 5_000).sum()
    log_factor = np.log(620 / 500)
    mixed = stats.norm.pdf(log_factor, scale=np.sqrt(variance + 0.01))
    null = stats.norm.pdf(log_factor, scale=np.sqrt(variance))
    assert found.p_value == pytest.approx(min(1, null / mixed))


def test_cell_with_few_successes_is_not_tested():
    assert find_interaction(EVEN, [[500, 500], [500, 19]]) is None
    assert find_interaction([[0, 0], [0, 0]], [[0, 0], [0, 0]]) is None


def test_everybody_succeeding_is_no_interaction():
    assert find_interaction(EVEN, EVEN).p_value == 1


@pytest.mark.parametrize(
    ("n", "hits", "message"),
    [
        ([1, 2], [1, 2], "shape"),
        (EVEN, [[500, 500], [500, 5_001]], "at most n"),
        (EVEN, [[500, 500], [500, -1]], "at least 0"),
    ],
)
def test_impossible_numbers_are_refused(n, hits, message):
    with pytest.raises(ValueError, match=message):
        find_interaction(n, hits)


@pytest.mark.slow
def test_two_additive_experiments_seldom_interact_at_any_look():
    """2,000 pairs, 28 daily looks; one lifts the rate of 10 % by 20 %, the other by 10 %."""
    rng, runs, looks, daily = np.random.default_rng(5), 2_000, 28, 300
    rates = 0.1 * np.array([[1, 1.1], [1.2, 1.32]])
    hits = rng.binomial(daily, rates, (runs, looks, 2, 2)).cumsum(axis=1)
    found = 0
    for run in hits:
        tests = [
            find_interaction(np.full((2, 2), daily * (look + 1)), run[look])
            for look in range(looks)
        ]
        found += any(test is not None and test.p_value <= 0.05 for test in tests)
    assert found / runs <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)
