"""Planning of a draft from the recent traffic and results of its own slot."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from experiments.models import Experiment, Rollup
from experiments.selectors import reports
from experiments.services.analysis.metric_statistics import statistics_of, successes_of
from experiments.services.insights.sample_size import Assumptions, lift_found_by, plan_for
from experiments.services.insights.time_to_decision import TARGET_LIFT
from experiments.services.rollups.arm_totals import totals_of
from experiments.stats.estimation.contrasts import raw_estimates

LOOK_BACK = timedelta(days=28)
ARMS = range(2, 6)
# Longest acceptable wait.
WEEKS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotHistory:
    """The slot's visitors and the draft's metric over the last four weeks.

    `visitors_per_day` are those that the draft's coverage would take in; `base` is the metric's
    mean, `variance` that of one visitor if it is not a rate. None if unknown.
    """

    days: int
    visitors_per_day: float
    base: float | None
    variance: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine:
    """One plan with one number of arms, in equal shares, all comparisons together at alpha.

    `weeks` is None without traffic, `lift_found` (within four weeks) also where no lift would be.
    """

    plan: str
    n_arms: int
    visitors: int
    weeks: int | None
    lift_found: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotPlans:
    """Plans of a draft; without lines if the slot's base rate is unknown."""

    history: SlotHistory
    target: float
    weeks: int
    lines: tuple[PlanLine, ...]


def slot_plans(experiment: Experiment, *, now: datetime) -> SlotPlans | None:
    """Return the plans of a draft; None of an experiment that has been started. One query."""
    if experiment.status != Experiment.Status.DRAFT:
        return None
    history = _history(experiment, now.date())
    arm_counts = sorted({*ARMS, max(len(experiment.variants.all()), 2)})
    lines = tuple(
        line
        for plan in Experiment.Plan
        for n_arms in arm_counts
        if (line := _line(experiment, history, plan, n_arms)) is not None
    )
    return SlotPlans(history=history, target=TARGET_LIFT, weeks=WEEKS, lines=lines)


def _history(experiment: Experiment, today: date) -> SlotHistory:
    rows = list(reports.rollups_on_slot(experiment.slot, since=today - LOOK_BACK, before=today))
    # A slot counts no visitors without an experiment: use only the days since the first count.
    days = (today - min((row.day for row in rows), default=today)).days
    visitors = sum(row.visitors for row in rows) * float(experiment.coverage)
    base, variance = _base(experiment, rows)
    return SlotHistory(
        days=days,
        visitors_per_day=visitors / days if days else 0.0,
        base=base,
        variance=variance,
    )


def _base(experiment: Experiment, rows: Sequence[Rollup]) -> tuple[float | None, float | None]:
    """Return the metric's mean over all arms, and its variance if it is not a rate."""
    is_click = experiment.primary_metric == Experiment.Metric.CLICK_RATE
    total = totals_of(row for row in rows if is_click or row.experiment.goal == experiment.goal)
    if not total.visitors:
        return None, None
    arm = raw_estimates(statistics_of(experiment, [total]))
    if not np.isfinite(arm.variance[0]) or arm.mean[0] == 0:
        return None, None
    is_rate = successes_of(experiment, total) is not None
    variance = None if is_rate else float(arm.variance[0]) * total.visitors
    return float(arm.mean[0]), variance


def _line(
    experiment: Experiment, history: SlotHistory, plan: Experiment.Plan, n_arms: int
) -> PlanLine | None:
    if history.base is None:
        return None
    is_rate = history.variance is None
    if is_rate and history.base * (1 + TARGET_LIFT) >= 1:
        return None
    assumptions = Assumptions(
        base=history.base,
        variance=history.variance,
        lift=TARGET_LIFT,
        n_arms=n_arms,
        alpha=experiment.alpha,
        is_sequential=plan == Experiment.Plan.SEQUENTIAL,
        visitors_per_day=history.visitors_per_day,
    )
    sample_plan = plan_for(assumptions)
    visitors = history.visitors_per_day * 7 * WEEKS
    return PlanLine(
        plan=plan.value,
        n_arms=n_arms,
        visitors=sum(sample_plan.size.arms),
        weeks=sample_plan.weeks,
        lift_found=lift_found_by(assumptions, visitors=visitors) if visitors else None,
    )
