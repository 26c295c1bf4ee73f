"""Trials of all candidate strategies on the same leak-safe folds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ml.checkpoints import Keep, keep_nothing
from ml.dataset.contrast_groups import ContrastGroup
from ml.dataset.training_dataset import TrainingDataset
from ml.errors import TooLittleHistoryError
from ml.evaluation.bootstrap import GroupSums
from ml.evaluation.confirmation import FoldLosses
from ml.evaluation.cross_validation import (
    NO_HELPERS,
    Folds,
    Helpers,
    cross_validate,
    make_folds,
)
from ml.evaluation.metrics import Predictions, group_sums
from ml.evaluation.promotion_gate import Candidate
from ml.progress import Progress, within
from ml.scoring.calibration import Calibration
from ml.strategies.base import Strategy

N_FOLDS = 5
# Below this nothing could pass the gate, and every figure would be noise.
MIN_GROUPS = 20
# Below this many groups one split into folds is a matter of luck, so several are averaged.
SMALL_HISTORY = 400
REPEATS = 5
# Rough time of a strategy in that of the quick ones, so that progress is even.
COSTS = {"frozen_layers": 8, "fine_tuned": 60}


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutPredictions:
    """Predictions of a strategy in one repeat.

    Args:
        folds: The groups and their folds.
        predictions: Predictions for every arm, by a model that did not see it.
    """

    folds: Folds
    predictions: Predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Out-of-fold results of one strategy.

    Args:
        sums: Held-out sums by group, averaged over the repeats.
        calibration: From score differences to probability and lift, averaged likewise.
        held: Its predictions, one entry for each repeat.
    """

    sums: GroupSums
    calibration: Calibration
    held: tuple[HeldOutPredictions, ...]

    @property
    def on_folds(self) -> GroupSums:
        """Sums of the groups that choices are made on: all but the later ones."""
        return _select(self.sums, ~self.held[0].folds.is_later)

    @property
    def on_later(self) -> GroupSums | None:
        """Sums of the later groups; None without them."""
        folds = self.held[0].folds
        return None if folds.later is None else _select(self.sums, folds.is_later)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSettings:
    """Settings of the comparison of strategies.

    Args:
        seed: Seed of the splits, >= 0.
        dispersion: Noise variance over binomial variance, >= 1.
        helpers: Groups that train but never judge.
        is_later: True for each later group, bool (g,): it trains nothing; None: there are none.
    """

    seed: int
    dispersion: float = 1.0
    helpers: Helpers = NO_HELPERS
    is_later: NDArray[np.bool_] | None = None


def refuse_too_little(data: TrainingDataset) -> None:
    """Raise `TooLittleHistoryError` if a history can neither train nor judge.

    Args:
        data: Dataset of the history.
    """
    if len(data.groups) < MIN_GROUPS:
        raise TooLittleHistoryError("groups", len(data.groups), MIN_GROUPS)
    if data.n_components < N_FOLDS:
        raise TooLittleHistoryError("components", data.n_components, N_FOLDS)
    if not len(data.pairs):
        raise TooLittleHistoryError("pairs", 0, 1)


def count_repeats(n_groups: int) -> int:
    """Return how many splits into folds are averaged.

    Args:
        n_groups: Contrast groups.

    >>> count_repeats(60), count_repeats(1432)
    (5, 1)
    """
    return REPEATS if n_groups < SMALL_HISTORY else 1


def try_strategies(
    strategies: Sequence[Strategy],
    groups: Sequence[ContrastGroup],
    *,
    settings: TrialSettings,
    progress: Progress,
    keep: Keep = keep_nothing,
) -> Mapping[str, Trial]:
    """Cross-validate every strategy on the same folds.

    Args:
        strategies: Strategies to compare.
        groups: Contrast groups, none suspect.
        settings: Settings of the comparison.
        progress: Called with the fraction done.
        keep: Keeps the scores of each fold of each strategy.

    Returns:
        One trial for each strategy, by its key.
    """
    rng = np.random.default_rng(settings.seed)
    repeats = count_repeats(len(groups))
    cached = remembering(keep)
    costs = [COSTS.get(strategy.name, 1) for strategy in strategies]
    shares = [cost / sum(costs) for cost in costs]
    trials: dict[str, list[Trial]] = {strategy.name: [] for strategy in strategies}
    for repeat in range(repeats):
        folds = make_folds(
            groups, N_FOLDS, rng=rng, helpers=settings.helpers, is_later=settings.is_later
        )
        for at, strategy in enumerate(strategies):
            start = (repeat + sum(shares[:at])) / repeats
            result = cross_validate(
                strategy,
                folds,
                dispersion=settings.dispersion,
                keep=partial(_keep_under, cached, f"split-{repeat}"),
                progress=within(progress, start, shares[at] / repeats),
            )
            sums = group_sums(result.predictions)
            held = HeldOutPredictions(folds=folds, predictions=result.predictions)
            trials[strategy.name].append(
                Trial(sums=sums, calibration=result.calibration, held=(held,))
            )
    return {name: _average(trials) for name, trials in trials.items()}


def as_candidate(strategy: Strategy, trial: Trial) -> Candidate:
    """Return a strategy as it goes before the gate.

    Args:
        strategy: The strategy.
        trial: Its trial.
    """
    later = trial.on_later
    repeats = (
        FoldLosses(loss=group_sums(held.predictions)["loss"], fold=held.folds.fold)
        for held in trial.held
    )
    return Candidate(
        name=strategy.name,
        is_transfer=strategy.is_transfer,
        sums=trial.on_folds,
        later=later,
        repeats=() if later else tuple(repeats),
    )


def _select(sums: GroupSums, groups: NDArray[np.bool_]) -> GroupSums:
    return {name: values[groups] for name, values in sums.items()}


def remembering(keep: Keep) -> Keep:
    """Return a `Keep` that has every score in memory, too: each is computed or read once.

    Args:
        keep: Keeps scores on the disk, or nowhere.

    >>> keep = remembering(keep_nothing)
    >>> keep("fold 0", lambda: np.zeros(1)), keep("fold 0", lambda: np.ones(1))
    (array([0.]), array([0.]))
    """
    return partial(_cache_scores, {}, keep)


def _cache_scores(
    made: dict[str, NDArray[np.float64]],
    keep: Keep,
    name: str,
    make: Callable[[], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Return scores from memory, from the disk, or newly made; keep them in memory."""
    if name not in made:
        made[name] = keep(name, make)
    return made[name]


def _keep_under(
    keep: Keep, trial: str, name: str, make: Callable[[], NDArray[np.float64]]
) -> NDArray[np.float64]:
    return keep(f"{trial}-{name}", make)


def _average(trials: Sequence[Trial]) -> Trial:
    return Trial(
        sums=average_sums([trial.sums for trial in trials]),
        calibration=average_calibration([trial.calibration for trial in trials]),
        held=tuple(held for trial in trials for held in trial.held),
    )


def average_sums(sums: Sequence[GroupSums]) -> GroupSums:
    """Return the mean of the sums of several repeats.

    Args:
        sums: Sums of each repeat, over the same groups.
    """
    return {name: np.mean([each[name] for each in sums], axis=0) for name in sums[0]}


def average_calibration(calibrations: Sequence[Calibration]) -> Calibration:
    """Return the mean of the calibrations of several repeats.

    Args:
        calibrations: Calibration of each repeat.
    """
    return Calibration(
        slope=float(np.mean([each.slope for each in calibrations])),
        lift_slope=float(np.mean([each.lift_slope for each in calibrations])),
        lift_sd=float(np.mean([each.lift_sd for each in calibrations])),
    )
