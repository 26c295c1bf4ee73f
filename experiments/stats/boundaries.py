"""How wide a sequential interval is, in standard errors, and the p-value that goes with it.

Time t is visitors so far over visitors planned. Two boundaries are valid at every look:

* the normal mixture, for ever: `mixture_multiplier`, the sequence that GrowthBook uses;
* the plan's: constant in t z^2 until t = 1 (O'Brien and Fleming's shape under continuous
  looking), the mixture after it. What the mixture can still reject after the plan is paid for
  in advance, so that both parts together err in at most alpha of the cases.

Derivation of the second. Let B be a Brownian motion, B(t) = sqrt(t) z(t), x the mixture's
precision at t = 1 and M its martingale, M(1) = exp(x B^2 / (2 (x + 1))) / sqrt(x + 1), Q the
normal upper tail. By reflection P(|B| reaches c before 1) <= 4 Q(c). By Ville's inequality
P(not reached, and M reaches 1/alpha after 1) <= alpha I(c), where I(c) is the mean of M(1) on
the paths that stay below c; integrating M(1) against the first five mirror images of the normal
density gives 1 - I(c) >= 2 Q(c/s) + 2 e(2, 2x + 1) - 2 e(2, 2x + 3) - 2 e(8, 4x + 3) with
s = sqrt(x + 1) and e(k, m) = exp(k x c^2) Q(c m / s). The plan errs in at most alpha of the cases
when 4 Q(c) / (1 - I(c)) <= alpha; the left side is the p-value.
"""

import numpy as np
from scipy import special

from experiments.stats.fixed import check_alpha
from experiments.stats.sufficient import FloatArray, Values

# Halvings of an interval of length below 100 that leave its rounding error.
_BISECTIONS = 60
# The squared level where even an error rate near 1 is out of reach.
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

    Source: derivation in this module; O'Brien, Fleming (1979), Biometrics 35, for the shape.

    >>> round(float(plan_p_value(np.array(2.55), np.array(1.0), alpha=0.05)), 4)
    0.0499
    """
    with np.errstate(all="ignore"):
        early = _level_p_value(np.abs(z) * np.sqrt(time), alpha=alpha, reserve=reserve)
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
    2.549
    """
    late = mixture_multiplier(time, level=level, alpha=alpha)
    with np.errstate(all="ignore"):
        early = _critical_level(level, alpha=alpha, reserve=reserve) / np.sqrt(time)
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
    0.0438
    """
    # At the plan's level c the boundary spends 4 Q(c), of which the reserve gets its share.
    spent = np.exp(-np.asarray(log_e_value, dtype=np.float64)) * (1 - reserve) / (4 * reserve)
    level = -special.ndtri(np.clip(spent, 1e-300, 0.5))
    return _level_p_value(level, alpha=alpha, reserve=reserve)


def reserved_log_threshold(level: Values, *, alpha: float, reserve: float) -> FloatArray:
    """Return the ln e-value at which `reserved_p_value` equals `level`.

    >>> round(float(reserved_log_threshold(0.0438, alpha=0.05, reserve=0.05)), 2)
    7.0
    """
    critical = _critical_level(level, alpha=alpha, reserve=reserve)
    share = np.log(4 * reserve / (1 - reserve))
    return np.asarray(-share - special.log_ndtr(-critical), dtype=np.float64)


def _level_p_value(critical: FloatArray, *, alpha: float, reserve: float) -> FloatArray:
    return np.minimum(np.exp(_log_level_p_value(critical, alpha=alpha, reserve=reserve)), 1)


def _log_level_p_value(critical: FloatArray, *, alpha: float, reserve: float) -> FloatArray:
    x = mixture_precision(alpha)
    per_root = critical / np.sqrt(x + 1)
    square = x * np.square(critical)
    unmirrored = special.log_ndtr(-per_root)
    mirrored = 2 * square + special.log_ndtr(-per_root * (2 * x + 1))
    far = 2 * square + special.log_ndtr(-per_root * (2 * x + 3))
    farther = 8 * square + special.log_ndtr(-per_root * (4 * x + 3))
    kept = np.logaddexp(unmirrored, mirrored)
    # Near c = 0 five images are too few: the bound reaches 0 and the p-value is 1.
    left = np.maximum(1 - np.exp(far - kept) - np.exp(farther - kept), 1e-300)
    log_spent = special.log_ndtr(-critical) - kept - np.log(left)
    return np.asarray(np.log(2 / (1 - reserve)) + log_spent, dtype=np.float64)


def _critical_level(level: Values, *, alpha: float, reserve: float) -> FloatArray:
    """Invert `_level_p_value`, which decreases, by bisection."""
    check_alpha(level)
    # A corrected family of thousands of experiments has few distinct levels.
    levels, where = np.unique(np.asarray(level, dtype=np.float64), return_inverse=True)
    target = np.log(levels)
    low, high = np.zeros_like(levels), np.sqrt(_FAR - 4 * target)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        is_above = _log_level_p_value(middle, alpha=alpha, reserve=reserve) > target
        low, high = np.where(is_above, middle, low), np.where(is_above, high, middle)
    return high[where].reshape(np.shape(level))
