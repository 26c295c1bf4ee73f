"""Effect over time: hints of novelty and of differences between weekdays.

Hints, not verdicts: they ask a person to look.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from experiments.stats.meta_analysis.heterogeneity import check_effects, cochran_q

# A hint is shown below this p-value: hints are many, so one in twenty would be noise.
HINT = 0.01
# Fewer days show no trend.
LEAST_DAYS = 6


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
        p_value: P-value of "no trend", or None.
        first_half: Mean effect of the first half of the days, or None.
        second_half: Mean effect of the second half, or None.
        reason: Reason for an undefined trend, or None.
    """

    trend: Trend | None
    p_value: float | None
    first_half: float | None = None
    second_half: float | None = None
    reason: str | None = None


def novelty_hint(effects: npt.ArrayLike, ses: npt.ArrayLike) -> NoveltyHint:
    """Test whether the effect fades or grows from day to day.

    A weighted regression of the daily effects on the day. "Daily" means the visitors first
    exposed that day: then the days are independent.

    Args:
        effects: Effect (or lift) of each day, in order, shape (k,).
        ses: Standard errors, positive, shape (k,).

    Returns:
        The hint; None, with the reason, for fewer than 6 days.

    Raises:
        ValueError: If shapes differ or a number is out of range.

    Source: Kohavi, Tang, Xu (2020), "Trustworthy online controlled experiments", chapter 3
    (novelty and primacy effects).

    >>> novelty_hint([0.05, 0.04, 0.03, 0.02, 0.01, 0.0], [0.005] * 6).trend
    <Trend.FADING: 'fading'>
    """
    y, s = check_effects(effects, ses)
    if y.size < LEAST_DAYS:
        why = f"{y.size} days; a trend needs at least {LEAST_DAYS}."
        return NoveltyHint(trend=None, p_value=None, reason=why)
    weights = (s / s.min()) ** -2.0
    days = np.arange(y.size) - np.average(np.arange(y.size), weights=weights)
    spread = float(weights @ days**2)
    slope = float(weights @ (days * y)) / spread
    p_value = float(2 * ndtr(-abs(slope) / (float(s.min()) / spread**0.5)))
    half = y.size // 2
    first = float(np.average(y[:half], weights=weights[:half]))
    second = float(np.average(y[half:], weights=weights[half:]))
    direction = Trend.FADING if slope * float(np.average(y, weights=weights)) < 0 else Trend.GROWING
    return NoveltyHint(
        trend=direction if p_value < HINT else Trend.STEADY,
        p_value=p_value,
        first_half=first,
        second_half=second,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekdayHint:
    """Dependence of the effect on the weekday.

    Attributes:
        p_value: P-value of "the same effect on every weekday" (Cochran's Q), or None.
        differs: True if the p-value is below 0.01.
        whole_weeks: True if every weekday was seen equally often; otherwise a weekday effect
            biases the mean.
        reason: Reason for an undefined p-value, or None.
    """

    p_value: float | None
    differs: bool
    whole_weeks: bool
    reason: str | None = None


def weekday_hint(effects: npt.ArrayLike, ses: npt.ArrayLike, *, days: int) -> WeekdayHint:
    """Test whether the effect differs between weekdays.

    Args:
        effects: Effect of each weekday seen, pooled over its weeks, shape (k,), k <= 7.
        ses: Standard errors, positive, shape (k,).
        days: Days that the experiment ran, at least 0.

    Returns:
        The hint; no p-value, with the reason, for fewer than two weekdays.

    Raises:
        ValueError: If shapes differ or a number is out of range.

    Source: Kohavi, Tang, Xu (2020), "Trustworthy online controlled experiments", chapter 3;
    `experiments.stats.meta_analysis.heterogeneity.cochran_q`.

    >>> weekday_hint([0.01, 0.02, 0.01, 0.0, 0.01, 0.06, 0.07], [0.01] * 7, days=14).differs
    True
    """
    y, s = check_effects(effects, ses)
    if y.size > 7 or days < 0:
        raise ValueError(f"a week has seven days and days is at least 0, got {y.size}, {days}")
    whole_weeks = days > 0 and days % 7 == 0
    if y.size < 2:
        why = "Fewer than two weekdays were seen."
        return WeekdayHint(p_value=None, differs=False, whole_weeks=whole_weeks, reason=why)
    p_value = cochran_q(y, s).p_value
    return WeekdayHint(p_value=p_value, differs=p_value < HINT, whole_weeks=whole_weeks)
