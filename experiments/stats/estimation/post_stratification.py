"""Post-stratification: weigh strata known before assignment alike in every arm."""

from dataclasses import replace

import numpy as np

from experiments.stats.estimation.contrasts import (
    TINY,
    Contrasts,
    Estimates,
    as_arrays,
    first_of_two,
    where_defined,
)
from experiments.stats.estimation.cuped import estimate
from experiments.stats.estimation.sufficient_statistics import (
    FloatArray,
    Mean,
    Ratio,
    SufficientStatistics,
)
from experiments.stats.estimation.undefined_reasons import Reason, ReasonArray, first_reason


def stratified_contrasts(statistics: SufficientStatistics) -> Contrasts:
    """Compare arms by means weighted with everybody's strata.

    With W the share of a stratum among all visitors, an arm's mean is the sum of W times its mean
    in the stratum. The variance adds the strata's own and, as the weights are random too, the
    spread of the effect between strata over the number of visitors.

    Args:
        statistics: Strata on the axis before the last, arms on the last: shape `(..., S, K)`.

    Returns:
        Contrasts of shape `(..., K - 1)`; undefined when an arm lacks a stratum that others have,
        or has one visitor in it.

    Raises:
        ValueError: If there are fewer than two axes or two arms.

    Source: Miratrix, Sekhon, Yu (2013), "Adjusting treatment effect estimates by
    post-stratification in randomized experiments", J. R. Stat. Soc. B 75; Xie, Aurisset (2016),
    "Improving the sensitivity of online controlled experiments", KDD.
    """
    if len(statistics.shape) < 2 or statistics.shape[-1] < 2:
        raise ValueError(f"strata and two arms or more are needed: shape {statistics.shape}")
    (n,) = as_arrays(statistics.n)
    counts = n.sum(axis=-1, keepdims=True)
    total = counts.sum(axis=-2)
    with np.errstate(all="ignore"):
        weight = counts / total[..., None]
    offset = np.zeros(n.shape[-1])
    if isinstance(statistics, Ratio):
        statistics, offset = _linearised(statistics, weight)
    reason = _reason(n, weight, offset)
    return _combined(estimate(statistics), weight, total, offset, reason)


def _combined(
    strata: Estimates,
    weight: FloatArray,
    total: FloatArray,
    offset: FloatArray,
    reason: ReasonArray,
) -> Contrasts:
    control, arms = np.s_[..., :1], np.s_[..., 1:]
    # A stratum where all visitors agree adds no variance; one with no visitors has no weight.
    terms = np.where(weight > 0, weight**2 * np.nan_to_num(strata.variance), 0.0)
    raw = np.where(weight > 0, weight**2 * np.nan_to_num(strata.raw_variance), 0.0)
    shared = np.where(weight > 0, weight**2 * np.nan_to_num(strata.covariance), 0.0)
    means, raw_means = (np.nan_to_num(part) for part in (strata.mean, strata.raw_mean))
    difference = means[arms] - means[control]
    base = (weight * raw_means)[control].sum(axis=-2) + offset[control]
    effect = (weight * difference).sum(axis=-2) + offset[arms] - offset[control]
    away = difference - (weight * difference).sum(axis=-2, keepdims=True)
    base_away = raw_means - (weight * raw_means).sum(axis=-2, keepdims=True)
    with np.errstate(all="ignore"):
        variance = (terms[arms] + terms[control]).sum(axis=-2) + _mean(weight, away**2) / total
        base_variance = raw[control].sum(axis=-2) + _mean(weight, base_away[control] ** 2) / total
        covariance = _mean(weight, away * base_away[control]) / total - shared[control].sum(axis=-2)
    reason = first_of_two(reason, first_reason((variance == 0, Reason.NO_VARIANCE)))
    base = np.broadcast_to(base, effect.shape)
    return Contrasts(
        n=(strata.n[control] + strata.n[arms]).sum(axis=-2),
        effect=np.where(reason == Reason.EMPTY_STRATUM, np.nan, effect),
        variance=where_defined(reason, variance),
        dof=where_defined(reason, _dof(terms, strata.n)),
        base=np.abs(base),
        base_variance=np.broadcast_to(base_variance, effect.shape),
        base_covariance=np.sign(base) * covariance,
        reason=reason,
        lift_reason=first_of_two(
            np.where(reason == Reason.EMPTY_STRATUM, reason, np.int8(0)),
            first_reason((np.abs(base) <= TINY, Reason.ZERO_CONTROL)),
        ),
    )


def _mean(weight: FloatArray, values: FloatArray) -> FloatArray:
    return np.asarray((weight * values).sum(axis=-2))


def _dof(terms: FloatArray, n: FloatArray) -> FloatArray:
    """Return Satterthwaite's degrees of freedom over the strata of both arms."""
    with np.errstate(all="ignore"):
        shares = terms / terms.sum(axis=(-2, -1), keepdims=True)
        parts = np.where(terms > 0, shares**2 / (n - 1), 0.0).sum(axis=-2)
        sums = shares.sum(axis=-2)
        return np.asarray((sums[..., :1] + sums[..., 1:]) ** 2 / (parts[..., :1] + parts[..., 1:]))


def _reason(n: FloatArray, weight: FloatArray, offset: FloatArray) -> ReasonArray:
    lacks = ((n == 0) & (weight > 0)).any(axis=-2)
    single = (n == 1).any(axis=-2)
    nobody = n.sum(axis=-2) == 0
    codes = first_reason(
        (nobody, Reason.NO_VISITORS),
        (lacks, Reason.EMPTY_STRATUM),
        (~np.isfinite(offset), Reason.ZERO_DENOMINATOR),
        (single, Reason.ONE_VISITOR),
    )
    return first_of_two(np.broadcast_to(codes[..., :1], codes[..., 1:].shape), codes[..., 1:])


def _linearised(ratio: Ratio, weight: FloatArray) -> tuple[Mean, FloatArray]:
    """Return (numerator - r denominator) / mean denominator as a mean, and r, for each arm."""
    n, top, bottom = as_arrays(ratio.n, ratio.numerator_sum, ratio.denominator_sum)
    count = np.maximum(n, 1)
    size = (weight * bottom / count).sum(axis=-2, keepdims=True)
    with np.errstate(all="ignore"):
        r = (weight * top / count).sum(axis=-2, keepdims=True) / size
    is_usable = np.abs(size) > TINY
    safe, slope = np.where(is_usable, size, 1.0), np.where(is_usable, r, 0.0)
    squares = (
        np.asarray(ratio.numerator_sum_squares)
        - 2 * slope * np.asarray(ratio.product_sum)
        + slope**2 * np.asarray(ratio.denominator_sum_squares)
    )
    total = top - slope * bottom
    mean = Mean(
        n=n,
        sum=total / safe,
        sum_squares=np.maximum(squares, total**2 / count) / safe**2,
    )
    return _with_covariate(mean, ratio, slope, safe), np.where(is_usable, r, np.nan)[..., 0, :]


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
