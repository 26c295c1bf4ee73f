import numpy as np
import pytest

from ml.evaluation.confirmation import FoldLosses, nested_loss

FOLD = np.repeat(np.arange(5), 40)


def losses_of(loss, fold=FOLD):
    return [FoldLosses(loss=loss, fold=fold)]


def test_a_strategy_that_is_best_everywhere_keeps_its_losses():
    best, other = np.full(200, 0.6), np.full(200, 0.7)
    np.testing.assert_array_equal(nested_loss([losses_of(other), losses_of(best)]), best)


def test_equal_strategies_leave_the_choice_to_the_simplest():
    same = np.linspace(0.6, 0.7, 200)
    np.testing.assert_array_equal(nested_loss([losses_of(same), losses_of(same.copy())]), same)


@pytest.mark.parametrize("seed", range(5))
def test_the_best_of_many_by_luck_shows_no_gain(seed):
    rng = np.random.default_rng(seed)
    by_luck = [rng.normal(0.7, 0.3, size=200) for _ in range(40)]
    chosen = min(by_luck, key=np.mean)
    held_out = nested_loss([losses_of(each) for each in by_luck])
    assert chosen.mean() < 0.67
    assert held_out.mean() > chosen.mean() + 0.01


def test_repeats_with_folds_of_their_own_are_averaged():
    low, high = np.zeros(4), np.ones(4)
    first, second = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    repeats = [
        [FoldLosses(loss=high, fold=first), FoldLosses(loss=low, fold=second)],
        [FoldLosses(loss=low, fold=first), FoldLosses(loss=high, fold=second)],
    ]
    np.testing.assert_array_equal(nested_loss(repeats), np.zeros(4))
    repeats[1][1] = FoldLosses(loss=high, fold=second)
    repeats[0][1] = FoldLosses(loss=high, fold=second)
    np.testing.assert_array_equal(nested_loss(repeats), np.full(4, 0.5))
