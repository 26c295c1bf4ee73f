"""Winsorisation: values above a cap are cut back to it, since a few of them decide a mean.

The cap is one number for all arms, fixed (from history) or the percentile of all arms pooled. A
percentile of each arm would cut the better arm more and bias the effect. A percentile that moves
with incoming data breaks the guarantee of a sequential plan: there, fix the cap from history.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments.stats.estimation.sufficient_statistics import FloatArray, Mean

NO_VALUES = "Nobody has a value, so there is nothing to cap."
CAP_IS_ZERO = (
    "So many visitors have no value that the percentile is not above 0; nothing is capped."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Winsorised:
    """Capped sufficient statistics with the uncapped ones beside them.

    Attributes:
        cap: The cap used, or None when nothing is capped.
        arms: Capped statistics of each arm, control first.
        uncapped: Uncapped statistics of each arm.
        shares_capped: Share of each arm's visitors whose value was cut; 0 for an empty arm.
        share_of_sum_cut: Share of the sum of all values that the cap took away, or None when
            the sum is not positive.
        reason: Reason for not capping, or None.
    """

    cap: float | None
    arms: tuple[Mean, ...]
    uncapped: tuple[Mean, ...]
    shares_capped: tuple[float, ...]
    share_of_sum_cut: float | None
    reason: str | None = None


def winsorise_at(
    values: Sequence[npt.ArrayLike], cap: float, *, visitors: Sequence[int] | None = None
) -> Winsorised:
    """Cap every visitor's value at a fixed number.

    Args:
        values: One value a visitor for each arm, shape (n_i,). Visitors without a value (0) may
            be left out when `visitors` is given.
        cap: Largest value kept, positive.
        visitors: Visitors of each arm, at least as many as values; None: all have a value.

    Returns:
        Capped and uncapped statistics.

    Raises:
        ValueError: If a value is not finite, the cap not positive, or visitors too few.

    Source: Tukey (1962), "The future of data analysis", Ann. Math. Stat. 33.

    >>> result = winsorise_at([[1.0, 2.0, 900.0], [1.0, 3.0]], 100.0)
    >>> result.arms[0].sum, result.uncapped[0].sum, round(result.shares_capped[0], 3)
    (103.0, 903.0, 0.333)
    """
    if not 0 < cap < math.inf:
        raise ValueError(f"cap must be positive, got {cap}")
    arms, sizes = _checked(values, visitors)
    return _capped(arms, sizes, cap)


def winsorise_percentile(
    values: Sequence[npt.ArrayLike],
    percentile: float = 99.9,
    *,
    visitors: Sequence[int] | None = None,
) -> Winsorised:
    """Cap every visitor's value at a percentile of all arms together.

    The percentile is an observed value: the smallest one with at least that share of the
    visitors at or below it, visitors without a value counted as 0.

    Args:
        values: As `winsorise_at`.
        percentile: In (0, 100); 99.9 is a common default.
        visitors: As `winsorise_at`.

    Returns:
        Capped and uncapped statistics; nothing is capped, with the reason, when the percentile
        is not above 0.

    Raises:
        ValueError: If a value is not finite, the percentile out of range, or visitors too few.

    Source: Tukey (1962), "The future of data analysis", Ann. Math. Stat. 33; Statsig
    documentation (winsorisation, 99.9 % by default).

    >>> winsorise_percentile([[1.0, 2.0], [3.0, 900.0]], 75.0).cap
    3.0
    """
    if not 0 < percentile < 100:
        raise ValueError(f"percentile must be in (0, 100), got {percentile}")
    arms, sizes = _checked(values, visitors)
    if sum(sizes) == 0:
        return _uncapped(arms, sizes, NO_VALUES)
    cap = _pooled_percentile(np.sort(np.concatenate(arms)), sum(sizes), percentile)
    return _capped(arms, sizes, cap) if cap > 0 else _uncapped(arms, sizes, CAP_IS_ZERO)


def _pooled_percentile(ordered: FloatArray, n: int, percentile: float) -> float:
    """Return the percentile of the values and the zeros of all other visitors."""
    # Slightly less before rounding up: 99.9 % of 1,000 is the 999th value.
    rank = max(math.ceil(n * percentile / 100 * (1 - 1e-12)), 1)
    below = int(np.searchsorted(ordered, 0.0))
    silent = n - ordered.size
    if rank <= below:
        return float(ordered[rank - 1])
    return float(ordered[rank - silent - 1]) if rank > below + silent else 0.0


def _capped(arms: list[FloatArray], sizes: list[int], cap: float) -> Winsorised:
    uncapped = [_mean(arm, n) for arm, n in zip(arms, sizes, strict=True)]
    capped = [_mean(np.minimum(arm, cap), n) for arm, n in zip(arms, sizes, strict=True)]
    total = sum(float(arm.sum()) for arm in arms)
    cut = total - sum(float(np.minimum(arm, cap).sum()) for arm in arms)
    return Winsorised(
        cap=cap,
        arms=tuple(capped),
        uncapped=tuple(uncapped),
        shares_capped=tuple(
            float(np.sum(arm > cap)) / n if n else 0.0 for arm, n in zip(arms, sizes, strict=True)
        ),
        share_of_sum_cut=cut / total if total > 0 else None,
    )


def _uncapped(arms: list[FloatArray], sizes: list[int], reason: str) -> Winsorised:
    means = tuple(_mean(arm, n) for arm, n in zip(arms, sizes, strict=True))
    return Winsorised(
        cap=None,
        arms=means,
        uncapped=means,
        shares_capped=(0.0,) * len(arms),
        share_of_sum_cut=None,
        reason=reason,
    )


def _mean(values: FloatArray, n: int) -> Mean:
    return Mean(n=n, sum=float(values.sum()), sum_squares=float(values @ values))


def _checked(
    values: Sequence[npt.ArrayLike], visitors: Sequence[int] | None
) -> tuple[list[FloatArray], list[int]]:
    arms = [np.asarray(arm, dtype=np.float64) for arm in values]
    if visitors is not None and len(visitors) != len(arms):
        raise ValueError(f"visitors must have one entry for each arm, got {len(visitors)}")
    sizes = [arm.size for arm in arms] if visitors is None else list(visitors)
    for index, (arm, n) in enumerate(zip(arms, sizes, strict=True)):
        # Squares of larger values would overflow in the sum.
        if arm.ndim != 1 or not np.all(np.abs(arm) <= 1e150):
            raise ValueError(f"values of arm {index} must be finite and one for each visitor")
        if n < arm.size:
            raise ValueError(f"visitors of arm {index} must be at least {arm.size}, got {n}")
    return arms, sizes
