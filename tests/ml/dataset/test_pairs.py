import numpy as np
import pytest
from statsmodels.stats.proportion import proportions_ztest

from ml.dataset.pairs import pair_arms
from tests.ml.factories import arms_of


def test_every_pair_inside_a_group_appears_once():
    pairs = pair_arms(arms_of([0, 0, 0, 1, 1], [100] * 5, [1, 2, 3, 4, 5]))
    found = list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    assert found == [(0, 1), (0, 2), (1, 2), (3, 4)]
    assert pairs.group.tolist() == [0, 0, 0, 1]


def test_equal_rates_are_left_out_and_counted():
    pairs = pair_arms(arms_of([0, 0, 0], [30, 60, 90], [1, 2, 4]))
    assert (len(pairs), pairs.ties) == (2, 1)
    assert pairs.first_won.tolist() == [False, False]


def test_p_value_is_the_pooled_z_test():
    visitors, clicks = [3012, 2890], [38, 61]
    pairs = pair_arms(arms_of([0, 0], visitors, clicks))
    assert pairs.p_value[0] == pytest.approx(proportions_ztest(clicks, visitors)[1], rel=1e-12)


def test_certain_clicks_and_no_clicks_have_a_p_value():
    pairs = pair_arms(arms_of([0, 0], [10, 10], [10, 0]))
    assert pairs.first_won.tolist() == [True]
    assert pairs.p_value[0] == pytest.approx(proportions_ztest([10, 0], [10, 10])[1])


def test_no_arms_give_no_pairs():
    pairs = pair_arms(arms_of([], [], []))
    assert (len(pairs), pairs.ties) == (0, 0)


def test_swapping_the_arms_swaps_the_winner_only():
    forward = pair_arms(arms_of([0, 0], [900, 1000], [30, 50]))
    backward = pair_arms(arms_of([0, 0], [1000, 900], [50, 30]))
    assert forward.first_won[0] != backward.first_won[0]
    np.testing.assert_allclose(forward.p_value, backward.p_value, rtol=1e-12)
