import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ml.scoring.rank_probabilities import rank_beliefs, rank_probabilities


def test_rank_probabilities_are_those_of_a_simulation():
    expected, spread = np.array([0.3, 0.1, 0.0, -0.4]), 0.2
    rng = np.random.default_rng(3)
    drawn = expected + spread * rng.standard_normal((200_000, 4))
    ranks = (-drawn).argsort(axis=1).argsort(axis=1)
    simulated = np.stack([(ranks == rank).mean(axis=0) for rank in range(4)], axis=1)
    np.testing.assert_allclose(rank_probabilities(expected, spread), simulated, atol=0.005)


@given(
    st.lists(st.floats(-1, 1), min_size=1, max_size=12),
    st.floats(0.01, 2),
)
def test_rank_probabilities_sum_to_one_both_ways(expected, spread):
    found = rank_probabilities(np.array(expected), spread)
    assert (found >= 0).all()
    assert (found <= 1).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-9)
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=0.02)


# Rounding made the first probability 1.0000000000000004 and the first rank 5.000000000000002.
@example(expected=[-48.5, -5.4, 56.7, -29.9, -5.2], spread=0.85)
@given(st.lists(st.floats(-60, 60), min_size=1, max_size=12), st.floats(0.01, 2))
def test_beliefs_stay_within_what_they_can_be(expected, spread):
    for belief in rank_beliefs(np.array(expected), spread):
        assert 0 <= belief.best <= 1
        assert 1 <= belief.expected <= len(expected)
        assert 1 <= belief.low <= belief.high <= len(expected)


def test_equal_wordings_have_equal_chances():
    beliefs = rank_beliefs(np.zeros(5), 0.3)
    assert [each.best for each in beliefs] == pytest.approx([0.2] * 5)
    assert {(each.low, each.high) for each in beliefs} == {(1, 5)}


def test_single_wording_is_surely_the_best():
    (only,) = rank_beliefs(np.array([0.7]), 0.1)
    assert (only.best, only.expected) == pytest.approx((1, 1))
    assert (only.low, only.high) == (1, 1)


def test_clear_order_leaves_no_doubt():
    beliefs = rank_beliefs(np.array([2.0, 0.0, 1.0]), 0.01)
    assert [(each.low, each.high) for each in beliefs] == [(1, 1), (3, 3), (2, 2)]


def test_spread_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="spread: 0"):
        rank_probabilities(np.zeros(2), 0.0)
