"""Metrics of scores and probabilities against the results of past tests."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ml.dataset.contrast_groups import Arms, sum_by_group
from ml.dataset.pairs import Pairs
from ml.evaluation.bootstrap import Estimate, GroupSums, Totals, estimate, resample, total
from ml.scoring.manifest import MetricsRecord

N_BINS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """Predictions of a strategy for arms it was not trained on.

    Args:
        arms: The arms, n of them in g groups.
        pairs: Their decided pairs, m.
        scores: Predicted log click rate of each arm up to its group's level, float64 (n,).
        logit: Log-odds that A of each pair shows the higher click rate, float64 (m,).
    """

    arms: Arms
    pairs: Pairs
    scores: NDArray[np.float64]
    logit: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Figures of a predictor, each with its interval.

    Args:
        accuracy_all: Share of decided pairs whose winner got the higher score; equal scores
            count half.
        accuracy_p05: The same on pairs whose two-proportion z-test has p < 0.05.
        top1: Share of groups in which the picked arm has the highest observed click rate.
        top1_chance: The same for a pick at random.
        lift_of_pick: Click rate of the picked arm over the mean arm of its group, mean over
            groups, minus 1. Observed rates: a lucky arm counts as a good one.
        log_loss: Mean of -ln P(what happened) over pairs; a coin has 0.693.
        log_loss_skill: 1 - log_loss / ln 2.
        ece: Expected calibration error of P(A beats B), pairs in both orders, 10 equal-mass bins.
            Noise in the bins makes it positive even for true probabilities.
    """

    accuracy_all: Estimate
    accuracy_p05: Estimate
    top1: Estimate
    top1_chance: Estimate
    lift_of_pick: Estimate
    log_loss: Estimate
    log_loss_skill: Estimate
    ece: Estimate

    def record(self) -> MetricsRecord:
        """Return the figures as a manifest holds them."""
        return cast("MetricsRecord", asdict(self))


def group_sums(predictions: Predictions) -> GroupSums:
    """Return everything the metrics need, summed inside each group.

    Args:
        predictions: Out-of-sample predictions.

    Returns:
        Sums by name, float64 (g,) or (g, 10).

    >>> from ml.dataset.pairs import pair_arms
    >>> arms = Arms(
    ...     texts=("A", "B"),
    ...     group=np.array([0, 0]),
    ...     visitors=np.array([100.0, 100.0]),
    ...     clicks=np.array([9.0, 3.0]),
    ... )
    >>> sums = group_sums(
    ...     Predictions(
    ...         arms=arms,
    ...         pairs=pair_arms(arms),
    ...         scores=np.array([1.0, 0.0]),
    ...         logit=np.array([1.0]),
    ...     )
    ... )
    >>> sums["hits"], sums["lift"].round(3)
    (array([1.]), array([0.5]))
    """
    pairs, logit = predictions.pairs, predictions.logit
    difference = predictions.scores[pairs.first] - predictions.scores[pairs.second]
    hit = np.where(difference == 0, 0.5, (difference > 0) == pairs.first_won)
    sure = (pairs.p_value < 0.05).astype(np.float64)
    n_groups = predictions.arms.n_groups

    def by_group(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return sum_by_group(values, pairs.group, n_groups)

    return {
        "groups": np.ones(n_groups),
        "pairs": by_group(np.ones(len(pairs))),
        "hits": by_group(hit),
        "sure_pairs": by_group(sure),
        "sure_hits": by_group(sure * hit),
        "loss": by_group(np.logaddexp(0, np.where(pairs.first_won, -logit, logit))),
        **_pick_sums(predictions),
        **_bin_sums(predictions),
    }


def summarise(sums: GroupSums, *, rng: np.random.Generator) -> Metrics:
    """Return the metrics with 95 % intervals by bootstrap over groups.

    Args:
        sums: From `group_sums`, at least one group.
        rng: Source of the bootstrap draws.

    >>> sums = {name: np.ones(3) for name in (
    ...     "groups", "pairs", "hits", "sure_pairs", "sure_hits", "loss", "top1", "chance", "lift"
    ... )} | {name: np.ones((3, 10)) for name in ("bin_size", "bin_said", "bin_won")}
    >>> summarise(sums, rng=np.random.default_rng(1)).accuracy_all
    Estimate(value=1.0, low=1.0, high=1.0)
    """
    whole, drawn = total(sums), resample(sums, rng=rng)
    return Metrics(
        **{name: estimate(statistic, whole, drawn) for name, statistic in _STATISTICS.items()}
    )


def mean_log_loss(totals: Totals) -> NDArray[np.float64]:
    """Return the log loss of each draw.

    Args:
        totals: With `loss` and `pairs`, each (draws,).

    >>> mean_log_loss({"loss": np.array([3.0]), "pairs": np.array([4.0])})
    array([0.75])
    """
    return np.asarray(totals["loss"] / totals["pairs"])


def calibration_error(totals: Totals) -> NDArray[np.float64]:
    """Return the expected calibration error of each draw.

    Args:
        totals: With `bin_size`, `bin_said` (summed probabilities), `bin_won`, each (draws, 10).

    Source: Naeini, Cooper, Hauskrecht (2015), AAAI; equal-mass bins.

    >>> ten = np.ones((1, 10))
    >>> calibration_error({"bin_size": 4 * ten, "bin_said": 2 * ten, "bin_won": 3 * ten})
    array([0.25])
    """
    gap = np.abs(totals["bin_said"] - totals["bin_won"])
    return np.asarray(gap.sum(axis=1) / totals["bin_size"].sum(axis=1))


def _ratio(top: str, bottom: str, totals: Totals) -> NDArray[np.float64]:
    return np.asarray(totals[top] / totals[bottom])


_STATISTICS: Mapping[str, Callable[[Totals], NDArray[np.float64]]] = {
    "accuracy_all": partial(_ratio, "hits", "pairs"),
    "accuracy_p05": partial(_ratio, "sure_hits", "sure_pairs"),
    "top1": partial(_ratio, "top1", "groups"),
    "top1_chance": partial(_ratio, "chance", "groups"),
    "lift_of_pick": partial(_ratio, "lift", "groups"),
    "log_loss": mean_log_loss,
    "log_loss_skill": lambda totals: 1 - mean_log_loss(totals) / np.log(2),
    "ece": calibration_error,
}


def _pick_sums(predictions: Predictions) -> dict[str, NDArray[np.float64]]:
    """Return hits, chance and lift of the highest-scored arm; equal scores share the pick."""
    arms, n_groups = predictions.arms, predictions.arms.n_groups
    rate = arms.clicks / arms.visitors
    pick, best = _maxima(predictions.scores, arms.group), _maxima(rate, arms.group)
    pick_share = pick / sum_by_group(pick, arms.group, n_groups)[arms.group]
    sizes = sum_by_group(np.ones_like(rate), arms.group, n_groups)
    mean_rate = sum_by_group(rate, arms.group, n_groups) / sizes
    return {
        "top1": sum_by_group(pick_share * best, arms.group, n_groups),
        "chance": sum_by_group(best, arms.group, n_groups) / sizes,
        "lift": sum_by_group(pick_share * rate, arms.group, n_groups) / mean_rate - 1,
    }


def _maxima(values: NDArray[np.float64], group: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return 1 for the largest value of each group, 0 for the others."""
    largest = np.full(group[-1] + 1, -np.inf)
    np.maximum.at(largest, group, values)
    return np.asarray(values == largest[group], dtype=np.float64)


def _bin_sums(predictions: Predictions) -> dict[str, NDArray[np.float64]]:
    """Return sizes, said and won of 10 bins of equal mass, each pair in both orders."""
    pairs = predictions.pairs
    logit = np.concatenate([predictions.logit, -predictions.logit])
    won = np.concatenate([pairs.first_won, ~pairs.first_won]).astype(np.float64)
    group = np.concatenate([pairs.group, pairs.group])
    said = expit(logit)
    edges = np.quantile(said, np.arange(1, N_BINS) / N_BINS) if len(said) else np.empty(0)
    cell = group * N_BINS + np.searchsorted(edges, said, side="right")
    n_groups = predictions.arms.n_groups
    values = {"bin_size": np.ones_like(said), "bin_said": said, "bin_won": won}
    return {
        name: sum_by_group(value, cell, n_groups * N_BINS).reshape(n_groups, N_BINS)
        for name, value in values.items()
    }
