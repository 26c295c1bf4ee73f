"""Grouped cross-validation: every arm is scored by a model that saw nothing connected to it.

Later tests may be a fold of their own, which trains nothing: no model and no slope of the other
folds has seen them, so that they judge what was chosen on these.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from ml.checkpoints import Keep, keep_nothing
from ml.dataset.contrast_groups import Arms, ContrastGroup, stack_arms
from ml.dataset.pairs import Pairs, pair_arms
from ml.dataset.splits import assign_folds, connect_groups, find_leaks
from ml.evaluation.metrics import Predictions
from ml.progress import Progress, no_progress, within
from ml.scoring.calibration import Calibration, fit_calibration, fit_slope
from ml.strategies.base import Strategy
from ml.strategies.stack import Stack

Score = Callable[[Strategy, Progress], NDArray[np.float64]]


class LeakError(RuntimeError):
    """A split put connected groups on both sides: its figures would be too good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Helpers:
    """Groups that train but never judge: doubtful ones, or those of another site.

    Args:
        groups: Contrast groups, length h.
        trust: Training weight of each, float64 (h,), >= 0.
    """

    groups: tuple[ContrastGroup, ...]
    trust: NDArray[np.float64]


NO_HELPERS = Helpers(groups=(), trust=np.empty(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Folds:
    """Groups and the fold each belongs to, and helpers, which train but never judge.

    Args:
        groups: Contrast groups, none suspect.
        fold: Fold of each group, int64 (g,), in [0, n_folds).
        arms: The arms of the groups.
        pairs: Their decided pairs.
        helpers: Further training groups.
        helper_fold: Fold that each is connected to and must not train for, int64; -1 for none.
        helper_trust: Training weight of each, float64.
        joins_later: True for a later group and those connected to one, bool (g,).
        helper_joins_later: True for a helper connected to a later group, bool.
        later: Number of the fold of the later groups, the last one; None without them.
    """

    groups: tuple[ContrastGroup, ...]
    fold: NDArray[np.int64]
    arms: Arms
    pairs: Pairs
    helpers: tuple[ContrastGroup, ...]
    helper_fold: NDArray[np.int64]
    helper_trust: NDArray[np.float64]
    joins_later: NDArray[np.bool_]
    helper_joins_later: NDArray[np.bool_]
    later: int | None = None

    @property
    def n_folds(self) -> int:
        """Number of folds."""
        return int(self.fold.max()) + 1

    @property
    def is_later(self) -> NDArray[np.bool_]:
        """True for each later group, bool (g,)."""
        return np.asarray(self.fold == (-1 if self.later is None else self.later))

    def trainers(self, number: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which groups and which helpers may train the model that is judged on one fold.

        Args:
            number: The fold.
        """
        if number == self.later:
            return ~self.joins_later, ~self.helper_joins_later
        return (self.fold != number) & ~self.is_later, self.helper_fold != number

    def training_arms(self, number: int) -> Arms:
        """Return the arms that may train the model which is judged on one fold.

        Args:
            number: The fold.
        """
        trains, helps = self.trainers(number)
        groups = _select(self.groups, trains)
        trust = np.concatenate([np.ones(len(groups)), self.helper_trust[helps]])
        return stack_arms([*groups, *_select(self.helpers, helps)], trust=trust)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfFold:
    """Out-of-fold predictions of a strategy for every arm.

    Args:
        predictions: Scores, and log-odds whose slope was fitted on the other folds.
        calibration: Fitted on the scores of all folds, to be used with the final model.
    """

    predictions: Predictions
    calibration: Calibration


def make_folds(
    groups: Sequence[ContrastGroup],
    n_folds: int,
    *,
    rng: np.random.Generator,
    helpers: Helpers = NO_HELPERS,
    is_later: NDArray[np.bool_] | None = None,
) -> Folds:
    """Split groups into folds by connected component, and check that nothing leaks.

    Later groups are one more fold. They train nothing, and earlier groups connected to one of them
    do not train what they judge.

    Args:
        groups: Contrast groups.
        n_folds: Number of folds, >= 2.
        rng: Source of the split.
        helpers: Groups that train but never judge. Groups that they connect stay together.
        is_later: True for each later group, bool (g,); None: there are none.

    Raises:
        ValueError: If there are fewer connected components than folds.
        LeakError: If a fold shares a test, an asset or a wording with the rest.

    >>> make_folds([], 5, rng=np.random.default_rng(1))
    Traceback (most recent call last):
    ...
    ValueError: n_folds: 5 folds need as many components, not 0
    """
    joint = connect_groups([*groups, *helpers.groups])
    components, joined = joint[: len(groups)], joint[len(groups) :]
    later = np.zeros(len(groups), dtype=bool) if is_later is None else is_later
    fold = np.full(len(groups), n_folds, dtype=np.int64)
    fold[~later] = assign_folds(_renumber(components[~later]), n_folds, rng=rng)
    fold_of = dict(zip(components[~later].tolist(), fold[~later].tolist(), strict=True))
    arms = stack_arms(groups)
    folds = Folds(
        groups=tuple(groups),
        fold=fold,
        arms=arms,
        pairs=pair_arms(arms),
        helpers=helpers.groups,
        helper_fold=np.array([fold_of.get(each, -1) for each in joined.tolist()], dtype=np.int64),
        helper_trust=helpers.trust,
        joins_later=np.isin(components, components[later]),
        helper_joins_later=np.isin(joined, components[later]),
        later=n_folds if later.any() else None,
    )
    _refuse_leaks(folds)
    return folds


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
        strategy: Strategy to judge.
        folds: Groups in leak-safe folds, the same for every strategy that is compared.
        dispersion: Noise variance over binomial variance, >= 1, for the lift.
        progress: Told the fraction done.
        keep: Keeps the scores of each strategy and fold: a broken-off training goes on from
            there, and a stack uses what its members said when they were tried themselves.
    """
    scores = np.empty(len(folds.arms.texts))
    for number in range(folds.n_folds):
        inside = folds.fold[folds.arms.group] == number
        told = within(progress, number / folds.n_folds, 1 / folds.n_folds)
        score = partial(_score_fold, folds, number)
        scores[inside] = kept_scores(strategy, f"fold-{number}", score, keep=keep, progress=told)
        told(1.0)
    difference = scores[folds.pairs.first] - scores[folds.pairs.second]
    return OutOfFold(
        predictions=Predictions(
            arms=folds.arms,
            pairs=folds.pairs,
            scores=scores,
            logit=difference * cross_fitted_slopes(difference, folds),
        ),
        calibration=fit_calibration(difference, folds.arms, folds.pairs, dispersion=dispersion),
    )


def kept_scores(
    strategy: Strategy, step: str, score: Score, *, keep: Keep, progress: Progress = no_progress
) -> NDArray[np.float64]:
    """Return the scores of a strategy in one step of an evaluation; a stack combines its members.

    Args:
        strategy: Strategy to score with.
        step: Name of the step, for what is kept.
        score: Scores a strategy that is not a stack, and reports progress.
        keep: Keeps them by strategy and step.
        progress: Told the fraction done.

    Returns:
        Scores, float64 (n,).
    """
    if isinstance(strategy, Stack):
        share = 1 / len(strategy.members)
        said = [
            kept_scores(
                member, step, score, keep=keep, progress=within(progress, at * share, share)
            )
            for at, member in enumerate(strategy.members)
        ]
        return strategy.combine(said)
    return keep(f"{strategy.name}-{step}", partial(score, strategy, progress))


def _score_fold(
    folds: Folds, number: int, strategy: Strategy, progress: Progress
) -> NDArray[np.float64]:
    """Return the scores of a fold's arms by a model fitted on the other folds."""
    fitted = strategy.fit(folds.training_arms(number), progress=progress)
    inside = folds.fold[folds.arms.group] == number
    return fitted.score(list(compress(folds.arms.texts, inside)))


def _refuse_leaks(folds: Folds) -> None:
    for number in range(folds.n_folds):
        inside = _select(folds.groups, folds.fold == number)
        trains, helps = folds.trainers(number)
        outside = [*_select(folds.groups, trains), *_select(folds.helpers, helps)]
        if leaks := find_leaks(outside, inside):
            raise LeakError(f"fold {number}: {leaks[0]} and {len(leaks) - 1} more")


def _renumber(components: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the components as 0, 1, ... in order of first appearance, without gaps."""
    numbers = {each: number for number, each in enumerate(dict.fromkeys(components.tolist()))}
    return np.array([numbers[each] for each in components.tolist()], dtype=np.int64)


def _select(groups: Sequence[ContrastGroup], wanted: NDArray[np.bool_]) -> list[ContrastGroup]:
    return list(compress(groups, wanted))


def cross_fitted_slopes(difference: NDArray[np.float64], folds: Folds) -> NDArray[np.float64]:
    """Return the slope of each pair, fitted on the out-of-fold scores of the other folds.

    Later tests fit no slope: no figure of the other folds depends on their results.

    Args:
        difference: Out-of-fold score of A less that of B, float64 (m,).
        folds: With the pairs, m.

    Returns:
        Log-odds for each unit of score, float64 (m,), >= 0.
    """
    fold, later = folds.fold[folds.pairs.group], folds.is_later[folds.pairs.group]
    known = [(fold != number) & ~later for number in range(folds.n_folds)]
    slopes = np.array([fit_slope(difference[at], folds.pairs.first_won[at]) for at in known])
    return np.asarray(slopes[fold])
