"""Transitions draft -> running -> paused -> stopped -> archived, each one conditional update."""

from datetime import datetime
from typing import Any

from django.db import transaction

from experiments.models import Experiment, Namespace, Slot
from experiments.selectors.lifecycle import locked_draft
from experiments.services.catalogue.config_revision import bump_revision
from experiments.services.lifecycle.approvals import approval_faults
from experiments.services.lifecycle.change_log import Kind, Occasion, record
from experiments.services.lifecycle.ramps import begin_ramp, hold_again
from experiments.services.lifecycle.readiness import CannotStartError, readiness_faults
from experiments.services.lifecycle.rivals import meeting_faults
from experiments.services.rollups.folding import refold_late_acts

Status = Experiment.Status
START, PAUSE, STOP, ARCHIVE = Kind.START, Kind.PAUSE, Kind.STOP, Kind.ARCHIVE
MOVED_FIELDS = (
    "status",
    "started_at",
    "days_in",
    "stopped_at",
    "rolls_back",
    "rolled_back_at",
    "rollback_reason",
)


@transaction.atomic
def start_experiment(
    *, experiment: Experiment, now: datetime, author: Any = None, server_key: str = ""
) -> bool:
    """Start a draft, at the first step of its ramp; return False if it was no longer a draft.

    Raises:
        CannotStartError: If its arms, shares, ramp or neighbours do not allow it.
    """
    draft = locked_draft(experiment)
    _lock_meeting_places(draft)
    reasons = [*readiness_faults(draft), *approval_faults(draft)]
    if draft.status == Status.DRAFT and reasons:
        raise CannotStartError(reasons)
    occasion = Occasion(now=now, author=author, server_key=server_key)
    stamps = {"started_at": now, "days_in": draft.slot.site.time_zone}
    started = _move(experiment, START, occasion, old=(Status.DRAFT,), new=Status.RUNNING, **stamps)
    if started:
        begin_ramp(experiment=draft, occasion=occasion)
        experiment.refresh_from_db(fields=["coverage"])
    return started


def _lock_meeting_places(experiment: Experiment) -> None:
    """Lock the slot and the namespace: experiments that would meet start one after the other."""
    Slot.objects.select_for_update(no_key=True).get(pk=experiment.slot_id)
    if experiment.namespace_id is not None:
        Namespace.objects.select_for_update(no_key=True).get(pk=experiment.namespace_id)


def pause_experiment(
    *, experiment: Experiment, now: datetime, author: Any = None, server_key: str = ""
) -> bool:
    """Show the slot's default CTA until resumed; return False if it was not running."""
    occasion = Occasion(now=now, author=author, server_key=server_key)
    return _move(experiment, PAUSE, occasion, old=(Status.RUNNING,), new=Status.PAUSED)


@transaction.atomic
def resume_experiment(
    *, experiment: Experiment, now: datetime, author: Any = None, server_key: str = ""
) -> bool:
    """Resume with the same arms; return False if it was not paused.

    This undoes a roll-back; the alarm persists, so it does not roll back automatically again.

    Raises:
        CannotStartError: If it would have no visitor beside those that are live now.
    """
    experiment.refresh_from_db(fields=["rolled_back_at", "status"])
    _lock_meeting_places(experiment)
    reasons = list(meeting_faults(experiment)) if experiment.status == Status.PAUSED else []
    if reasons:
        raise CannotStartError(reasons)
    was_rolled_back = experiment.rolled_back_at is not None
    stamps: dict[str, Any] = {"rolled_back_at": None, "rollback_reason": ""}
    if was_rolled_back:
        stamps["rolls_back"] = False
    kind = Kind.UNDO if was_rolled_back else Kind.RESUME
    occasion = Occasion(now=now, author=author, server_key=server_key)
    resumed = _move(experiment, kind, occasion, old=(Status.PAUSED,), new=Status.RUNNING, **stamps)
    if resumed:
        hold_again(experiment=experiment, now=now)
    return resumed


@transaction.atomic
def stop_experiment(
    *,
    experiment: Experiment,
    now: datetime,
    author: Any = None,
    server_key: str = "",
    note: str = "",
) -> bool:
    """End the experiment for good; return False if it was not live."""
    occasion = Occasion(now=now, author=author, server_key=server_key, note=note)
    stopped = _move(
        experiment, STOP, occasion, old=Experiment.LIVE_STATUSES, new=Status.STOPPED, stopped_at=now
    )
    if stopped:
        refold_late_acts(experiment=experiment, after=now)
    return stopped


def archive_experiment(
    *, experiment: Experiment, now: datetime, author: Any = None, server_key: str = ""
) -> bool:
    """Remove it from the daily lists; return False if it was not stopped."""
    occasion = Occasion(now=now, author=author, server_key=server_key)
    return _move(experiment, ARCHIVE, occasion, old=(Status.STOPPED,), new=Status.ARCHIVED)


@transaction.atomic
def roll_back_experiment(*, experiment: Experiment, reason: str, occasion: Occasion) -> bool:
    """Show everybody the default CTA because of an alarm; return False if it was not running.

    Args:
        experiment: Running experiment.
        reason: Reason for the roll-back, not empty; see `services.operations.auto_rollback`.
        occasion: Time and author.
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
    """Switch automatic roll-back on or off; return False if nothing changes."""
    rows = Experiment.objects.filter(pk=experiment.pk).exclude(rolls_back=rolls_back)
    with transaction.atomic():
        switched = rows.update(rolls_back=rolls_back)
        if switched:
            record(experiment, Kind.GUARD_ON if rolls_back else Kind.GUARD_OFF, occasion)
    experiment.rolls_back = rolls_back
    return switched == 1


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
