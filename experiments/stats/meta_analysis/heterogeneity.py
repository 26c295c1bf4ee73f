"""Heterogeneity of true effects beyond their standard errors.

Model: y_i ~ N(theta_i, s_i^2), theta_i ~ N(mean, spread^2). Effects come as arrays y and s of
shape (k,); the mean is given.
"""

import math

import numpy as np
import numpy.typing as npt
import scipy

from experiments.stats.bayesian.priors import LARGEST
from experiments.stats.estimation.log_sum_exp import log_sum_exp
from experiments.stats.estimation.sufficient_statistics import FloatArray

# Spreads of log lifts between groups that the test for every look searches for, alike.
SPREADS = np.array([0.02, 0.05, 0.1, 0.2, 0.5])


def check_effects(
    effects: npt.ArrayLike, ses: npt.ArrayLike, *, least: int = 0
) -> tuple[FloatArray, FloatArray]:
    """Return effects and standard errors as arrays.

    Args:
        effects: Shape (k,), at most 1e100 in size.
        ses: Shape (k,), between 1e-50 and 1e100.
        least: Fewest effects allowed.

    Raises:
        ValueError: If the shapes differ, there are too few or a number is out of range.

    >>> check_effects([0.1], [0.02])
    (array([0.1]), array([0.02]))
    """
    y, s = np.asarray(effects, dtype=np.float64), np.asarray(ses, dtype=np.float64)
    if y.ndim != 1 or y.size < least or y.shape != s.shape:
        raise ValueError(
            f"effects and ses must have one length of at least {least}, got {y.shape}, {s.shape}"
        )
    # Comparisons with NaN are false.
    if not np.all(np.abs(y) <= LARGEST):
        raise ValueError(f"effects must be finite, got {effects!r}")
    # The root keeps the squares of standardised effects finite.
    if not np.all((s >= LARGEST**-0.5) & (s <= LARGEST)):
        raise ValueError(f"ses must be positive and finite, got {ses!r}")
    return y, s


def pooled_mean(y: FloatArray, s: FloatArray) -> tuple[float, float]:
    """Return the precision-weighted mean of the effects and its standard error.

    >>> mean, se = pooled_mean(np.array([0.0, 0.3]), np.array([0.1, 0.1]))
    >>> round(mean, 4), round(se, 4)
    (0.15, 0.0707)
    """
    weights = 1 / s**2
    return float(weights @ y / weights.sum()), float(weights.sum() ** -0.5)


def cochran_q_p_value(y: FloatArray, s: FloatArray, *, mean: float) -> float:
    """Return the p-value of Cochran's test that all true effects are equal to the mean.

    Source: Cochran (1954), "The combination of estimates from different experiments",
    Biometrics 10.

    >>> round(cochran_q_p_value(np.array([0.0, 0.3]), np.array([0.1, 0.1]), mean=0.0), 4)
    0.0111
    """
    return float(scipy.stats.chi2.sf(_q(y, s, mean, 0.0), y.size))


def equal_effects_p_value(effects: FloatArray, ses: FloatArray) -> FloatArray:
    """Test at every look that all true effects are equal, for any common value.

    The e-value is a Bayes factor: effects that spread normally around a common mean, in equal
    parts by each of `SPREADS`, against effects that do not. The mean has the same flat prior on
    both sides, so the ratio is that of the differences between the effects alone, and a
    martingale as data arrive, for any mean.

    Args:
        effects: Effects of disjoint groups of visitors on the scale of log lifts, shape
            `(..., k)`; NaN for a group that takes no part.
        ses: Their standard errors, same shape.

    Returns:
        P-values in [0, 1] of shape `(...)`; NaN where fewer than two groups take part.

    Source: Perez-Ortiz, Lardy, de Heide, Grunwald (2024), "E-statistics, group invariance and
    anytime-valid testing", Annals of Statistics 52 (arXiv 2208.07610).

    >>> round(float(equal_effects_p_value(np.array([0.3, 0.0, 0.1]), np.full(3, 0.06))), 4)
    0.0616
    """
    is_used = np.isfinite(effects) & np.isfinite(ses)
    y = np.where(is_used, effects, 0.0)[..., None]
    variance = np.where(is_used, np.square(ses), 1.0)[..., None]
    used = is_used[..., None]
    spread = _log_marginal(y, variance + SPREADS**2, used)
    log_e = spread - _log_marginal(y, variance, used)
    mean = log_sum_exp(log_e) - np.log(SPREADS.size)
    p_value = np.exp(-np.maximum(mean, 0.0))
    return np.where(is_used.sum(axis=-1) < 2, np.nan, p_value)


def _log_marginal(y: FloatArray, variance: FloatArray, used: npt.NDArray[np.bool_]) -> FloatArray:
    """Return the log marginal likelihood with a flat mean, up to a constant; groups on axis -2."""
    weights = np.where(used, 1 / variance, 0.0)
    total = np.maximum(weights.sum(axis=-2), np.finfo(float).tiny)
    mean = (weights * y).sum(axis=-2) / total
    squares = (weights * (y - mean[..., None, :]) ** 2).sum(axis=-2)
    logs = np.where(used, np.log(variance), 0.0).sum(axis=-2)
    return np.asarray(-0.5 * (logs + squares + np.log(total)))


def likeliest_spread(y: FloatArray, s: FloatArray, *, mean: float) -> float:
    """Return the spread that maximises the marginal likelihood.

    Source: Hardy, Thompson (1996), "A likelihood approach to meta-analysis with random effects",
    Stat. Med. 15.

    >>> round(likeliest_spread(np.array([-0.15, 0.15]), np.array([0.1, 0.1]), mean=0.0), 4)
    0.1118
    """
    # No better spread lies beyond the largest distance from the mean.
    top = 2 * float(np.max(np.abs(y - mean))) + float(s.min()) * 1e-6
    grid = np.concatenate(([0.0], top * np.geomspace(1e-4, 1, 60)))
    values = [log_likelihood(y, s, mean=mean, spread=float(spread)) for spread in grid]
    best = int(np.argmax(values))
    low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, grid.size - 1)])
    optimum = scipy.optimize.minimize_scalar(
        lambda spread: -log_likelihood(y, s, mean=mean, spread=spread),
        bounds=(low, high),
        method="bounded",
        options={"xatol": 1e-9 * high},
    )
    return float(optimum.x) if -optimum.fun > values[0] else 0.0


def log_likelihood(y: FloatArray, s: FloatArray, *, mean: float, spread: float) -> float:
    """Return the log marginal likelihood of the spread.

    >>> round(log_likelihood(np.zeros(1), np.ones(1), mean=0.0, spread=0.0), 4)
    -0.9189
    """
    variance = s**2 + spread**2
    return -0.5 * float(np.sum(np.log(2 * math.pi * variance) + (y - mean) ** 2 / variance))


def spread_interval(y: FloatArray, s: FloatArray, *, mean: float) -> tuple[float, float]:
    """Return the 95 % Q-profile interval of the spread; (0, 0) if even 0 is too wide for the data.

    Source: Viechtbauer (2007), "Confidence intervals for the amount of heterogeneity in
    meta-analysis", Stat. Med. 26.

    >>> y = np.array([-0.2, 0.1, 0.4, 0.0, 0.3])
    >>> low, high = spread_interval(y, np.full(5, 0.1), mean=0.1)
    >>> round(low, 3), round(high, 3)
    (0.089, 0.516)
    """
    return (
        _spread_with_q(y, s, mean, float(scipy.stats.chi2.isf(0.025, y.size))),
        _spread_with_q(y, s, mean, float(scipy.stats.chi2.ppf(0.025, y.size))),
    )


def _spread_with_q(y: FloatArray, s: FloatArray, mean: float, target: float) -> float:
    """Return the spread at which Q, which falls with it, meets the target."""
    if _q(y, s, mean, 0.0) <= target:
        return 0.0
    high = float(s.max())
    while _q(y, s, mean, high) > target:
        high *= 2
    return float(
        scipy.optimize.brentq(lambda x: _q(y, s, mean, x) - target, 0.0, high, xtol=1e-12 * high)
    )


def _q(y: FloatArray, s: FloatArray, mean: float, spread: float) -> float:
    return float(np.sum((y - mean) ** 2 / (s**2 + spread**2)))
