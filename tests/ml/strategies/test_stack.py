import numpy as np
import pytest

from ml.dataset.contrast_groups import stack_arms
from ml.evaluation.cross_validation import cross_validate, make_folds
from ml.strategies.frozen_head import FrozenHead
from ml.strategies.stack import Stack
from ml.strategies.tfidf import TfidfRidge
from ml.training.candidate_trials import TrialSettings, try_strategies
from tests.ml.factories import HashEncoder, groups_of, learnable_rows

NEW = ["free unseen", "plain unseen", "submit unseen"]
MEMBERS = TfidfRidge(), FrozenHead(encoder=HashEncoder(32))
STACK = Stack(members=MEMBERS, weights=(1.0, 3.0))


@pytest.fixture(scope="module")
def arms():
    return stack_arms(groups_of(*learnable_rows(30)))


def test_score_is_the_weighted_mean_of_the_members(arms):
    words, vectors = (member.fit(arms).score(NEW) for member in MEMBERS)
    expected = (words + 3 * vectors) / 4
    np.testing.assert_allclose(STACK.fit(arms).score(NEW), expected, rtol=1e-12)


def test_restored_stack_gives_the_same_scores(arms):
    fitted = STACK.fit(arms)
    np.testing.assert_allclose(
        STACK.restore(fitted.parts()).score(NEW), fitted.score(NEW), rtol=1e-12
    )


def test_likeness_is_that_of_the_last_member(arms):
    fitted = STACK.fit(arms)
    np.testing.assert_array_equal(fitted.represent(NEW), HashEncoder(32).encode(NEW))


def test_out_of_fold_scores_are_those_of_members_that_saw_as_little():
    folds = make_folds(groups_of(*learnable_rows(30)), 5, rng=np.random.default_rng(1))
    found, words, vectors = (
        cross_validate(strategy, folds).predictions.scores for strategy in (STACK, *MEMBERS)
    )
    np.testing.assert_allclose(found, (words + 3 * vectors) / 4, rtol=1e-12)


def test_members_that_were_tried_themselves_are_not_fitted_again():
    fits = []

    class Counting(TfidfRidge):
        __slots__ = ()

        def fit(self, arms, **told):
            fits.append(len(arms.texts))
            return super().fit(arms, **told)

    member = Counting()
    groups = groups_of(*learnable_rows(30))
    trials = try_strategies(
        [member, Stack(members=(member,), weights=(1.0,))],
        groups,
        settings=TrialSettings(seed=1),
        progress=lambda done: None,
    )
    assert len(fits) == 25  # five folds of five splits, once
    np.testing.assert_allclose(trials["stack"].sums["loss"], trials["tfidf"].sums["loss"])
