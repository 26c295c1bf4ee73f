"""Quantiles of mixtures of normals, many at once."""

import math

import numpy as np
from scipy.special import ndtr, ndtri

from experiments.stats.estimation.sufficient_statistics import FloatArray

# Halving alone takes a bracket of many standard deviations to rounding in so many steps.
_MOST_STEPS = 100
# After a step of Newton's by this part of the smallest standard deviation, the error is its square.
_LAST_STEP = 1e-8


def mixture_quantiles(
    weights: FloatArray, means: FloatArray, sds: FloatArray, probability: FloatArray
) -> FloatArray:
    """Return the values below which mixtures of normals lie with these probabilities.

    Newton's steps on the distribution function, and halves of the bracket where a step leaves it
    or does not halve the one before.

    Args:
        weights: Weights of the parts, positive or zero, sum 1; shape `(..., k)`.
        means: Means of the parts, same shape.
        sds: Their standard deviations, positive, same shape.
        probability: In (0, 1); a shape that broadcasts with `(...)`.

    Returns:
        Quantiles, of the broadcast shape.

    Source: Press et al. (2007), "Numerical Recipes", section 9.4 (Newton-Raphson with bracketing).

    >>> weights, sds = np.array([0.5, 0.5]), np.array([1.0, 1.0])
    >>> mixture_quantiles(weights, np.array([-1.0, 1.0]), sds, np.array(0.5)).round(6).tolist()
    0.0
    """
    low, high = _bracket(weights, means, sds, probability)
    found = np.clip(_normal_quantiles(weights, means, sds, probability), low, high)
    step, last_step = high - low, _LAST_STEP * sds.min(axis=-1)
    is_open = np.ones(found.shape, dtype=bool)
    for _ in range(_MOST_STEPS):
        z = (found[..., None] - means) / sds
        excess = (weights * ndtr(z)).sum(axis=-1) - probability
        density = (weights / sds * np.exp(-0.5 * z**2)).sum(axis=-1) / math.sqrt(2 * math.pi)
        low, high = np.where(excess <= 0, found, low), np.where(excess <= 0, high, found)
        with np.errstate(all="ignore"):
            newton = -excess / density
            is_used = abs(newton) <= abs(step) / 2
        is_used &= (found + newton >= low) & (found + newton <= high)
        step = np.where(is_used, newton, (low + high) / 2 - found)
        # What is found stays: a further step would be rounding, and none is half of it.
        found = np.where(is_open, found + step, found)
        is_open &= abs(step) > np.where(is_used, last_step, np.spacing(abs(found)))
        if not is_open.any():
            break
    return np.asarray(found)


def _normal_quantiles(
    weights: FloatArray, means: FloatArray, sds: FloatArray, probability: FloatArray
) -> FloatArray:
    """Return the quantiles of normals with the mixtures' means and variances: first guesses."""
    mean = (weights * means).sum(axis=-1)
    variance = (weights * (sds**2 + (means - mean[..., None]) ** 2)).sum(axis=-1)
    return np.asarray(mean + np.sqrt(variance) * ndtri(probability))


def _bracket(
    weights: FloatArray, means: FloatArray, sds: FloatArray, probability: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return bounds of the quantiles: a mixture's lies between those of its parts."""
    parts = means + sds * ndtri(probability)[..., None]
    is_part = weights > 0
    low = np.where(is_part, parts, np.inf).min(axis=-1)
    high = np.where(is_part, parts, -np.inf).max(axis=-1)
    # Widened by rounding.
    pad = 1e-9 * np.where(is_part, sds, 0.0).max(axis=-1)
    pad = pad + 1e-12 * np.maximum(abs(low), abs(high))
    return low - pad, high + pad
