"""Sequential boundaries, in standard errors, and the matching always-valid p-values.

Time t is visitors so far over visitors planned. Two boundaries are valid at every look:

* the normal mixture, for ever: `mixture_multiplier`, the sequence that GrowthBook uses;
* the plan's: |z| sqrt(t) may reach c + (1 - t) until t = 1, the mixture's bound after it. What
  the mixture can still reject after the plan is paid for in advance, so that both parts
  together err in at most alpha of the cases.

Derivation of the second. Let B be a Brownian motion, B(t) = sqrt(t) z(t), x the mixture's
precision at t = 1 and M its martingale, M(1) = exp(x B^2 / (2 (x + 1))) / sqrt(x + 1), Q the
normal upper tail, s = 1 the slope of the line c + s (1 - t).

1. P(B reaches the line) = Q(c) + exp(2 s (c + s)) Q(c + 2 s), so S(c) = twice that bounds the
   error until the plan's end.
2. By Ville's inequality P(not reached, and M reaches 1/alpha after 1) <= alpha I(c), where I(c)
   is the mean of M(1) on the paths that stayed below the lines.
3. Given B(1) = b, B reached the upper line with probability exp(-2 (c + s) (c - b)), and after
   it the lower one too with at most exp(-4 c (c + b)) times that. Integrated over |b| < c
   against the normal density times M(1), a normal density of variance x + 1, these are closed
   formulas and give a lower bound for 1 - I(c).

The plan errs in at most alpha of the cases when S(c) / (1 - I(c)) <= alpha; the left side is the
p-value.
"""

from collections.abc import Callable

import numpy as np
from scipy import special

from experiments.stats.estimation.comparisons import check_alpha
from experiments.stats.estimation.sufficient_statistics import FloatArray, Values

# Steeper lines save visitors at the plan's end and cost them at early looks; 1 is a compromise.
_SLOPE = 1.0
# Halvings of an interval of length below 100 that leave its rounding error.
_BISECTIONS = 60
# The squared level at which even an error rate near 1 is out of reach.
_FAR = 100.0


def mixture_precision(alpha: float) -> float:
    """Return x, the mixture's precision at the planned visitors, where it is tightest.

    Args:
        alpha: Error rate of the plan, in (0, 1). It stays the plan's when a correction asks for
            intervals at other levels.

    Source: Waudby-Smith et al., "Time-uniform central limit theory and asymptotic confidence
    sequences", arXiv 2103.06476v7, the approximation to the optimum of equation 161.

    >>> round(mixture_precision(0.05), 3)
    7.936
    """
    check_alpha(alpha)
    length = -2 * np.log(alpha)
    return float(length + np.log(length + 1))


def mixture_multiplier(time: FloatArray, *, level: Values, alpha: float) -> FloatArray:
    """Return the half-width of the asymptotic confidence sequence in standard errors.

    Args:
        time: Visitors of the two arms over planned visitors, > 0.
        level: Error rate of the interval, in (0, 1); broadcasts against time.
        alpha: Error rate of the plan, which tunes it.

    Returns:
        Multipliers of the broadcast shape.

    Source: arXiv 2103.06476v7, equation 9.

    >>> round(float(mixture_multiplier(np.array(1.0), level=0.05, alpha=0.05)), 3)
    3.035
    """
    check_alpha(level)
    x = np.asarray(time, dtype=np.float64) * mixture_precision(alpha)
    with np.errstate(all="ignore"):
        log_bound = 0.5 * np.log1p(x) - np.log(np.asarray(level, dtype=np.float64))
        return np.sqrt(2 * (x + 1) / x * log_bound)


def mixture_p_value(z: FloatArray, time: FloatArray, *, alpha: float) -> FloatArray:
    """Return the anytime p-value of the normal mixture, min(1, 1/E).

    Args:
        z: Effect over its standard error, either sign.
        time: Visitors of the two arms over planned visitors, > 0.
        alpha: Error rate of the plan, which tunes it.

    Returns:
        P-values in [0, 1]; at most `level` exactly when |z| reaches the multiplier.

    Source: arXiv 2103.06476v7, equation 155.

    >>> float(mixture_p_value(np.array(0.0), np.array(1.0), alpha=0.05))
    1.0
    """
    x = np.asarray(time, dtype=np.float64) * mixture_precision(alpha)
    with np.errstate(all="ignore"):
        log_evidence = x / (x + 1) * np.square(z) / 2 - 0.5 * np.log1p(x)
    return np.exp(-np.maximum(log_evidence, 0))


def one_sided_multiplier(time: FloatArray, *, alpha: float) -> FloatArray:
    """Return the half-width of a one-sided asymptotic confidence sequence, for guardrails.

    Args:
        time: Visitors of the two arms over planned visitors, > 0.
        alpha: One-sided error rate, in (0, 0.5).

    Returns:
        Multipliers: effect - k standard errors bounds the effect from below at all times.

    Source: arXiv 2103.06476v7, equation 134.

    >>> round(float(one_sided_multiplier(np.array(1.0), alpha=0.05)), 3)
    2.779
    """
    x = np.asarray(time, dtype=np.float64) * mixture_precision(2 * alpha)
    with np.errstate(all="ignore"):
        return np.sqrt(2 * (x + 1) / x * np.log1p(np.sqrt(x + 1) / (2 * alpha)))


def plan_p_value(
    z: FloatArray, time: FloatArray, *, alpha: float, reserve: float = 0.0
) -> FloatArray:
    """Return the anytime p-value of the plan's boundary: valid at every look, for ever.

    Args:
        z: Effect over its standard error, either sign.
        time: Visitors of the two arms over planned visitors, > 0.
        alpha: Error rate of the plan, which tunes the mixture used after it.
        reserve: Share in [0, 1) of the error until the plan's end that is left to another test.

    Returns:
        P-values in [0, 1].

    Source: derivation in this module; Anderson (1960), Ann. Math. Stat. 31, for the lines.

    >>> round(float(plan_p_value(np.array(2.55), np.array(1.0), alpha=0.05)), 4)
    0.0411
    """
    with np.errstate(all="ignore"):
        height = np.abs(z) * np.sqrt(time) - _SLOPE * (1 - np.asarray(time))
        early = _height_p_value(height, alpha=alpha, reserve=reserve)
    late = mixture_p_value(z, time, alpha=alpha)
    return np.where(np.asarray(time) <= 1, early, late)


def plan_multiplier(
    time: FloatArray, *, level: Values, alpha: float, reserve: float = 0.0
) -> FloatArray:
    """Return the half-width of the plan's boundary in standard errors.

    Args:
        time: Visitors of the two arms over planned visitors, > 0.
        level: Error rate of the interval, in (0, 1); broadcasts against time.
        alpha: Error rate of the plan.
        reserve: As in `plan_p_value`.

    Returns:
        Multipliers; |z| reaches one exactly when the p-value is at most `level`.

    >>> round(float(plan_multiplier(np.array(1.0), level=0.05, alpha=0.05)), 3)
    2.465
    """
    late = mixture_multiplier(time, level=level, alpha=alpha)
    with np.errstate(all="ignore"):
        height = _critical_height(level, alpha=alpha, reserve=reserve)
        early = (height + _SLOPE * (1 - np.asarray(time))) / np.sqrt(time)
    return np.where(np.asarray(time) <= 1, early, late)


def reserved_p_value(log_e_value: FloatArray, *, alpha: float, reserve: float) -> FloatArray:
    """Return the p-value of an e-process that spends the reserve of the plan's boundary.

    The test that rejects when either this or `plan_p_value` is at most alpha errs in at most
    alpha of the cases.

    Args:
        log_e_value: Natural logarithm of the e-value.
        alpha: Error rate of the plan.
        reserve: Its share, in (0, 1).

    Returns:
        P-values in [0, 1].

    >>> round(float(reserved_p_value(np.array(7.0), alpha=0.05, reserve=0.05)), 4)
    0.0433
    """
    # At height c the boundary spends S(c), of which the reserve is a fixed share.
    log_spent = np.asarray(log_e_value, dtype=np.float64) + np.log(reserve / (1 - reserve))
    height = _solve(_log_spent, -np.maximum(log_spent, 0))
    return _height_p_value(height, alpha=alpha, reserve=reserve)


def reserved_log_threshold(level: Values, *, alpha: float, reserve: float) -> FloatArray:
    """Return the ln e-value at which `reserved_p_value` equals `level`.

    >>> round(float(reserved_log_threshold(0.0433, alpha=0.05, reserve=0.05)), 2)
    7.0
    """
    height = _critical_height(level, alpha=alpha, reserve=reserve)
    return np.asarray(np.log((1 - reserve) / reserve) - _log_spent(height))


def _height_p_value(height: FloatArray, *, alpha: float, reserve: float) -> FloatArray:
    log_p_value = _log_height_p_value(np.maximum(height, 0), alpha=alpha, reserve=reserve)
    return np.minimum(np.exp(log_p_value), 1)


def _critical_height(level: Values, *, alpha: float, reserve: float) -> FloatArray:
    check_alpha(level)

    def log_p_value(height: FloatArray) -> FloatArray:
        return _log_height_p_value(height, alpha=alpha, reserve=reserve)

    return _solve(log_p_value, np.log(np.asarray(level, dtype=np.float64)))


def _log_height_p_value(height: FloatArray, *, alpha: float, reserve: float) -> FloatArray:
    variance = mixture_precision(alpha) + 1
    rising = 2 * (height + _SLOPE)
    below = special.log_ndtr(-height / np.sqrt(variance)) + np.log(2)
    reached = np.log(2) - rising * height + _log_tilted(rising, height, variance)
    log_sum = np.logaddexp(below, reached)
    # Parts that the sum counts twice or too far out; each is tiny beyond height 1.
    beyond = np.log(2) - rising * height + _log_tilted(rising, -height, variance)
    twice = np.log(2) - (6 * height + 2 * _SLOPE) * height
    twice = twice + _log_tilted(2 * np.abs(height - _SLOPE), height, variance)
    remainder = np.maximum(1 - np.exp(beyond - log_sum) - np.exp(twice - log_sum), 1e-300)
    return np.asarray(_log_spent(height) - np.log1p(-reserve) - log_sum - np.log(remainder))


def _log_spent(height: FloatArray) -> FloatArray:
    """Return ln S(c), the error of both lines until the plan's end."""
    crossed = 2 * _SLOPE * (height + _SLOPE) + special.log_ndtr(-height - 2 * _SLOPE)
    return np.asarray(np.log(2) + np.logaddexp(special.log_ndtr(-height), crossed))


def _log_tilted(slope: FloatArray, end: FloatArray, variance: float) -> FloatArray:
    """Return ln of the integral of exp(slope b) N(b; 0, variance) over b below the end."""
    z = (end - slope * variance) / np.sqrt(variance)
    return np.asarray(slope**2 * variance / 2 + special.log_ndtr(z), dtype=np.float64)


def _solve(function: Callable[[FloatArray], FloatArray], target: FloatArray) -> FloatArray:
    """Return where a decreasing function of the height >= 0 falls to the target (or the end)."""
    # A corrected family of thousands of experiments has few distinct levels.
    targets, inverse = np.unique(target, return_inverse=True)
    low, high = np.zeros_like(targets), np.sqrt(_FAR - 4 * targets)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        is_above = function(middle) > targets
        low, high = np.where(is_above, middle, low), np.where(is_above, high, middle)
    return high[inverse].reshape(np.shape(target))
