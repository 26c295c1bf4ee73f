"""Dunnett's steps over the looks of an experiment: adjusted p-values that never rise."""

from dataclasses import dataclass

import numpy as np

from experiments.stats.estimation.sufficient_statistics import FloatArray
from experiments.stats.frequentist.dunnett import (
    loading_of,
    step_down_levels,
    step_down_p_values,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """P-values of K - 1 arms, adjusted for each other at D looks.

    Attributes:
        p_values: The smallest so far, shape `(D, K - 1)`; NaN before the first.
        levels: Error rates at which the intervals of the last look agree with them, `(K - 1)`.
    """

    p_values: FloatArray
    levels: FloatArray


def step_down_family(p_values: FloatArray, visitors: FloatArray, *, alpha: float) -> Family:
    """Return p-values adjusted at each look by the correlations of that look.

    Correlations follow the shares. When the control's share rises they fall, and the same
    p-values would be adjusted more: a difference that was proven stays proven, because the
    smallest adjusted p-value counts.

    Args:
        p_values: The smallest until each look, shape `(D, K - 1)`; NaN marks an undefined one.
        visitors: Visitors of the arms until each look, control first, shape `(D, K)`.
        alpha: Error rate of the family, in (0, 1).

    Returns:
        The family.

    Source: Dunnett, Tamhane (1991), Stat. Med. 10, at each look.

    >>> p_values = np.array([[0.03, 0.9], [0.03, 0.9]])
    >>> visitors = np.array([[1_000.0, 9_000.0, 9_000.0], [9_000.0, 9_000.0, 9_000.0]])
    >>> family = step_down_family(p_values, visitors, alpha=0.05)
    >>> family.p_values.round(3).tolist(), family.levels.round(3).tolist()
    ([[0.043, 0.9], [0.043, 0.9]], [0.035, 0.027])
    """
    loadings = loading_of(visitors)
    adjusted = np.fmin.accumulate(step_down_p_values(p_values, loadings), axis=0)
    levels = step_down_levels(p_values[-1], loadings[-1], alpha)
    is_proven = adjusted <= alpha
    for arm in np.flatnonzero(is_proven[-1]):
        first = int(is_proven[:, arm].argmax())
        at_first = step_down_levels(p_values[first], loadings[first], alpha)
        levels[arm] = max(levels[arm], at_first[arm])
    return Family(p_values=adjusted, levels=levels)
