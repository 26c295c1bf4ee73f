import numpy as np
import pytest

from ml.dataset.pairs import pair_arms
from ml.evaluation.abstention import MIN_GAP, choose_limits, measure_strangeness
from ml.evaluation.cross_validation import make_folds
from ml.evaluation.metrics import Predictions
from tests.ml.factories import HashEncoder, groups_of, learnable_rows

N_GROUPS = 400


@pytest.fixture(scope="module")
def folds():
    return make_folds(groups_of(*learnable_rows(N_GROUPS)), 5, rng=np.random.default_rng(1))


@pytest.fixture(scope="module")
def with_later():
    groups = groups_of(*learnable_rows(N_GROUPS))
    later = np.arange(N_GROUPS) >= 250
    return make_folds(groups, 5, rng=np.random.default_rng(1), is_later=later)


def predictions_of(folds, *, wrong):
    """Right predictions, but wrong ones for the arms of some groups."""
    rate = folds.arms.clicks / folds.arms.visitors
    scores = np.where(wrong[folds.arms.group], -rate, rate)
    pairs = pair_arms(folds.arms)
    gap = scores[pairs.first] - scores[pairs.second]
    return Predictions(arms=folds.arms, pairs=pairs, scores=scores, logit=gap)


def chosen(folds, strange, *, wrong):
    by_rule = {"unseen_words": strange, "far_from_training": np.zeros(len(strange))}
    rng = np.random.default_rng(1)
    return choose_limits(folds, predictions_of(folds, wrong=wrong), by_rule, rng=rng)


def strange_arms(folds, rng):
    return rng.random(len(folds.arms.texts))


def test_rule_that_refuses_what_is_predicted_worse_is_kept(folds):
    strange = strange_arms(folds, np.random.default_rng(2))
    strangest = np.zeros(N_GROUPS)
    np.maximum.at(strangest, folds.arms.group, strange)
    found = chosen(folds, strange, wrong=strangest > np.quantile(strangest, 0.99))
    rule = found.record["rules"]["unseen_words"]
    assert rule["kept"]
    assert found.limits["unseen_words"] == rule["limit_tried"] < strange.max()
    assert rule["gap"]["value"] > MIN_GAP
    assert rule["coverage"]["value"] == pytest.approx(0.99, abs=0.003)
    assert found.record["coverage"]["value"] == rule["coverage"]["value"]


def test_rule_that_refuses_what_is_predicted_as_well_is_dropped(folds):
    strange = strange_arms(folds, np.random.default_rng(2))
    found = chosen(folds, strange, wrong=np.zeros(N_GROUPS, dtype=bool))
    rule = found.record["rules"]["unseen_words"]
    assert not rule["kept"]
    assert found.limits["unseen_words"] == strange.max()
    assert found.record["coverage"]["value"] == 1
    assert found.record["accuracy_refused"]["value"] is None


def test_limits_come_from_the_later_tests(with_later):
    later_arms = with_later.is_later[with_later.arms.group]
    strange = np.where(later_arms, 0.5, 0.1) + 0.01 * strange_arms(
        with_later, np.random.default_rng(3)
    )
    found = chosen(with_later, strange, wrong=np.zeros(N_GROUPS, dtype=bool))
    assert found.record["later"]
    assert found.record["rules"]["unseen_words"]["limit_tried"] > 0.5


def test_wordings_are_strange_to_what_trains_not_to_their_own_test(with_later):
    encoder = HashEncoder()
    strange = measure_strangeness(with_later, encoder.encode(with_later.arms.texts))
    # Three of four words are a test's own.
    np.testing.assert_allclose(strange["unseen_words"], 0.75)
    assert (strange["far_from_training"] > 0.05).all()


def test_what_a_training_test_says_too_is_not_strange(folds):
    texts = folds.arms.texts
    same = np.ones((len(texts), 1), dtype=np.float32)
    np.testing.assert_allclose(measure_strangeness(folds, same)["far_from_training"], 0, atol=1e-6)
