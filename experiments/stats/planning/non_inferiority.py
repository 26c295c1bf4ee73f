"""Sample size and smallest margin of a non-inferiority test: the cost of a guardrail.

An arm without any effect is held if a loss beyond the margin m is excluded: if the distance of
its mean from (1 - m) times the control's reaches the boundary. With z expected at the planned
end, m^2 base^2 N = z^2 variance (1 / share_B + (1 - m)^2 / share_A).

All guardrails must be held and the goal found, so each gets a part of the chance to miss:
`power_of_each`.

Source: Schultzberg, Ankargren, Franberg (2024), "Risk-aware product decisions in A/B tests with
multiple metrics", arXiv 2402.11609, for the decision rule and the adjusted power; Julious (2004),
"Sample sizes for clinical trials with normal data", Stat. Med. 23, for non-inferiority.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class NonInferiorityDesign:
    """Assumptions about one guardrail metric.

    Attributes:
        base: Mean of control and arm alike (a rate, a mean value); not 0.
        variance: Variance of one visitor's value; None for a rate: base (1 - base).
        needed: Expected z at the planned end that gives the wanted power, > 0: the one-sided
            quantile plus that of the power, or a sequential test's drift.
        shares: Traffic shares of the control and of the smallest arm, each in (0, 1).
        higher_is_better: False for a metric whose rise is the loss.

    Raises:
        ValueError: If a number is out of range.
    """

    base: float
    needed: float
    variance: float | None = None
    shares: tuple[float, float] = (0.5, 0.5)
    higher_is_better: bool = True

    def __post_init__(self) -> None:
        if not (math.isfinite(self.base) and self.base != 0):
            raise ValueError(f"base must be finite and not 0, got {self.base}")
        if self.variance is None and not 0 < self.base < 1:
            raise ValueError(f"base must be in (0, 1) for a rate, got {self.base}")
        for name in ("needed", "variance"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name} must be positive, got {value}")
        if not all(0 < share < 1 for share in self.shares):
            raise ValueError(f"shares must be in (0, 1), got {self.shares}")

    @property
    def noise(self) -> float:
        """Return z^2 variance / base^2, in visitors of one arm."""
        variance = self.base * (1 - self.base) if self.variance is None else self.variance
        return self.needed**2 * variance / self.base**2


def power_of_each(power: float, guardrails: int) -> float:
    """Return the power of each metric at which all of them together reach `power`.

    Args:
        power: Wanted power of the decision to ship, in (0, 1).
        guardrails: Guardrails beside the goal, at least 0.

    Returns:
        1 - (1 - power) / (guardrails + 1): the misses add up to at most 1 - power.

    Raises:
        ValueError: If an argument is out of range.

    Source: arXiv 2402.11609, section 3.

    >>> round(power_of_each(0.8, 3), 4)
    0.95
    """
    if not 0 < power < 1:
        raise ValueError(f"power must be in (0, 1), got {power}")
    if guardrails < 0:
        raise ValueError(f"guardrails must be at least 0, got {guardrails}")
    return 1 - (1 - power) / (guardrails + 1)


def visitors_to_exclude(design: NonInferiorityDesign, margin: float) -> float:
    """Return the visitors of all arms at which a loss beyond the margin is excluded.

    Args:
        design: The guardrail, without any true loss.
        margin: Tolerated loss, relative to the control, in (0, 1].

    Returns:
        Visitors, before rounding.

    Raises:
        ValueError: If the margin is out of range.

    >>> design = NonInferiorityDesign(base=0.03, needed=1.6449 + 0.8416)
    >>> round(visitors_to_exclude(design, 0.02))
    1959486
    """
    if not 0 < margin <= 1:
        raise ValueError(f"margin must be in (0, 1], got {margin}")
    control, arm = design.shares
    scale = 1 - margin if design.higher_is_better else 1 + margin
    return design.noise / margin**2 * (1 / arm + scale**2 / control)


def excluded_margin(design: NonInferiorityDesign, n: float) -> float | None:
    """Return the smallest margin beyond which n visitors exclude a loss.

    Args:
        design: The guardrail, without any true loss.
        n: Visitors of all arms together, positive.

    Returns:
        The margin, relative to the control; None if it is above 1.

    Raises:
        ValueError: If n is not positive.

    >>> design = NonInferiorityDesign(base=0.03, needed=1.6449 + 0.8416)
    >>> round(excluded_margin(design, 1_959_486), 6)
    0.02
    """
    if not 0 < n < math.inf:
        raise ValueError(f"n must be positive, got {n}")
    control, arm = (design.noise / n / share for share in design.shares)
    # (1 - c) m^2 +- 2 c m - (c + a) = 0 with c and a of control and arm.
    half = control if design.higher_is_better else -control
    leading = 1 - control
    if leading <= 0:
        return None
    margin = (math.sqrt(half**2 + leading * (control + arm)) - half) / leading
    return margin if margin <= 1 else None
