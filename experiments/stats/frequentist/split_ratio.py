"""Ratio of two rates from the split of their events, where the groups' sizes are not counted."""

import math
from dataclasses import dataclass

from scipy.special import bdtr, bdtrc, betaincinv

from experiments.stats.estimation.comparisons import check_alpha


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRatio:
    """Lift of a group over a randomly held-out one.

    Attributes:
        lift: Rate of the group over that of the held-out one, minus 1; None if nobody held out
            converted.
        interval: Its exact interval; its upper end is infinite if nobody held out converted.
        p_value: Two-sided, of "no effect".
    """

    lift: float | None
    interval: tuple[float, float]
    p_value: float


def split_ratio(
    held_out: int, others: int, *, share: float, alpha: float = 0.05
) -> SplitRatio | None:
    """Compare the rates of two groups by how their converting visitors split.

    Without an effect each converting visitor is in the held-out group with probability `share`,
    however many visitors there were. With a ratio r of the rates it is
    share / (share + (1 - share) r), so an interval of that probability is one of r.

    Args:
        held_out: Converting visitors of the held-out group, at least 0.
        others: Converting visitors of all others, at least 0.
        share: Part of the visitors held out at random, in (0, 1).
        alpha: Error rate of the interval, in (0, 1).

    Returns:
        The comparison, for one look; None without converting visitors.

    Raises:
        ValueError: If a number is out of range.

    Source: Przyborowski, Wilenski (1940), "Homogeneity of results in testing samples from Poisson
        series", Biometrika 31; Clopper, Pearson (1934), Biometrika 26.

    >>> found = split_ratio(100, 1_100, share=0.1)
    >>> round(found.lift, 4), [round(end, 3) for end in found.interval], round(found.p_value, 3)
    (0.2222, [-0.005, 0.515], 0.056)
    """
    check_alpha(alpha)
    if not 0 < share < 1:
        raise ValueError(f"share must lie between 0 and 1: {share!r}")
    if min(held_out, others) < 0:
        raise ValueError(f"counts must be at least 0: {held_out!r}, {others!r}")
    n = held_out + others
    if n == 0:
        return None
    low = float(betaincinv(held_out, others + 1, alpha / 2)) if held_out else 0.0
    high = float(betaincinv(held_out + 1, others, 1 - alpha / 2)) if others else 1.0
    tails = bdtr(held_out, n, share), bdtrc(held_out - 1, n, share) if held_out else 1.0
    return SplitRatio(
        lift=_lift(held_out / n, share) if held_out else None,
        interval=(_lift(high, share), _lift(low, share)),
        p_value=min(1.0, 2 * float(min(tails))),
    )


def _lift(probability: float, share: float) -> float:
    """Return the lift at which a converting visitor is held out with this probability."""
    if probability == 0:
        return math.inf
    return (1 - probability) / probability * share / (1 - share) - 1
