"""Intervals for the lift, the ratio of the effect to the control's mean."""

import numpy as np

from experiments.stats.estimation.contrasts import Contrasts, first_of_two, where_defined
from experiments.stats.estimation.sufficient_statistics import FloatArray
from experiments.stats.estimation.undefined_reasons import Reason, ReasonArray, first_reason

LiftInterval = tuple[FloatArray, FloatArray, ReasonArray]


def fieller_interval(contrasts: Contrasts, multiplier: FloatArray) -> LiftInterval:
    """Return the set of lifts r with |effect - r base| <= k standard errors of that difference.

    It excludes 0 exactly when the test of the effect rejects, which the delta method's does not.
    With e = effect/base and v, w, c the variances of effect and base and their covariance over
    base**2, the ends solve (1 - k^2 w) r^2 - 2 (e - k^2 c) r + (e^2 - k^2 v) = 0. If k^2 w >= 1
    the base is not distinguishable from 0 and the set is unbounded.

    Args:
        contrasts: Effects with base and covariances.
        multiplier: k >= 0, the half-width of the effect's interval in standard errors; it
            broadcasts against the contrasts.

    Returns:
        Low ends, high ends and reason codes; NaN where the set is undefined or unbounded.

    Source: Fieller (1954), "Some problems in interval estimation", J. R. Stat. Soc. B 16.
    """
    with np.errstate(all="ignore"):
        lift, variance, base_variance, covariance = _scaled(contrasts)
        square = np.square(multiplier)
        leading = 1 - square * base_variance
        middle = lift - square * covariance
        spread = _lift_variance(lift, variance, base_variance, covariance)
        spread = spread - square * (variance * base_variance - covariance**2)
        # Adding terms of the same sign keeps the end near 0, which carries the verdict, exact.
        far = middle + np.copysign(multiplier * np.sqrt(np.maximum(spread, 0)), middle)
        first, second = far / leading, (lift**2 - square * variance) / far
    reason = first_of_two(
        first_of_two(contrasts.lift_reason, contrasts.reason),
        first_reason(
            (~(leading > 0), Reason.UNBOUNDED_LIFT),
            (~(np.isfinite(first) & np.isfinite(second)), Reason.OUT_OF_RANGE),
        ),
    )
    return _ordered(first, second, reason)


def log_ratio(contrasts: Contrasts) -> tuple[FloatArray, FloatArray]:
    """Return ln(1 + lift) and its standard error, NaN unless both means have the same sign.

    Its error is nearly symmetric, that of the lift is skewed. Segments and days are compared on
    this scale, on which equal lifts are equal at every rate of the control.

    >>> from experiments.stats.estimation.contrasts import contrasts, raw_estimates
    >>> from experiments.stats.estimation.sufficient_statistics import Proportion
    >>> arms = Proportion(n=np.array([10_000.0, 10_000.0]), sum=np.array([500.0, 580.0]))
    >>> value, error = log_ratio(contrasts(raw_estimates(arms)))
    >>> value.round(4).tolist(), error.round(4).tolist()
    ([0.1484], [0.0594])
    """
    lift = contrasts.lift
    with np.errstate(all="ignore"):
        ratio = np.where(lift > -1, 1 + lift, np.nan)
        return np.log(ratio), lift_standard_error(contrasts) / ratio


def lift_standard_error(contrasts: Contrasts) -> FloatArray:
    """Return the delta method's standard error of the lift, NaN where it is undefined."""
    with np.errstate(all="ignore"):
        return np.sqrt(np.maximum(_lift_variance(*_scaled(contrasts)), 0))


def _scaled(contrasts: Contrasts) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    base = contrasts.base
    return (
        contrasts.lift,
        contrasts.variance / base / base,
        contrasts.base_variance / base / base,
        contrasts.base_covariance / base / base,
    )


def _lift_variance(
    lift: FloatArray, variance: FloatArray, base_variance: FloatArray, covariance: FloatArray
) -> FloatArray:
    return variance - 2 * lift * covariance + lift**2 * base_variance


def _ordered(first: FloatArray, second: FloatArray, reason: ReasonArray) -> LiftInterval:
    low, high = np.minimum(first, second), np.maximum(first, second)
    return where_defined(reason, low), where_defined(reason, high), reason
