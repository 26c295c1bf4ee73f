import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from experiments.stats.health.prediction_drift import prediction_drift


@given(st.integers(1, 40), st.floats(0.5, 1), st.data())
def test_equal_chances_make_a_binomial(n, chance, data):
    right = data.draw(st.integers(0, n))
    found = prediction_drift([chance] * n, [True] * right + [False] * (n - right))
    assert found.p_value == pytest.approx(binom.cdf(right, n, chance), abs=1e-12)
    assert found.expected == pytest.approx(n * chance)


def test_tail_of_unequal_chances_is_that_of_their_sum():
    """Both right with 0.6 * 0.9; none with 0.4 * 0.1."""
    chances = [0.6, 0.9]
    assert prediction_drift(chances, [False, False]).p_value == pytest.approx(0.04)
    assert prediction_drift(chances, [True, False]).p_value == pytest.approx(1 - 0.54)
    assert prediction_drift(chances, [True, True]).p_value == pytest.approx(1)


def test_chances_that_hold_are_blamed_at_most_as_often_as_promised():
    rng = np.random.default_rng(11)
    n_runs = 2_000
    chances = rng.uniform(0.5, 0.9, (n_runs, 20))
    outcomes = rng.random((n_runs, 20)) < chances
    blamed = sum(
        prediction_drift(row, hits).has_drifted
        for row, hits in zip(chances.tolist(), outcomes.tolist(), strict=True)
    )
    assert binomtest(blamed, n_runs, 0.05, "greater").pvalue > 0.001


def test_few_outcomes_are_not_judged():
    found = prediction_drift([0.9] * 9, [False] * 9)
    assert (found.right, found.has_drifted) == (0, None)
    assert prediction_drift([0.9] * 10, [False] * 10).has_drifted
    assert prediction_drift([0.6] * 10, [True] * 6 + [False] * 4).has_drifted is False


def test_nothing_predicted_has_no_p_value():
    found = prediction_drift([], [])
    assert (found.n, found.expected, found.p_value, found.has_drifted) == (0, 0, None, None)


@pytest.mark.parametrize(
    ("chances", "outcomes", "message"),
    [([0.4], [True], "chances"), ([1.1], [True], "chances"), ([0.6], [], "lengths")],
)
def test_bad_input_is_named(chances, outcomes, message):
    with pytest.raises(ValueError, match=message):
        prediction_drift(chances, outcomes)
