"""Ramps: the share of the audience grows in steps, and no visitor changes arm."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from django.db import transaction
from django.utils.translation import gettext as _

from experiments.models import Experiment, RampStep
from experiments.selectors import lifecycle
from experiments.services.lifecycle.change_log import Kind, Occasion
from experiments.services.lifecycle.rivals import starvation_faults
from experiments.services.lifecycle.traffic_allocation import (
    CannotChangeError,
    begin_phases,
    change_traffic,
)

# Default of a new ramp, in percent: the steps of GrowthBook's safe roll-outs, a day each.
SUGGESTED = (1, 5, 10, 25, 50, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """Share of the audience, and hours until the next step."""

    coverage: Decimal
    hold_hours: Decimal = Decimal(24)


def ramp_faults(steps: Sequence[PlannedStep]) -> list[str]:
    """Return the faults of a ramp, in sentences."""
    faults = []
    coverages = [step.coverage for step in steps]
    if any(later <= earlier for earlier, later in pairwise(coverages)):
        faults.append(_("Each step of the ramp must take in more visitors than the one before."))
    if any(not 0 < coverage <= 1 for coverage in coverages):
        faults.append(_("The coverage of a step must be above 0 and at most 1."))
    if any(step.hold_hours <= 0 for step in steps):
        faults.append(_("A step must last longer than 0 hours."))
    return faults


@transaction.atomic
def set_ramp(*, experiment: Experiment, steps: Sequence[PlannedStep], occasion: Occasion) -> None:
    """Replace the ramp; a live experiment goes to its first step at once. No steps remove it.

    Raises:
        CannotChangeError: If the experiment has ended or the steps are invalid.
    """
    locked = Experiment.objects.select_for_update(no_key=True).get(pk=experiment.pk)
    faults = ramp_faults(steps)
    if locked.status not in Experiment.OPEN_STATUSES:
        faults.append(_("The experiment has ended."))
    elif steps and locked.status in Experiment.LIVE_STATUSES and not faults:
        faults += starvation_faults(locked, coverage=steps[-1].coverage)
    if faults:
        raise CannotChangeError(faults)
    locked.ramp.all().delete()
    RampStep.objects.bulk_create(
        RampStep(
            experiment=locked, number=number, coverage=step.coverage, hold_hours=step.hold_hours
        )
        for number, step in enumerate(steps)
    )
    if steps and locked.status in Experiment.LIVE_STATUSES:
        _reach(locked, locked.ramp.get(number=0), occasion)


def begin_ramp(*, experiment: Experiment, occasion: Occasion) -> None:
    """Apply the coverage of the first step. Call in the transaction of the start."""
    first = experiment.ramp.order_by("number").first()
    if first is None:
        return
    RampStep.objects.filter(pk=first.pk).update(reached_at=occasion.now)
    experiment.coverage = first.coverage
    experiment.save(update_fields=["coverage"])
    begin_phases(experiment, list(experiment.variants.order_by("arm")), occasion)


def hold_again(*, experiment: Experiment, now: datetime) -> None:
    """Begin the present step anew: the time of a pause does not count."""
    last = experiment.ramp.filter(reached_at__isnull=False).order_by("-number").first()
    if last is not None:
        RampStep.objects.filter(pk=last.pk).update(reached_at=now)


def advance_ramp(*, experiment: Experiment, now: datetime) -> bool:
    """Go to the next step if the present one is over; return True if so."""
    following = due_step(experiment, now)
    return following is not None and _reach(experiment, following, Occasion(now=now))


def due_step(experiment: Experiment, now: datetime) -> RampStep | None:
    """Return the step that is due; None while the present one lasts or if none is left."""
    steps = list(experiment.ramp.order_by("number"))
    for present, following in pairwise(steps):
        if present.reached_at is None or following.reached_at is not None:
            continue
        return following if now >= step_ends_at(present) else None
    return None


def step_ends_at(step: RampStep) -> datetime:
    """Return the time at which a reached step is over."""
    if step.reached_at is None:
        raise ValueError(f"step {step.number}: has not been reached")
    return step.reached_at + timedelta(hours=float(step.hold_hours))


def ramps_due(now: datetime) -> list[Experiment]:
    """Return the running experiments whose present step is over."""
    return [row for row in lifecycle.ramping_experiments() if due_step(row, now) is not None]


@transaction.atomic
def _reach(experiment: Experiment, step: RampStep, occasion: Occasion) -> bool:
    # The condition inside the UPDATE is the lock: two workers on the same minute race here.
    rows = RampStep.objects.filter(pk=step.pk, reached_at__isnull=True)
    if not rows.update(reached_at=occasion.now):
        return False
    change_traffic(experiment=experiment, occasion=occasion, coverage=step.coverage, kind=Kind.RAMP)
    return True
