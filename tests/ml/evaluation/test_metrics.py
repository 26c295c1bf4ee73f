import numpy as np
import pytest
from sklearn.metrics import log_loss

from ml.dataset.pairs import pair_arms
from ml.evaluation.bootstrap import total
from ml.evaluation.metrics import Predictions, calibration_error, group_sums, summarise
from tests.ml.factories import arms_of


def predictions(group, visitors, clicks, scores, slope=1.0):
    arms, scores = arms_of(group, visitors, clicks), np.array(scores, dtype=float)
    pairs = pair_arms(arms)
    logit = slope * (scores[pairs.first] - scores[pairs.second])
    return Predictions(arms=arms, pairs=pairs, scores=scores, logit=logit)


def metrics_of(*args, **kwargs):
    return summarise(group_sums(predictions(*args, **kwargs)), rng=np.random.default_rng(1))


def random_predictions(n_groups=300, slope=4.0, told=4.0, seed=2):
    """Arms whose winners follow the scores with log-odds `slope`; `told` is what is predicted."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 0.3, 2 * n_groups)
    won = rng.random(n_groups) < 1 / (1 + np.exp(-slope * (scores[::2] - scores[1::2])))
    clicks = np.where(np.stack([won, ~won], axis=1).ravel(), 60, 40)
    group = np.repeat(np.arange(n_groups), 2)
    return predictions(group, np.full(2 * n_groups, 1000), clicks, scores, slope=told)


def test_hand_counted_metrics():
    # Group 1: rates 5, 3, 1 %, the middle arm is picked. Group 2: 2 and 3 %, the best is picked;
    # its p-value is 0.15.
    found = metrics_of([0, 0, 0, 1, 1], [1000] * 5, [50, 30, 10, 20, 30], scores=[2, 3, 1, 0, 1])
    assert found.accuracy_all.value == pytest.approx(3 / 4)
    assert found.accuracy_p05.value == pytest.approx(2 / 3)
    assert found.top1.value == pytest.approx(1 / 2)
    assert found.top1_chance.value == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert found.lift_of_pick.value == pytest.approx((3 / 3 + 3 / 2.5) / 2 - 1)


def test_equal_scores_count_half_and_share_the_pick():
    found = metrics_of([0, 0, 1, 1], [1000] * 4, [50, 30, 20, 40], scores=[1, 1, 1, 1])
    assert found.accuracy_all.value == pytest.approx(0.5)
    assert found.top1.value == found.top1_chance.value == pytest.approx(0.5)
    assert found.lift_of_pick.value == pytest.approx(0)
    assert found.ece.value == pytest.approx(0)
    assert found.log_loss.value == pytest.approx(np.log(2))
    assert found.log_loss_skill.value == pytest.approx(0)


def test_arms_that_share_the_best_rate_are_both_right():
    found = metrics_of([0, 0, 0], [1000] * 3, [50, 50, 10], scores=[0, 1, 0])
    assert (found.top1.value, found.top1_chance.value) == (1, pytest.approx(2 / 3))


def test_log_loss_is_scikit_learns():
    made = random_predictions()
    said = 1 / (1 + np.exp(-made.logit))
    found = summarise(group_sums(made), rng=np.random.default_rng(1)).log_loss
    assert found.value == pytest.approx(log_loss(made.pairs.first_won, said))


def test_calibration_error_is_the_mean_gap_of_ten_equal_bins_in_both_orders():
    made = random_predictions(told=9.0)
    said = 1 / (1 + np.exp(-np.concatenate([made.logit, -made.logit])))
    won = np.concatenate([made.pairs.first_won, ~made.pairs.first_won])
    bins = np.array_split(np.argsort(said), 10)
    expected = sum(abs(said[at].sum() - won[at].sum()) for at in bins) / len(said)
    sums = group_sums(made)
    assert np.unique(sums["bin_size"].sum(axis=0)).tolist() == [60.0]
    found = calibration_error(
        {name: value.sum(axis=0, keepdims=True) for name, value in sums.items()}
    )
    assert found[0] == pytest.approx(expected)


def test_overconfident_probabilities_have_the_larger_error():
    honest, bold = (
        summarise(group_sums(random_predictions(told=told)), rng=np.random.default_rng(1))
        for told in (4.0, 12.0)
    )
    assert honest.ece.value < bold.ece.value
    assert honest.log_loss.value < bold.log_loss.value
    assert honest.accuracy_all == bold.accuracy_all


def test_group_without_decided_pairs_counts_for_the_pick_only():
    found = metrics_of([0, 0, 1, 1], [1000] * 4, [50, 50, 20, 40], scores=[1, 2, 0, 1])
    assert (found.accuracy_all.value, found.top1.value) == (1, 1)


def test_metric_without_a_pair_is_undefined():
    found = metrics_of([0, 0], [1000] * 2, [50, 51], scores=[0, 1])
    assert found.accuracy_p05.value is None
    none = metrics_of([0, 0], [1000] * 2, [50, 50], scores=[0, 1])
    assert (none.accuracy_all.value, none.log_loss.value, none.ece.value) == (None, None, None)


@pytest.mark.slow
def test_interval_covers_the_truth_about_95_times_in_100():
    many = total(group_sums(random_predictions(n_groups=200_000, seed=0)))
    truth = many["hits"][0] / many["pairs"][0]
    found = [
        summarise(
            group_sums(random_predictions(n_groups=100, seed=seed)), rng=np.random.default_rng(seed)
        ).accuracy_all
        for seed in range(1, 101)
    ]
    # Below 88 of 100 has a chance of 0.1 % when the coverage is 95 %.
    assert sum(each.low <= truth <= each.high for each in found) >= 88
