"""Signs of life: processes, periodic tasks, waiting events, and what websites sent."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Max, Min, QuerySet, Sum

from experiments.models import EventIntake, Heartbeat, PendingBatch, RollupCheck, Site, TaskRun


def heartbeats() -> list[Heartbeat]:
    """Return the rows of all processes, the latest sign of life first within each role."""
    return list(Heartbeat.objects.all())


def task_runs() -> dict[str, TaskRun]:
    """Return the last runs by the names of the tasks."""
    return {run.name: run for run in TaskRun.objects.all()}


def oldest_waiting_batch() -> datetime | None:
    """Return when the events were stored that have waited longest to be counted."""
    oldest: datetime | None = PendingBatch.objects.aggregate(at=Min("stored_at"))["at"]
    return oldest


def last_rollup_check() -> datetime | None:
    last: datetime | None = RollupCheck.objects.aggregate(at=Max("checked_at"))["at"]
    return last


def rollup_checks(sites: QuerySet[Site]) -> QuerySet[RollupCheck]:
    """Return the night's checks of the sites' rollups, those that found something first."""
    rows = RollupCheck.objects.filter(experiment__slot__site__in=sites)
    return rows.select_related("experiment__slot__site").order_by("-n_differing", "experiment__key")


def intake_since(since: datetime) -> Iterable[Mapping[str, Any]]:
    """Return the events of each site since an hour, by what became of them."""
    rows = EventIntake.objects.filter(hour__gte=since).order_by().values("site", "site__key")
    return rows.annotate(
        n_taken=Sum("taken"),
        n_clock=Sum("rejected_clock"),
        n_unknown=Sum("rejected_unknown"),
        n_schema=Sum("rejected_schema"),
    )


def differing_experiments() -> int:
    """Return how many experiments have rollups that the last check did not confirm."""
    return RollupCheck.objects.filter(n_differing__gt=0).count()
