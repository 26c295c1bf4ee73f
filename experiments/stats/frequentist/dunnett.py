"""Dunnett's simultaneous comparison of several arms with one control."""

import numpy as np
from scipy import optimize, special, stats

from experiments.stats.estimation.comparisons import (
    Comparisons,
    check_alpha,
    check_arms,
    comparisons,
)
from experiments.stats.estimation.contrasts import contrasts
from experiments.stats.estimation.cuped import estimate
from experiments.stats.estimation.sufficient_statistics import FloatArray, SufficientStatistics

# Trapezoid rule for an analytic integrand that vanishes at both ends: exact to rounding.
_NODES = np.linspace(-9, 9, 241)
_WEIGHTS = stats.norm.pdf(_NODES) * (_NODES[1] - _NODES[0])
# Legendre nodes over the quantiles of the pooled standard deviation.
_LEGENDRE = np.polynomial.legendre.leggauss(48)
_QUANTILES, _QUANTILE_WEIGHTS = (_LEGENDRE[0] + 1) / 2, _LEGENDRE[1] / 2
_NEARLY_NORMAL = 1e6
# Below it 1 - P(max <= c) is rounding noise, and Bonferroni is nearly exact.
_SMALL = 1e-9
# The smallest p-value whose statistic is finite.
_SMALLEST = 1e-300


def compare_dunnett(statistics: SufficientStatistics, *, alpha: float = 0.05) -> Comparisons:
    """Compare every arm with the control, with intervals and p-values simultaneous over the arms.

    Sharper than Holm's first step, because it uses that the arms share their control.

    Args:
        statistics: One experiment, arms on the last axis, K >= 2, control first.
        alpha: Family-wise error rate in (0, 1).

    Returns:
        Comparisons whose p-values are already adjusted for the K - 1 arms; undefined ones do not
        count in the family.

    Raises:
        ValueError: If alpha is out of range or the shape is not `(K,)`.

    Source: Dunnett (1955), J. Am. Stat. Assoc. 50; with unequal variances as Hasler, Hothorn
    (2008), Biom. J. 50, the smallest of Welch's degrees of freedom standing for all.
    """
    check_arms(statistics)
    check_alpha(alpha)
    if len(statistics.shape) != 1:
        raise ValueError(f"arms must be one experiment's: shape {statistics.shape}")
    arms = estimate(statistics)
    contrast = contrasts(arms)
    is_known = contrast.reason == 0
    p_value = np.full(len(is_known), np.nan)
    multiplier = np.full(len(is_known), np.nan)
    if is_known.any():
        loading = np.sqrt(arms.variance[0] / contrast.variance[is_known])
        dof = float(contrast.dof[is_known].min())
        z = np.abs(contrast.effect / contrast.standard_error)[is_known]
        p_value[is_known] = [exceedance(statistic, loading, dof) for statistic in z]
        multiplier[is_known] = critical_value(alpha, loading, dof)
    return comparisons(contrast, multiplier, p_value=p_value)


def exceedance(bound: float, loading: FloatArray, dof: float = np.inf) -> float:
    """Return P(max |T_i| > bound) for t variables with correlations loading_i loading_j.

    Args:
        bound: At least 0.
        loading: For each arm the root of the control's part in its variance, in [0, 1); shape
            `(m,)`, m >= 1.
        dof: Degrees of freedom of the common standard deviation; infinite for normal variables.

    Returns:
        Probability in [0, 1].

    Source: Dunnett (1955), J. Am. Stat. Assoc. 50.

    >>> round(exceedance(2.21, np.sqrt([0.5, 0.5])), 2)
    0.05
    """
    single = 2 * (special.ndtr(-bound) if np.isinf(dof) else special.stdtr(dof, -bound))
    several = float(min(single * len(loading), 1))
    if several < _SMALL:
        return several
    if dof > _NEARLY_NORMAL:
        inside = _inside(np.array([bound]), loading)[0]
    else:
        scale = np.sqrt(2 * special.gammaincinv(dof / 2, _QUANTILES) / dof)
        inside = float(_QUANTILE_WEIGHTS @ _inside(bound * scale, loading))
    return float(np.clip(1 - inside, single, several))


def critical_value(alpha: float, loading: FloatArray, dof: float = np.inf) -> float:
    """Return the bound that `exceedance` gives probability alpha.

    >>> round(critical_value(0.05, np.sqrt([0.5, 0.5])), 2)
    2.21
    """
    # Between the bound of a single test and Bonferroni's, each a little widened by rounding.
    tails = (alpha / 2 * 1.000001, alpha / 2 / len(loading) * 0.999999)
    low, high = (float(-special.stdtrit(min(dof, 1e12), tail)) for tail in tails)
    return float(optimize.brentq(lambda c: exceedance(c, loading, dof) - alpha, low, high))


def step_down_p_values(p_values: FloatArray, loading: FloatArray) -> FloatArray:
    """Return p-values of arms that share a control, adjusted step by step from the smallest.

    Each is turned into the normal statistic of its size. Sequential p-values are treated alike;
    that their family errs in at most alpha is measured (docs/statistics.md), not proven.

    Args:
        p_values: Two-sided, in [0, 1], one an arm; NaN marks an undefined one, which stays NaN but
            counts in the family.
        loading: As in `exceedance`, shape `(m,)`.

    Returns:
        Adjusted p-values in [0, 1], in the order of the arms: never above Holm's.

    Source: Dunnett, Tamhane (1991), "Step-down multiple tests for comparing treatments with a
    control in unbalanced one-way layouts", Stat. Med. 10.

    >>> step_down_p_values(np.array([0.02, 0.3]), np.sqrt([0.5, 0.5])).round(3).tolist()
    [0.037, 0.3]
    """
    known = np.nan_to_num(p_values, nan=1.0)
    adjusted = np.empty_like(known)
    largest = 0.0
    for rank, arm in enumerate(order := np.argsort(known, kind="stable")):
        largest = max(largest, _family_p_value(float(known[arm]), loading[order[rank:]]))
        adjusted[arm] = largest
    return np.where(np.isnan(p_values), np.nan, adjusted)


def step_down_levels(p_values: FloatArray, loading: FloatArray, alpha: float) -> FloatArray:
    """Return the error rate at which each arm's interval agrees with `step_down_p_values`.

    Args:
        p_values: As there.
        loading: As there.
        alpha: Error rate of the family, in (0, 1).

    Returns:
        Error rates in (0, alpha]: that of a single step, and for an arm that only a later step
        rejects that of its own.

    >>> levels = step_down_levels(np.array([0.02, 0.03]), np.sqrt([0.5, 0.5]), 0.05)
    >>> levels.round(4).tolist()
    [0.027, 0.05]
    """
    adjusted = step_down_p_values(p_values, loading)
    known = np.nan_to_num(p_values, nan=1.0)
    levels = np.full(known.shape, _level(alpha, loading))
    for rank, arm in enumerate(order := np.argsort(known, kind="stable")):
        if adjusted[arm] <= alpha and known[arm] > levels[arm]:
            levels[arm] = _level(alpha, loading[order[rank:]])
    return levels


def _family_p_value(p_value: float, loading: FloatArray) -> float:
    """Return the probability that the smallest p-value of these arms is so small."""
    if len(loading) == 1:
        return p_value
    bound = -float(special.ndtri(max(p_value, _SMALLEST) / 2))
    return max(p_value, exceedance(bound, loading))


def _level(alpha: float, loading: FloatArray) -> float:
    if len(loading) == 1:
        return alpha
    return float(2 * special.ndtr(-critical_value(alpha, loading)))


def _inside(bounds: FloatArray, loading: FloatArray) -> FloatArray:
    """Return P(all |Z_i| <= bound), by conditioning on the noise of the control."""
    residual_sd = np.sqrt(1 - loading**2)[:, None]
    shift = loading[:, None] * _NODES
    wide = bounds[:, None, None]
    probabilities = special.ndtr((wide - shift) / residual_sd) - special.ndtr(
        (-wide - shift) / residual_sd
    )
    return np.asarray(probabilities.prod(axis=1) @ _WEIGHTS)
