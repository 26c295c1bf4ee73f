"""Grouped cross-validation: every arm is scored by a model that saw nothing connected to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from ml.calibration import Calibration, fit_calibration, fit_slope
from ml.checkpoints import Keep, keep_nothing
from ml.dataset.groups import Arms, ContrastGroup, stack_arms
from ml.dataset.pairs import Pairs, pair_arms
from ml.dataset.splits import assign_folds, connect_groups, find_leaks
from ml.embedding import Progress, no_progress
from ml.evaluation.metrics import Predictions
from ml.strategies.contract import Strategy


class LeakError(RuntimeError):
    """A split put connected groups on both sides: its figures would be too good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folds:
    """Groups and the fold each belongs to.

    Args:
        groups: Contrast groups, none suspect.
        fold: Fold of each group, int64 (g,), in [0, n_folds).
        arms: The arms of the groups.
        pairs: Their decided pairs.
    """

    groups: tuple[ContrastGroup, ...]
    fold: NDArray[np.int64]
    arms: Arms
    pairs: Pairs

    @property
    def n_folds(self) -> int:
        """Number of folds."""
        return int(self.fold.max()) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfFold:
    """What a strategy said about every arm when it was not trained on it.

    Args:
        predictions: Scores, and log-odds whose slope was fitted on the other folds.
        calibration: Fitted on the scores of all folds, to be used with the final model.
    """

    predictions: Predictions
    calibration: Calibration


def make_folds(groups: Sequence[ContrastGroup], n_folds: int, *, rng: np.random.Generator) -> Folds:
    """Split groups into folds by connected component, and check that nothing leaks.

    Args:
        groups: Contrast groups.
        n_folds: Number of folds, >= 2.
        rng: Source of the split.

    Raises:
        ValueError: If there are fewer connected components than folds.
        LeakError: If a fold shares a test, an asset or a wording with the rest.

    >>> make_folds([], 5, rng=np.random.default_rng(1))
    Traceback (most recent call last):
    ...
    ValueError: n_folds: 5 folds need as many components, not 0
    """
    fold = assign_folds(connect_groups(groups), n_folds, rng=rng)
    for number in range(n_folds):
        inside, outside = _select(groups, fold == number), _select(groups, fold != number)
        if leaks := find_leaks(outside, inside):
            raise LeakError(f"fold {number}: {leaks[0]} and {len(leaks) - 1} more")
    arms = stack_arms(groups)
    return Folds(groups=tuple(groups), fold=fold, arms=arms, pairs=pair_arms(arms))


def cross_validate(
    strategy: Strategy,
    folds: Folds,
    *,
    dispersion: float = 1.0,
    progress: Progress = no_progress,
    keep: Keep = keep_nothing,
) -> OutOfFold:
    """Return out-of-fold predictions of a strategy.

    Each fold is scored by a model fitted on the others. The slope that turns its scores into
    probabilities is fitted on the other folds' out-of-fold scores: a small history would
    otherwise make every strategy look better than a coin.

    Args:
        strategy: What to judge.
        folds: Groups in leak-safe folds, the same for every strategy that is compared.
        dispersion: Noise variance over binomial variance, >= 1, for the lift.
        progress: Told the fraction of the folds done.
        keep: Keeps the scores of each fold, so that a broken-off training goes on from there.
    """
    scores = np.empty(len(folds.arms.texts))
    for number in range(folds.n_folds):
        inside = folds.fold[folds.arms.group] == number
        scores[inside] = keep(f"fold-{number}", partial(_score_fold, strategy, folds, number))
        progress((number + 1) / folds.n_folds)
    difference = scores[folds.pairs.first] - scores[folds.pairs.second]
    return OutOfFold(
        predictions=Predictions(
            arms=folds.arms,
            pairs=folds.pairs,
            scores=scores,
            logit=difference * _cross_fitted_slopes(difference, folds),
        ),
        calibration=fit_calibration(difference, folds.arms, folds.pairs, dispersion=dispersion),
    )


def _score_fold(strategy: Strategy, folds: Folds, number: int) -> NDArray[np.float64]:
    """Return the scores of a fold's arms by a model fitted on the other folds."""
    fitted = strategy.fit(stack_arms(_select(folds.groups, folds.fold != number)))
    inside = folds.fold[folds.arms.group] == number
    return fitted.score(list(compress(folds.arms.texts, inside)))


def _select(groups: Sequence[ContrastGroup], wanted: NDArray[np.bool_]) -> list[ContrastGroup]:
    return list(compress(groups, wanted))


def _cross_fitted_slopes(difference: NDArray[np.float64], folds: Folds) -> NDArray[np.float64]:
    fold = folds.fold[folds.pairs.group]
    slopes = np.array(
        [
            fit_slope(difference[fold != number], folds.pairs.first_won[fold != number])
            for number in range(folds.n_folds)
        ]
    )
    return np.asarray(slopes[fold])
