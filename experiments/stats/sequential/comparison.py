"""Sequential comparisons, valid after every batch.

Three regimes, chosen by counts alone: with fewer than 20 visitors on either side of a click
rate, the exact split of clicks; until the planned visitors, the plan's boundary; after them, the
normal mixture. Together they err in at most alpha of the experiments without an effect.
"""

from dataclasses import replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy import special

from experiments.stats.estimation.comparisons import (
    Comparisons,
    check_alpha,
    check_arms,
    comparisons,
)
from experiments.stats.estimation.contrasts import Contrasts, as_arrays, contrasts, where_defined
from experiments.stats.estimation.cuped import estimate
from experiments.stats.estimation.sufficient_statistics import (
    FloatArray,
    Proportion,
    SufficientStatistics,
    Values,
)
from experiments.stats.estimation.undefined_reasons import Reason, first_reason
from experiments.stats.frequentist.fixed_horizon import compare_fixed
from experiments.stats.sequential.boundaries import (
    mixture_multiplier,
    mixture_p_value,
    plan_multiplier,
    plan_p_value,
    reserved_log_threshold,
    reserved_p_value,
)
from experiments.stats.sequential.click_e_values import click_lift_interval, click_log_e_value

Number = TypeVar("Number", bound=np.generic)

# GrowthBook's default; the sequence is tightest there.
PLANNED_VISITORS = 5_000
# Below them a click rate is not normal enough for an early look.
LEAST_CLICKS = 20
# Below them a mean is not, either.
LEAST_VISITORS = 100
# Share of a click rate's error before the plan's end that pays for the exact early looks.
EXACT_RESERVE = 0.02
# Share of alpha that a hybrid plan spends before its end.
RUNNING_SHARE = 0.1


def compare_sequential(
    statistics: SufficientStatistics,
    *,
    planned_n: Values = PLANNED_VISITORS,
    alpha: float = 0.05,
    level: Values | None = None,
    shares: FloatArray | None = None,
) -> Comparisons:
    """Compare every arm with the control, valid at every look and for ever.

    Args:
        statistics: Arms on the last axis, K >= 2, control first.
        planned_n: Visitors planned for the two arms of a comparison together, > 0; numbers or
            an array that broadcasts to `(..., K - 1)`. Fixed before the first look.
        alpha: Error rate of the plan, in (0, 1).
        level: Error rates of the intervals, for a correction; alpha when left out.
        shares: Configured shares of the arms, shape `(K,)`, for the exact early looks; equal
            when left out.

    Returns:
        Effects and lifts with intervals that hold at all looks together, and anytime p-values.
        With fewer than 20 clicks or others in an arm only the lift and the p-value exist.

    Raises:
        ValueError: If an argument is out of range.

    Source: `boundaries` and `click_e_values` of this package.

    >>> both = Proportion(n=np.array([10_000.0, 10_000.0]), sum=np.array([500.0, 580.0]))
    >>> row = compare_sequential(both).rows()[0]
    >>> round(row.p_value, 10), [round(end, 10) for end in row.effect_interval]
    (0.2744390885, [-0.0019938576, 0.0179938576])
    """
    contrast, time = _prepare(statistics, planned_n=planned_n, alpha=alpha)
    reserve = EXACT_RESERVE if isinstance(statistics, Proportion) else 0.0
    level = alpha if level is None else level
    with np.errstate(all="ignore"):
        z = contrast.effect / contrast.standard_error
    result = comparisons(
        contrast,
        plan_multiplier(time, level=level, alpha=alpha, reserve=reserve),
        p_value=plan_p_value(z, time, alpha=alpha, reserve=reserve),
    )
    if isinstance(statistics, Proportion):
        return _with_exact_looks(statistics, result, alpha=alpha, level=level, shares=shares)
    return result


def compare_mixture(
    statistics: SufficientStatistics,
    *,
    planned_n: Values = PLANNED_VISITORS,
    alpha: float = 0.05,
    level: Values | None = None,
) -> Comparisons:
    """Compare by the normal mixture at all times: the numbers of GrowthBook's sequential engine.

    Tightest at the planned visitors, where it needs 1.5 times the fixed test's width;
    `compare_sequential` equals it after the plan's end and is tighter at it.

    Args:
        statistics: As in `compare_sequential`.
        planned_n: Visitors of the two arms together at which it is tightest, > 0.
        alpha: Error rate, in (0, 1).
        level: Error rates of the intervals; alpha when left out.

    Returns:
        Effects and lifts with confidence sequences, and anytime p-values; nothing with fewer
        than 20 clicks or others, or 100 visitors of a mean, in an arm.

    Raises:
        ValueError: If an argument is out of range.

    Source: arXiv 2103.06476v7, equations 9, 155 and 161.
    """
    contrast, time = _prepare(statistics, planned_n=planned_n, alpha=alpha)
    level = alpha if level is None else level
    with np.errstate(all="ignore"):
        z = contrast.effect / contrast.standard_error
    multiplier = mixture_multiplier(time, level=level, alpha=alpha)
    return comparisons(contrast, multiplier, p_value=mixture_p_value(z, time, alpha=alpha))


def compare_hybrid(
    statistics: SufficientStatistics,
    *,
    planned_n: Values,
    is_final: bool,
    alpha: float = 0.05,
    level: Values | None = None,
) -> Comparisons:
    """Compare by a strict boundary while running and by the fixed test once, at the planned end.

    A tenth of alpha is spent on the looks before the end, nine tenths on the final test, so the
    two together err in at most alpha of the cases. Nothing may follow the final look.

    Args:
        statistics: As in `compare_sequential`.
        planned_n: Visitors planned for the two arms of a comparison together, > 0.
        is_final: True for the single analysis at the planned end.
        alpha: Error rate, in (0, 1).
        level: Error rates of the intervals; alpha when left out.

    Returns:
        The fixed comparison at level 0.9 alpha when final. Before that, intervals at 0.1 alpha,
        undefined once the planned visitors have passed without a final look.

    Raises:
        ValueError: If an argument is out of range.

    Source: Haybittle (1971), Br. J. Radiol. 44; Peto et al. (1976), Br. J. Cancer 34.
    """
    contrast, time = _prepare(statistics, planned_n=planned_n, alpha=alpha)
    level = np.asarray(alpha if level is None else level, dtype=np.float64)
    if is_final:
        final = compare_fixed(statistics, alpha=level * (1 - RUNNING_SHARE))
        return replace(final, p_value=np.minimum(final.p_value / (1 - RUNNING_SHARE), 1))
    contrast = _refuse(contrast, time > 1, Reason.PLAN_OVER)
    with np.errstate(all="ignore"):
        root = np.sqrt(time)
        tail = special.ndtr(-np.abs(contrast.effect) / contrast.standard_error * root)
        # P(a Brownian motion leaves (-c, c) before 1) <= 4 Q(c).
        multiplier = -special.ndtri(RUNNING_SHARE * level / 4) / root
    return comparisons(contrast, multiplier, p_value=np.minimum(4 * tail / RUNNING_SHARE, 1))


def has_few_clicks(statistics: Proportion) -> npt.NDArray[np.bool_]:
    """Return for each arm but the control whether it or the control is below the floor of 20.

    >>> has_few_clicks(Proportion(n=np.array([99.0, 99.0]), sum=np.array([19.0, 30.0]))).tolist()
    [True]
    """
    n, total = as_arrays(statistics.n, statistics.sum)
    is_small = np.minimum(total, n - total) < LEAST_CLICKS
    return np.asarray(is_small[..., :1] | is_small[..., 1:])


def _prepare(
    statistics: SufficientStatistics, *, planned_n: Values, alpha: float
) -> tuple[Contrasts, FloatArray]:
    check_arms(statistics)
    check_alpha(alpha)
    planned = np.asarray(planned_n, dtype=np.float64)
    if not np.all((planned > 0) & np.isfinite(planned)):
        raise ValueError(f"planned_n must be positive: {planned_n!r}")
    contrast = contrasts(estimate(statistics))
    if isinstance(statistics, Proportion):
        is_small, reason = has_few_clicks(statistics), Reason.FEW_CLICKS
    else:
        (n,) = as_arrays(statistics.n)
        is_small = np.minimum(n[..., :1], n[..., 1:]) < LEAST_VISITORS
        reason = Reason.FEW_VISITORS
    return _refuse(contrast, is_small, reason), contrast.n / planned


def _refuse(contrast: Contrasts, is_refused: npt.NDArray[np.bool_], reason: Reason) -> Contrasts:
    refusals = first_reason((is_refused, reason))
    codes = np.where(contrast.reason == 0, refusals, contrast.reason)
    return replace(
        contrast,
        reason=codes,
        variance=where_defined(codes, contrast.variance),
        dof=where_defined(codes, contrast.dof),
    )


def _with_exact_looks(
    statistics: Proportion,
    result: Comparisons,
    *,
    alpha: float,
    level: Values,
    shares: FloatArray | None,
) -> Comparisons:
    """Replace results below the floor by the exact split of the clicks."""
    n, total = as_arrays(statistics.n, statistics.sum)
    control = np.broadcast_to(total[..., :1], total[..., 1:].shape)
    pair_clicks = control + total[..., 1:]
    share = np.broadcast_to(_pair_share(shares, n.shape[-1]), pair_clicks.shape)
    # Above one half the split of the clicks mostly reflects how the traffic was split.
    is_rare = (pair_clicks > 0) & (pair_clicks * 2 <= n[..., :1] + n[..., 1:])
    is_rare &= np.minimum(n[..., :1], n[..., 1:]) > 1
    exact = has_few_clicks(statistics) & is_rare & np.isfinite(share)
    clicks = (control[exact], total[..., 1:][exact])
    threshold = reserved_log_threshold(level, alpha=alpha, reserve=EXACT_RESERVE)
    threshold = np.broadcast_to(threshold, pair_clicks.shape)[exact]
    log_e = click_log_e_value(clicks, share=share[exact])
    low, high = click_lift_interval(clicks, share=share[exact], log_threshold=threshold)
    unbounded = first_reason((~np.isfinite(high), Reason.UNBOUNDED_LIFT))
    p_value = reserved_p_value(log_e, alpha=alpha, reserve=EXACT_RESERVE)
    return replace(
        result,
        p_value=_replace_where(result.p_value, exact, p_value),
        lift_low=_replace_where(result.lift_low, exact, where_defined(unbounded, low)),
        lift_high=_replace_where(result.lift_high, exact, where_defined(unbounded, high)),
        reason=np.where(exact, np.int8(Reason.FEW_CLICKS), result.reason),
        lift_reason=_replace_where(result.lift_reason, exact, unbounded),
    )


def _replace_where(
    array: npt.NDArray[Number], mask: npt.NDArray[np.bool_], values: npt.NDArray[Number]
) -> npt.NDArray[Number]:
    result = array.copy()
    result[mask] = values
    return result


def _pair_share(shares: FloatArray | None, n_arms: int) -> FloatArray:
    """Return the arm's part of each pair's traffic, NaN for a pair without a share."""
    share = np.full(n_arms, 1.0) if shares is None else np.asarray(shares, dtype=np.float64)
    if share.shape != (n_arms,) or not np.all(share >= 0):
        raise ValueError(f"shares must be {n_arms} numbers of at least 0: {shares!r}")
    if share[0] == 0:
        return np.full(n_arms - 1, np.nan)
    return np.where(share[1:] > 0, share[1:] / (share[0] + share[1:]), np.nan)
