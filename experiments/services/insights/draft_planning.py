"""Planning of a draft from the recent traffic and results of its own slot."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from experiments.event_schema.calendar_days import calendar_day
from experiments.models import Experiment, Guardrail, Rollup
from experiments.selectors import reports
from experiments.services.analysis.metric_statistics import Metric
from experiments.services.insights.guardrail_planning import (
    GuardrailPlan,
    guardrail_plans,
    is_capped_alike,
    mean_of,
)
from experiments.services.insights.sample_size import Assumptions, lift_found_by, plan_for
from experiments.services.insights.time_to_decision import TARGET_LIFT
from experiments.services.rollups.arm_totals import totals_of

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
    """Plans of a draft; without lines if the slot's base rate is unknown.

    `planned_visitors` are the draft's own or, without, those of its plan's line: its guardrails
    are measured against them.
    """

    history: SlotHistory
    target: float
    weeks: int
    lines: tuple[PlanLine, ...]
    planned_visitors: int | None
    guardrails: tuple[GuardrailPlan, ...]

    @property
    def suggests_margins(self) -> bool:
        return any(rail.suggested_margin is not None for rail in self.guardrails)


def slot_plans(experiment: Experiment, *, now: datetime) -> SlotPlans | None:
    """Return the plans of a draft; None of an experiment that has been started.

    One query; two where a guardrail counts a goal.
    """
    if experiment.status != Experiment.Status.DRAFT:
        return None
    today = calendar_day(now, experiment.zone_of_days)
    since = today - LOOK_BACK
    rows = list(reports.rollups_on_slot(experiment.slot, since=since, before=today))
    history = _history(experiment, rows, today)
    arm_counts = sorted({*ARMS, _n_arms(experiment)})
    lines = tuple(
        line
        for plan in Experiment.Plan
        for n_arms in arm_counts
        if (line := _line(experiment, history, plan, n_arms)) is not None
    )
    planned = experiment.planned_visitors or _visitors_of_own_plan(experiment, lines)
    has_goals = any(rail.goal for rail in experiment.guardrails.all())
    goal_rows = (
        list(reports.goal_rollups_on_slot(experiment.slot, since=since, before=today))
        if has_goals
        else []
    )
    return SlotPlans(
        history=history,
        target=TARGET_LIFT,
        weeks=WEEKS,
        lines=lines,
        planned_visitors=planned,
        guardrails=guardrail_plans(
            experiment,
            rows,
            goal_rows,
            _assumptions(experiment, history, plan=experiment.plan, n_arms=_n_arms(experiment)),
            planned_visitors=planned,
        ),
    )


def fit_margins(
    experiment: Experiment, *, now: datetime, only: Collection[int] | None = None
) -> bool:
    """Give guardrails of a draft the margin that its plan can exclude, where their own is less.

    Args:
        experiment: Draft.
        now: Time of the plan.
        only: Keys of the guardrails; None for all of them.

    Returns:
        False if it has been started, or no margin changes.
    """
    plans = slot_plans(experiment, now=now)
    changes = [
        (rail.pk, rail.suggested_margin)
        for rail in (plans.guardrails if plans else ())
        if rail.suggested_margin is not None and (only is None or rail.pk in only)
    ]
    for pk, margin in changes:
        Guardrail.objects.filter(pk=pk, experiment__status=Experiment.Status.DRAFT).update(
            margin=margin
        )
    return bool(changes)


def _n_arms(experiment: Experiment) -> int:
    return max(len(experiment.variants.all()), 2)


def _visitors_of_own_plan(experiment: Experiment, lines: Sequence[PlanLine]) -> int | None:
    own = (experiment.plan, _n_arms(experiment))
    return next((line.visitors for line in lines if (line.plan, line.n_arms) == own), None)


def _history(experiment: Experiment, rows: Sequence[Rollup], today: date) -> SlotHistory:
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
    metric = Metric(experiment.primary_metric)
    is_click = metric == Metric.CLICK_RATE
    total = totals_of(
        row
        for row in rows
        if is_click
        or (
            row.experiment.goal == experiment.goal
            and is_capped_alike(row.experiment, experiment, metric=metric, goal=experiment.goal)
        )
    )
    return mean_of(metric, total)


def _line(
    experiment: Experiment, history: SlotHistory, plan: Experiment.Plan, n_arms: int
) -> PlanLine | None:
    if history.base is None:
        return None
    is_rate = history.variance is None
    if is_rate and history.base * (1 + TARGET_LIFT) >= 1:
        return None
    assumptions = _assumptions(experiment, history, plan=plan, n_arms=n_arms)
    sample_plan = plan_for(assumptions)
    visitors = history.visitors_per_day * 7 * WEEKS
    return PlanLine(
        plan=plan.value,
        n_arms=n_arms,
        visitors=sum(sample_plan.size.arms),
        weeks=sample_plan.weeks,
        lift_found=lift_found_by(assumptions, visitors=visitors) if visitors else None,
    )


def _assumptions(
    experiment: Experiment, history: SlotHistory, *, plan: str, n_arms: int
) -> Assumptions:
    return Assumptions(
        base=history.base or 0.0,
        variance=history.variance,
        lift=TARGET_LIFT,
        n_arms=n_arms,
        alpha=experiment.alpha,
        is_sequential=plan == Experiment.Plan.SEQUENTIAL,
        visitors_per_day=history.visitors_per_day,
    )
