"""Result types that every method of comparison returns, and the checks they share."""

from dataclasses import dataclass

import numpy as np

from experiments.stats.estimation.contrasts import Contrasts, first_of_two, where_defined
from experiments.stats.estimation.lift_intervals import fieller_interval
from experiments.stats.estimation.sufficient_statistics import (
    FloatArray,
    SufficientStatistics,
    Values,
)
from experiments.stats.estimation.undefined_reasons import Reason, ReasonArray, first_reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One arm against the control; None if undefined, with the cause in `reason` or `lift_reason`.

    Args:
        effect: Difference of the means, arm minus control.
        effect_interval: Its confidence interval or sequence, low and high.
        lift: effect / |control's mean|; 0.12 is +12 %.
        lift_interval: Its Fieller interval, low and high.
        p_value: Two-sided, of "no effect".
        reason: Reason for an undefined effect, interval or p-value.
        lift_reason: Reason for an undefined lift or lift interval.
    """

    effect: float | None
    effect_interval: tuple[float, float] | None
    lift: float | None
    lift_interval: tuple[float, float] | None
    p_value: float | None
    reason: str | None
    lift_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparisons:
    """Many arms against their controls: arrays of shape `(..., K - 1)`, NaN where undefined.

    `reason` and `lift_reason` are `Reason` codes; `effect` and `lift` can exist where their
    intervals do not.
    """

    effect: FloatArray
    effect_low: FloatArray
    effect_high: FloatArray
    lift: FloatArray
    lift_low: FloatArray
    lift_high: FloatArray
    p_value: FloatArray
    reason: ReasonArray
    lift_reason: ReasonArray

    def rows(self) -> list[Comparison]:
        """Return the comparisons of one experiment as single values.

        Raises:
            ValueError: If the arrays hold more than one experiment.
        """
        if self.effect.ndim != 1:
            raise ValueError(f"rows needs one experiment: shape {self.effect.shape}")
        return [self._row(index) for index in range(len(self.effect))]

    def _row(self, index: int) -> Comparison:
        return Comparison(
            effect=_or_none(self.effect[index]),
            effect_interval=_pair_or_none(self.effect_low[index], self.effect_high[index]),
            lift=_or_none(self.lift[index]),
            lift_interval=_pair_or_none(self.lift_low[index], self.lift_high[index]),
            p_value=_or_none(self.p_value[index]),
            reason=Reason(self.reason[index]).sentence,
            lift_reason=Reason(self.lift_reason[index]).sentence,
        )


def comparisons(contrast: Contrasts, multiplier: FloatArray, *, p_value: FloatArray) -> Comparisons:
    """Build the comparisons whose intervals are `multiplier` standard errors wide on each side.

    Args:
        contrast: Effects with variances.
        multiplier: Half-width in standard errors, broadcast against the contrasts.
        p_value: P-value of the test that the multiplier belongs to.

    Returns:
        Effects and lifts (Fieller) with their intervals.
    """
    with np.errstate(all="ignore"):
        width = multiplier * contrast.standard_error
        low, high = contrast.effect - width, contrast.effect + width
    lift_low, lift_high, lift_reason = fieller_interval(contrast, multiplier)
    out_of_range = first_reason((~(np.isfinite(low) & np.isfinite(high)), Reason.OUT_OF_RANGE))
    reason = first_of_two(contrast.reason, out_of_range)
    return Comparisons(
        effect=contrast.effect,
        effect_low=where_defined(reason, low),
        effect_high=where_defined(reason, high),
        lift=contrast.lift,
        lift_low=lift_low,
        lift_high=lift_high,
        p_value=where_defined(reason, p_value),
        reason=reason,
        lift_reason=lift_reason,
    )


def check_alpha(alpha: Values) -> None:
    """Raise ValueError unless every alpha lies in (0, 1)."""
    array = np.asarray(alpha, dtype=np.float64)
    if not np.all((array > 0) & (array < 1)):
        raise ValueError(f"alpha must lie between 0 and 1: {alpha!r}")


def check_arms(statistics: SufficientStatistics) -> None:
    """Raise ValueError unless the last axis holds two arms or more."""
    if len(statistics.shape) == 0 or statistics.shape[-1] < 2:
        raise ValueError(f"arms must be two or more: shape {statistics.shape}")


def _or_none(value: np.float64) -> float | None:
    return float(value) if np.isfinite(value) else None


def _pair_or_none(low: np.float64, high: np.float64) -> tuple[float, float] | None:
    return (float(low), float(high)) if np.isfinite(low) and np.isfinite(high) else None
