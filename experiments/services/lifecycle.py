"""draft -> running -> paused -> stopped -> archived, each step one conditional update."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from experiments import selectors
from experiments.models import Experiment, Slot, Variant
from experiments.services.catalogue import bump_revision
from experiments.services.changes import Kind, Occasion, record
from experiments.services.ramps import Step, begin_ramp, hold_again, ramp_faults
from experiments.services.rollups import refold_conversions

Status = Experiment.Status
START, PAUSE, STOP, ARCHIVE = Kind.START, Kind.PAUSE, Kind.STOP, Kind.ARCHIVE
MOVED_FIELDS = (
    "status",
    "started_at",
    "stopped_at",
    "rolls_back",
    "rolled_back_at",
    "rollback_reason",
)


class CannotStartError(Exception):
    """The experiment is not ready; `reasons` are sentences for its owner."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


@transaction.atomic
def start_experiment(*, experiment: Experiment, now: datetime, author: Any = None) -> bool:
    """Start a draft, at the first step of its ramp; return False if it was no longer a draft.

    Raises:
        CannotStartError: If its arms, shares, ramp or neighbours do not allow it.
    """
    rows = Experiment.objects.select_for_update(of=("self",), no_key=True)
    # As it is now, not as the caller read it: a draft may have been edited meanwhile.
    draft = rows.select_related("slot", "audience", "namespace").get(pk=experiment.pk)
    # The slot's row is the lock: two experiments that would overlap start one after the other.
    Slot.objects.select_for_update(no_key=True).get(pk=draft.slot_id)
    reasons = [*_arm_faults(draft), *_ramp_faults(draft), *_belonging_faults(draft)]
    reasons += _rivalry(draft)
    if draft.status == Status.DRAFT and reasons:
        raise CannotStartError(reasons)
    occasion = Occasion(now=now, author=author)
    started = _move(
        experiment, START, occasion, old=(Status.DRAFT,), new=Status.RUNNING, started_at=now
    )
    if started:
        begin_ramp(experiment=draft, occasion=occasion)
        experiment.refresh_from_db(fields=["coverage"])
    return started


def pause_experiment(*, experiment: Experiment, now: datetime, author: Any = None) -> bool:
    """Show the slot's default CTA until resumed; return False if it was not running."""
    occasion = Occasion(now=now, author=author)
    return _move(experiment, PAUSE, occasion, old=(Status.RUNNING,), new=Status.PAUSED)


@transaction.atomic
def resume_experiment(*, experiment: Experiment, now: datetime, author: Any = None) -> bool:
    """Go on with the same arms; return False if it was not paused.

    That undoes a roll-back; the alarm is still there, so it does not roll back by itself again.
    """
    experiment.refresh_from_db(fields=["rolled_back_at"])
    was_rolled_back = experiment.rolled_back_at is not None
    stamps: dict[str, Any] = {"rolled_back_at": None, "rollback_reason": ""}
    if was_rolled_back:
        stamps["rolls_back"] = False
    kind = Kind.UNDO if was_rolled_back else Kind.RESUME
    occasion = Occasion(now=now, author=author)
    resumed = _move(experiment, kind, occasion, old=(Status.PAUSED,), new=Status.RUNNING, **stamps)
    if resumed:
        hold_again(experiment=experiment, now=now)
    return resumed


@transaction.atomic
def stop_experiment(*, experiment: Experiment, now: datetime, author: Any = None) -> bool:
    """End it for good; return False if it was not live."""
    live = (Status.RUNNING, Status.PAUSED)
    occasion = Occasion(now=now, author=author)
    stopped = _move(experiment, STOP, occasion, old=live, new=Status.STOPPED, stopped_at=now)
    if stopped:
        refold_conversions(site_id=experiment.slot.site_id, after=now)
    return stopped


def archive_experiment(*, experiment: Experiment, now: datetime, author: Any = None) -> bool:
    """Put it out of the daily lists; return False if it was not stopped."""
    occasion = Occasion(now=now, author=author)
    return _move(experiment, ARCHIVE, occasion, old=(Status.STOPPED,), new=Status.ARCHIVED)


@transaction.atomic
def roll_back_experiment(*, experiment: Experiment, reason: str, occasion: Occasion) -> bool:
    """Show everybody the default CTA because of an alarm; return False if it was not running.

    Args:
        experiment: Running.
        reason: Not empty; see `services.alarms`.
        occasion: When, and by whom.
    """
    return _move(
        experiment,
        Kind.ROLLBACK,
        occasion,
        old=(Status.RUNNING,),
        new=Status.PAUSED,
        rolled_back_at=occasion.now,
        rollback_reason=reason,
    )


def set_rolls_back(*, experiment: Experiment, rolls_back: bool, occasion: Occasion) -> bool:
    """Switch the roll-back by itself on or off; return False if it was so already."""
    rows = Experiment.objects.filter(pk=experiment.pk).exclude(rolls_back=rolls_back)
    with transaction.atomic():
        switched = rows.update(rolls_back=rolls_back)
        if switched:
            record(experiment, Kind.GUARD_ON if rolls_back else Kind.GUARD_OFF, occasion)
    experiment.rolls_back = rolls_back
    return switched == 1


@transaction.atomic
def duplicate_experiment(*, experiment: Experiment, key: str) -> Experiment:
    """Return a new draft with the same plan, arms and guardrails."""
    arms, guardrails = list(experiment.variants.all()), list(experiment.guardrails.all())
    ramp = list(experiment.ramp.all())
    copy = Experiment.objects.get(pk=experiment.pk)
    copy.pk = None
    copy._state.adding = True
    copy.key, copy.seed, copy.source = key, "", ""
    copy.status, copy.origin = Status.DRAFT, Experiment.Origin.LIVE
    copy.started_at = copy.stopped_at = copy.rolled_back_at = None
    copy.starts_at = copy.ends_at = None
    copy.rollback_reason = ""
    if ramp:  # What is left of a ramp is its end: the copy begins anew.
        copy.coverage = Decimal(1)
    copy.save()
    for arm in arms:
        Variant.objects.create(
            experiment=copy, arm=arm.arm, key=arm.key, cta_id=arm.cta_id, share=arm.share
        )
    for step in ramp:
        step.pk, step.experiment, step.reached_at = None, copy, None
        step._state.adding = True
        step.save()
    for rail in guardrails:
        rail.pk, rail.experiment = None, copy
        rail._state.adding = True
        rail.save()
    return copy


def _move(
    experiment: Experiment,
    kind: Kind,
    occasion: Occasion,
    *,
    old: tuple[Status, ...],
    new: Status,
    **stamps: Any,
) -> bool:
    # The condition inside the UPDATE is the lock: two clicks on the same button race here.
    with transaction.atomic():
        rows = Experiment.objects.filter(pk=experiment.pk, status__in=old)
        moved = rows.update(status=new, **stamps)
        if moved:
            record(experiment, kind, occasion)
            bump_revision()
    experiment.refresh_from_db(fields=MOVED_FIELDS)
    return moved == 1


def _arm_faults(experiment: Experiment) -> Iterator[str]:
    variants = list(experiment.variants.order_by("arm"))
    if len(variants) < 2:
        yield _("An experiment needs a control and at least one other arm.")
    if [variant.arm for variant in variants] != list(range(len(variants))):
        yield _("Arms are numbered 0 (the control), 1, 2 and so on, without a gap.")
    total = sum((variant.share for variant in variants), Decimal(0))
    if variants and total != 1:
        yield _("The shares sum to %(total)s, not to 1.") % {"total": number_format(total)}


def _ramp_faults(experiment: Experiment) -> list[str]:
    steps = experiment.ramp.order_by("number")
    return ramp_faults([Step(coverage=one.coverage, hold_hours=one.hold_hours) for one in steps])


def _belonging_faults(experiment: Experiment) -> Iterator[str]:
    site_id = experiment.slot.site_id
    for variant in experiment.variants.select_related("cta").prefetch_related("cta__wordings"):
        if variant.cta.site_id != site_id:
            yield _("Arm %(key)s shows a CTA of another site.") % {"key": variant.key}
        if not variant.cta.wordings.all():
            yield _("The CTA of arm %(key)s has no wording.") % {"key": variant.key}
    if experiment.audience is not None and experiment.audience.site_id != site_id:
        yield _("The audience belongs to another site.")
    if experiment.namespace is not None and experiment.namespace.site_id != site_id:
        yield _("The namespace belongs to another site.")


def _rivalry(experiment: Experiment) -> Iterator[str]:
    """Say which live experiment would meet this one in the same visitor."""
    for rival in selectors.live_rivals(experiment):
        if not _kept_apart(experiment, rival):
            yield _("%(rival)s is live on the same slot and audience.") % {"rival": rival.key}


def _kept_apart(one: Experiment, other: Experiment) -> bool:
    if one.namespace_id is None or one.namespace_id != other.namespace_id:
        return False
    ends = (one.namespace_start, one.namespace_end, other.namespace_start, other.namespace_end)
    start, end, other_start, other_end = (bound or Decimal(0) for bound in ends)
    return end <= other_start or other_end <= start
