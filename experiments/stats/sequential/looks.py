"""Looks of an experiment, one after the other: a verdict that keeps what it proved.

The p-value of an arm is the smallest of its looks, and its intervals are what all looks leave:
both are valid, since the boundary holds at all looks together, and neither takes back what an
earlier look showed.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from experiments.stats.estimation.comparisons import Comparisons
from experiments.stats.estimation.contrasts import as_arrays, where_defined
from experiments.stats.estimation.sufficient_statistics import (
    FloatArray,
    SufficientStatistics,
    Values,
)
from experiments.stats.sequential.comparison import Look, Plan, look_at
from experiments.stats.sequential.plan_boundary import Stages, stages_of
from experiments.stats.sequential.visitor_clock import phase_scale, visitor_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Plan of an experiment and its looks.

    Args:
        planned_visitors: Visitors of all arms at the plan's end, > 0; None without a plan.
        alpha: Error rate, in (0, 1).
        shares: Shares of the arms in each phase, shape `(S, K)`.
        is_scheduled: Whether each look belongs to a schedule that outcomes do not choose, such as
            the ends of days; shape `(D,)`. Only those can be the plan's end, or prove anything: a
            look in between is forgotten when the next one replaces it, and with it what it proved.
            Before the first of them every look counts.
    """

    planned_visitors: float | None
    alpha: float
    shares: FloatArray
    is_scheduled: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Comparisons of K - 1 arms after D looks.

    Attributes:
        comparisons: Effects and lifts of the last look, the smallest p-value so far, and the
            intervals that all looks leave; those of the last look alone where they leave none.
            P-values and intervals are of the looks that count (`Schedule.is_scheduled`).
        look: All looks, arrays `(D, ..., K - 1)`; its p-values are those of single looks, NaN for
            one that does not count.
    """

    comparisons: Comparisons
    look: Look

    @property
    def p_values(self) -> FloatArray:
        """Return the smallest p-value until each look, `(D, ..., K - 1)`; NaN before the first."""
        return np.asarray(np.fmin.accumulate(self.look.comparisons.p_value, axis=0))


def compare_looks(
    statistics: SufficientStatistics, schedule: Schedule, *, level: Values | None = None
) -> Path:
    """Compare the arms at every look, within phases.

    Args:
        statistics: Sums until each look, shape `(D, ..., S, K)`.
        schedule: Plan and looks.
        level: Error rates of the intervals, broadcast to `(..., K - 1)`; alpha when left out.

    Returns:
        The path.

    Raises:
        ValueError: If an argument is out of range.

    Source: running intersections of confidence sequences: Howard, Ramdas, McAuliffe, Sekhon
    (2021), "Time-uniform, nonparametric, nonasymptotic confidence sequences", Ann. Stat. 49.

    >>> from experiments.stats.estimation.sufficient_statistics import Proportion
    >>> n = np.array([[[5_000.0, 5_000.0]], [[10_000.0, 10_000.0]], [[10_100.0, 10_100.0]]])
    >>> clicks = np.array([[[250.0, 290.0]], [[500.0, 580.0]], [[505.0, 582.0]]])
    >>> schedule = Schedule(
    ...     planned_visitors=20_000, alpha=0.05, shares=np.array([[0.5, 0.5]]),
    ...     is_scheduled=np.ones(3, dtype=bool),
    ... )
    >>> path = compare_looks(Proportion(n=n, sum=clicks), schedule)
    >>> path.p_values.round(3).tolist()
    [[0.582], [0.017], [0.017]]
    """
    plan = Plan(alpha=schedule.alpha, phase_shares=schedule.shares)
    stage: Stages | None = None
    if schedule.planned_visitors is not None:
        (n,) = as_arrays(statistics.n)
        time = visitor_time(n, schedule.shares, schedule.planned_visitors)
        stage = stages_of(time, schedule.is_scheduled)
        plan = replace(plan, time=time, scale=phase_scale(schedule.shares))
    look = look_at(statistics, plan, level=level, stage=stage)
    is_counted = schedule.is_scheduled
    if not is_counted.any():
        is_counted = np.ones_like(is_counted)
    shape = (-1, *(1,) * (look.comparisons.p_value.ndim - 1))
    p_value = np.where(is_counted.reshape(shape), look.comparisons.p_value, np.nan)
    return Path(
        comparisons=_after_all(look.comparisons, is_counted),
        look=replace(look, comparisons=replace(look.comparisons, p_value=p_value)),
    )


def _after_all(looks: Comparisons, is_counted: npt.NDArray[np.bool_]) -> Comparisons:
    fields = {name: getattr(looks, name) for name in Comparisons.__slots__}
    last = Comparisons(**{name: values[-1] for name, values in fields.items()})
    counted = Comparisons(**{name: values[is_counted] for name, values in fields.items()})
    effect_low, effect_high = _left_by_all(counted.effect_low, counted.effect_high)
    lift_low, lift_high = _left_by_all(counted.lift_low, counted.lift_high)
    reason = np.where(np.isfinite(effect_low), np.int8(0), counted.reason[-1])
    lift_reason = np.where(np.isfinite(lift_low), np.int8(0), counted.lift_reason[-1])
    return replace(
        last,
        p_value=np.asarray(np.fmin.reduce(counted.p_value, axis=0)),
        effect_low=where_defined(reason, effect_low),
        effect_high=where_defined(reason, effect_high),
        lift_low=where_defined(lift_reason, lift_low),
        lift_high=where_defined(lift_reason, lift_high),
        reason=reason,
        lift_reason=lift_reason,
    )


def _left_by_all(low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the intersection of the intervals of all looks; the last one where it is empty."""
    inner_low, inner_high = np.fmax.reduce(low, axis=0), np.fmin.reduce(high, axis=0)
    is_empty = ~(inner_low < inner_high)
    return np.where(is_empty, low[-1], inner_low), np.where(is_empty, high[-1], inner_high)
