"""Looks of an experiment, one after the other: a verdict that keeps what it proved.

The p-value of an arm is the smallest of its looks, and its intervals are what all looks leave:
both are valid, since the boundary holds at all looks together, and neither takes back what an
earlier look showed.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from experiments.stats.estimation.comparisons import Comparisons
from experiments.stats.estimation.contrasts import as_arrays, pair_information, where_defined
from experiments.stats.estimation.sufficient_statistics import (
    FloatArray,
    SufficientStatistics,
    Values,
)
from experiments.stats.sequential.comparison import Look, Plan, look_at
from experiments.stats.sequential.plan_boundary import Stages, stages_of

# Part of the most information planned so far that a plan keeps when shares change. With less a
# plan would end when somebody chooses, and up to 12 % would be alarms. Nothing keeps shares from
# being raised late, which gives up to 6.6 % (docs/statistics.md).
LEAST_PART = 0.9


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
        planned = planned_information(n, schedule)
        least = LEAST_PART * np.maximum.accumulate(planned, axis=0)
        stage = stages_of(_part_of_plan(n, schedule.planned_visitors, least), schedule.is_scheduled)
        plan = replace(plan, information=np.maximum(planned, least))
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


def planned_information(n: FloatArray, schedule: Schedule) -> FloatArray:
    """Return the information that each arm's comparison has at the plan's end.

    It is what the looks have seen so far and what the visitors still to come bring at the shares
    of the day, so that t is 1 when the planned visitors are in, also after changes of the shares.
    After the plan's end it stays.

    Args:
        n: Visitors until each look, shape `(D, ..., S, K)`.
        schedule: Plan and looks.

    Returns:
        Information (`Contrasts.information`) of shape `(D, ..., K - 1)`.

    Raises:
        ValueError: If the planned visitors are missing or not positive.

    >>> schedule = Schedule(
    ...     planned_visitors=20_000, alpha=0.05, shares=np.array([[0.9, 0.1], [0.5, 0.5]]),
    ...     is_scheduled=np.ones(2, dtype=bool),
    ... )
    >>> n = np.array([[[9_000.0, 1_000.0], [0, 0]], [[9_000.0, 1_000.0], [1_000.0, 1_000.0]]])
    >>> planned_information(n, schedule).tolist()
    [[1800.0], [3400.0]]
    """
    planned = schedule.planned_visitors
    if planned is None or not 0 < planned < np.inf:
        raise ValueError(f"planned_visitors must be positive: {planned!r}")
    information = pair_information(n[..., :1], n[..., 1:]).sum(axis=-2)
    control, arms = schedule.shares[:, :1], schedule.shares[:, 1:]
    with np.errstate(all="ignore"):
        per_visitor = np.nan_to_num(control * arms / (control + arms))
    visitors = n.sum(axis=(-2, -1))
    new = np.diff(n.sum(axis=-1), axis=0, prepend=0)
    expected = information + per_visitor[new.argmax(axis=-1)] * (planned - visitors)[..., None]
    looks = np.arange(len(n)).reshape(-1, *(1,) * (visitors.ndim - 1))
    is_over = visitors >= planned
    end = np.where(is_over.any(axis=0), is_over.argmax(axis=0), len(n) - 1)
    return np.take_along_axis(expected, np.minimum(looks, end)[..., None], axis=0)


def _part_of_plan(n: FloatArray, planned_visitors: float, least: FloatArray) -> FloatArray:
    """Return what has come of the planned visitors and of the least information, the smaller."""
    information = pair_information(n[..., :1], n[..., 1:]).sum(axis=-2)
    visitors = n.sum(axis=(-2, -1))[..., None]
    with np.errstate(all="ignore"):
        return np.asarray(np.minimum(visitors / planned_visitors, information / least))


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
