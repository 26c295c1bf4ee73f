"""New visitors by the group of their sender, as they are counted and searched for bursts."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Sum
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import ExtractMinute, Floor, TruncHour

from experiments.event_schema.ids import first_id_at
from experiments.event_schema.messages import ID_SLACK, MAX_AGE
from experiments.event_schema.rules import MAX_AHEAD, PHASE
from experiments.models import Burst, Event, Exclusion, Experiment, SenderCount, VisitorOutcome

DAY = timedelta(days=1)
# Of visitors whose events all count as not sent.
NOT_HAPPENED = (Exclusion.PREFETCH, Exclusion.UNEXPLAINED, Exclusion.BURST, Exclusion.LATE)
BURST = int(Event.Flag.BURST)
DOUBTS = int(Event.Flag.BURST | Event.Flag.UNEXPLAINED)
# A burst is found, and its visitors are counted again, within minutes.
LATELY = timedelta(hours=2)
# The most by which an id may be dated before its arrival.
OLDEST_ID = MAX_AGE + MAX_AHEAD + ID_SLACK


def new_visitors_by_sender(batches: list[int]) -> Iterable[Mapping[str, Any]]:
    """Return how many visitors of these batches are new, by hour and quarter of it (0 to 3).

    Visitors already in the rollups are left out unless nothing of them had happened, or a burst
    brought them: what they send beside it is looked at as if they were new. Doubtful events are
    left out.
    """
    known = VisitorOutcome.objects.filter(
        experiment=OuterRef("experiment"), visitor=OuterRef("visitor")
    ).exclude(exclusion__in=NOT_HAPPENED)
    rows = Event.objects.filter(batch__in=batches, type=Event.Type.EXPOSURE, flags=0)
    return (
        rows.filter(~Exists(known) | _is_of_a_burst(batches))
        .order_by()
        .values(
            "experiment",
            "variant",
            "sender",
            phase=KeyTransform(PHASE, "attributes"),
            hour=TruncHour("received_at", tzinfo=UTC),
            quarter=Floor(ExtractMinute("received_at", tzinfo=UTC) / 15),
        )
        .annotate(
            visitors=Count("visitor", distinct=True),
            first_at=Min("received_at"),
            last_at=Max("received_at"),
            first_batch=Min("batch"),
            last_batch=Max("batch"),
        )
    )


def _is_of_a_burst(batches: list[int]) -> Q:
    """Return the condition that a visitor has events which are flagged as a late burst."""
    last = Burst.objects.filter(experiment__status__in=Experiment.LIVE_STATUSES)
    found = dict(last.order_by().values_list("experiment").annotate(Max("last_at")))
    newest = (
        found and Event.objects.filter(batch__in=batches).aggregate(at=Max("received_at"))["at"]
    )
    if not newest:
        return Q(pk__in=[])
    since = newest - LATELY
    flagged = Event.objects.filter(
        site=OuterRef("site"),
        visitor=OuterRef("visitor"),
        experiment=OuterRef("experiment"),
        event_id__gte=first_id_at(since - OLDEST_ID),
    )
    flagged = flagged.annotate(burst=F("flags").bitand(BURST)).filter(burst=BURST)
    return Q(experiment__in=[pk for pk, at in found.items() if at >= since]) & Q(Exists(flagged))


def sender_counts(*, experiments: Iterable[int], slots: Iterable[datetime]) -> list[SenderCount]:
    return list(SenderCount.objects.filter(experiment__in=experiments, slot__in=slots))


def experiments_with_new_visitors(*, since: datetime) -> list[int]:
    """Return the live experiments that somebody with a known sender was new to."""
    rows = SenderCount.objects.filter(
        slot__gte=since, sender__gte=0, experiment__status__in=Experiment.LIVE_STATUSES
    )
    return sorted(rows.order_by().values_list("experiment", flat=True).distinct())


def counts_of_day(*, experiment_id: int, day: date) -> list[SenderCount]:
    """Return the counts of a day in UTC, in order of time."""
    midnight = datetime.combine(day, time(), tzinfo=UTC)
    rows = SenderCount.objects.filter(
        experiment=experiment_id, slot__gte=midnight, slot__lt=midnight + DAY
    )
    return list(rows.order_by("slot", "sender", "phase", "variant"))


def usual_visitors(*, experiment_id: int, since: datetime, before: datetime) -> tuple[int, int]:
    """Return the most visitors of one sender in a slot, and all visitors; without bursts."""
    rows = SenderCount.objects.filter(
        experiment=experiment_id, slot__gte=since, slot__lt=before, is_burst=False
    ).order_by()
    everybody = rows.aggregate(n=Sum("visitors", default=0))["n"]
    largest = rows.filter(sender__gte=0).values("slot", "sender").annotate(n=Sum("visitors"))
    most = largest.order_by("-n").values_list("n", flat=True).first()
    return most or 0, everybody


def events_of_burst(count: SenderCount) -> QuerySet[Event]:
    """Return the exposures and clicks behind a count that are not flagged yet."""
    rows = Event.objects.filter(
        ~Q(type=Event.Type.CONVERSION),
        experiment=count.experiment_id,
        sender=count.sender,
        batch__gte=count.first_batch,
        batch__lte=count.last_batch,
        received_at__gte=count.first_at,
        received_at__lte=count.last_at,
    )
    return rows.annotate(doubts=F("flags").bitand(DOUBTS)).filter(doubts=0)


def other_exposures(*, batch: int, site_id: int, since: datetime) -> QuerySet[Event]:
    """Return what visitors of the burst in this batch were shown beside it, in no other burst.

    Whoever sends made-up visitors twice must not have them counted for the second time.
    """
    burst = Event.objects.filter(batch=batch)
    rows = Event.objects.filter(
        site=site_id,
        type=Event.Type.EXPOSURE,
        visitor__in=burst.values("visitor"),
        experiment__in=burst.values("experiment"),
        event_id__gte=first_id_at(since - OLDEST_ID),
    )
    return rows.annotate(doubts=F("flags").bitand(DOUBTS)).filter(doubts=0).exclude(batch=batch)


def bursts_of(experiment: Experiment) -> QuerySet[Burst]:
    """Return the bursts of an experiment, the latest first."""
    return Burst.objects.filter(experiment=experiment)
