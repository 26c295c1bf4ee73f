"""Calibration of score differences to probabilities and lifts, on out-of-fold scores only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, ndtri

from ml.dataset.contrast_groups import Arms
from ml.dataset.pairs import Pairs

# End of the search, in log-odds for a pair one standard deviation of scores apart.
MAX_LOG_ODDS_PER_SD = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Conversion of score differences to probability and lift.

    Args:
        slope: Log-odds that A shows the higher click rate, for each unit that A scores above B.
        lift_slope: Expected log ratio of the click rates, for each unit of score.
        lift_sd: Standard deviation of the true log ratio around the expected one.
    """

    # Stored; never rename.
    slope: float
    lift_slope: float
    lift_sd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lift:
    """Relative change of the click rate, 0.12 = +12 %.

    Args:
        expected: Median of the predicted distribution.
        low: Lower end of the 95 % prediction interval of the true lift.
        high: Upper end.
    """

    expected: float
    low: float
    high: float


def fit_slope(difference: NDArray[np.float64], first_won: NDArray[np.bool_]) -> float:
    """Return the slope of a logistic curve through the origin (Platt scaling without offset).

    An offset is omitted because the choice of arm A is arbitrary; a slope is never negative. Each
    winner counts as (m + 1/2)/(m + 1) of a win, so that few pairs never give certainty.

    Args:
        difference: Out-of-fold score of A less that of B, float64 (m,).
        first_won: True if A had the higher observed click rate, bool (m,).

    Returns:
        Log-odds for each unit of score, >= 0; 0 if scores are uninformative.

    Source: Platt (1999), "Probabilistic outputs for support vector machines", with 1/2 for the 1
    of his target values.

    >>> round(fit_slope(np.ones(4000), np.arange(4000) < 3000), 3)  # ln 3
    1.098
    """
    scale = float(np.sqrt(np.mean(difference**2))) if len(difference) else 0.0
    if scale == 0:
        return 0.0
    signed = np.where(first_won, difference, -difference) / scale
    certainty = (len(signed) + 0.5) / (len(signed) + 1)
    best = minimize_scalar(
        # -t ln p - (1 - t) ln(1 - p) with p the probability of the observed outcome
        lambda slope: np.mean(np.logaddexp(0, -slope * signed) + (1 - certainty) * slope * signed),
        bounds=(0, MAX_LOG_ODDS_PER_SD),
        method="bounded",
        options={"xatol": 1e-9},
    )
    # The bounded search never quite reaches an end.
    return float(best.x) / scale if best.x > 1e-6 else 0.0


def fit_calibration(
    difference: NDArray[np.float64], arms: Arms, pairs: Pairs, *, dispersion: float = 1.0
) -> Calibration:
    """Fit the calibration to pairs that no model was trained on.

    The true log ratio of a pair is normal around `lift_slope` times the difference; the measured
    one adds sampling noise. Slope and spread maximise the likelihood of the measured ratios.

    Args:
        difference: Out-of-fold score of A less that of B, float64 (m,).
        arms: The arms.
        pairs: Their decided pairs, m >= 1.
        dispersion: Noise variance over binomial variance, >= 1.

    Raises:
        ValueError: If the pairs are empty.

    Source: random-effects meta-regression, Hardy and Thompson (1996), Statistics in Medicine 15(6).

    >>> from ml.dataset.pairs import pair_arms
    >>> arms = Arms(
    ...     texts=("A", "B"),
    ...     group=np.array([0, 0]),
    ...     visitors=np.array([1e5, 1e5]),
    ...     clicks=np.array([1100.0, 1000.0]),
    ... )
    >>> round(fit_calibration(np.array([0.5]), arms, pair_arms(arms)).lift_slope, 2)
    0.19
    """
    if not len(pairs):
        raise ValueError("pairs: there are none to calibrate on")
    ratio, variance = log_rate_ratios(arms, pairs)
    noise = dispersion * variance

    def lift_slope(spread: float) -> float:
        weight = 1 / (spread + noise)
        evidence = float(np.sum(weight * difference**2))
        return float(np.sum(weight * difference * ratio)) / evidence if evidence else 0.0

    def loss(spread: float) -> float:
        total = spread + noise
        return float(
            np.mean(np.log(total) + (ratio - lift_slope(spread) * difference) ** 2 / total)
        )

    widest = float(np.mean(ratio**2)) + 1e-9
    spread = float(minimize_scalar(loss, bounds=(0, widest), method="bounded").x)
    return Calibration(
        slope=fit_slope(difference, pairs.first_won),
        lift_slope=max(0.0, lift_slope(spread)),
        lift_sd=float(np.sqrt(spread)),
    )


def win_probability(
    difference: NDArray[np.float64] | float, calibration: Calibration
) -> NDArray[np.float64]:
    """Return the probability that A has the higher click rate in a test like past ones.

    Args:
        difference: Score of A less that of B.
        calibration: Calibration fitted on out-of-fold scores.

    Returns:
        Probabilities in (0, 1) that include the sampling noise of such a test.

    >>> float(win_probability(0.0, Calibration(slope=2.0, lift_slope=1.0, lift_sd=0.1)))
    0.5
    """
    return np.asarray(expit(calibration.slope * np.asarray(difference)))


def predicted_lift(difference: float, calibration: Calibration) -> Lift:
    """Return the expected true lift of A over B with its 95 % prediction interval.

    Args:
        difference: Score of A less that of B.
        calibration: Calibration fitted on out-of-fold scores.

    >>> lift = predicted_lift(0.1, Calibration(slope=2.0, lift_slope=1.0, lift_sd=0.1))
    >>> round(lift.low, 3), round(lift.expected, 3), round(lift.high, 3)
    (-0.092, 0.105, 0.344)
    """
    middle = calibration.lift_slope * difference
    reach = float(ndtri(0.975)) * calibration.lift_sd
    low, expected, high = np.expm1([middle - reach, middle, middle + reach])
    return Lift(expected=float(expected), low=float(low), high=float(high))


def log_rate_ratios(arms: Arms, pairs: Pairs) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the measured log ratio of the click rates of each pair, and its sampling variance.

    Args:
        arms: The arms.
        pairs: Their pairs.

    Returns:
        Log ratio A over B and variance, float64 (m,) each.

    Source: Katz et al. (1978), Biometrics 34(3), with 1/2 added to each count.

    >>> from ml.dataset.pairs import pair_arms
    >>> arms = Arms(
    ...     texts=("A", "B"),
    ...     group=np.array([0, 0]),
    ...     visitors=np.array([1e6, 1e6]),
    ...     clicks=np.array([2e4, 1e4]),
    ... )
    >>> log_rate_ratios(arms, pair_arms(arms))[0].round(3)
    array([0.693])
    """
    hits, seen = arms.clicks + 0.5, arms.visitors + 0.5
    log_rate, variance = np.log(hits / seen), 1 / hits - 1 / seen
    ratio = log_rate[pairs.first] - log_rate[pairs.second]
    return ratio, variance[pairs.first] + variance[pairs.second]
