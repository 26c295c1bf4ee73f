"""Experiments by what is due: to start, to stop, to watch, to roll back; and their changes."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import F, Prefetch, Q, QuerySet, prefetch_related_objects

from experiments.models import (
    Change,
    Experiment,
    RampStep,
    Site,
    Variant,
)

_LIVE_ON_SLOT = "live_experiments"


def locked_draft(experiment: Experiment) -> Experiment:
    """Return an experiment read afresh and locked, with what its checks ask for.

    It may have been edited since the caller read it; of two clicks the second finds what the first
    has done.
    """
    rows = Experiment.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("slot__site", "audience", "namespace").get(pk=experiment.pk)


def live_rivals(experiment: Experiment) -> list[Experiment]:
    """Return the other live experiments on the same slot, the oldest first.

    They are those that were read with the slot, if they were (`read_live_rivals`).
    """
    live = getattr(experiment.slot, _LIVE_ON_SLOT, None)
    if live is None:
        return list(_live().filter(slot=experiment.slot_id).exclude(pk=experiment.pk))
    return [one for one in live if one.pk != experiment.pk]


def read_live_rivals(experiments: Sequence[Experiment]) -> None:
    """Read the live experiments on the slots of experiments, in one query for all of them."""
    live = Prefetch("slot__experiments", _live(), to_attr=_LIVE_ON_SLOT)
    prefetch_related_objects(experiments, live)


def live_in_namespace(experiment: Experiment) -> QuerySet[Experiment]:
    """Return the other live experiments in the same namespace, on any slot; none without one."""
    rows = _live().exclude(pk=experiment.pk).filter(namespace=experiment.namespace_id)
    return rows if experiment.namespace_id is not None else rows.none()


def _live() -> QuerySet[Experiment]:
    rows = Experiment.objects.filter(status__in=Experiment.LIVE_STATUSES)
    rows = rows.select_related("namespace", "audience").prefetch_related("ramp")
    return rows.order_by("started_at", "pk")


def experiments_to_watch() -> QuerySet[Experiment]:
    """Return the live experiments of this service, with arms and phases."""
    rows = Experiment.objects.filter(
        status__in=Experiment.LIVE_STATUSES, origin=Experiment.Origin.LIVE
    )
    arms = Prefetch("variants", Variant.objects.order_by("arm"))
    return rows.prefetch_related(arms, "phases").order_by("pk")


def ramping_experiments() -> QuerySet[Experiment]:
    """Return the running experiments with steps of a ramp ahead of them."""
    ahead = RampStep.objects.filter(reached_at__isnull=True).values("experiment")
    rows = Experiment.objects.filter(status=Experiment.Status.RUNNING, pk__in=ahead)
    return rows.prefetch_related("ramp").order_by("pk")


def drafts_to_start(*, now: datetime) -> QuerySet[Experiment]:
    """Return the drafts whose planned start has come."""
    return Experiment.objects.filter(status=Experiment.Status.DRAFT, starts_at__lte=now)


def experiments_to_stop(*, now: datetime) -> QuerySet[Experiment]:
    """Return the live experiments whose planned end has come."""
    rows = Experiment.objects.filter(status__in=Experiment.LIVE_STATUSES, ends_at__lte=now)
    return rows.select_related("slot")


def experiments_that_roll_back() -> QuerySet[Experiment]:
    """Return the running experiments that roll back on an alarm."""
    rows = Experiment.objects.filter(
        status=Experiment.Status.RUNNING, rolls_back=True, origin=Experiment.Origin.LIVE
    )
    return rows.prefetch_related("variants", "guardrails", "phases").order_by("pk")


def changes_of(experiment: Experiment) -> QuerySet[Change]:
    """Return what was done to an experiment, the latest first."""
    return Change.objects.filter(experiment=experiment).select_related("author")


def other_live_experiments(experiment: Experiment) -> QuerySet[Experiment]:
    """Return the other live experiments of an experiment's slot, for any audience."""
    rows = Experiment.objects.filter(slot=experiment.slot_id, status__in=Experiment.LIVE_STATUSES)
    return rows.exclude(pk=experiment.pk).order_by("started_at", "pk")


def experiments_between(
    *, sites: QuerySet[Site], first: datetime, last: datetime
) -> QuerySet[Experiment]:
    """Return the tests of these sites that may have a day between two moments, live ones first.

    Those that run, those planned to start before the last moment, and those that ran in between;
    drafts without a planned start have no day.
    """
    live = Q(status__in=Experiment.LIVE_STATUSES, started_at__lte=last)
    planned = Q(status=Experiment.Status.DRAFT, starts_at__lte=last)
    past = Q(status__in=Experiment.FINISHED_STATUSES, started_at__lte=last, stopped_at__gte=first)
    rows = Experiment.objects.filter(live | planned | past, slot__site__in=sites)
    rows = rows.select_related("slot__site", "audience", "namespace", "standing")
    # Finished ones have an end: where a list is cut, the latest of them stay.
    return rows.order_by(F("stopped_at").desc(nulls_first=True), "-pk")
