"""Score intervals for two rates: they exist at 0 clicks, where a Wald interval has width 0."""

import math
from collections.abc import Callable
from typing import TypeAlias

import scipy
from scipy.special import ndtri

from experiments.stats.estimation.comparisons import check_alpha

Interval: TypeAlias = tuple[float, float]
Counts: TypeAlias = tuple[float, float]  # clicks, visitors


def score_effect_interval(control: Counts, arm: Counts, *, alpha: float = 0.05) -> Interval:
    """Return the Miettinen-Nurminen score interval of the effect pB - pA.

    The set of d with (effect - d)^2 <= z^2 N/(N-1) (pB~ qB~/nB + pA~ qA~/nA), where the rates
    with ~ are the likeliest ones whose difference is d.

    Args:
        control: Clicks and visitors, 0 <= clicks <= visitors, at least one visitor.
        arm: The same of the arm.
        alpha: Error rate in (0, 1).

    Returns:
        Low and high ends in [-1, 1].

    Raises:
        ValueError: If a count or alpha is out of range.

    Source: Miettinen, Nurminen (1985), "Comparative analysis of two rates", Stat. Med. 4.

    >>> [round(end, 8) for end in score_effect_interval((500, 10_000), (580, 10_000))]
    [0.00173772, 0.01428306]
    """
    _check(control, arm, alpha)
    (a, n_a), (b, n_b) = control, arm
    observed = b / n_b - a / n_a
    unit = -float(ndtri(alpha / 2)) * math.sqrt((n_a + n_b) / (n_a + n_b - 1))

    def excess(effect: float) -> float:
        """Return |observed - effect| minus the allowance: negative inside the interval."""
        p_a = _likeliest_control(control, arm, effect)
        p_b = min(max(p_a + effect, 0.0), 1.0)
        return abs(observed - effect) - unit * math.sqrt(
            p_b * (1 - p_b) / n_b + p_a * (1 - p_a) / n_a
        )

    step = 1e-3 * min(unit**2, 1.0) / (n_a + n_b)
    return _crossing(excess, observed, -1.0, step), _crossing(excess, observed, 1.0, step)


def score_lift_interval(control: Counts, arm: Counts, *, alpha: float = 0.05) -> Interval | None:
    """Return the Miettinen-Nurminen score interval of the lift pB / pA - 1.

    Args:
        control: Clicks and visitors, 0 <= clicks <= visitors, at least one visitor.
        arm: The same of the arm.
        alpha: Error rate in (0, 1).

    Returns:
        Low end (at least -1) and high end; None without a click in control: no upper end.

    Raises:
        ValueError: If a count or alpha is out of range.

    Source: Miettinen, Nurminen (1985), "Comparative analysis of two rates", Stat. Med. 4.

    >>> [round(end, 7) for end in score_lift_interval((500, 10_000), (580, 10_000))]
    [0.0326671, 0.3030727]
    """
    _check(control, arm, alpha)
    (a, n_a), (b, n_b) = control, arm
    if a == 0:
        return None
    p_a, p_b = a / n_a, b / n_b
    unit = -float(ndtri(alpha / 2)) * math.sqrt((n_a + n_b) / (n_a + n_b - 1))

    def excess(ratio: float) -> float:
        """Return the distance from pB = ratio pA minus the allowance, in units of pA."""
        base = _likeliest_base(control, arm, ratio)
        arm_rate = min(ratio * base, 1.0)
        variance = arm_rate * (1 - arm_rate) / n_b + ratio**2 * base * (1 - base) / n_a
        return abs(p_b - ratio * p_a) - unit * math.sqrt(variance)

    observed = p_b / p_a
    high = max(2 * observed, 1.0)
    while excess(high) < 0:
        high *= 2
    step = 1e-3 * min(unit**2, 1.0) / (n_a + n_b)
    low = 0.0 if b == 0 else _crossing(excess, observed, 0.0, step)
    return low - 1, _crossing(excess, observed, high, step) - 1


def _likeliest_control(control: Counts, arm: Counts, effect: float) -> float:
    """Return the likeliest control rate if the arm's rate is `effect` higher.

    The log likelihood is concave, and each arm pulls the rate towards its own observed one: the
    answer lies between those two.
    """
    (a, n_a), (b, n_b) = control, arm
    low, high = max(0.0, -effect), min(1.0, 1.0 - effect)

    def slope(p: float) -> float:
        q = p + effect
        # Multiplied by p (1 - p) q (1 - q): finite at both ends, with the derivative's sign.
        return (a - n_a * p) * q * (1 - q) + (b - n_b * q) * p * (1 - p)

    first, last = sorted(min(max(p, low), high) for p in (a / n_a, b / n_b - effect))
    rising = _first_with_sign(slope, first, last, sign=1.0)
    falling = _first_with_sign(slope, last, first, sign=-1.0)
    if rising is None or falling is None:
        return first if rising is None else last
    return float(scipy.optimize.brentq(slope, rising, falling, xtol=1e-300))


def _first_with_sign(
    slope: Callable[[float], float], end: float, other: float, *, sign: float
) -> float | None:
    """Return a point at or near the end where the slope has the sign; None if there is none.

    At rates 0 and 1 the multiplied slope is 0 and only a step inside reveals its sign.
    """
    if sign * slope(end) > 0:
        return end
    steps = (end + (other - end) * 4.0**-k for k in range(1, 60))
    return next((p for p in steps if sign * slope(p) > 0), None)


def _likeliest_base(control: Counts, arm: Counts, ratio: float) -> float:
    """Return the likeliest control rate if the arm's rate is `ratio` times it: a quadratic."""
    (a, n_a), (b, n_b) = control, arm
    square, linear = (n_a + n_b) * ratio, n_b * ratio + b + n_a + a * ratio
    root = math.sqrt(max(linear**2 - 4 * square * (a + b), 0.0))
    # The form without a difference of nearly equal numbers.
    return min(2 * (a + b) / (linear + root), 1.0)


def _crossing(
    excess: Callable[[float], float], inside: float, outside: float, step: float
) -> float:
    """Return where the excess turns positive between the observed value and the far end.

    Without variance the excess is 0 at the observed value itself and negative just beside it.
    """
    if abs(outside - inside) <= step or excess(outside) <= 0:
        return outside
    start = inside if excess(inside) < 0 else inside + math.copysign(step, outside - inside)
    return float(scipy.optimize.brentq(excess, start, outside, xtol=1e-300))


def _check(control: Counts, arm: Counts, alpha: float) -> None:
    check_alpha(alpha)
    for name, (clicks, n) in (("control", control), ("arm", arm)):
        if not 1 <= n < math.inf:
            raise ValueError(f"{name} visitors must be at least 1, got {n}")
        if not 0 <= clicks <= n:
            raise ValueError(f"{name} clicks must be in [0, {n}], got {clicks}")
