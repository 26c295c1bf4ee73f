"""Selective prediction: accuracy as a function of coverage."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ml.dataset.contrast_groups import sum_by_group
from ml.evaluation.bootstrap import Estimate, Totals, estimate, interval, resample, total
from ml.evaluation.metrics import Predictions
from ml.scoring.calibration import Calibration, log_rate_ratios

COVERAGES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskPoint:
    """Accuracy on the pairs about which a predictor is surest.

    Args:
        coverage: Share of the pairs that are answered, the surest first.
        chance: Probability that it gives the likelier winner of the least sure of them.
        accuracy: Share of them whose likelier winner won.
    """

    coverage: float
    chance: float
    accuracy: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """Risk and coverage of a predictor on held-out tests.

    Args:
        curve: One point for each tenth of the pairs, the surest first.
        toss_up: Largest probability of the likelier winner up to which held-out pairs were not
            shown to be distinguished (90 % interval over groups); 0.5 if all were.
        interval_coverage: Share of held-out pairs whose measured ratio of click rates lies in the
            95 % prediction interval, widened by the noise of its measurement.
    """

    curve: tuple[RiskPoint, ...]
    toss_up: float
    interval_coverage: Estimate


def measure_risk(
    predictions: Predictions,
    calibration: Calibration,
    *,
    rng: np.random.Generator,
    dispersion: float = 1.0,
) -> Risk:
    """Return risk and coverage of out-of-sample predictions.

    Args:
        predictions: Predictions for arms the predictor was not trained on, with at least one pair.
        calibration: From score differences to lifts.
        rng: Source of the bootstrap draws.
        dispersion: Noise variance over binomial variance, >= 1.

    Raises:
        ValueError: If no pair can be formed.

    Source: El-Yaniv and Wiener (2010), "On the foundations of noise-free selective
    classification", JMLR 11.
    """
    pairs = predictions.pairs
    if not len(pairs):
        raise ValueError("predictions: there is no pair")
    sureness = np.abs(predictions.logit)
    difference = predictions.scores[pairs.first] - predictions.scores[pairs.second]
    hit = np.where(difference == 0, 0.5, (difference > 0) == pairs.first_won)
    order = np.argsort(-sureness, kind="stable")
    counts = [max(1, round(coverage * len(pairs))) for coverage in COVERAGES]
    limits = [float(sureness[order[count - 1]]) for count in counts]
    # A column for each coverage: pairs at least as sure as its limit.
    inside = np.stack([sureness >= limit for limit in limits], axis=1).astype(np.float64)
    n_groups = predictions.arms.n_groups
    sums = {
        "pairs": _by_group(inside, pairs.group, n_groups),
        "hits": _by_group(inside * hit[:, None], pairs.group, n_groups),
        "covered": _by_group(
            _covered(predictions, difference, calibration, dispersion)[:, None],
            pairs.group,
            n_groups,
        )[:, 0],
    }
    whole, drawn = total(sums), resample(sums, rng=rng)
    return Risk(
        curve=tuple(
            RiskPoint(
                coverage=coverage,
                chance=float(expit(limit)),
                accuracy=estimate(partial(_accuracy, at), whole, drawn),
            )
            for at, (coverage, limit) in enumerate(zip(COVERAGES, limits, strict=True))
        ),
        toss_up=_toss_up(limits, whole, drawn),
        interval_coverage=estimate(
            lambda totals: totals["covered"] / totals["pairs"][:, -1], whole, drawn
        ),
    )


def _by_group(
    values: NDArray[np.float64], group: NDArray[np.int64], n_groups: int
) -> NDArray[np.float64]:
    columns = [sum_by_group(column, group, n_groups) for column in values.T]
    return np.stack(columns, axis=1)


def _accuracy(at: int, totals: Totals) -> NDArray[np.float64]:
    return np.asarray(totals["hits"][:, at] / totals["pairs"][:, at])


def _toss_up(limits: list[float], whole: Totals, drawn: Totals) -> float:
    """Return the probability up to which the least certain pairs are not distinguished."""
    reached = 0.0
    # Nested from below: all pairs less those at least as sure as the limit.
    for at in range(len(limits) - 2, -1, -1):
        with np.errstate(invalid="ignore", divide="ignore"):
            pairs = [each["pairs"][:, -1] - each["pairs"][:, at] for each in (whole, drawn)]
            hits = [each["hits"][:, -1] - each["hits"][:, at] for each in (whole, drawn)]
            below = interval(float((hits[0] / pairs[0])[0]), hits[1] / pairs[1], level=0.9)
        if below.low is not None and below.low > 0.5:
            break
        if below.low is not None:
            reached = limits[at]
    return float(expit(reached))


def _covered(
    predictions: Predictions,
    difference: NDArray[np.float64],
    calibration: Calibration,
    dispersion: float,
) -> NDArray[np.float64]:
    ratio, variance = log_rate_ratios(predictions.arms, predictions.pairs)
    reach = Z95 * np.sqrt(calibration.lift_sd**2 + dispersion * variance)
    missed = np.abs(ratio - calibration.lift_slope * difference)
    return np.asarray(missed <= reach, dtype=np.float64)
