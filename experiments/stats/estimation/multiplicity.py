"""Corrections for several comparisons, and the interval levels that agree with them."""

from typing import Literal, get_args

import numpy as np

from experiments.stats.estimation.comparisons import check_alpha
from experiments.stats.estimation.sufficient_statistics import FloatArray

Correction = Literal["none", "holm", "hochberg", "bh", "by"]
CORRECTIONS: tuple[Correction, ...] = get_args(Correction)


def adjust_p_values(p_values: FloatArray, correction: Correction) -> FloatArray:
    """Return p-values adjusted for all comparisons of the last axis.

    Holm and Hochberg hold the family-wise error rate (Hochberg for independent or positively
    dependent tests), BH and BY the false discovery rate (FDR; BY under any dependence).

    Args:
        p_values: In [0, 1], shape `(..., m)`. NaN marks an undefined one: it stays NaN but
            counts in the family, as a comparison that was planned and cannot be rejected.
        correction: `none`, `holm`, `hochberg`, `bh` or `by`.

    Returns:
        Adjusted p-values in [0, 1], same shape and order.

    Raises:
        ValueError: If a p-value lies outside [0, 1] or the correction is unknown.

    Source: Holm (1979), Scand. J. Stat. 6; Hochberg (1988), Biometrika 75; Benjamini, Hochberg
    (1995), J. R. Stat. Soc. B 57; Benjamini, Yekutieli (2001), Ann. Stat. 29.

    >>> adjust_p_values(np.array([0.01, 0.04, 0.03, 0.005]), "holm").round(4).tolist()
    [0.03, 0.06, 0.06, 0.02]
    """
    p_values = np.asarray(p_values, dtype=np.float64)
    if np.any((p_values < 0) | (p_values > 1)):
        raise ValueError(f"p_values must lie in [0, 1]: {p_values!r}")
    if correction not in CORRECTIONS:
        raise ValueError(f"correction must be one of {', '.join(CORRECTIONS)}: {correction!r}")
    if correction == "none" or p_values.shape[-1] == 0:
        return p_values.copy()
    order = np.argsort(p_values, axis=-1, kind="stable")
    ascending = np.nan_to_num(np.take_along_axis(p_values, order, axis=-1), nan=1.0)
    adjusted = np.empty_like(p_values)
    np.put_along_axis(adjusted, order, _adjust_ascending(ascending, correction), axis=-1)
    return np.where(np.isnan(p_values), np.nan, adjusted)


def _adjust_ascending(ascending: FloatArray, correction: Correction) -> FloatArray:
    m = ascending.shape[-1]
    rank = np.arange(1, m + 1)
    if correction == "holm":
        return np.minimum(np.maximum.accumulate((m - rank + 1) * ascending, axis=-1), 1)
    factors = {"hochberg": m - rank + 1.0, "bh": m / rank, "by": m / rank * harmonic(m)}
    scaled = factors[correction] * ascending
    return np.minimum(np.minimum.accumulate(scaled[..., ::-1], axis=-1)[..., ::-1], 1)


def interval_levels(p_values: FloatArray, correction: Correction, alpha: float) -> FloatArray:
    """Return for each comparison the error rate at which its interval agrees with its verdict.

    The interval at level 1 - result excludes "no effect" exactly when the adjusted p-value is at
    most alpha. Under `holm` and `hochberg` it is Bonferroni's simultaneous alpha/m; an arm that
    only a later step of the procedure rejects gets that step's own level. Under `bh` and `by` it
    is R alpha/m for R rejections (`by` over the harmonic sum too): the intervals of the rejected
    arms then have a false coverage rate of at most alpha.

    Args:
        p_values: In [0, 1], shape `(..., m)`; NaN marks an undefined one.
        correction: As in `adjust_p_values`.
        alpha: Error rate of the family, in (0, 1).

    Returns:
        Error rates in (0, alpha], shape `(..., m)`.

    Raises:
        ValueError: As `adjust_p_values`, or if alpha is not in (0, 1).

    Source: Benjamini, Yekutieli (2005), "False discovery rate-adjusted multiple confidence
    intervals for selected parameters", J. Am. Stat. Assoc. 100.

    >>> interval_levels(np.array([0.01, 0.04, 0.03, 0.005]), "bh", 0.04).round(4).tolist()
    [0.04, 0.04, 0.04, 0.04]
    """
    check_alpha(alpha)
    adjusted = adjust_p_values(p_values, correction)
    m = max(adjusted.shape[-1], 1)
    if correction == "none":
        return np.full_like(adjusted, alpha)
    rejected = adjusted <= alpha
    if correction in ("bh", "by"):
        count = np.maximum(rejected.sum(axis=-1, keepdims=True), 1)
        level = alpha * count / m / (harmonic(m) if correction == "by" else 1.0)
        return np.broadcast_to(level, adjusted.shape).copy()
    with np.errstate(invalid="ignore"):
        own_step = alpha * np.asarray(p_values) / adjusted
    return np.where(rejected & (p_values > alpha / m), own_step, alpha / m)


def harmonic(m: int) -> float:
    """Return 1 + 1/2 + ... + 1/m.

    >>> harmonic(2)
    1.5
    """
    return float(np.sum(1 / np.arange(1, m + 1)))
