from dataclasses import replace

import numpy as np
import pytest

from ml.dataset.splits import find_leaks
from ml.evaluation import cross_validation
from ml.evaluation.cross_validation import Helpers, LeakError, cross_validate, make_folds
from ml.strategies.no_text import NoText
from ml.strategies.tfidf import TfidfRidge
from tests.ml.factories import groups_of, learnable_rows


@pytest.fixture(scope="module")
def folds():
    return make_folds(groups_of(*learnable_rows()), 5, rng=np.random.default_rng(1))


class Memory:
    """A strategy that scores what it saw in training 1 and the rest 0."""

    name, is_transfer = "memory", False

    def fit(self, arms, **_):
        self.seen = set(arms.texts)
        return self

    def score(self, texts):
        return np.array([float(text in self.seen) for text in texts])


def test_no_arm_is_scored_by_a_model_that_saw_it(folds):
    found = cross_validate(Memory(), folds)
    assert not found.predictions.scores.any()
    assert found.calibration.slope == 0


def test_strategy_that_learns_beats_a_coin_out_of_fold(folds):
    predictions = cross_validate(TfidfRidge(), folds).predictions
    hits = (predictions.logit > 0) == folds.pairs.first_won
    assert hits.mean() > 0.8


def test_slope_of_a_fold_comes_from_the_other_folds(folds, monkeypatch):
    sizes = []
    real = cross_validation.fit_slope
    monkeypatch.setattr(
        cross_validation, "fit_slope", lambda d, won: sizes.append(len(d)) or real(d, won)
    )
    cross_validate(TfidfRidge(), folds)
    inside = np.bincount(folds.fold[folds.pairs.group])
    assert sizes == (len(folds.pairs) - inside).tolist()


def test_progress_is_told_fold_by_fold(folds):
    told = []
    cross_validate(NoText(), folds, progress=told.append)
    assert told == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])


def test_folds_do_not_leak(folds):
    for number in range(folds.n_folds):
        inside = [g for g, fold in zip(folds.groups, folds.fold, strict=True) if fold == number]
        outside = [g for g, fold in zip(folds.groups, folds.fold, strict=True) if fold != number]
        assert inside
        assert find_leaks(outside, inside) == ()


def test_leaking_split_is_refused(monkeypatch):
    monkeypatch.setattr(cross_validation, "connect_groups", lambda groups: np.arange(len(groups)))
    rows = learnable_rows(10)
    copies = [replace(row, test=f"copy of {row.test}") for row in rows]
    with pytest.raises(LeakError, match="fold 0: Leak"):
        make_folds(groups_of(*rows, *copies), 5, rng=np.random.default_rng(1))


@pytest.fixture(scope="module")
def helped():
    """Half of the tests judge; the other half, and a twin of the first test, only train."""
    rows = learnable_rows()
    groups = groups_of(*rows)
    twin = groups_of(*(replace(row, test="twin") for row in rows if row.test == "t0"))
    helpers = Helpers(groups=(*groups[30:], *twin), trust=np.array([0.5] * 30 + [0.25]))
    return make_folds(groups[:30], 5, rng=np.random.default_rng(1), helpers=helpers)


def test_helpers_train_with_their_trust(helped):
    arms = helped.training_arms(0)
    n_groups = np.count_nonzero(helped.fold != 0) + np.count_nonzero(helped.helper_fold != 0)
    assert arms.n_groups == n_groups
    assert set(arms.trust) == {1.0, 0.5} | ({0.25} if helped.fold[0] else set())


def test_helper_that_is_connected_to_a_fold_does_not_train_for_it(helped):
    assert helped.helper_fold[-1] == helped.fold[0]
    assert set(helped.helper_fold[:-1]) == {-1}
    twins = set(helped.groups[0].texts)
    assert not twins & set(helped.training_arms(helped.fold[0]).texts)


def test_helpers_never_judge(helped):
    assert len(cross_validate(TfidfRidge(), helped).predictions.scores) == 3 * 30


def test_groups_that_only_a_helper_connects_stay_together():
    groups = groups_of(*learnable_rows(10))
    bridge = groups_of(
        *(replace(row, test="bridge") for row in learnable_rows(10) if row.test in {"t3", "t7"})
    )
    helpers = Helpers(groups=bridge, trust=np.ones(1))
    fold = make_folds(groups, 5, rng=np.random.default_rng(1), helpers=helpers).fold
    assert fold[3] == fold[7]


@pytest.fixture(scope="module")
def with_later():
    """The last 20 of 60 tests are later ones; the first test shares its story with one of them."""
    rows = [
        replace(row, group="story" if row.test in {"t0", "t50"} else "") for row in learnable_rows()
    ]
    helpers = Helpers(
        groups=groups_of(*(replace(row, test="helper") for row in rows if row.test == "t55")),
        trust=np.ones(1),
    )
    return make_folds(
        groups_of(*rows),
        5,
        rng=np.random.default_rng(1),
        helpers=helpers,
        is_later=np.arange(60) >= 40,
    )


def test_later_tests_are_a_fold_of_their_own_that_trains_nothing(with_later):
    assert (with_later.later, with_later.n_folds) == (5, 6)
    np.testing.assert_array_equal(with_later.is_later, np.arange(60) >= 40)
    later = {text for group in with_later.groups[40:] for text in group.texts}
    for number in range(5):
        trained = set(with_later.training_arms(number).texts)
        assert not trained & (later - set(with_later.helpers[0].texts))


def test_what_is_connected_to_later_tests_does_not_train_for_them(with_later):
    trained = set(with_later.training_arms(5).texts)
    assert not trained & set(with_later.groups[0].texts)
    assert not trained & set(with_later.helpers[0].texts)
    assert trained >= set(with_later.groups[1].texts)
    assert with_later.training_arms(5).n_groups == 39


def test_every_later_arm_is_scored_by_a_model_that_saw_none(with_later):
    predictions = cross_validate(TfidfRidge(), with_later).predictions
    later = with_later.is_later[with_later.pairs.group]
    hits = (predictions.logit > 0) == with_later.pairs.first_won
    assert hits[later].mean() > 0.8


def test_later_results_move_no_figure_of_the_folds(with_later):
    turned = replace(
        with_later,
        pairs=replace(
            with_later.pairs,
            first_won=with_later.pairs.first_won ^ with_later.is_later[with_later.pairs.group],
        ),
    )
    one, other = (cross_validate(TfidfRidge(), each).predictions for each in (with_later, turned))
    np.testing.assert_array_equal(one.scores, other.scores)
    np.testing.assert_array_equal(one.logit, other.logit)
