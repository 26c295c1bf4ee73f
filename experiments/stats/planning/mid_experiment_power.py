"""Mid-experiment power, and the time left to a decision at today's traffic.

It plans for the *target* effect, never for the observed one: the power of an observed effect is
only its p-value in other words.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from experiments.stats.estimation.sufficient_statistics import FloatArray
from experiments.stats.planning.sample_size import power_of

# Multiples of today's visitors: more than the largest is "never" (GrowthBook's limit).
_GROWTHS = np.concatenate([[0.0], 2.0 ** np.arange(28)])
# The growth is found to ln(2) / 100^3, that is 7e-7 of it.
_SECTIONS, _PARTS = 3, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Visitors and days still needed.

    Attributes:
        power_now: Power for the target effect with today's visitors.
        visitors_left: Visitors of all arms still needed; 0 when powered; None if out of reach.
        days_left: At today's traffic; None if out of reach or without traffic.
        reason: Reason for undefined numbers, or None.
    """

    power_now: float
    visitors_left: float | None
    days_left: float | None
    reason: str | None = None


def outlook(
    *,
    target: float,
    se: float,
    n: float,
    critical: Callable[[FloatArray], FloatArray | float],
    visitors_per_day: float,
    power: float = 0.8,
) -> Outlook:
    """Return the visitors and days left until a frequentist test is powered.

    After s times today's visitors more, the standard error is se / sqrt(1 + s).

    Args:
        target: Effect (or lift) worth finding, not 0.
        se: Its standard error today, positive.
        n: Visitors of all arms today, positive.
        critical: Boundary in standard errors as a function of the visitors of all arms, element
            by element: a constant for a fixed test, the sequential boundary else (both at alpha
            divided by the comparisons).
        visitors_per_day: Recent visitors exposed a day, at least 0.
        power: Wanted power, in (0, 1); for g goals together, its g-th root.

    Returns:
        The outlook.

    Raises:
        ValueError: If a number is out of range.

    Source: growthbook/growthbook, packages/stats, power (mid-experiment power).

    >>> result = outlook(
    ...     target=0.05, se=0.0918, n=1_000, critical=lambda n: 1.96, visitors_per_day=3_000
    ... )
    >>> round(result.visitors_left), round(result.days_left, 1)
    (25458, 8.5)
    """

    def power_after(growth: FloatArray) -> FloatArray:
        shrunk = se / np.sqrt(1 + growth)
        return power_of(target, shrunk, critical(n * (1 + growth)))

    _check(target, se, n, visitors_per_day, power)
    return _outlook(power_after, n=n, visitors_per_day=visitors_per_day, power=power)


def _outlook(
    power_after: Callable[[FloatArray], FloatArray],
    *,
    n: float,
    visitors_per_day: float,
    power: float,
) -> Outlook:
    powers = power_after(_GROWTHS)
    now, first = float(powers[0]), int(np.argmax(powers >= power))
    if now >= power:
        return Outlook(power_now=now, visitors_left=0.0, days_left=0.0)
    if not first:
        out_of_reach = "The target effect is out of reach at this spread."
        return Outlook(power_now=now, visitors_left=None, days_left=None, reason=out_of_reach)
    # In logarithms: the root may lie anywhere between a visitor and 2^27 times today's.
    low, high = np.log1p(_GROWTHS[first - 1 : first + 1])
    for _ in range(_SECTIONS):
        # Many points at once: the boundary costs hardly more for them than for one.
        ends = np.linspace(low, high, _PARTS + 1)
        is_powered = power_after(np.expm1(ends[1:-1])) >= power
        part = int(np.argmax([*is_powered, True]))
        low, high = ends[part : part + 2]
    visitors_left = n * math.expm1(high)
    if visitors_per_day == 0:
        return Outlook(
            power_now=now, visitors_left=visitors_left, days_left=None, reason="No traffic."
        )
    return Outlook(
        power_now=now, visitors_left=visitors_left, days_left=visitors_left / visitors_per_day
    )


def _check(target: float, se: float, n: float, visitors_per_day: float, power: float) -> None:
    if not (math.isfinite(target) and target != 0):
        raise ValueError(f"target must be finite and not 0, got {target}")
    for name, value in (("se", se), ("n", n)):
        if not 0 < value < math.inf:
            raise ValueError(f"{name} must be positive, got {value}")
    if not 0 <= visitors_per_day < math.inf:
        raise ValueError(f"visitors_per_day must be at least 0, got {visitors_per_day}")
    if not 0 < power < 1:
        raise ValueError(f"power must be in (0, 1), got {power}")
