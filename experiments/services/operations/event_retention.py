"""Event retention: raw events are kept for a set time; the rollups stay, and stay right.

What a visitor amounts to is counted from all their events. Before some of them go, every outcome
that may rest on one is settled: folds and rebuilds leave it as it is from then on. So nothing is
counted anew from a part of its events; what such a visitor does later counts no more in that
experiment. Outcomes of experiments that ended long enough ago for no event to be left are
deleted, because they name visitors; the rollups of these can be counted again no more.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import DateTimeField, Exists, Func, OuterRef, Q, QuerySet

from experiments.event_schema.ids import first_id
from experiments.event_schema.rules import PRE_PERIOD
from experiments.models import EventDrop, VisitorOutcome
from experiments.selectors import events, rollups
from experiments.services.events.orders import forget_orders
from experiments.services.events.partitions import drop_partition, has_partitions, partition_days
from experiments.services.rollups.folding import fold_pending, has_lost_its_events, lock_experiments

DAY = timedelta(days=1)
# A dropped day must precede the pre-period of every event that may still arrive: an event may
# arrive late, and its id may be older than the event.
LEAST_DAYS = 90
AT_ONCE = 5_000


class StillWaitingError(Exception):
    """Events that are old enough to go wait to be counted: drop nothing before they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Events that were dropped, or would be: those with ids of days before `before`."""

    before: date
    n_events: int
    n_settled: int
    n_outcomes: int


def planned_drop(*, now: datetime, keep_days: int) -> Drop:
    """Return what `drop_old_events` would do now.

    Raises:
        ValueError: If events are to be kept for less than LEAST_DAYS.
    """
    before = _first_day_to_keep(now, keep_days)
    return Drop(
        before=before,
        n_events=events.events_before(first_id(before)).count(),
        n_settled=_outcomes_with_dropped_events(before).count(),
        n_outcomes=_outcomes_of_ended_experiments(before).count(),
    )


def drop_old_events(*, now: datetime, keep_days: int) -> Drop:
    """Drop the events of the days before; done again after a break, it goes on.

    Raises:
        ValueError: If events are to be kept for less than LEAST_DAYS.
        StillWaitingError: If some of them are not counted yet, and cannot be now, or visitors are
            being replaced by digests: then outcomes and events have different names.
    """
    before = _first_day_to_keep(now, keep_days)
    if rollups.are_visitors_moving():
        raise StillWaitingError("visitors become digests: run digest_visitors to its end first")
    fold_pending()
    if events.waiting_events_before(first_id(before)).exists():
        raise StillWaitingError(f"events of before {before} wait to be counted")
    drop, n_settled, n_outcomes = _settle(before, now)
    n_events = _drop_partitions(before) if has_partitions() else _delete_events(before)
    forget_orders(first_id(before))
    EventDrop.objects.filter(pk=drop.pk).update(n_events=n_events)
    return Drop(before=before, n_events=n_events, n_settled=n_settled, n_outcomes=n_outcomes)


def _first_day_to_keep(now: datetime, keep_days: int) -> date:
    if keep_days < LEAST_DAYS:
        raise ValueError(f"keep_days: {keep_days} is less than {LEAST_DAYS}")
    return (now - keep_days * DAY).date()


@transaction.atomic
def _settle(before: date, now: datetime) -> tuple[EventDrop, int, int]:
    """Have folds and rebuilds leave alone what rests on the events that go.

    Recorded before anything is deleted, so that every later count takes it into account.
    """
    lock_experiments(rollups.experiments_with_unsettled_outcomes())
    n_outcomes, _ = _outcomes_of_ended_experiments(before).delete()
    n_settled = _outcomes_with_dropped_events(before).update(is_settled=True)
    drop = EventDrop.objects.create(before=before, dropped_at=now, n_events=0)
    return drop, n_settled, n_outcomes


def _outcomes_with_dropped_events(before: date) -> QuerySet[VisitorOutcome]:
    """Return the outcomes that may rest on an event of before this day."""
    in_time = Q(occurred_at__gte=DayBeforePrePeriod(OuterRef("day")))
    # A click of the experiment belongs to an arm, however long before the exposure.
    dropped_events = events.events_before(first_id(before)).filter(
        in_time | Q(experiment=OuterRef("experiment")),
        site=OuterRef("experiment__slot__site"),
        visitor=OuterRef("visitor"),
    )
    return VisitorOutcome.objects.filter(Exists(dropped_events), is_settled=False)


def _outcomes_of_ended_experiments(before: date) -> QuerySet[VisitorOutcome]:
    """Return the outcomes of experiments of which no event is left."""
    experiment_ids = [
        row.pk for row in rollups.experiments_with_end() if has_lost_its_events(row, before=before)
    ]
    return VisitorOutcome.objects.filter(experiment__in=experiment_ids)


class DayBeforePrePeriod(Func):
    """The day on which nothing yet counts for a visitor first exposed on this one."""

    output_field = DateTimeField()
    days = PRE_PERIOD.days + 1

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> Any:
        template = f"date(%(expressions)s, '-{self.days} days')"
        return self.as_sql(compiler, connection, template=template)

    def as_postgresql(self, compiler: Any, connection: Any, **_: Any) -> Any:
        return self.as_sql(compiler, connection, template=f"(%(expressions)s - {self.days})")


def _drop_partitions(before: date) -> int:
    days = [day for day in partition_days() if day < before]
    n_events = events.events_before(first_id(before)).count()
    for day in days:
        drop_partition(day)
    return n_events


def _delete_events(before: date) -> int:
    """Delete a few thousand rows at a time, so that storing events is not blocked."""
    deleted = 0
    while ids := list(
        events.events_before(first_id(before)).values_list("event_id", flat=True)[:AT_ONCE]
    ):
        count, _ = events.events_before(first_id(before)).filter(event_id__lte=max(ids)).delete()
        deleted += count
    return deleted
