"""Outbox of notices, each written in the transaction of its event.

A line of the history, a verdict, an alarm or a training has one notice, under the name of its
occurrence; `services.notices` delivers it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from experiments.models import Change, Experiment, Job, Notice, Standing
from experiments.stats.decision.decide import Status

Kind = Notice.Kind
# What is told of the lines of the history.
CHANGES: Mapping[str, Kind] = {
    Change.Kind.ASK: Kind.APPROVAL,
    Change.Kind.START: Kind.STARTED,
    Change.Kind.ROLLBACK: Kind.ROLLBACK,
    Change.Kind.ARM_OFF: Kind.ROLLBACK,
}
# What is told of the verdicts.
VERDICTS: Mapping[str, Kind] = {
    Status.SHIP: Kind.VERDICT,
    Status.KEEP_CONTROL: Kind.VERDICT,
    Status.STOP_FOR_HARM: Kind.HARM,
    Status.INVALID: Kind.SPLIT,
    Status.NO_TRAFFIC: Kind.NO_TRAFFIC,
}


def tell_of(
    experiment: Experiment,
    kind: Kind,
    *,
    occurrence: str,
    now: datetime,
    facts: Mapping[str, Any] | None = None,
) -> bool:
    """Write a notice about an experiment; return False if this occurrence already has one.

    Args:
        experiment: Experiment.
        kind: Kind of notice.
        occurrence: Name of what happened, of this kind and experiment.
        now: Moment at which it happened.
        facts: Figures and keys, from which the sentences are made for each reader.
    """
    _, is_new = Notice.objects.get_or_create(
        occurrence=f"{kind}:{experiment.pk}:{occurrence}",
        defaults={
            "kind": kind,
            "at": now,
            "site_id": experiment.slot.site_id,
            "experiment": experiment,
            "facts": dict(facts or {}),
        },
    )
    return is_new


def tell_of_change(change: Change) -> None:
    """Write the notice about a line of the history, if its kind has notices."""
    kind = CHANGES.get(change.kind)
    if kind is not None:
        facts = {"change": str(change.kind), "note": change.note}
        tell_of(change.experiment, kind, occurrence=str(change.pk), now=change.at, facts=facts)


def tell_of_standing(standing: Standing, *, is_aa: bool, now: datetime) -> bool:
    """Write the notice about a verdict; return False if there is none to write.

    A verdict has one notice, however often it comes and goes, and another if another arm wins. An
    arm that has won, or a control that stays, has no notice in an A/A test, nor before
    `CTAOPT_NOTICE_VISITORS` visitors have come.
    """
    kind = VERDICTS.get(standing.status)
    is_early = is_aa or standing.visitors < settings.CTAOPT_NOTICE_VISITORS
    if kind is None or (kind is Kind.VERDICT and is_early):
        return False
    facts = {
        "status": standing.status,
        "winner": standing.winner.key if standing.winner else "",
        "lift": standing.lift,
        "visitors": standing.visitors,
        "silent_hours": standing.silent_hours,
    }
    occurrence = f"{standing.status}:{facts['winner']}"
    if kind is Kind.NO_TRAFFIC:
        # Each silence is told, and named by the day on which it began.
        began_at = now - timedelta(hours=standing.silent_hours or 0.0)
        occurrence = f"{standing.status}:{began_at.date()}"
    return tell_of(standing.experiment, kind, occurrence=occurrence, now=now, facts=facts)


def tell_of_training(job: Job, *, now: datetime) -> None:
    """Write that a training has finished or failed: it concerns the whole installation."""
    Notice.objects.get_or_create(
        occurrence=f"{Kind.TRAINED}:{job.pk}",
        defaults={"kind": Kind.TRAINED, "at": now, "job": job, "facts": {"status": job.status}},
    )
