"""Score intervals for two click rates: the values that the pooled z-test does not reject.

Both families of rates that maximise the likelihood under a hypothesis are followed by one
number along which the score statistic grows, so each end is one bisection for all arms at once.
"""

from collections.abc import Callable

import numpy as np

from experiments.stats.estimation.sufficient_statistics import FloatArray

Counts = tuple[FloatArray, FloatArray]
Ends = tuple[FloatArray, FloatArray]
_BISECTIONS = 60
# The low end and the high end, on a first axis of their own.
_SIGNS = np.array([-1.0, 1.0])


def score_effect_ends(control: Counts, arm: Counts, z: FloatArray) -> Ends:
    """Return the effects pB - pA that a two-sided score test does not reject.

    Under pB - pA = d the likeliest rates obey pA^ - pA = u vA and pB - pB^ = u vB, with v the
    variance of an observed rate at the hypothesis; the test's z^2 is u^2 (vA + vB).

    Args:
        control: Clicks and visitors, visitors > 0; arrays that broadcast.
        arm: The same of the arm.
        z: Normal quantile of the level, > 0.

    Returns:
        Low and high ends in [-1, 1].

    Source: Mee (1984), "Confidence bounds for the difference between two probabilities",
    Biometrics 40.

    >>> two = [np.array(10_000.0)] * 2
    >>> low, high = score_effect_ends(
    ...     (np.array(500.0), two[0]), (np.array(580.0), two[1]), np.array(1.9599639845))
    >>> round(float(low), 7), round(float(high), 7)
    (0.0017379, 0.0142829)
    """
    (clicks_a, n_a), (clicks_b, n_b), z = _broadcast(control, arm, z)
    rate_a, rate_b = clicks_a / n_a, clicks_b / n_b

    def moved(u: FloatArray) -> tuple[FloatArray, FloatArray]:
        return _tilted(rate_a, u / n_a), _tilted(rate_b, -u / n_b)

    def statistic(u: FloatArray) -> FloatArray:
        p_a, p_b = moved(u)
        return u**2 * (p_a * (1 - p_a) / n_a + p_b * (1 - p_b) / n_b)

    # z^2 = u (d - observed d), a distance of at most 2 and, if anything varies, at least that of
    # one visitor; where nothing varies the search stops at the far end, at d = -1 or 1.
    span = np.log(z**2 / 4), np.log(4 * (z**2 + z + 1)) + 1.5 * np.log(n_a + n_b)
    sign = _SIGNS.reshape(2, *(1,) * z.ndim)
    with np.errstate(all="ignore"):
        p_a, p_b = moved(sign * np.exp(_largest(lambda u: statistic(sign * np.exp(u)), z**2, span)))
    low, high = np.clip(p_b - p_a, -1, 1)
    return low, high


def score_lift_ends(control: Counts, arm: Counts, z: FloatArray) -> Ends:
    """Return the lifts pB / pA - 1 that a two-sided score test does not reject.

    Under pB = r pA the likeliest rates are (xA - s) / (nA - s) and (xB + s) / (nB + s) for one
    number s in (-xB, xA), and the test's z^2 is s^2 (qA / (nA pA) + qB / (nB pB)).

    Args:
        control: Clicks and visitors, visitors > 0; arrays that broadcast.
        arm: The same of the arm.
        z: Normal quantile of the level, > 0.

    Returns:
        Low ends, at least -1, and high ends, infinite without a click in the control.

    Source: Koopman (1984), "Confidence intervals for the ratio of two binomial proportions",
    Biometrics 40.

    >>> two = [np.array(10_000.0)] * 2
    >>> low, high = score_lift_ends(
    ...     (np.array(500.0), two[0]), (np.array(580.0), two[1]), np.array(1.9599639845))
    >>> round(float(low), 6), round(float(high), 6)
    (0.03267, 0.303069)
    """
    (clicks_a, n_a), (clicks_b, n_b), z = _broadcast(control, arm, z)

    def statistic(s: FloatArray) -> FloatArray:
        return _ratio_part(clicks_a, n_a, -s) + _ratio_part(clicks_b, n_b, s)

    sign = _SIGNS.reshape(2, *(1,) * z.ndim)
    span = np.zeros_like(z), np.stack([clicks_b, clicks_a])
    with np.errstate(all="ignore"):
        low_s, high_s = s = sign * _largest(lambda s: statistic(sign * s), z**2, span)
        low_left, high_left = z**2 - statistic(s)
        low = _shifted(clicks_b, n_b, low_s, left=low_left) / _shifted(clicks_a, n_a, -low_s)
        high = _shifted(clicks_b, n_b, high_s) / _shifted(clicks_a, n_a, -high_s, left=high_left)
    return np.where(clicks_b == 0, -1.0, low - 1), np.where(clicks_a == 0, np.inf, high - 1)


def _ratio_part(clicks: FloatArray, n: FloatArray, s: FloatArray) -> FloatArray:
    return np.where(clicks == n, 0.0, s**2 * (n - clicks) / (n * (clicks + s)))


def _shifted(
    clicks: FloatArray, n: FloatArray, s: FloatArray, *, left: FloatArray | float = 0.0
) -> FloatArray:
    """Return the likeliest rate; an observed 1 stays until s is at its end, then z^2 is left."""
    return np.where(clicks == n, n / (n + np.maximum(left, 0)), (clicks + s) / (n + s))


def _tilted(rate: FloatArray, t: FloatArray) -> FloatArray:
    """Return the root p in [0, 1] of rate - p = t p (1 - p)."""
    slope = 1 + t
    root = np.sqrt(np.maximum(slope**2 - 4 * t * rate, 0))
    # Two forms of one root; each is a sum of numbers of the same sign where it is used.
    return np.where(slope > 0, 2 * rate / (slope + root), (slope - root) / (2 * t))


def _largest(
    statistic: Callable[[FloatArray], FloatArray], bound: FloatArray, span: Ends
) -> FloatArray:
    """Return the largest u in the span with a growing statistic of at most the bound."""
    inside, outside = span
    for _ in range(_BISECTIONS):
        middle = (inside + outside) / 2
        is_inside = statistic(middle) <= bound
        inside, outside = np.where(is_inside, middle, inside), np.where(is_inside, outside, middle)
    return inside


def _broadcast(control: Counts, arm: Counts, z: FloatArray) -> tuple[Counts, Counts, FloatArray]:
    a, n_a, b, n_b, quantile = np.broadcast_arrays(*control, *arm, z)
    return (a, n_a), (b, n_b), quantile
