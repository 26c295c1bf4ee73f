"""Heterogeneity of true effects beyond their standard errors.

Model: y_i ~ N(theta_i, s_i^2), theta_i ~ N(mean, spread^2). Effects come as arrays y and s of
shape (k,). A known mean costs no degree of freedom; `mean=None` estimates it.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import chi2

from experiments.stats.bayesian.priors import LARGEST
from experiments.stats.estimation.sufficient_statistics import FloatArray

# Spreads of log lifts between groups that the test for every look searches for, alike.
SPREADS = np.array([0.02, 0.05, 0.1, 0.2, 0.5])


@dataclass(frozen=True, slots=True, kw_only=True)
class Heterogeneity:
    """Cochran's test that all true effects are equal.

    Attributes:
        q: Sum of squared standardised distances from the mean.
        dof: Its degrees of freedom.
        p_value: P(chi-squared >= q).
    """

    q: float
    dof: int
    p_value: float


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


def pooled_mean(y: FloatArray, s: FloatArray, spread: float = 0.0) -> tuple[float, float]:
    """Return the precision-weighted mean of the effects and its standard error.

    >>> mean, se = pooled_mean(np.array([0.0, 0.3]), np.array([0.1, 0.1]))
    >>> round(mean, 4), round(se, 4)
    (0.15, 0.0707)
    """
    weights = 1 / (s**2 + spread**2)
    return float(weights @ y / weights.sum()), float(weights.sum() ** -0.5)


def cochran_q(y: FloatArray, s: FloatArray, *, mean: float | None = None) -> Heterogeneity:
    """Return Cochran's Q test of equal effects.

    Source: Cochran (1954), "The combination of estimates from different experiments",
    Biometrics 10.

    >>> round(cochran_q(np.array([0.0, 0.3]), np.array([0.1, 0.1])).p_value, 4)
    0.0339
    """
    dof = y.size - (1 if mean is None else 0)
    q = _q(y, s, mean, 0.0)
    return Heterogeneity(q=q, dof=dof, p_value=float(chi2.sf(q, dof)))


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
    mean = special.logsumexp(log_e, axis=-1) - np.log(SPREADS.size)
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


def dersimonian_laird(y: FloatArray, s: FloatArray, *, mean: float | None = None) -> float:
    """Return the spread at which Q equals its expectation, by moments.

    Source: DerSimonian, Laird (1986), "Meta-analysis in clinical trials", Control. Clin.
    Trials 7.

    >>> round(dersimonian_laird(np.array([0.0, 0.3]), np.array([0.1, 0.1])), 4)
    0.1871
    """
    weights = s**-2.0
    total = float(weights.sum())
    freedom = y.size - (1 if mean is None else 0)
    slope = total - float(np.sum(weights**2)) / total if mean is None else total
    return math.sqrt(max((_q(y, s, mean, 0.0) - freedom) / slope, 0.0))


def likeliest_spread(y: FloatArray, s: FloatArray, *, mean: float | None = None) -> float:
    """Return the spread that maximises the marginal likelihood (restricted, without a mean).

    Source: Harville (1977), "Maximum likelihood approaches to variance component estimation",
    J. Am. Stat. Assoc. 72.

    >>> round(likeliest_spread(np.array([0.0, 0.3]), np.array([0.1, 0.1])), 4)
    0.1871
    """
    # No better spread lies beyond the largest distance between effects, or from the mean.
    centre = pooled_mean(y, s)[0] if mean is None else mean
    top = 2 * float(np.max(np.abs(y - centre))) + float(s.min()) * 1e-6
    grid = np.concatenate(([0.0], top * np.geomspace(1e-4, 1, 60)))
    values = [log_likelihood(y, s, mean=mean, spread=float(spread)) for spread in grid]
    best = int(np.argmax(values))
    low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, grid.size - 1)])
    optimum = minimize_scalar(
        lambda spread: -log_likelihood(y, s, mean=mean, spread=spread),
        bounds=(low, high),
        method="bounded",
        options={"xatol": 1e-9 * high},
    )
    return float(optimum.x) if -optimum.fun > values[0] else 0.0


def log_likelihood(y: FloatArray, s: FloatArray, *, mean: float | None, spread: float) -> float:
    """Return the log marginal likelihood of the spread; restricted if the mean is estimated.

    >>> round(log_likelihood(np.zeros(1), np.ones(1), mean=0.0, spread=0.0), 4)
    -0.9189
    """
    variance = s**2 + spread**2
    centre, se = (mean, 1.0) if mean is not None else pooled_mean(y, s, spread)
    value = -0.5 * float(np.sum(np.log(2 * math.pi * variance) + (y - centre) ** 2 / variance))
    # A flat prior on the mean integrates to sqrt(2 pi) se.
    return value if mean is not None else value + math.log(se * math.sqrt(2 * math.pi))


def spread_interval(
    y: FloatArray, s: FloatArray, *, mean: float | None = None, level: float = 0.95
) -> tuple[float, float]:
    """Return the Q-profile interval of the spread; (0, 0) if even 0 is too wide for the data.

    Source: Viechtbauer (2007), "Confidence intervals for the amount of heterogeneity in
    meta-analysis", Stat. Med. 26.

    >>> y = np.array([-0.2, 0.1, 0.4, 0.0, 0.3])
    >>> low, high = spread_interval(y, np.full(5, 0.1))
    >>> round(low, 3), round(high, 3)
    (0.102, 0.679)
    """
    dof = y.size - (1 if mean is None else 0)
    tail = (1 - level) / 2
    return (
        _spread_with_q(y, s, mean, float(chi2.isf(tail, dof))),
        _spread_with_q(y, s, mean, float(chi2.ppf(tail, dof))),
    )


def _spread_with_q(y: FloatArray, s: FloatArray, mean: float | None, target: float) -> float:
    """Return the spread at which Q, which falls with it, meets the target."""
    if _q(y, s, mean, 0.0) <= target:
        return 0.0
    high = float(s.max())
    while _q(y, s, mean, high) > target:
        high *= 2
    return float(brentq(lambda x: _q(y, s, mean, x) - target, 0.0, high, xtol=1e-12 * high))


def _q(y: FloatArray, s: FloatArray, mean: float | None, spread: float) -> float:
    centre = pooled_mean(y, s, spread)[0] if mean is None else mean
    return float(np.sum((y - centre) ** 2 / (s**2 + spread**2)))
