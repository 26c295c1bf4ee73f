"""Sample size, minimum detectable effect (MDE) and duration of a planned test.

Everything follows from one identity: with effect D, standard error se and boundary c (in
standard errors), power = Phi(D / se - c) + Phi(-D / se - c). A fixed test has c = z_{1-alpha/2};
a sequential one has the boundary at its planned end, or, for its power at all looks together,
a drift by `experiments.stats.sequential.stopping_probabilities`.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from experiments.stats.estimation.messages import InvalidInputError, Message, MessageCode
from experiments.stats.estimation.sufficient_statistics import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """Assumptions of a plan.

    Attributes:
        base: Control's mean (a click rate, a mean value); not 0.
        variance: Variance of one visitor's value; None for a click rate: base (1 - base).
        shares: Traffic share of each arm, control first; positive, sum 1.
        alpha: Family-wise two-sided error rate, in (0, 1).
        power: Wanted power of each comparison, in (0, 1).
        comparisons: Comparisons that share alpha (Bonferroni: what Holm grants at worst); None
            for one for each arm but control, 1 for no correction.
        critical: Boundary in standard errors at the planned end, where it is not the normal
            quantile: a sequential test's (already at alpha / comparisons).
        drift: Expected z needed at the planned end, where it is not critical + z_power: see
            `drift_for_power`.

    Raises:
        ValueError: If a number is out of range.

    >>> Design(base=0.05, shares=(0.2,) * 5).level
    0.0125
    """

    base: float
    variance: float | None = None
    shares: tuple[float, ...] = (0.5, 0.5)
    alpha: float = 0.05
    power: float = 0.8
    comparisons: int | None = None
    critical: float | None = None
    drift: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.base) and self.base != 0):
            raise ValueError(f"base must be finite and not 0, got {self.base}")
        if self.variance is None and not 0 < self.base < 1:
            raise ValueError(f"base must be in (0, 1) for a rate, got {self.base}")
        for name in ("variance", "critical", "drift"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name} must be positive, got {value}")
        for name in ("alpha", "power"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} must be in (0, 1), got {getattr(self, name)}")
        if self.comparisons is not None and self.comparisons < 1:
            raise ValueError(f"comparisons must be at least 1, got {self.comparisons}")
        self._check_shares()

    def _check_shares(self) -> None:
        if len(self.shares) < 2 or not all(share > 0 for share in self.shares):
            raise ValueError(f"shares must be two or more positive numbers, got {self.shares}")
        if not math.isclose(sum(self.shares), 1, abs_tol=1e-9):
            raise ValueError(f"shares must sum to 1, got {self.shares}")

    @property
    def level(self) -> float:
        """Return the error rate of one comparison."""
        return self.alpha / (self.comparisons or len(self.shares) - 1)

    @property
    def boundary(self) -> float:
        """Return the |z| that a comparison must reach at the planned end."""
        return self.critical or -float(ndtri(self.level / 2))

    @property
    def needed(self) -> float:
        """Return the expected z at the planned end that gives the wanted power."""
        return self.drift or self.boundary + float(ndtri(self.power))


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSize:
    """Visitors needed.

    Attributes:
        total: Visitors of all arms together, before rounding.
        arms: Visitors of each arm, rounded up, control first.
    """

    total: float
    arms: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """Time needed.

    Attributes:
        days: At the given traffic, a fraction.
        weeks: Whole weeks that hold those days: every weekday counts equally often.
    """

    days: float
    weeks: int


def power_of(effect: npt.ArrayLike, se: npt.ArrayLike, critical: npt.ArrayLike) -> FloatArray:
    """Return the power of a two-sided test at one look, element by element.

    Args:
        effect: True effect (or lift, with its standard error), finite.
        se: Standard error, positive.
        critical: Boundary in standard errors, at least 0.

    Returns:
        Phi(effect/se - critical) + Phi(-effect/se - critical), in [0, 1].

    Raises:
        ValueError: If a number is out of range.

    Source: growthbook/growthbook, packages/shared (power).

    >>> round(float(power_of(0.005, 0.0017847, 1.959964)), 3)
    0.8
    """
    d, s, c = (np.asarray(x, dtype=np.float64) for x in (effect, se, critical))
    if not np.all(np.isfinite(d)):
        raise ValueError(f"effect must be finite, got {effect!r}")
    if not np.all((s > 0) & np.isfinite(s)):
        raise ValueError(f"se must be positive, got {se!r}")
    if not np.all(c >= 0):
        raise ValueError(f"critical must be at least 0, got {critical!r}")
    with np.errstate(over="ignore"):
        z = d / s
    return np.asarray(ndtr(z - c) + ndtr(-z - c), dtype=np.float64)


def sample_size(design: Design, lift: float) -> SampleSize:
    """Return the visitors at which a true lift is found with the wanted power.

    The comparison of control with the arm of the smallest share decides:
    N = (needed / effect)^2 (v_A / share_A + v_B / share_B).

    Args:
        design: The plan.
        lift: True relative change, not 0; a rate must stay inside (0, 1).

    Returns:
        Visitors in all and of each arm.

    Raises:
        ValueError: If the lift is 0, not finite or moves a rate out of (0, 1).

    Source: Fleiss, Levin, Paik (2003), "Statistical methods for rates and proportions",
    eq. 4.14 without continuity correction.

    >>> round(sample_size(Design(base=0.05), 0.1).total / 2, 2)
    31230.69
    """
    effect = design.base * lift
    if not (math.isfinite(lift) and lift != 0):
        raise InvalidInputError(Message(MessageCode.LIFT_ZERO, given=lift))
    arm = design.base + effect
    if design.variance is None and not 0 < arm < 1:
        text = Message(MessageCode.LIFT_BEYOND_RATE, given=lift, base=design.base)
        raise InvalidInputError(text)
    spread = _variance(design, design.base) / design.shares[0]
    spread += _variance(design, arm) / min(design.shares[1:])
    total = (design.needed / effect) ** 2 * spread
    # Slightly less before rounding up: 0.2 of 500 is 100, not 100.00000000000001.
    arms = tuple(math.ceil(total * share * (1 - 1e-12)) for share in design.shares)
    return SampleSize(total=total, arms=arms)


def detectable_lift(design: Design, n: float, *, higher_is_better: bool = True) -> float | None:
    """Return the minimum detectable effect (MDE) of n visitors, as a lift.

    Args:
        design: The plan.
        n: Visitors of all arms together, positive.
        higher_is_better: True if the expected lift is positive.

    Returns:
        The lift found with the wanted power; None if no rate inside [0, 1] is far enough away.

    Raises:
        ValueError: If n is not positive.

    >>> round(detectable_lift(Design(base=0.05), 20_000), 7)
    0.1798363
    """
    if not 0 < n < math.inf:
        raise ValueError(f"n must be positive, got {n}")
    sign = 1.0 if higher_is_better else -1.0
    n_a, n_b = n * design.shares[0], n * min(design.shares[1:])
    if design.variance is not None:
        effect = design.needed * math.sqrt(design.variance * (1 / n_a + 1 / n_b))
        return sign * effect / abs(design.base)
    # (q - p)^2 = k^2 (p (1 - p) / n_a + q (1 - q) / n_b), a quadratic in the arm's rate q.
    p, square = design.base, design.needed**2
    half, constant = p + square / n_b / 2, p**2 - square * p * (1 - p) / n_a
    leading = 1 + square / n_b
    root = math.sqrt(half**2 - leading * constant)
    rate = (half + sign * root) / leading
    return rate / p - 1 if 0 < rate < 1 else None


def duration(n: float, *, visitors_per_day: float) -> Duration | None:
    """Return how long n visitors take, in whole weeks.

    Args:
        n: Visitors needed, at least 0.
        visitors_per_day: Visitors exposed a day (not page views), at least 0.

    Returns:
        The duration; None without traffic.

    Raises:
        ValueError: If a number is out of range.

    >>> duration(62_462, visitors_per_day=2_500)
    Duration(days=24.9848, weeks=4)
    """
    for name, value in (("n", n), ("visitors_per_day", visitors_per_day)):
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} must be finite and at least 0, got {value}")
    if visitors_per_day == 0 or n / visitors_per_day == math.inf:
        return None
    days = n / visitors_per_day
    return Duration(days=days, weeks=max(1, math.ceil(days / 7 - 1e-9)))


def _variance(design: Design, mean: float) -> float:
    return mean * (1 - mean) if design.variance is None else design.variance
