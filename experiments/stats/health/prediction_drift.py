"""Drift of a predictor: predictions that came true against the chances that they were given."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Fewer outcomes show nothing of a predictor that is right in seven of ten cases.
LEAST_OUTCOMES = 10
# Below it fewer came true than the chances allow.
DRIFTED = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Predictions that came true, and what their own chances promised.

    Attributes:
        n: Predictions whose outcome is known.
        right: Those of them that came true.
        expected: Sum of their chances.
        p_value: Chance of at most `right` that come true, if the chances hold; None without
            predictions.
        has_drifted: It is below 0.05; None with fewer than 10 predictions.
    """

    n: int
    right: int
    expected: float
    p_value: float | None
    has_drifted: bool | None


def prediction_drift(chances: Sequence[float], came_true: Sequence[bool]) -> Drift:
    """Judge predictions by what came of them, each of another test.

    Args:
        chances: Chance of what was predicted, each in [0.5, 1].
        came_true: Whether it came true, in the same order.

    Returns:
        The counts, with the exact tail of the sum of independent outcomes (Poisson binomial).

    Raises:
        ValueError: If the lengths differ or a chance is out of range.

    Source: Hong (2013), "On computing the distribution function for the Poisson binomial
        distribution", Computational Statistics & Data Analysis 59, by convolution.

    >>> found = prediction_drift([0.7] * 10, [True] * 4 + [False] * 6)
    >>> round(found.expected, 2), round(found.p_value, 4), found.has_drifted
    (7.0, 0.0473, True)
    """
    if len(chances) != len(came_true):
        raise ValueError(f"lengths differ: {len(chances)} chances, {len(came_true)} outcomes")
    if not all(0.5 <= chance <= 1 for chance in chances):
        raise ValueError(f"chances must be in [0.5, 1], got {list(chances)!r}")
    right = sum(came_true)
    distribution = np.ones(1)
    for chance in chances:
        distribution = np.convolve(distribution, [1 - chance, chance])
    tail = min(1.0, float(distribution[: right + 1].sum())) if chances else None
    is_judged = len(chances) >= LEAST_OUTCOMES
    return Drift(
        n=len(chances),
        right=right,
        expected=float(sum(chances)),
        p_value=tail,
        has_drifted=tail is not None and tail < DRIFTED if is_judged else None,
    )
