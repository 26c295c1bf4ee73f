"""Mantel-Haenszel combination: arms compared within strata, such as the phases of an experiment.

Where the shares of the arms change and the rate drifts, sums over all phases compare visitors of
different times. Within a phase every arm meets the same times; the phases' differences are added
with weights h = n_control n_arm / (n_control + n_arm), which are inverse to their variances as
long as visitors vary alike. A phase without one of the two arms has weight 0: an arm that comes
later is compared with the concurrent control only.
"""

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np

from experiments.stats.estimation.contrasts import (
    TINY,
    Contrasts,
    Estimates,
    as_arrays,
    contrasts,
    pair_information,
    where_defined,
)
from experiments.stats.estimation.cuped import estimate, is_adjustable, theta
from experiments.stats.estimation.sufficient_statistics import (
    FloatArray,
    Mean,
    Proportion,
    Ratio,
    Statistics,
    SufficientStatistics,
)
from experiments.stats.estimation.undefined_reasons import Reason, first_reason


def mantel_haenszel_contrasts(
    statistics: SufficientStatistics,
    *,
    scale: FloatArray | None = None,
    null_part: float = 0.0,
) -> Contrasts:
    """Compare each arm with the control within strata.

    For rates the lift is the Mantel-Haenszel rate ratio minus 1. The variance adds the strata's
    own, each with Bessel's correction, so that it is unbiased in small strata too; where an arm
    has one visitor in a stratum, both take the variance of all visitors there.

    Args:
        statistics: Strata on the axis before the last, arms on the last: shape `(..., S, K)`,
            S >= 1, K >= 2, control first. A covariate gets one coefficient over all strata.
        scale: Factors of the weights h, at least 0, shape `(S, K - 1)`; 1 when left out.
        null_part: Part in [0, 1] of a mean's variance that is taken from the visitors of both
            arms, as without an effect; the rest is the arm's own.

    Returns:
        Contrasts of shape `(..., K - 1)`; `n` counts the strata that have both arms, and
        `information` is the sum of their h. With one stratum, and nothing else, they equal those
        of `contrasts(estimate(...))`.

    Raises:
        ValueError: If there are fewer than two axes or two arms.

    Source: Mantel, Haenszel (1959), J. Natl. Cancer Inst. 22; Greenland, Robins (1985),
    "Estimation of a common effect parameter from sparse follow-up data", Biometrics 41.

    >>> phases = Proportion(
    ...     n=np.array([[9000.0, 1000.0], [1000.0, 1000.0]]),
    ...     sum=np.array([[900.0, 110.0], [30.0, 33.0]]),
    ... )
    >>> mantel_haenszel_contrasts(phases).lift.round(6).tolist()
    [0.1]
    """
    if len(statistics.shape) < 2 or statistics.shape[-1] < 2:
        raise ValueError(f"strata and two arms or more are needed: shape {statistics.shape}")
    if statistics.shape[-2] == 1 and not null_part:
        return contrasts(estimate(each_field(statistics, lambda field: field[..., 0, :])))
    pairs = each_field(statistics, _pairs)
    (n,) = as_arrays(pairs.n)
    weight = pair_information(n[..., 0], n[..., 1])
    if scale is not None:
        weight = weight * np.swapaxes(scale, -1, -2)
    with np.errstate(all="ignore"):
        weight = weight / weight.sum(axis=-1, keepdims=True)
    offset = np.zeros((*weight.shape[:-1], 2))
    if isinstance(pairs, Ratio):
        pairs, offset = _linearised(pairs, weight)
    return _combined(_stratum_estimates(pairs, null_part), n, weight, offset)


def each_field(statistics: Statistics, change: Callable[[FloatArray], FloatArray]) -> Statistics:
    """Return the statistics with every field changed alike, such as summed over an axis.

    >>> days = Proportion(n=np.array([[10.0, 20.0], [1.0, 2.0]]), sum=np.zeros((2, 2)))
    >>> each_field(days, lambda field: field.sum(axis=0)).n.tolist()
    [11.0, 22.0]
    """
    values = {field.name: getattr(statistics, field.name) for field in fields(statistics)}
    return replace(
        statistics,
        **{
            name: change(np.asarray(value, dtype=np.float64))
            for name, value in values.items()
            if value is not None
        },
    )


def _pairs(field: FloatArray) -> FloatArray:
    """Return (..., S, K) as (..., K - 1, S, 2): the control beside each arm."""
    arms = np.moveaxis(field[..., 1:], -1, -2)
    control = np.broadcast_to(field[..., None, :, 0], arms.shape)
    return np.stack([control, arms], axis=-1)


def _stratum_estimates(pairs: SufficientStatistics, null_part: float) -> Estimates:
    """Return the estimates of the two arms in each stratum, with unbiased variances."""
    coefficient = theta(pairs, pooling="within_strata") if is_adjustable(pairs) else None
    own = _unbiased(pairs, estimate(pairs, coefficient=coefficient))
    joined = each_field(pairs, lambda field: field.sum(axis=-1, keepdims=True))
    both = _unbiased(joined, estimate(joined, coefficient=coefficient))
    scale = both.n / np.maximum(own.n, 1)
    is_sparse = (own.n <= 1).any(axis=-1, keepdims=True)
    part = np.where(is_sparse, 1.0, null_part)
    return replace(
        own,
        variance=part * both.variance * scale + (1 - part) * own.variance,
        raw_variance=part * both.raw_variance * scale + (1 - part) * own.raw_variance,
        covariance=part * both.covariance * scale + (1 - part) * own.covariance,
    )


def _unbiased(statistics: SufficientStatistics, estimates: Estimates) -> Estimates:
    """Return the estimates with 0 for a variance that is none, and Bessel's correction."""
    factor = np.ones_like(estimates.n)
    if isinstance(statistics, Proportion):
        factor = estimates.n / np.maximum(estimates.n - 1, 1)
    return replace(
        estimates,
        variance=np.nan_to_num(estimates.variance) * factor,
        raw_variance=np.nan_to_num(estimates.raw_variance) * factor,
        covariance=np.nan_to_num(estimates.covariance) * factor,
    )


def _combined(
    strata: Estimates, n: FloatArray, weight: FloatArray, offset: FloatArray
) -> Contrasts:
    present = np.nan_to_num(weight)
    squares = present[..., None] ** 2
    has_both = present[..., None] > 0
    means, raw_means = (
        np.where(has_both, np.nan_to_num(part), 0.0) for part in (strata.mean, strata.raw_mean)
    )
    mean = (present[..., None] * means).sum(axis=-2) + offset
    base = (present[..., None] * raw_means).sum(axis=-2)[..., 0] + offset[..., 0]
    terms = np.where(has_both, squares * strata.variance, 0.0)
    raw = np.where(has_both, squares * strata.raw_variance, 0.0).sum(axis=-2)[..., 0]
    shared = np.where(has_both, squares * strata.covariance, 0.0).sum(axis=-2)[..., 0]
    variance = terms.sum(axis=(-2, -1))
    visitors = np.where(has_both, n, 0.0)
    information = pair_information(visitors[..., 0], visitors[..., 1]).sum(axis=-1)
    is_apart = information == 0
    effect = np.where(is_apart, np.nan, mean[..., 1] - mean[..., 0])
    is_single = (visitors.sum(axis=-2) <= 1).any(axis=-1)
    reason = first_reason(
        (is_apart, Reason.NO_VISITORS),
        (~np.isfinite(effect), Reason.ZERO_DENOMINATOR),
        (is_single, Reason.ONE_VISITOR),
        (variance == 0, Reason.NO_VARIANCE),
        (~np.isfinite(variance), Reason.OUT_OF_RANGE),
    )
    return Contrasts(
        n=visitors.sum(axis=(-2, -1)),
        information=information,
        effect=effect,
        variance=where_defined(reason, variance),
        dof=where_defined(reason, _dof(terms, strata.n)),
        control_variance=where_defined(reason, terms.sum(axis=-2)[..., 0]),
        base=np.abs(base),
        base_variance=raw,
        base_covariance=-np.sign(base) * shared,
        reason=reason,
        lift_reason=np.where(
            ~np.isfinite(effect), reason, first_reason((np.abs(base) <= TINY, Reason.ZERO_CONTROL))
        ),
    )


def _dof(terms: FloatArray, n: FloatArray) -> FloatArray:
    """Return Satterthwaite's degrees of freedom over the strata of both arms."""
    with np.errstate(all="ignore"):
        shares = terms / terms.sum(axis=(-2, -1), keepdims=True)
        parts = np.where(terms > 0, shares**2 / np.maximum(n - 1, 1), 0.0)
        return np.asarray(1 / parts.sum(axis=(-2, -1)))


def _linearised(pairs: Ratio, weight: FloatArray) -> tuple[Mean, FloatArray]:
    """Return (numerator - r denominator) / mean denominator as a mean, and each arm's r."""
    n, top, bottom = as_arrays(pairs.n, pairs.numerator_sum, pairs.denominator_sum)
    count = np.maximum(n, 1)
    shares = np.nan_to_num(weight)[..., None]
    size = (shares * bottom / count).sum(axis=-2, keepdims=True)
    with np.errstate(all="ignore"):
        r = (shares * top / count).sum(axis=-2, keepdims=True) / size
    is_usable = np.abs(size) > TINY
    safe, slope = np.where(is_usable, size, 1.0), np.where(is_usable, r, 0.0)
    squares = (
        np.asarray(pairs.numerator_sum_squares)
        - 2 * slope * np.asarray(pairs.product_sum)
        + slope**2 * np.asarray(pairs.denominator_sum_squares)
    )
    total = top - slope * bottom
    mean = Mean(n=n, sum=total / safe, sum_squares=np.maximum(squares, total**2 / count) / safe**2)
    return _with_covariate(mean, pairs, slope, safe), np.where(is_usable, r, np.nan)[..., 0, :]


def _with_covariate(mean: Mean, ratio: Ratio, slope: FloatArray, size: FloatArray) -> Mean:
    if ratio.covariate_product_sum is None or ratio.covariate_denominator_product_sum is None:
        return mean
    crossed = as_arrays(ratio.covariate_product_sum, ratio.covariate_denominator_product_sum)
    return replace(
        mean,
        covariate_sum=ratio.covariate_sum,
        covariate_sum_squares=ratio.covariate_sum_squares,
        covariate_product_sum=(crossed[0] - slope * crossed[1]) / size,
    )
