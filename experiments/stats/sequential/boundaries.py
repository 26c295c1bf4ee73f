"""Normal-mixture boundaries in standard errors, and the matching always-valid p-values.

Time t is information so far over a planned one. A mixture is valid at every look, for ever, and
tightest at t = 1: `mixture_multiplier` is the sequence that GrowthBook uses. The boundary of a
plan, `plan_boundary`, goes on with one after the plan's end.
"""

import numpy as np

from experiments.stats.estimation.comparisons import check_alpha
from experiments.stats.estimation.sufficient_statistics import FloatArray, Values


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
