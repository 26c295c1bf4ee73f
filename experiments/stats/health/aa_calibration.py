"""Calibration of A/A experiments: their rate of false alarms against the promised one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from experiments.stats.estimation.comparisons import check_alpha

# Fewer p-values cannot show whether an A/A mode errs too often.
LEAST_P_VALUES = 20
# Below it the alarms, or the p-values, of an A/A mode are not what they should be.
MISCALIBRATED = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class AaEvaluation:
    """Calibration of experiments without a true difference.

    Attributes:
        n: P-values judged.
        alarms: Number of p-values at or below alpha.
        expected: Expected number of alarms.
        alarm_p_value: Binomial p-value of at least this number of alarms, or None.
        uniform_p_value: P-value of "p-values are not too small" (Kolmogorov-Smirnov), or None.
            Both are one-sided: anytime-valid p-values are larger than uniform ones by design.
        is_healthy: Neither is below 0.01; None with too few p-values.
        reason: Reason for an undefined `is_healthy`, or None.
    """

    n: int
    alarms: int
    expected: float
    alarm_p_value: float | None
    uniform_p_value: float | None
    is_healthy: bool | None
    reason: str | None = None


def evaluate_aa(p_values: Sequence[float], *, alpha: float = 0.05) -> AaEvaluation:
    """Judge the p-values of A/A experiments (all arms show the same).

    Args:
        p_values: One of each independent A/A comparison, in [0, 1].
        alpha: Promised share of false alarms, in (0, 1).

    Returns:
        The evaluation; no judgement, with the reason, for fewer than 20 p-values.

    Raises:
        ValueError: If a p-value or alpha is out of range.

    Source: Kohavi, Tang, Xu (2020), "Trustworthy online controlled experiments", chapter 19.

    >>> evaluate_aa([i / 100 for i in range(1, 100)]).is_healthy
    True
    """
    check_alpha(alpha)
    values = np.asarray(p_values, dtype=np.float64)
    if not np.all((values >= 0) & (values <= 1)):
        raise ValueError(f"p_values must be in [0, 1], got {p_values!r}")
    alarms = int(np.sum(values <= alpha))
    if values.size < LEAST_P_VALUES:
        return AaEvaluation(
            n=values.size,
            alarms=alarms,
            expected=alpha * values.size,
            alarm_p_value=None,
            uniform_p_value=None,
            is_healthy=None,
            reason=f"{values.size} p-values; a judgement needs at least {LEAST_P_VALUES}.",
        )
    alarm = float(scipy.stats.binomtest(alarms, values.size, alpha, "greater").pvalue)
    uniform = float(scipy.stats.kstest(values, "uniform", alternative="greater").pvalue)
    return AaEvaluation(
        n=values.size,
        alarms=alarms,
        expected=alpha * values.size,
        alarm_p_value=alarm,
        uniform_p_value=uniform,
        is_healthy=min(alarm, uniform) >= MISCALIBRATED,
    )
