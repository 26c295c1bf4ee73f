"""Effect over time: hints of novelty and of differences between weekdays.

Hints, not verdicts: they ask a person to look. They hold at every look: some hint is shown, on
any of all days, in at most 5 % of the experiments whose effect is the same every day.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from experiments.stats.estimation.log_sum_exp import log_sum_exp
from experiments.stats.estimation.sufficient_statistics import FloatArray
from experiments.stats.meta_analysis.heterogeneity import (
    check_effects,
    equal_effects_p_value,
    pooled_mean,
)

# Part of the experiments without a change over time that may ever show a hint.
HINT_ALPHA = 0.05
# Fewer days show no trend.
LEAST_DAYS = 6
# Changes of the log lift a day that the test of a trend searches for, alike: 2 to 50 % a week.
SLOPES = np.array([0.02, 0.05, 0.1, 0.2, 0.5]) / 7


class Trend(StrEnum):
    """Direction of the effect while the experiment runs."""

    FADING = "fading"  # towards 0: novelty
    GROWING = "growing"  # away from 0: visitors have to learn
    STEADY = "steady"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoveltyHint:
    """Trend of the effect over the days.

    Attributes:
        trend: Verdict, or None with too few days.
        p_value: P-value of "no trend" at every look, adjusted for the family, or None.
        first_half: Mean lift of the first half of the days, or None.
        second_half: Mean lift of the second half, or None.
        reason: Reason for an undefined trend, or None.
    """

    trend: Trend | None
    p_value: float | None
    first_half: float | None = None
    second_half: float | None = None
    reason: str | None = None


def novelty_hint(log_lifts: npt.ArrayLike, ses: npt.ArrayLike, *, family: int = 1) -> NoveltyHint:
    """Test at every look whether the effect fades or grows from day to day.

    A weighted regression of the daily effects on the day. "Daily" means the visitors first
    exposed that day: then the days are independent. The e-value of the slope is a Bayes factor
    with a flat prior of the level on both sides, so it is a martingale for any constant effect.

    Args:
        log_lifts: ln(1 + lift) of each day, in order, shape (k,).
        ses: Standard errors, positive, shape (k,).
        family: Hints that the experiment may show, at least 1.

    Returns:
        The hint; None, with the reason, for fewer than 6 days.

    Raises:
        ValueError: If shapes differ or a number is out of range.

    Source: Kohavi, Tang, Xu (2020), "Trustworthy online controlled experiments", chapter 3
    (novelty and primacy effects); `equal_effects_p_value` for the e-value.

    >>> novelty_hint([0.5, 0.4, 0.3, 0.2, 0.1, 0.0], [0.05] * 6).trend
    <Trend.FADING: 'fading'>
    """
    y, s = check_effects(log_lifts, ses)
    if y.size < LEAST_DAYS:
        why = f"{y.size} days; a trend needs at least {LEAST_DAYS}."
        return NoveltyHint(trend=None, p_value=None, reason=why)
    slope, unadjusted = slope_p_values(y, s)
    p_value = min(family * float(unadjusted), 1.0)
    half = y.size // 2
    direction = Trend.FADING if slope * pooled_mean(y, s)[0] < 0 else Trend.GROWING
    return NoveltyHint(
        trend=direction if p_value <= HINT_ALPHA else Trend.STEADY,
        p_value=p_value,
        first_half=float(np.expm1(pooled_mean(y[:half], s[:half])[0])),
        second_half=float(np.expm1(pooled_mean(y[half:], s[half:])[0])),
    )


def slope_p_values(effects: FloatArray, ses: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the slopes of weighted regressions and the p-values, at every look, that they are 0.

    Args:
        effects: Effects of each day, in order, shape `(..., k)`, k >= 2.
        ses: Standard errors, positive, same shape.

    Returns:
        Slopes a day, and p-values in [0, 1], of shape `(...)`.

    Source: as `novelty_hint`.

    >>> slope, p_value = slope_p_values(np.linspace(0.5, 0.0, 6), np.full(6, 0.05))
    >>> round(float(slope), 4), round(float(p_value), 4)
    (-0.1, 0.0)
    """
    weights = ses**-2.0
    day = np.arange(effects.shape[-1])
    days = day - ((weights * day).sum(axis=-1) / weights.sum(axis=-1))[..., None]
    information = (weights * days**2).sum(axis=-1)
    slope = (weights * (days * effects)).sum(axis=-1) / information
    # The slope's Bayes factor for each prior spread of it, mixed.
    gain = SLOPES**2 * information[..., None]
    log_e = 0.5 * ((slope**2 * information)[..., None] * gain / (1 + gain) - np.log1p(gain))
    return slope, np.exp(-np.maximum(log_sum_exp(log_e) - np.log(SLOPES.size), 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekdayHint:
    """Dependence of the effect on the weekday.

    Attributes:
        p_value: P-value of "the same effect on every weekday" at every look, adjusted for the
            family, or None.
        differs: True if the p-value is at most 0.05.
        whole_weeks: True if every weekday was seen equally often; otherwise a weekday effect
            biases the mean.
        reason: Reason for an undefined p-value, or None.
    """

    p_value: float | None
    differs: bool
    whole_weeks: bool
    reason: str | None = None


def weekday_hint(
    log_lifts: npt.ArrayLike,
    ses: npt.ArrayLike,
    weekdays: npt.ArrayLike,
    *,
    days: int,
    family: int = 1,
) -> WeekdayHint:
    """Test at every look whether the effect differs between weekdays.

    Args:
        log_lifts: ln(1 + lift) of each day, shape (k,).
        ses: Standard errors, positive, shape (k,).
        weekdays: Weekday of each day, 0 to 6, shape (k,).
        days: Days that the experiment ran, at least 0.
        family: Hints that the experiment may show, at least 1.

    Returns:
        The hint; no p-value, with the reason, for fewer than two weekdays.

    Raises:
        ValueError: If shapes differ or a number is out of range.

    Source: Kohavi, Tang, Xu (2020), "Trustworthy online controlled experiments", chapter 3;
    `experiments.stats.meta_analysis.heterogeneity.equal_effects_p_value`.

    >>> working, weekend = [0.1] * 5, [0.6, 0.7]
    >>> weekday_hint(working + weekend, [0.08] * 7, range(7), days=7).differs
    True
    """
    y, s = check_effects(log_lifts, ses)
    weekday = np.asarray(weekdays, dtype=np.int64)
    if weekday.shape != y.shape or np.any((weekday < 0) | (weekday > 6)) or days < 0:
        raise ValueError(f"weekdays must be 0 to 6 and days at least 0, got {weekdays!r}, {days}")
    whole_weeks = days > 0 and days % 7 == 0
    if np.unique(weekday).size < 2:
        why = "Fewer than two weekdays were seen."
        return WeekdayHint(p_value=None, differs=False, whole_weeks=whole_weeks, reason=why)
    p_value = min(family * float(weekday_p_values(y, s, weekday)), 1.0)
    return WeekdayHint(p_value=p_value, differs=p_value <= HINT_ALPHA, whole_weeks=whole_weeks)


def weekday_p_values(
    effects: FloatArray, ses: FloatArray, weekdays: npt.NDArray[np.int64]
) -> FloatArray:
    """Return the p-values, at every look, of "the same effect on every weekday".

    Args:
        effects: Effects of each day, shape `(..., k)`.
        ses: Standard errors, positive, same shape.
        weekdays: Weekday of each day, shape (k,).

    Returns:
        P-values in [0, 1] of shape `(...)`; NaN for fewer than two weekdays.

    Source: `equal_effects_p_value`, of the pooled effect of each weekday.

    >>> lifts = np.array([0.3, 0.0, 0.1, 0.3, 0.0, 0.1])
    >>> days = np.array([0, 1, 2, 0, 1, 2])
    >>> round(float(weekday_p_values(lifts, np.full(6, 0.06 * 2**0.5), days)), 4)
    0.0616
    """
    weights = 1 / ses**2
    is_on = (weekdays[:, None] == np.unique(weekdays)).astype(np.float64)
    total = weights @ is_on
    return equal_effects_p_value((weights * effects) @ is_on / total, total**-0.5)
