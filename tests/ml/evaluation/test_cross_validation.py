from dataclasses import replace

import numpy as np
import pytest

from ml.dataset.splits import find_leaks
from ml.evaluation import cross_validation
from ml.evaluation.cross_validation import LeakError, cross_validate, make_folds
from ml.strategies.no_text import NoText
from ml.strategies.tfidf import TfidfRidge
from tests.ml.factories import groups_of, learnable_rows


@pytest.fixture(scope="module")
def folds():
    return make_folds(groups_of(*learnable_rows()), 5, rng=np.random.default_rng(1))


class Memory:
    """A strategy that scores what it saw in training 1 and the rest 0."""

    name, is_transfer = "memory", False

    def fit(self, arms):
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
