"""Dunnett's simultaneous comparison of several arms with one control."""

import numpy as np
from scipy import optimize, special, stats

from experiments.stats.estimation.sufficient_statistics import FloatArray

# Trapezoid rule for an analytic integrand that vanishes at both ends: exact to rounding.
_NODES = np.linspace(-9, 9, 241)
_WEIGHTS = stats.norm.pdf(_NODES) * (_NODES[1] - _NODES[0])
# A control without visitors has all of the variance; the integral needs a little less.
_MOST_LOADING = 0.999
# Below it 1 - P(max <= c) is rounding noise, and Bonferroni is nearly exact.
_SMALL = 1e-9
# The smallest p-value whose statistic is finite.
_SMALLEST = 1e-300


def loading_of(visitors: FloatArray) -> FloatArray:
    """Return for each arm the root of the control's part in its comparison's variance.

    Args:
        visitors: Visitors of the arms, control first, shape `(..., K)`.

    Returns:
        Loadings in [0, 1), shape `(..., K - 1)`.

    >>> loading_of(np.array([100.0, 100.0, 300.0])).round(3).tolist()
    [0.707, 0.866]
    """
    control, arms = visitors[..., :1], visitors[..., 1:]
    return np.asarray(np.sqrt(np.minimum(arms / np.maximum(control + arms, 1), _MOST_LOADING)))


def exceedance(bound: float, loading: FloatArray) -> float:
    """Return P(max |Z_i| > bound) for normal variables with correlations loading_i loading_j.

    Args:
        bound: At least 0.
        loading: For each arm the root of the control's part in its variance, in [0, 1); shape
            `(m,)`, m >= 1.

    Returns:
        Probability in [0, 1].

    Source: Dunnett (1955), J. Am. Stat. Assoc. 50.

    >>> round(exceedance(2.21, np.sqrt([0.5, 0.5])), 2)
    0.05
    """
    single = 2 * special.ndtr(-bound)
    several = float(min(single * len(loading), 1))
    if several < _SMALL:
        return several
    return float(np.clip(1 - _inside(bound, loading), single, several))


def critical_value(alpha: float, loading: FloatArray) -> float:
    """Return the bound that `exceedance` gives probability alpha.

    >>> round(critical_value(0.05, np.sqrt([0.5, 0.5])), 2)
    2.21
    """
    # Between the bound of a single test and Bonferroni's, each a little widened by rounding.
    tails = (alpha / 2 * 1.000001, alpha / 2 / len(loading) * 0.999999)
    low, high = (float(-special.ndtri(tail)) for tail in tails)
    return float(optimize.brentq(lambda c: exceedance(c, loading) - alpha, low, high))


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


def _inside(bound: float, loading: FloatArray) -> float:
    """Return P(all |Z_i| <= bound), by conditioning on the noise of the control."""
    residual_sd = np.sqrt(1 - loading**2)[:, None]
    shift = loading[:, None] * _NODES
    probabilities = special.ndtr((bound - shift) / residual_sd) - special.ndtr(
        (-bound - shift) / residual_sd
    )
    return float(probabilities.prod(axis=0) @ _WEIGHTS)
