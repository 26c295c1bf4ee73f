"""Unconditional exact tests of two rates: Boschloo and Barnard.

Both order all tables of n_a and n_b visitors by a statistic and report the largest probability,
over the unknown common rate, of a table at least as extreme as the one observed. The order is
monotone in each count, so for every number of clicks a in control the extreme tables are those
with b at or beyond a bound: one vector describes the region, and its probability at a rate is
one sum of binomial tails. (Tables: control a of n_a, arm b of n_b.)
"""

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import scipy
from scipy.special import gammaln, xlog1py, xlogy

from experiments.stats.estimation.sufficient_statistics import FloatArray

IntArray = npt.NDArray[np.int64]

# Statistics this close (relative) are ties: rounding must never drop an equal table.
_TIE = 1e-9
# Grid steps for each width 1 / (2 sqrt(N)) of the power function on the arcsine scale.
_STEPS = 8
_ROUNDS = 7


def boschloo_p_value(a: int, n_a: int, b: int, n_b: int) -> float:
    """Return Boschloo's two-sided p-value: Fisher's p-value as the statistic.

    Twice the smaller one-sided p-value, as in scipy. Never larger than twice Fisher's one-sided
    p-value, so uniformly more powerful.

    Args:
        a: Clicks in control, 0 to n_a.
        n_a: Visitors in control, at least 1.
        b: Clicks in the arm, 0 to n_b.
        n_b: Visitors in the arm, at least 1.

    Returns:
        P-value in [0, 1].

    Source: Boschloo (1970), "Raised conditional level of significance for the 2x2-table when
    testing the equality of two probabilities", Stat. Neerl. 24.

    >>> round(boschloo_p_value(1, 20, 7, 20), 6)
    0.021502
    """
    above = boschloo_one_sided(a, n_a, b, n_b)
    below = boschloo_one_sided(b, n_b, a, n_a)
    return min(1.0, 2 * min(above, below))


def boschloo_one_sided(a: int, n_a: int, b: int, n_b: int) -> float:
    """Return Boschloo's p-value against "the arm is better".

    Args:
        a: Clicks in control, 0 to n_a.
        n_a: Visitors in control, at least 1.
        b: Clicks in the arm, 0 to n_b.
        n_b: Visitors in the arm, at least 1.

    Returns:
        P-value in [0, 1], at most Fisher's.

    >>> round(boschloo_one_sided(1, 20, 7, 20), 6)
    0.010751
    """
    bounds = fisher_bounds(n_a, n_b, float(fisher_one_sided(a, n_a, b, n_b)))
    return _largest_probability(n_a, n_b, bounds, np.full(n_a + 1, -1))


def barnard_p_value(a: int, n_a: int, b: int, n_b: int) -> float:
    """Return Barnard's two-sided p-value with the pooled z as the statistic.

    Args:
        a: Clicks in control, 0 to n_a.
        n_a: Visitors in control, at least 1.
        b: Clicks in the arm, 0 to n_b.
        n_b: Visitors in the arm, at least 1.

    Returns:
        P-value in [0, 1].

    Source: Barnard (1947), "Significance tests for 2x2 tables", Biometrika 34; Suissa, Shuster
    (1985), J. R. Stat. Soc. A 148.

    >>> round(barnard_p_value(1, 20, 7, 20), 6)
    0.021596
    """
    z = _pooled_z(n_a, n_b)
    limit = abs(z[a, b]) * (1 - _TIE)
    if limit == 0:
        return 1.0
    # z grows with b, so "first b at or above" and "number of b at or below" are the bounds.
    first_above = np.sum(z < limit, axis=1)
    last_below = np.sum(z <= -limit, axis=1) - 1
    return _largest_probability(n_a, n_b, first_above, last_below)


def region_probability(
    rates: FloatArray, sizes: tuple[int, int], first_above: IntArray, last_below: IntArray
) -> FloatArray:
    """Return the probability of a region of tables at common rates.

    Args:
        rates: In [0, 1], shape (g,).
        sizes: Visitors (n_a, n_b).
        first_above: For each a in 0..n_a the smallest b in the upper region; n_b + 1 for none.
        last_below: The largest b in the lower region; -1 for none.

    Returns:
        Probabilities, shape (g,).

    >>> everything, nothing = np.zeros(3, dtype=int), np.full(3, -1)
    >>> region_probability(np.array([0.3]), (2, 5), everything, nothing).round(12).tolist()
    [1.0]
    """
    n_a, n_b = sizes
    control, arm = _binomial(rates, n_a), _binomial(rates, n_b)
    zero = np.zeros((rates.size, 1))
    from_right = np.concatenate((np.cumsum(arm[:, ::-1], axis=1)[:, ::-1], zero), axis=1)
    from_left = np.concatenate((zero, np.cumsum(arm, axis=1)), axis=1)
    extreme = from_right[:, first_above] + from_left[:, last_below + 1]
    return np.asarray(np.sum(control * extreme, axis=1), dtype=np.float64)


def fisher_bounds(n_a: int, n_b: int, limit: float) -> IntArray:
    """Return for each a the smallest b whose one-sided Fisher p-value is at most `limit`.

    Args:
        n_a: Visitors in control.
        n_b: Visitors in the arm.
        limit: P-value of P(arm's clicks >= b, given all clicks).

    Returns:
        Bounds, shape (n_a + 1,), n_b + 1 where no b is extreme enough.

    >>> fisher_bounds(3, 3, 0.05).tolist()
    [3, 4, 4, 4]
    """
    a = np.arange(n_a + 1)
    # Bisection: `low` is never extreme enough, `high` always is (n_b + 1 stands for none).
    low, high = np.full(n_a + 1, -1), np.full(n_a + 1, n_b + 1)
    while np.any(high - low > 1):
        middle = (low + high) // 2
        extreme = fisher_one_sided(a, n_a, middle, n_b) <= limit * (1 + _TIE)
        low, high = np.where(extreme, low, middle), np.where(extreme, middle, high)
    return high


def fisher_one_sided(a: IntArray | int, n_a: int, b: IntArray | int, n_b: int) -> FloatArray:
    """Return Fisher's one-sided p-values against "the arm is better".

    It is P(clicks of the arm >= b) for a hypergeometric number of clicks, given a + b.

    >>> fisher_one_sided(0, 3, np.arange(4), 3).round(4).tolist()
    [1.0, 0.5, 0.2, 0.05]
    """
    clicks = np.asarray(a) + np.asarray(b)
    return np.asarray(
        scipy.stats.hypergeom.sf(np.asarray(b) - 1, n_a + n_b, n_b, clicks), dtype=np.float64
    )


def _largest_probability(n_a: int, n_b: int, first_above: IntArray, last_below: IntArray) -> float:
    """Return the supremum over the common rate, by a grid that zooms in on its best points.

    On the arcsine scale, rate = sin^2(angle), a binomial's spread is 1 / (2 sqrt(N)) everywhere,
    so the probability cannot change faster than over that length.
    """
    sizes = (n_a, n_b)
    count = math.ceil(math.pi * math.sqrt(n_a + n_b) * _STEPS) + 1
    angles = np.linspace(0, math.pi / 2, count)
    step = angles[1]
    values = region_probability(np.sin(angles) ** 2, sizes, first_above, last_below)
    best = float(values.max())
    padded = np.concatenate(([-1.0], values, [-1.0]))
    tops = (values >= padded[:-2]) & (values >= padded[2:]) & (values >= 0.9 * best)
    peaks = angles[tops]
    for _ in range(_ROUNDS):
        around = (peaks[:, None] + step * np.linspace(-1, 1, 9)).ravel()
        angles = np.unique(np.clip(around, 0, math.pi / 2))
        values = region_probability(np.sin(angles) ** 2, sizes, first_above, last_below)
        best = max(best, float(values.max()))
        peaks, step = angles[np.argsort(values)[-3:]], step / 4
    return min(best, 1.0)


def _pooled_z(n_a: int, n_b: int) -> FloatArray:
    a, b = np.arange(n_a + 1)[:, None], np.arange(n_b + 1)[None, :]
    pooled = (a + b) / (n_a + n_b)
    variance = pooled * (1 - pooled) * (1 / n_a + 1 / n_b)
    gap = b / n_b - a / n_a
    # No click at all, or clicks only: no difference.
    sd = np.sqrt(np.where(variance > 0, variance, 1.0))
    return np.where(variance > 0, gap, 0.0) / sd


def _binomial(rates: FloatArray, n: int) -> FloatArray:
    clicks = np.arange(n + 1)
    log = _log_choose(n) + xlogy(clicks, rates[:, None]) + xlog1py(n - clicks, -rates[:, None])
    return np.asarray(np.exp(log), dtype=np.float64)


@lru_cache(maxsize=64)  # A p-value asks for those of two sizes some twenty times.
def _log_choose(n: int) -> FloatArray:
    k = np.arange(n + 1)
    log = np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1), dtype=np.float64)
    log.flags.writeable = False
    return log
