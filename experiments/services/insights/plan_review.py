"""Review of a draft's planned visitors against the traffic and the rate of its slot."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from math import isclose

from django.db import transaction

from experiments.models import Experiment
from experiments.services.insights.draft_planning import SlotHistory, SlotPlans, slot_plans
from experiments.services.insights.sample_size import Assumptions, design_for
from experiments.services.insights.time_to_decision import TARGET_LIFT
from experiments.stats.planning.sample_size import (
    Design,
    detectable_lift,
    duration,
    sample_size,
)

# A plan this many times too large wastes most of what it adds: a sequential test spends little of
# its alpha while the plan is far away.
FAR_TOO_LARGE = 3.0
# Half of the visitors leave a power of about 50 %: a coin toss.
FAR_TOO_SMALL = 0.5
# Cookies are lost, seasons change: three months later it is another test.
LONGEST_WEEKS = 12


class PlanWarning(StrEnum):
    """Doubts about a plan. Stored in answers of the API; never rename."""

    NO_NUMBER = "no_number"
    TOO_LARGE = "too_large"
    TOO_SMALL = "too_small"
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanReview:
    """A draft's planned visitors beside those that its slot's own figures ask for.

    `needed` visitors find `target` with 80 % power; `planned` ones find `lift_found`, and take
    `weeks` at the slot's traffic. Without a planned number both are about the needed one.
    """

    planned: int | None
    needed: int
    target: float
    visitors_per_day: float
    weeks: int | None
    lift_found: float | None
    warnings: tuple[PlanWarning, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanBasis:
    """Figures from which a planned number was computed, as stored with the experiment."""

    visitors: int
    days: int
    visitors_per_day: float
    base: float
    is_rate: bool
    target: float
    n_arms: int
    at: str


def review_plan(draft: Experiment, plans: SlotPlans | None) -> PlanReview | None:
    """Return the review; None where the slot's figures allow no plan."""
    design = _design(draft, plans.history, plans.target) if plans else None
    if plans is None or design is None:
        return None
    needed = sum(sample_size(design, plans.target).arms)
    planned, rate = draft.planned_visitors, plans.history.visitors_per_day
    lasts = duration(planned or needed, visitors_per_day=rate)
    review = PlanReview(
        planned=planned,
        needed=needed,
        target=plans.target,
        visitors_per_day=rate,
        weeks=lasts.weeks if lasts else None,
        lift_found=detectable_lift(design, planned or needed),
        warnings=(),
    )
    return replace(review, warnings=tuple(_warnings(review)))


def save_slot_plan(*, draft: Experiment, now: datetime, target: float = TARGET_LIFT) -> bool:
    """Give a draft without planned visitors the number that its slot's own figures ask for.

    Args:
        draft: Draft, with its arms.
        now: Time of the plan.
        target: Smallest lift that is worth finding, relative: 0.1 is 10 %.

    Returns:
        False if it has a number, is not a draft, or the slot's figures are unknown.
    """
    plans = slot_plans(draft, now=now) if draft.planned_visitors is None else None
    plans = replace(plans, target=target) if plans else None
    review = review_plan(draft, plans)
    if plans is None or review is None:
        return False
    history = plans.history
    basis = PlanBasis(
        visitors=review.needed,
        days=history.days,
        visitors_per_day=history.visitors_per_day,
        base=history.base or 0.0,
        is_rate=history.variance is None,
        target=review.target,
        n_arms=_n_arms(draft),
        at=now.isoformat(),
    )
    with transaction.atomic():
        # The condition inside the UPDATE: it may have been started, or given a number, since.
        saved = Experiment.objects.filter(
            pk=draft.pk, status=Experiment.Status.DRAFT, planned_visitors__isnull=True
        ).update(planned_visitors=review.needed, planned_visitors_basis=asdict(basis))
    draft.refresh_from_db(fields=["planned_visitors", "planned_visitors_basis"])
    return saved == 1


def plan_basis(experiment: Experiment) -> PlanBasis | None:
    """Return the figures behind the planned number; None if somebody has entered another one."""
    stored = experiment.planned_visitors_basis
    if not stored or stored["visitors"] != experiment.planned_visitors:
        return None
    return PlanBasis(**stored)


def _warnings(review: PlanReview) -> Iterator[PlanWarning]:
    if review.planned is None:
        yield PlanWarning.NO_NUMBER
    elif review.planned > FAR_TOO_LARGE * review.needed:
        yield PlanWarning.TOO_LARGE
    elif review.planned < FAR_TOO_SMALL * review.needed:
        yield PlanWarning.TOO_SMALL
    if review.weeks is not None and review.weeks > LONGEST_WEEKS:
        yield PlanWarning.TOO_LONG


def _design(draft: Experiment, history: SlotHistory, target: float) -> Design | None:
    """Return the design of the draft's own arms and shares; None without a base."""
    base = history.base
    if base is None or (history.variance is None and base * (1 + target) >= 1):
        return None
    assumed = Assumptions(
        base=base,
        variance=history.variance,
        lift=target,
        n_arms=_n_arms(draft),
        alpha=draft.alpha,
        is_sequential=draft.plan == Experiment.Plan.SEQUENTIAL,
    )
    design, shares = design_for(assumed), _shares(draft)
    # A draft may be unfinished: shares that do not sum to 1 are planned as equal ones.
    is_usable = len(shares) > 1 and all(shares) and isclose(sum(shares), 1)
    return replace(design, shares=shares) if is_usable else design


def _shares(draft: Experiment) -> tuple[float, ...]:
    return tuple(float(row.share) for row in sorted(draft.variants.all(), key=lambda row: row.arm))


def _n_arms(draft: Experiment) -> int:
    return max(len(draft.variants.all()), 2)
