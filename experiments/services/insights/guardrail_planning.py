"""Planning of a draft's guardrails: the visitors they cost, and margins the plan can exclude."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtri

from experiments.models import Experiment, GoalRollup, Guardrail, Rollup
from experiments.services.analysis.metric_statistics import (
    SUCCESSES,
    Metric,
    statistics_of_metric,
)
from experiments.services.insights.sample_size import LOOKS, Assumptions
from experiments.services.rollups.arm_totals import ArmTotals, totals_of, with_goal
from experiments.stats.estimation.contrasts import raw_estimates
from experiments.stats.planning.non_inferiority import (
    NonInferiorityDesign,
    excluded_margin,
    power_of_each,
    visitors_to_exclude,
)
from experiments.stats.planning.sample_size import duration
from experiments.stats.sequential.one_sided_bounds import normal_multiplier
from experiments.stats.sequential.stopping_probabilities import drift_for_power

# A suggested margin is rounded up to a multiple.
MARGIN_STEP = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardrailNeed:
    """Visitors of all arms together until a harmless guardrail is held at its margin.

    `weeks` is None without traffic; `margin_excluded` is the smallest margin beyond which the
    planned visitors exclude a loss, None without a plan or above 100 %.
    """

    visitors: int
    weeks: int | None
    margin_excluded: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardrailPlan:
    """Plan of one guardrail of a draft; `base` and `need` are None where its metric is unknown."""

    pk: int
    name: str
    is_rate: bool
    margin: float
    base: float | None
    need: GuardrailNeed | None

    @property
    def suggested_margin(self) -> float | None:
        """Return the margin that the plan can exclude, rounded up; None if it excludes its own."""
        excluded = self.need.margin_excluded if self.need else None
        if excluded is None or excluded <= self.margin:
            return None
        return min(math.ceil(excluded / MARGIN_STEP - 1e-9) * MARGIN_STEP, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Assumptions about one guardrail: its metric's mean, margin and direction.

    `guardrails` is their number in the experiment: together with the goal they share the power.
    """

    base: float
    margin: float
    variance: float | None = None
    higher_is_better: bool = True
    guardrails: int = 1
    shares: tuple[float, float] | None = None


def need_of(
    holding: Holding, assumed: Assumptions, *, planned_visitors: float | None
) -> GuardrailNeed | None:
    """Return the visitors that a guardrail needs; None with a margin of 0, which none can exclude.

    Args:
        holding: The guardrail.
        assumed: The experiment's arms, alpha, power, plan and traffic.
        planned_visitors: Visitors of the plan, all arms together.

    Raises:
        ValueError: Naming the assumption that is out of range.
    """
    power = power_of_each(assumed.power, holding.guardrails)
    equal = (1 / assumed.n_arms, 1 / assumed.n_arms)
    design = NonInferiorityDesign(
        base=holding.base,
        variance=holding.variance,
        needed=_needed(assumed.alpha, power, at_every_look=assumed.is_sequential),
        shares=holding.shares or equal,
        higher_is_better=holding.higher_is_better,
    )
    if holding.margin <= 0:
        return None
    visitors = visitors_to_exclude(design, holding.margin)
    lasts = duration(visitors, visitors_per_day=assumed.visitors_per_day or 0)
    excluded = excluded_margin(design, planned_visitors) if planned_visitors else None
    return GuardrailNeed(
        visitors=math.ceil(visitors),
        weeks=lasts.weeks if lasts else None,
        margin_excluded=excluded,
    )


def guardrail_plans(
    experiment: Experiment,
    rows: Sequence[Rollup],
    goal_rows: Sequence[GoalRollup],
    assumed: Assumptions,
    *,
    planned_visitors: float | None,
) -> tuple[GuardrailPlan, ...]:
    """Return the plan of each guardrail of a draft, from its slot's rollups."""
    rails = list(experiment.guardrails.all())
    plans = []
    for rail in rails:
        base, variance = mean_of(Metric(rail.metric), _totals_of(rail, rows, goal_rows))
        holding = None
        if base is not None:
            holding = Holding(
                base=base,
                variance=variance,
                margin=rail.margin,
                higher_is_better=rail.higher_is_better,
                guardrails=len(rails),
                shares=_pair_shares(experiment),
            )
        need = need_of(holding, assumed, planned_visitors=planned_visitors) if holding else None
        plans.append(
            GuardrailPlan(
                pk=rail.pk,
                name=str(rail),
                is_rate=rail.metric in SUCCESSES,
                margin=rail.margin,
                base=base,
                need=need,
            )
        )
    return tuple(plans)


def mean_of(metric: Metric, total: ArmTotals) -> tuple[float | None, float | None]:
    """Return a metric's mean, and the variance of a visitor if it is not a rate."""
    if not total.visitors:
        return None, None
    arm = raw_estimates(statistics_of_metric(metric, [total]))
    if not np.isfinite(arm.variance[0]) or arm.mean[0] == 0:
        return None, None
    is_rate = metric in SUCCESSES
    variance = None if is_rate else float(arm.variance[0]) * total.visitors
    return float(arm.mean[0]), variance


def _totals_of(
    rail: Guardrail, rows: Sequence[Rollup], goal_rows: Sequence[GoalRollup]
) -> ArmTotals:
    """Return the slot's visitors of the experiments that counted the guardrail's metric."""
    if rail.metric == Metric.CLICK_RATE:
        return totals_of(rows)
    of_rail = {"metric": rail.metric, "goal": rail.goal}
    alike = [row for row in rows if is_capped_alike(row.experiment, rail.experiment, **of_rail)]
    known = {row.experiment_id for row in alike}
    counted = [row for row in goal_rows if row.goal == rail.goal and row.experiment_id in known]
    if not counted:
        return totals_of(row for row in alike if row.experiment.goal == rail.goal)
    experiments = {row.experiment_id for row in counted}
    total = totals_of(row for row in alike if row.experiment_id in experiments)
    return with_goal(total, counted)


def is_capped_alike(past: Experiment, draft: Experiment, *, metric: str, goal: str) -> bool:
    """Return whether past values vary as much as the draft's or more: a lower cap hides some.

    A cap is for the goal of its experiment only.
    """
    cap = past.value_cap if past.goal == goal else None
    own = draft.value_cap if draft.goal == goal else None
    if cap is None or metric not in Experiment.METRICS_OF_VALUES:
        return True
    return own is not None and cap >= own


def _pair_shares(experiment: Experiment) -> tuple[float, float] | None:
    """Return the shares of the control and of the smallest arm; None before a draft has them."""
    shares = [float(variant.share) for variant in experiment.variants.all()]
    if len(shares) < 2 or not all(0 < share < 1 for share in shares):
        return None
    return shares[0], min(shares[1:])


@lru_cache(maxsize=128)
def _needed(alpha: float, power: float, *, at_every_look: bool) -> float:
    """Return the expected z at the planned end that holds a harmless guardrail with this power."""
    if not at_every_look:
        return float(ndtri(power) - ndtri(alpha))
    times = np.arange(1, LOOKS + 1) / LOOKS
    criticals = normal_multiplier(times, level=alpha, at_every_look=True)
    return drift_for_power(criticals, times, power=power)
