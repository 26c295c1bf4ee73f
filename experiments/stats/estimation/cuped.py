"""CUPED (controlled-experiment using pre-experiment data): variance reduction by a covariate.

The covariate must be fixed before assignment. Anything that the arm can change, such as a text's
score or activity after exposure, biases the effect.
"""

from typing import Literal

import numpy as np

from experiments.stats.estimation.contrasts import (
    NOISE,
    Estimates,
    as_arrays,
    centred,
    first_of_two,
    raw_estimates,
    where_defined,
)
from experiments.stats.estimation.sufficient_statistics import (
    FloatArray,
    Mean,
    Proportion,
    Ratio,
    SufficientStatistics,
    Values,
)
from experiments.stats.estimation.undefined_reasons import Reason, first_reason

Pooling = Literal["joined", "within", "within_strata"]


def estimate(
    statistics: SufficientStatistics, *, coefficient: FloatArray | None = None
) -> Estimates:
    """Return each arm's mean and variance, adjusted by the covariate where there is one.

    The adjusted mean is m - theta (x - x_all), with x the arm's and x_all everybody's mean of
    the covariate, so that adjusted rates stay near the raw ones; one theta serves all arms.

    Args:
        statistics: Arms on the last axis, control first.
        coefficient: Theta, such as one that strata share, broadcast against the arms; that of
            all visitors joined when left out.

    Returns:
        Estimates; the raw ones where the covariate is absent, constant or unusable.

    Source: Deng, Xu, Kohavi, Walker (2013), "Improving the sensitivity of online controlled
    experiments by utilizing pre-experiment data", WSDM.

    >>> both = Mean(n=np.full(2, 1000.0), sum=np.array([500.0, 560.0]),
    ...     sum_squares=np.array([1200.0, 1400.0]), covariate_sum=np.array([480.0, 490.0]),
    ...     covariate_sum_squares=np.array([1100.0, 1150.0]),
    ...     covariate_product_sum=np.array([900.0, 1000.0]))
    >>> [round(float(x), 6) for x in estimate(both).mean]
    [0.503894, 0.556106]
    """
    raw = raw_estimates(statistics)
    if not is_adjustable(statistics):
        return raw
    coefficient = theta(statistics) if coefficient is None else coefficient
    shift, covariance, spread = _covariate_moments(statistics)
    with np.errstate(all="ignore"):
        variance = raw.variance - 2 * coefficient * covariance + coefficient**2 * spread
        variance = np.where(variance <= NOISE * raw.variance, 0.0, variance)
        mean = raw.mean - coefficient * shift
    explained = first_reason((variance == 0, Reason.NO_VARIANCE))
    reason = first_of_two(raw.reason, explained)
    return Estimates(
        n=raw.n,
        mean=np.where(np.isfinite(shift), mean, np.nan),
        variance=where_defined(reason, variance),
        raw_mean=raw.raw_mean,
        raw_variance=raw.raw_variance,
        covariance=where_defined(reason, raw.variance - coefficient * covariance),
        reason=reason,
    )


def is_adjustable(statistics: SufficientStatistics) -> bool:
    """Return whether the value carries all that an adjustment needs.

    A ratio needs the covariate's product with the denominator too.
    """
    if isinstance(statistics, Ratio):
        return statistics.covariate_denominator_product_sum is not None
    return statistics.has_covariate


def theta(statistics: SufficientStatistics, *, pooling: Pooling = "joined") -> FloatArray:
    """Return the regression coefficient of the outcome on the covariate, one for all arms.

    Args:
        statistics: Arms on the last axis, with a covariate.
        pooling: `joined` takes moments of all visitors together; `within` adds the arms' own
            moments, free of the effect and equal to first order; `within_strata` adds them over
            the strata on the axis before the last, too.

    Returns:
        Coefficients of shape `(..., 1)`, or `(..., 1, 1)` within strata; 0 where the covariate is
        constant.

    Raises:
        ValueError: If a sum of the covariate is missing.

    Source: Deng et al. (2013), WSDM, equation 4.
    """
    if pooling == "joined":
        columns = tuple(
            column.sum(axis=-1, keepdims=True)
            for column in _columns(statistics, *_ratio(statistics, joined=True))
        )
    else:
        columns = _columns(statistics, *_ratio(statistics))
    axes = (-2, -1) if pooling == "within_strata" else (-1,)
    covariance, spread = (
        np.nansum(moment, axis=axes, keepdims=True) for moment in _deviations(*columns)
    )
    with np.errstate(all="ignore"):
        return np.where(spread > 0, covariance / spread, 0.0)


def _ratio(
    statistics: SufficientStatistics, *, joined: bool = False
) -> tuple[FloatArray, FloatArray]:
    """Return the ratio and the mean denominator, of each arm or of all arms joined."""
    if not isinstance(statistics, Ratio):
        return np.zeros(1), np.ones(1)
    n, top, bottom = as_arrays(statistics.n, statistics.numerator_sum, statistics.denominator_sum)
    if joined:
        n, top, bottom = (part.sum(axis=-1, keepdims=True) for part in (n, top, bottom))
    with np.errstate(all="ignore"):
        return top / bottom, bottom / n


def _columns(
    statistics: SufficientStatistics, ratio: FloatArray, size: FloatArray
) -> tuple[FloatArray, ...]:
    """Return n, outcome, covariate, covariate squared and their product as additive sums.

    A ratio's outcome is (numerator - ratio * denominator) / size, its mean denominator: the
    linear function of its sums that has the same first-order noise.
    """
    n, x, squares, products = as_arrays(
        statistics.n,
        _required(statistics, "covariate_sum"),
        _required(statistics, "covariate_sum_squares"),
        _required(statistics, "covariate_product_sum"),
    )
    if isinstance(statistics, Proportion | Mean):
        return n, as_arrays(statistics.sum)[0], x, squares, products
    if not isinstance(statistics, Ratio):
        raise TypeError(f"statistics of an unknown kind: {type(statistics).__name__}")
    top, bottom, with_bottom = as_arrays(
        statistics.numerator_sum,
        statistics.denominator_sum,
        _required(statistics, "covariate_denominator_product_sum"),
    )
    with np.errstate(all="ignore"):
        outcome, products = top - ratio * bottom, products - ratio * with_bottom
        return n, outcome / size, x, squares, products / size


def _deviations(
    n: FloatArray, outcome: FloatArray, x: FloatArray, squares: FloatArray, products: FloatArray
) -> tuple[FloatArray, FloatArray]:
    return centred(n, (x, outcome), products), centred(n, (x, x), squares)


def _covariate_moments(
    statistics: SufficientStatistics,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return x - x_all, and the covariance and variance of the arm's means, of shape (..., K)."""
    n, outcome, x, squares, products = _columns(statistics, *_ratio(statistics))
    covariance, spread = _deviations(n, outcome, x, squares, products)
    # The same divisor as the outcome's variance, so that the adjusted variance is never negative.
    divisor = n if isinstance(statistics, Proportion) else n - 1
    with np.errstate(all="ignore"):
        overall = x.sum(axis=-1, keepdims=True) / n.sum(axis=-1, keepdims=True)
        return x / n - overall, covariance / divisor / n, spread / divisor / n


def _required(statistics: SufficientStatistics, name: str) -> Values:
    value: Values | None = getattr(statistics, name)
    if value is None:
        raise ValueError(f"{name} is missing: theta needs it")
    return value
