"""Dunnett's simultaneous comparison of several arms with one control."""

import numpy as np
import scipy
from scipy import special

from experiments.stats.estimation.sufficient_statistics import FloatArray, Values

# Trapezoid rule for an analytic integrand that vanishes at -9 and 9: exact to rounding. It is even,
# so that a node other than 0 counts for its mirror image, too.
_NODES = np.linspace(0, 9, 121)
_DENSITIES = np.exp(-(_NODES**2) / 2) / np.sqrt(2 * np.pi)
_WEIGHTS = _DENSITIES * (_NODES[1] - _NODES[0]) * np.where(_NODES > 0, 2, 1)
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


def exceedance(bound: Values, loading: FloatArray) -> FloatArray:
    """Return P(max |Z_i| > bound) for normal variables with correlations loading_i loading_j.

    Args:
        bound: At least 0, shape `(...)`.
        loading: For each arm the root of the control's part in its variance, in [0, 1); shape
            `(..., m)`, m >= 1.

    Returns:
        Probabilities in [0, 1], of the broadcast shape `(...)`.

    Source: Dunnett (1955), J. Am. Stat. Assoc. 50.

    >>> exceedance(2.21, np.sqrt([0.5, 0.5])).round(2).tolist()
    0.05
    """
    loadings, bounds = np.broadcast_arrays(loading, np.asarray(bound)[..., None])
    single = 2 * special.ndtr(-bounds[..., 0])
    several = np.minimum(single * loadings.shape[-1], 1)
    found = np.array(several)
    # Where the limits are one, so is what lies between them.
    is_between = (several >= _SMALL) & (single < several)
    inside = _inside(bounds[is_between], loadings[is_between])
    found[is_between] = np.clip(1 - inside, single[is_between], several[is_between])
    return found


def critical_value(alpha: float, loading: FloatArray) -> float:
    """Return the bound that `exceedance` gives probability alpha.

    >>> round(critical_value(0.05, np.sqrt([0.5, 0.5])), 2)
    2.21
    """
    # Between the bound of a single test and Bonferroni's, each a little widened by rounding.
    tails = (alpha / 2 * 1.000001, alpha / 2 / len(loading) * 0.999999)
    low, high = (float(-special.ndtri(tail)) for tail in tails)
    return float(scipy.optimize.brentq(lambda c: float(exceedance(c, loading)) - alpha, low, high))


def step_down_p_values(p_values: FloatArray, loading: FloatArray) -> FloatArray:
    """Return p-values of arms that share a control, adjusted step by step from the smallest.

    Each is turned into the normal statistic of its size. Sequential p-values are treated alike;
    that their family errs in at most alpha is measured (docs/statistics.md), not proven.

    Args:
        p_values: Two-sided, in [0, 1], shape `(..., m)`: one an arm. NaN marks an undefined one,
            which stays NaN but counts in the family.
        loading: As in `exceedance`, same shape.

    Returns:
        Adjusted p-values in [0, 1], same shape and order: never above Holm's.

    Source: Dunnett, Tamhane (1991), "Step-down multiple tests for comparing treatments with a
    control in unbalanced one-way layouts", Stat. Med. 10.

    >>> step_down_p_values(np.array([0.02, 0.3]), np.sqrt([0.5, 0.5])).round(3).tolist()
    [0.037, 0.3]
    """
    known = np.nan_to_num(p_values, nan=1.0)
    order = np.argsort(known, axis=-1, kind="stable")
    ascending = np.take_along_axis(known, order, axis=-1)
    loading = np.take_along_axis(loading, order, axis=-1)
    steps = np.empty_like(ascending)
    for rank in range(steps.shape[-1]):
        steps[..., rank] = _family_p_values(ascending[..., rank], loading[..., rank:])
    adjusted = np.empty_like(known)
    np.put_along_axis(adjusted, order, np.maximum.accumulate(steps, axis=-1), axis=-1)
    return np.where(np.isnan(p_values), np.nan, adjusted)


def step_down_levels(p_values: FloatArray, loading: FloatArray, alpha: float) -> FloatArray:
    """Return the error rate at which each arm's interval agrees with `step_down_p_values`.

    Args:
        p_values: As there, shape `(m,)`.
        loading: As there, shape `(m,)`.
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


def _family_p_values(p_values: FloatArray, loading: FloatArray) -> FloatArray:
    """Return the probabilities that the smallest p-value of these arms is so small."""
    if loading.shape[-1] == 1:
        return p_values
    bounds = -special.ndtri(np.maximum(p_values, _SMALLEST) / 2)
    return np.maximum(p_values, exceedance(bounds, loading))


def _level(alpha: float, loading: FloatArray) -> float:
    if len(loading) == 1:
        return alpha
    return float(2 * special.ndtr(-critical_value(alpha, loading)))


def _inside(bounds: FloatArray, loading: FloatArray) -> FloatArray:
    """Return P(all |Z_i| <= bound), by conditioning on the noise of the control.

    Both have shape `(n, m)`; the bounds of a row are equal.
    """
    residual_sd = np.sqrt(1 - loading**2)[..., None]
    shift = loading[..., None] * _NODES
    bound = bounds[..., None]
    probabilities = special.ndtr((bound - shift) / residual_sd) - special.ndtr(
        (-bound - shift) / residual_sd
    )
    return np.asarray(probabilities.prod(axis=-2) @ _WEIGHTS)
