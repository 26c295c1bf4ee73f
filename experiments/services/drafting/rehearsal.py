"""A draft made only to look at it, by the same steps as the real one, and taken back."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction

from experiments.models import Experiment
from experiments.services.catalogue.editing import CannotSaveError
from experiments.services.drafting.building import Choices, build_experiment
from experiments.services.drafting.checks import Check, Level, checks_of
from experiments.services.insights.draft_planning import SlotPlans, slot_plans
from experiments.services.insights.plan_review import PlanReview, review_plan

# Weeks for which the page says what a test of that length would find.
LENGTHS = (1, 2, 4, 8)
DAYS_OF_WEEK = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """A test of some weeks: its visitors at the slot's traffic, and the lift that they find."""

    weeks: int
    visitors: int
    lift_found: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """Rehearsed start of a test at this moment; without a review if the slot is unknown.

    `is_refused`: faults of what was typed are the reason that nothing was planned.
    """

    checks: tuple[Check, ...]
    is_refused: bool = False
    review: PlanReview | None = None
    days: int | None = None
    lengths: tuple[Length, ...] = ()

    @property
    def may_start(self) -> bool:
        return not any(one.level == Level.BLOCK for one in self.checks)


def rehearse(choices: Choices, *, now: datetime) -> Rehearsal:
    """Return the checks and the plan of what was chosen; nothing of it stays."""
    with transaction.atomic():
        try:
            found = _look_at(choices, now)
        except CannotSaveError as error:
            blocks = (Check(level=Level.BLOCK, text=text) for text in error.sentences)
            found = Rehearsal(checks=tuple(blocks), is_refused=True)
        transaction.set_rollback(True)
    return found


def _look_at(choices: Choices, now: datetime) -> Rehearsal:
    draft = build_experiment(choices, now=now)
    plans = slot_plans(draft, now=now)
    plans = replace(plans, target=choices.lift) if plans else None
    review = review_plan(draft, plans)
    return Rehearsal(
        checks=tuple(checks_of(draft, choices, review, now=now)),
        review=review,
        days=_days(review),
        lengths=tuple(_lengths(draft, plans, review)),
    )


def _days(review: PlanReview | None) -> int | None:
    if review is None or not review.visitors_per_day:
        return None
    return max(1, round(review.needed / review.visitors_per_day))


def _lengths(
    draft: Experiment, plans: SlotPlans | None, review: PlanReview | None
) -> Iterator[Length]:
    if review is None or not review.visitors_per_day:
        return
    for weeks in LENGTHS:
        visitors = round(weeks * DAYS_OF_WEEK * review.visitors_per_day)
        draft.planned_visitors = visitors
        of_length = review_plan(draft, plans) if visitors else None
        found = of_length.lift_found if of_length else None
        yield Length(weeks=weeks, visitors=visitors, lift_found=found)
