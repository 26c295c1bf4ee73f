"""Sufficient statistics -> each arm's mean with its variance -> contrasts with the control.

Every method (fixed, sequential, Bayesian) starts from the same `Contrasts`, so all of them
speak of the same effect and the same lift.
"""

from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from experiments.stats.estimation.sufficient_statistics import (
    FloatArray,
    Mean,
    Proportion,
    Ratio,
    SufficientStatistics,
    Values,
)
from experiments.stats.estimation.undefined_reasons import Reason, ReasonArray, first_reason

# Below this share of the sum of squares, a sum of squared deviations is rounding noise.
NOISE = 1e-12
# A control mean closer to 0 than this has squares that underflow.
TINY = 1e-100


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """Means of the arms, arrays of shape `(..., K)` with the control first.

    Args:
        n: Visitors.
        mean: Mean of the metric, adjusted by its covariate where there is one; NaN where it
            does not exist.
        variance: Variance of that mean (not of a visitor); NaN where it does not exist.
        raw_mean: Mean without adjustment; the lift is relative to the control's.
        raw_variance: Variance of the raw mean.
        covariance: Covariance of mean and raw mean; the variance where nothing was adjusted.
        reason: Reasons for a NaN or unusable variance, as `Reason` codes.
    """

    n: FloatArray
    mean: FloatArray
    variance: FloatArray
    raw_mean: FloatArray
    raw_variance: FloatArray
    covariance: FloatArray
    reason: ReasonArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrasts:
    """Each arm against the control: arrays of shape `(..., K - 1)`, in the order of the arms.

    Args:
        n: Visitors of the two arms together.
        information: n_control n_arm / (n_control + n_arm), added over strata where there are any:
            the visitors of each of two equal arms would be twice as many. A test's time is its
            part of the planned one.
        effect: Difference of the means, arm minus control; NaN if a mean does not exist.
        variance: Variance of the effect.
        dof: Welch-Satterthwaite degrees of freedom.
        control_variance: Variance of the control's (adjusted) mean, a part of every effect's.
        base: Size of the control's mean, |mean|, by which the effect is divided to give the lift.
        base_variance: Variance of the base.
        base_covariance: Covariance of effect and base.
        reason: Reasons for undefined variance and dof, as `Reason` codes.
        lift_reason: Reason for an undefined lift.
    """

    n: FloatArray
    information: FloatArray
    effect: FloatArray
    variance: FloatArray
    dof: FloatArray
    control_variance: FloatArray
    base: FloatArray
    base_variance: FloatArray
    base_covariance: FloatArray
    reason: ReasonArray
    lift_reason: ReasonArray

    @property
    def lift(self) -> FloatArray:
        """Return effect / base, NaN where the base is 0 or unknown."""
        with np.errstate(all="ignore"):
            return np.where(self.lift_reason == 0, self.effect / self.base, np.nan)

    @property
    def standard_error(self) -> FloatArray:
        """Return the standard error of the effect, NaN where it is undefined."""
        return np.sqrt(self.variance)


@singledispatch
def raw_estimates(statistics: SufficientStatistics) -> Estimates:
    """Return each arm's mean and the variance of that mean, ignoring covariates.

    A proportion's variance is p(1 - p)/n, a mean's has Bessel's correction, a ratio's follows
    by the delta method from the two means.

    Args:
        statistics: Arms on the last axis, K >= 1.

    Returns:
        Estimates of the same shape.

    Raises:
        TypeError: If the metric is of an unknown kind.

    Source: Deng, Knoblich, Lu (2018), "Applying the delta method in metric analytics", KDD.

    >>> both = Proportion(n=np.array([100.0, 100.0]), sum=np.array([10.0, 20.0]))
    >>> raw_estimates(both).mean.tolist()
    [0.1, 0.2]
    """
    raise TypeError(f"statistics of an unknown kind: {type(statistics).__name__}")


@raw_estimates.register
def _(statistics: Proportion) -> Estimates:
    n, total = as_arrays(statistics.n, statistics.sum)
    with np.errstate(all="ignore"):
        mean = total / n
        variance = mean * (1 - mean) / n
    conditions = ((n == 0, Reason.NO_VISITORS), (variance == 0, Reason.NO_VARIANCE))
    return _estimates(n, mean, variance, first_reason(*conditions))


@raw_estimates.register
def _(statistics: Mean) -> Estimates:
    n, total = as_arrays(statistics.n, statistics.sum)
    deviations = centred(n, (statistics.sum, statistics.sum), statistics.sum_squares)
    with np.errstate(all="ignore"):
        mean = total / n
        variance = deviations / (n - 1) / n
    conditions = (
        (n == 0, Reason.NO_VISITORS),
        (n == 1, Reason.ONE_VISITOR),
        (deviations == 0, Reason.NO_VARIANCE),
    )
    return _estimates(n, mean, variance, first_reason(*conditions))


@raw_estimates.register
def _(statistics: Ratio) -> Estimates:
    n, top, bottom = as_arrays(statistics.n, statistics.numerator_sum, statistics.denominator_sum)
    deviations, noise = _linearised_deviations(statistics)
    with np.errstate(all="ignore"):
        variance = deviations / (n - 1) / n / (bottom / n) ** 2
    conditions = (
        (n == 0, Reason.NO_VISITORS),
        (np.abs(bottom) <= TINY * np.maximum(n, 1), Reason.ZERO_DENOMINATOR),
        (n == 1, Reason.ONE_VISITOR),
        (deviations <= noise, Reason.NO_VARIANCE),
    )
    reason = first_reason(*conditions)
    with np.errstate(all="ignore"):
        mean = np.where(reason == Reason.ZERO_DENOMINATOR, np.nan, top / bottom)
    return _estimates(n, mean, variance, reason)


def _linearised_deviations(statistics: Ratio) -> tuple[FloatArray, FloatArray]:
    """Return the sum of squared deviations of numerator - ratio * denominator, and its noise."""
    n, top, bottom = as_arrays(statistics.n, statistics.numerator_sum, statistics.denominator_sum)
    top_squares = centred(n, (top, top), statistics.numerator_sum_squares)
    bottom_squares = centred(n, (bottom, bottom), statistics.denominator_sum_squares)
    products = centred(n, (top, bottom), statistics.product_sum)
    with np.errstate(all="ignore"):
        ratio = top / bottom
        size = top_squares + ratio**2 * bottom_squares
        return size - 2 * ratio * products, NOISE * size


def as_arrays(*values: Values) -> tuple[FloatArray, ...]:
    """Return the values as float64 arrays.

    >>> as_arrays(1, 2)[1].shape
    ()
    """
    return tuple(np.asarray(value, dtype=np.float64) for value in values)


def centred(n: Values, sums: tuple[Values, Values], product_sum: Values) -> FloatArray:
    """Return the sum of products of deviations from the means, exactly 0 where it is noise.

    Args:
        n: Visitors.
        sums: The sums of the two quantities; twice the same one for a sum of squares.
        product_sum: Sum of their products.

    Returns:
        product_sum - sums[0] * sums[1] / n, of the same shape; NaN where n is 0.

    >>> float(centred(2, (3.0, 3.0), 5.0))
    0.5
    """
    count, first, second, product = as_arrays(n, *sums, product_sum)
    with np.errstate(all="ignore"):
        mean_product = first * (second / count)
        deviation = product - mean_product
    return np.where(np.abs(deviation) <= NOISE * np.abs(mean_product), 0.0, deviation)


def contrasts(estimates: Estimates) -> Contrasts:
    """Compare each arm with the control.

    Args:
        estimates: Arms on the last axis, K >= 2, control first.

    Returns:
        K - 1 contrasts on the last axis.

    Source: Welch (1947), "The generalization of Student's problem", Biometrika 34. The lift
    of adjusted means is the adjusted effect over the raw mean of the control, as in Deng, Xu,
    Kohavi, Walker (2013), WSDM.

    >>> both = Proportion(n=np.array([10_000.0, 10_000.0]), sum=np.array([500.0, 580.0]))
    >>> contrasts(raw_estimates(both)).lift.round(12).tolist()
    [0.16]
    """
    control, arms = np.s_[..., :1], np.s_[..., 1:]
    shape = estimates.mean[arms].shape
    base = np.broadcast_to(estimates.raw_mean[control], shape)
    with np.errstate(all="ignore"):
        effect = estimates.mean[arms] - estimates.mean[control]
        variance = estimates.variance[arms] + estimates.variance[control]
    reason = first_of_two(np.broadcast_to(estimates.reason[control], shape), estimates.reason[arms])
    unknown = ~np.isfinite(effect)
    no_lift = first_reason((np.abs(base) <= TINY, Reason.ZERO_CONTROL))
    return Contrasts(
        n=estimates.n[control] + estimates.n[arms],
        information=pair_information(estimates.n[control], estimates.n[arms]),
        effect=np.where(unknown, np.nan, effect),
        variance=np.where(reason == 0, variance, np.nan),
        dof=np.where(reason == 0, welch_dof(estimates), np.nan),
        control_variance=np.broadcast_to(estimates.variance[control], shape),
        base=np.abs(base),
        base_variance=np.broadcast_to(estimates.raw_variance[control], shape),
        base_covariance=-np.sign(base) * estimates.covariance[control],
        reason=reason,
        lift_reason=np.where(unknown, reason, no_lift),
    )


def pair_information(control: FloatArray, arm: FloatArray) -> FloatArray:
    """Return n_control n_arm / (n_control + n_arm), 0 where nobody is.

    >>> float(pair_information(np.array(300.0), np.array(100.0)))
    75.0
    """
    return np.asarray(control * arm / np.maximum(control + arm, 1))


def first_of_two(first: ReasonArray, second: ReasonArray) -> ReasonArray:
    """Return the first reason if it is set, otherwise the second.

    >>> first_of_two(np.array([0, 1], dtype=np.int8), np.array([2, 2], dtype=np.int8)).tolist()
    [2, 1]
    """
    return np.where(first == 0, second, first)


def welch_dof(estimates: Estimates) -> FloatArray:
    """Return Welch's degrees of freedom of each arm against the control."""
    with np.errstate(all="ignore"):
        # Shares of the total variance, not variances: their squares cannot underflow.
        control = estimates.variance[..., :1]
        arms = estimates.variance[..., 1:]
        share = control / (control + arms)
        n = estimates.n
        return 1 / (share**2 / (n[..., :1] - 1) + (1 - share) ** 2 / (n[..., 1:] - 1))


def _estimates(
    n: FloatArray, mean: FloatArray, variance: FloatArray, reason: ReasonArray
) -> Estimates:
    out_of_range = first_reason((~np.isfinite(variance), Reason.OUT_OF_RANGE))
    reason = first_of_two(reason, out_of_range)
    variance = where_defined(reason, variance)
    return Estimates(
        n=n,
        mean=mean,
        variance=variance,
        raw_mean=mean,
        raw_variance=variance,
        covariance=variance,
        reason=reason,
    )


def where_defined(reason: ReasonArray, values: FloatArray) -> FloatArray:
    """Return the values, NaN wherever there is a reason.

    >>> where_defined(np.array([0, 1], dtype=np.int8), np.array([1.0, 2.0])).tolist()
    [1.0, nan]
    """
    return np.where(reason == 0, values, np.nan)
