"""Sequential comparisons, valid at every look.

With fewer than 20 visitors on either side of a click rate, the exact split of clicks decides;
otherwise the plan's boundary. Together they err in at most alpha of the experiments without an
effect, each with its own part of alpha.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from experiments.stats.estimation.comparisons import (
    Comparisons,
    check_alpha,
    check_arms,
    comparisons,
)
from experiments.stats.estimation.contrasts import Contrasts, as_arrays, where_defined
from experiments.stats.estimation.mantel_haenszel import each_field, mantel_haenszel_contrasts
from experiments.stats.estimation.sufficient_statistics import (
    FloatArray,
    Proportion,
    Ratio,
    SufficientStatistics,
    Values,
)
from experiments.stats.estimation.undefined_reasons import Reason, first_reason
from experiments.stats.sequential.boundaries import mixture_multiplier, mixture_p_value
from experiments.stats.sequential.least_counts import (
    has_few_clicks,
    has_few_in_denominator,
    has_few_visitors,
)
from experiments.stats.sequential.phased_click_e_values import (
    phased_click_lift_interval,
    phased_click_log_e_value,
)
from experiments.stats.sequential.plan_boundary import (
    IN_PLAN,
    Stage,
    Stages,
    plan_multiplier,
    plan_p_value,
)

Number = TypeVar("Number", bound=np.generic)
# Place in the plan, or a function of the time that returns it; None for what a single look is.
AnyStage = Stages | int | Callable[[FloatArray], Stages] | None

# Visitors of two arms at which the mixture of a test without a plan is tightest: GrowthBook's.
MIXTURE_VISITORS = 5_000
# Share of a click rate's error on the plan's line that pays for the exact early looks; without a
# plan, of all its error.
EXACT_RESERVE = 0.02
# Part of a rate's variance that is taken from both arms, as without an effect; the rest is the
# arm's own. With these parts z has no skewness of order 1 / sqrt(clicks): to that order it is the
# signed root of the likelihood ratio. With own variances an arm of few clicks looks proven too
# often when it has too few of them by chance.
NULL_PART = 2 / 3
# A single look this late, in plans, is still taken for the plan's end.
LATEST_END = 1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Plan of the comparisons, fixed before the first look.

    Args:
        planned_n: Visitors planned for the two arms of a comparison together, > 0; numbers or
            an array that broadcasts to `(..., K - 1)`. None: no plan, and a normal mixture.
        alpha: Error rate, in (0, 1).
        shares: Planned shares of the arms, shape `(K,)`; what came when left out, and equal ones
            for the exact early looks.
        phase_shares: Shares of the arms in each phase so far, shape `(S, K)`; None where shares
            never changed.
        time: Time of each comparison at the looks, shape `(..., K - 1)`, in place of planned
            visitors.
        scale: Factors of the phases' weights that make z sqrt(time) a Brownian motion, shape
            `(S, K - 1)`.
    """

    planned_n: Values | None = None
    alpha: float = 0.05
    shares: FloatArray | None = None
    phase_shares: FloatArray | None = None
    time: FloatArray | None = None
    scale: FloatArray | None = None

    @property
    def is_given(self) -> bool:
        """Return whether anything is planned; without a plan a normal mixture is used."""
        return self.planned_n is not None or self.time is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Comparisons at looks, with what the test of their path needs; arrays `(..., K - 1)`.

    Attributes:
        comparisons: Effects and lifts with intervals, and the p-value of each look.
        z: Effect over its standard error.
        standard_error: Standard error of the effect.
        time: Part of the plan that is done; visitors over `MIXTURE_VISITORS` without a plan.
        stage: Place in the plan, as `Stage`; `RUNNING` without one.
        multiplier: Boundary in standard errors at the level of the intervals.
    """

    comparisons: Comparisons
    z: FloatArray
    standard_error: FloatArray
    time: FloatArray
    stage: Stages
    multiplier: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactSplit:
    """Exact test of few clicks: shares by phase `(S, K)`, its part of alpha, error rates."""

    shares: FloatArray
    part: float
    level: Values


def compare_sequential(
    statistics: SufficientStatistics,
    *,
    planned_n: Values | None = None,
    alpha: float = 0.05,
    level: Values | None = None,
    shares: FloatArray | None = None,
    stage: AnyStage = None,
) -> Comparisons:
    """Compare every arm with the control at one look of a sequential plan.

    Args:
        statistics: Arms on the last axis, K >= 2, control first.
        planned_n: As `Plan`.
        alpha: As `Plan`.
        level: Error rates of the intervals, for a correction; alpha when left out.
        shares: As `Plan`.
        stage: Place of the look in the plan, broadcast to `(..., K - 1)`. Left out, a look that
            is at most 10 % late is taken for the plan's end; `compare_looks` keeps count.

    Returns:
        Effects and lifts with intervals and p-values at the boundary of this look. With fewer
        than 20 clicks or others in an arm only the lift and the p-value exist.

    Raises:
        ValueError: If an argument is out of range.

    Source: `plan_boundary` and `click_e_values` of this package.

    >>> both = Proportion(n=np.array([10_000.0, 10_000.0]), sum=np.array([500.0, 580.0]))
    >>> row = compare_sequential(both, planned_n=20_000).rows()[0]
    >>> round(row.p_value, 3), [round(end, 4) for end in row.effect_interval]
    (0.017, [0.0013, 0.0147])
    """
    plan = Plan(planned_n=planned_n, alpha=alpha, shares=shares)
    return look_at(statistics, plan, level=level, stage=stage).comparisons


def look_at(
    statistics: SufficientStatistics,
    plan: Plan,
    *,
    level: Values | None = None,
    stage: AnyStage = None,
) -> Look:
    """Return a look, arms compared within phases where the plan has them.

    Args:
        statistics: Arms on the last axis; with `phase_shares`, phases on the axis before it.
        plan: Plan of the comparisons.
        level: As `compare_sequential`.
        stage: As `compare_sequential`, or a function of the time that returns it.

    Raises:
        ValueError: If an argument is out of range.
    """
    phase_shares = plan.phase_shares
    level = plan.alpha if level is None else level
    check_arms(statistics)
    check_alpha(plan.alpha)
    if phase_shares is None:
        statistics = each_field(statistics, lambda field: field[..., None, :])
        phase_shares = _checked_shares(plan.shares, statistics.shape[-1])[None]
    contrast = _contrasts(statistics, plan)
    reserve = EXACT_RESERVE if isinstance(statistics, Proportion) else 0.0
    read = _by_plan if plan.is_given else _by_mixture
    look = read(contrast, plan, level=level, stage=stage, reserve=reserve)
    if not isinstance(statistics, Proportion):
        return look
    exact = ExactSplit(
        shares=phase_shares,
        part=EXACT_RESERVE * IN_PLAN if plan.is_given else EXACT_RESERVE,
        level=level,
    )
    is_small = has_few_clicks(statistics, scale=plan.scale)
    compared = _with_exact_looks(statistics, look.comparisons, exact, is_small)
    return replace(look, comparisons=compared)


def _by_plan(
    contrast: Contrasts, plan: Plan, *, level: Values, stage: AnyStage, reserve: float
) -> Look:
    time = plan_time(contrast, plan)
    stage = (stage or _assumed_stage)(time) if stage is None or callable(stage) else stage
    stage = np.broadcast_to(np.asarray(stage, dtype=np.int8), time.shape)
    z = _z(contrast)
    p_value = plan_p_value(z, time, alpha=plan.alpha, stage=stage, reserve=reserve)
    multiplier = plan_multiplier(time, level=level, alpha=plan.alpha, stage=stage, reserve=reserve)
    result = comparisons(contrast, multiplier, p_value=p_value)
    return Look(
        comparisons=result,
        z=z,
        standard_error=contrast.standard_error,
        time=time,
        stage=stage,
        multiplier=multiplier,
    )


def _by_mixture(
    contrast: Contrasts, plan: Plan, *, level: Values, stage: AnyStage, reserve: float
) -> Look:
    # Of two equal arms this is their visitors; where shares change, information is what counts.
    visitors = contrast.n if plan.phase_shares is None else 4 * contrast.information
    time = visitors / MIXTURE_VISITORS
    z = _z(contrast)
    p_value = np.minimum(mixture_p_value(z, time, alpha=plan.alpha) / (1 - reserve), 1)
    multiplier = mixture_multiplier(time, level=level * (1 - reserve), alpha=plan.alpha)
    result = comparisons(contrast, multiplier, p_value=p_value)
    running = np.full(time.shape, Stage.RUNNING, dtype=np.int8)
    return Look(
        comparisons=result,
        z=z,
        standard_error=contrast.standard_error,
        time=time,
        stage=running,
        multiplier=multiplier,
    )


def _z(contrast: Contrasts) -> FloatArray:
    with np.errstate(all="ignore"):
        return np.asarray(contrast.effect / contrast.standard_error)


def plan_time(contrast: Contrasts, plan: Plan) -> FloatArray:
    """Return the time of the contrasts, or their information over the planned one.

    Raises:
        ValueError: If the planned visitors are not positive, or the shares do not fit.
    """
    if plan.time is not None:
        return plan.time
    planned = np.asarray(plan.planned_n, dtype=np.float64)
    if not np.all((planned > 0) & np.isfinite(planned)):
        raise ValueError(f"planned_n must be positive: {plan.planned_n!r}")
    if plan.shares is None:
        return contrast.n / planned
    part = _pair_share(_checked_shares(plan.shares, contrast.n.shape[-1] + 1))
    split = part * (1 - part)
    return np.where(np.isnan(split), contrast.n, contrast.information / split) / planned


def _contrasts(statistics: SufficientStatistics, plan: Plan) -> Contrasts:
    """Return the contrasts within phases, shape `(..., S, K)`, where there is enough to compare."""
    is_plain_rate = isinstance(statistics, Proportion) and not statistics.has_covariate
    null_part = NULL_PART if is_plain_rate and plan.is_given else 0.0
    contrast = mantel_haenszel_contrasts(statistics, scale=plan.scale, null_part=null_part)
    if isinstance(statistics, Proportion):
        is_small = has_few_clicks(statistics, scale=plan.scale)
        return _refuse(contrast, is_small, Reason.FEW_CLICKS)
    whole = each_field(statistics, lambda field: field.sum(axis=-2))
    if isinstance(whole, Ratio):
        contrast = _refuse(contrast, has_few_in_denominator(whole), Reason.FEW_IN_DENOMINATOR)
    return _refuse(contrast, has_few_visitors(whole), Reason.FEW_VISITORS)


def _assumed_stage(time: FloatArray) -> Stages:
    """Return the plan's end for a single look at it, or a little late."""
    late = np.where(time > LATEST_END, Stage.PAST, Stage.END)
    return np.where(time < 1, Stage.RUNNING, late).astype(np.int8)


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
    statistics: Proportion, result: Comparisons, exact: ExactSplit, is_small: npt.NDArray[np.bool_]
) -> Comparisons:
    """Replace results below the floor by the exact split of the clicks, phase by phase."""
    n, total = (np.swapaxes(field, -1, -2) for field in as_arrays(statistics.n, statistics.sum))
    share = np.stack([_pair_share(row) for row in exact.shares], axis=-1)
    # Phases in which one of the two has no share tell nothing of their split.
    is_told = np.isfinite(share)
    control, arms = (
        np.where(is_told, field, 0.0) for field in (total[..., :1, :], total[..., 1:, :])
    )
    visitors = np.where(is_told, n[..., :1, :] + n[..., 1:, :], 0.0).sum(axis=-1)
    pair_clicks = (control + arms).sum(axis=-1)
    # Above one half the split of the clicks mostly reflects how the traffic was split.
    is_rare = (pair_clicks > 0) & (pair_clicks * 2 <= visitors) & is_told.any(axis=-1)
    whole = each_field(statistics, lambda field: field.sum(axis=-2))
    (n_whole,) = as_arrays(whole.n)
    is_rare &= np.minimum(n_whole[..., :1], n_whole[..., 1:]) > 1
    is_exact = is_small & is_rare
    if not is_exact.any():
        return result
    clicks = (control[is_exact], arms[is_exact])
    expected = np.broadcast_to(np.where(is_told, share, 0.5), arms.shape)[is_exact]
    threshold = -np.log(exact.part * np.asarray(exact.level, dtype=np.float64))
    threshold = np.broadcast_to(threshold, pair_clicks.shape)[is_exact]
    log_e = phased_click_log_e_value(clicks, share=expected)
    low, high = phased_click_lift_interval(clicks, share=expected, log_threshold=threshold)
    unbounded = first_reason((~np.isfinite(high), Reason.UNBOUNDED_LIFT))
    p_value = np.exp(np.minimum(-log_e - np.log(exact.part), 0))
    return replace(
        result,
        p_value=_replace_where(result.p_value, is_exact, p_value),
        lift_low=_replace_where(result.lift_low, is_exact, where_defined(unbounded, low)),
        lift_high=_replace_where(result.lift_high, is_exact, where_defined(unbounded, high)),
        reason=np.where(is_exact, np.int8(Reason.FEW_CLICKS), result.reason),
        lift_reason=_replace_where(result.lift_reason, is_exact, unbounded),
    )


def _replace_where(
    array: npt.NDArray[Number], mask: npt.NDArray[np.bool_], values: npt.NDArray[Number]
) -> npt.NDArray[Number]:
    result = array.copy()
    result[mask] = values
    return result


def _checked_shares(shares: FloatArray | None, n_arms: int) -> FloatArray:
    checked = np.full(n_arms, 1.0) if shares is None else np.asarray(shares, dtype=np.float64)
    if checked.shape != (n_arms,) or not np.all(checked >= 0):
        raise ValueError(f"shares must be {n_arms} numbers of at least 0: {shares!r}")
    return checked


def _pair_share(share: FloatArray) -> FloatArray:
    """Return the arm's part of each pair's traffic, NaN for a pair without a share."""
    if share[0] == 0:
        return np.full(share.size - 1, np.nan)
    return np.where(share[1:] > 0, share[1:] / (share[0] + share[1:]), np.nan)
