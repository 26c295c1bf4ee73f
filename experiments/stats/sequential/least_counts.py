"""Least counts below which a look is not normal enough for a boundary in standard errors."""

import numpy as np
import numpy.typing as npt

from experiments.stats.estimation.contrasts import as_arrays
from experiments.stats.estimation.sufficient_statistics import (
    FloatArray,
    Proportion,
    Ratio,
    SufficientStatistics,
)

# Of clicks, and of visitors without one, in each arm.
LEAST_CLICKS = 20
# Of visitors in each arm, for a mean.
LEAST_VISITORS = 100


def has_few_clicks(
    statistics: Proportion, *, scale: FloatArray | None = None
) -> npt.NDArray[np.bool_]:
    """Return for each arm but the control whether it or the control is below the floor of 20.

    A click or a visitor without one counts as much as the weight of its phase: as many of equal
    weight would give a sum as skewed as this one is.

    Args:
        statistics: Phases on the axis before the last, shape `(..., S, K)`.
        scale: As `Plan`.

    >>> both = Proportion(n=np.array([[99.0, 99.0]]), sum=np.array([[19.0, 30.0]]))
    >>> has_few_clicks(both).tolist()
    [True]
    """
    n, total = as_arrays(statistics.n, statistics.sum)
    factor = np.ones(n[..., 1:].shape) if scale is None else scale
    is_few = np.zeros((*n.shape[:-2], n.shape[-1] - 1), dtype=bool)
    # A click of one arm weighs as much as the other arm's part of the phase.
    for own, other in ((np.s_[..., :1], np.s_[..., 1:]), (np.s_[..., 1:], np.s_[..., :1])):
        weight = factor * n[other] / np.maximum(n[own] + n[other], 1)
        for count in (total[own], n[own] - total[own]):
            is_few |= _effective(count, weight) < LEAST_CLICKS
    return is_few


def _effective(count: FloatArray, weight: FloatArray) -> FloatArray:
    """Return how many counts of equal weight are as skewed as these, summed over phases."""
    with np.errstate(all="ignore"):
        weight = np.nan_to_num(weight / weight.max(axis=-2, keepdims=True))
        squares, cubes = ((weight**power * count).sum(axis=-2) for power in (2, 3))
        return np.asarray(np.nan_to_num(squares**3 / cubes**2))


def has_few_visitors(statistics: SufficientStatistics) -> npt.NDArray[np.bool_]:
    """Return for each arm but the control whether it or the control is below the floor of 100.

    >>> has_few_visitors(Proportion(n=np.array([99.0, 200.0]), sum=np.zeros(2))).tolist()
    [True]
    """
    (n,) = as_arrays(statistics.n)
    return np.asarray(np.minimum(n[..., :1], n[..., 1:]) < LEAST_VISITORS)


def has_few_in_denominator(statistics: Ratio) -> npt.NDArray[np.bool_]:
    """Return for each arm but the control whether its or the control's denominator is of too few.

    The floor of 20 counts effective visitors (Kish): many clicks of one visitor count once.

    >>> one = {"n": np.array([900.0, 900.0]), "denominator_sum": np.array([60.0, 60.0])}
    >>> one |= {name: np.zeros(2) for name in ("numerator_sum", "numerator_sum_squares")}
    >>> one |= {"product_sum": np.zeros(2), "denominator_sum_squares": np.array([60.0, 200.0])}
    >>> has_few_in_denominator(Ratio(**one)).tolist()
    [True]
    """
    total, squares = as_arrays(statistics.denominator_sum, statistics.denominator_sum_squares)
    is_few = total**2 < LEAST_CLICKS * squares
    is_few |= total == 0
    return np.asarray(is_few[..., :1] | is_few[..., 1:])
