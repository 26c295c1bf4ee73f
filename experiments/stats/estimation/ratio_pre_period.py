"""A ratio's own pre-experiment period as its covariate."""

from dataclasses import astuple, dataclass, replace

import numpy as np

from experiments.stats.estimation.contrasts import as_arrays
from experiments.stats.estimation.sufficient_statistics import FloatArray, Ratio, Values


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PrePeriod:
    """Sums over visitors of a ratio's numerator and denominator before the experiment.

    Args:
        numerator_sum: Sum of the pre-period numerator; arrays have the arm last, as in `Ratio`.
        numerator_sum_squares: Sum of its squares.
        denominator_sum: Sum of the pre-period denominator.
        denominator_sum_squares: Sum of its squares.
        product_sum: Sum of pre-period numerator times denominator.
        numerator_with_numerator: Sum of the experiment's numerator times the pre-period one.
        numerator_with_denominator: Experiment's numerator times pre-period denominator.
        denominator_with_numerator: Experiment's denominator times pre-period numerator.
        denominator_with_denominator: Experiment's denominator times pre-period denominator.
    """

    numerator_sum: Values
    numerator_sum_squares: Values
    denominator_sum: Values
    denominator_sum_squares: Values
    product_sum: Values
    numerator_with_numerator: Values
    numerator_with_denominator: Values
    denominator_with_numerator: Values
    denominator_with_denominator: Values


def adjust_for_pre_period(ratio: Ratio, pre: PrePeriod) -> Ratio:
    """Return the ratio with its linearised pre-period ratio as the covariate.

    Each visitor's covariate is numerator - r denominator of the pre-period, r being everybody's
    pre-period ratio: the linear function with the same first-order noise as the ratio itself.

    Args:
        ratio: Arms on the last axis, without a covariate.
        pre: The same visitors before the experiment.

    Returns:
        The ratio with its four covariate sums.

    Raises:
        ValueError: If everybody's pre-period denominator is 0.

    Source: Deng et al. (2013), WSDM, appendix B; Deng, Knoblich, Lu (2018), KDD.
    """
    (top, top_squares, bottom, bottom_squares, product, *crossed) = as_arrays(*astuple(pre))
    total = bottom.sum(axis=-1, keepdims=True)
    if np.any(total == 0):
        raise ValueError("denominator_sum of the pre-period must not be 0 over all arms: 0")
    pooled = top.sum(axis=-1, keepdims=True) / total
    return replace(
        ratio,
        covariate_sum=top - pooled * bottom,
        covariate_sum_squares=_squares(pooled, top_squares, product, bottom_squares),
        covariate_product_sum=crossed[0] - pooled * crossed[1],
        covariate_denominator_product_sum=crossed[2] - pooled * crossed[3],
    )


def _squares(
    pooled: FloatArray, top: FloatArray, product: FloatArray, bottom: FloatArray
) -> FloatArray:
    return np.maximum(top - 2 * pooled * product + pooled**2 * bottom, 0)
