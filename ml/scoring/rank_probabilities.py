"""Rank probabilities of wordings, from predicted rates and their spread."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

# Points of the integral over a wording's deviation, and its limit in standard deviations.
N_POINTS, REACH = 161, 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RankBelief:
    """Distribution of the rank of one of k wordings by true click rate.

    Args:
        best: Probability of rank 1.
        expected: Mean rank, in [1, k].
        low: Smallest rank of the 80 % interval.
        high: Largest rank of the interval.
    """

    best: float
    expected: float
    low: int
    high: int


def rank_probabilities(expected: NDArray[np.float64], spread: float) -> NDArray[np.float64]:
    """Return the probability of every rank of every wording.

    True values are independent and normal around the expected ones with one standard deviation.
    Given its own value, a wording's rank is one plus the number of others above it, whose
    distribution is that of independent trials; this is averaged over its own value.

    Args:
        expected: Expected value of each wording, float64 (k,), k >= 1.
        spread: Standard deviation of a true value around the expected one, > 0.

    Returns:
        Float64 (k, k): row i, column r = probability that wording i has rank r + 1. Rows and
        columns sum to 1.

    Raises:
        ValueError: If the spread is not positive.

    >>> rank_probabilities(np.array([0.0, 0.0]), 1.0).round(3)
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """
    if spread <= 0:
        raise ValueError(f"spread: {spread} is not positive")
    points = np.linspace(-REACH, REACH, N_POINTS)
    mass = np.exp(-(points**2) / 2) / np.sqrt(2 * np.pi)
    mass = mass / mass.sum()
    k = len(expected)
    probabilities = np.zeros((k, k))
    for at in range(k):
        values = expected[at] + spread * points
        above = ndtr((np.delete(expected, at)[None, :] - values[:, None]) / spread)
        row = mass @ _count_distribution(above)
        # Sums to 1 except for rounding, which must not give a probability above 1.
        probabilities[at] = row / row.sum()
    return probabilities


def rank_beliefs(expected: NDArray[np.float64], spread: float) -> list[RankBelief]:
    """Return the rank distribution of each wording.

    Args:
        expected: Expected value of each wording, float64 (k,).
        spread: Standard deviation of a true value around the expected one, > 0.

    >>> first, second = rank_beliefs(np.array([3.0, 0.0]), 1.0)
    >>> round(first.best, 2), second.low, second.high
    (0.98, 2, 2)
    """
    beliefs = []
    for row in rank_probabilities(expected, spread):
        reached = np.cumsum(row)
        beliefs.append(
            RankBelief(
                best=float(row[0]),
                expected=float(np.clip(row @ np.arange(1, len(row) + 1), 1, len(row))),
                low=1 + int(np.searchsorted(reached, 0.1)),
                high=1 + min(len(row) - 1, int(np.searchsorted(reached, 0.9 - 1e-12))),
            )
        )
    return beliefs


def _count_distribution(chance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distribution of the number of successes, float64 (points, trials + 1)."""
    points, trials = chance.shape
    distribution = np.zeros((points, trials + 1))
    distribution[:, 0] = 1.0
    for at in range(trials):
        hit = chance[:, at : at + 1]
        distribution[:, 1:] = distribution[:, 1:] * (1 - hit) + distribution[:, :-1] * hit
        distribution[:, 0] *= 1 - hit[:, 0]
    return distribution
