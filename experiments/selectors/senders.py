"""New visitors by the group of their sender, as they are counted and searched for bursts."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Sum
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import TruncMinute

from experiments.event_schema.rules import PHASE
from experiments.models import Burst, Event, Exclusion, Experiment, SenderCount, VisitorOutcome

DAY = timedelta(days=1)


def new_visitors_by_sender(batches: list[int]) -> Iterable[Mapping[str, Any]]:
    """Return how many visitors of these batches are new to their experiment, minute by minute.

    Visitors already in the rollups are left out, and doubtful events.
    """
    known = VisitorOutcome.objects.filter(
        experiment=OuterRef("experiment"), visitor=OuterRef("visitor"), exclusion=Exclusion.NONE
    )
    rows = Event.objects.filter(batch__in=batches, type=Event.Type.EXPOSURE, flags=0)
    return (
        rows.filter(~Exists(known))
        .order_by()
        .values(
            "experiment",
            "variant",
            "sender",
            phase=KeyTransform(PHASE, "attributes"),
            minute=TruncMinute("received_at"),
        )
        .annotate(
            visitors=Count("visitor", distinct=True),
            first_at=Min("received_at"),
            last_at=Max("received_at"),
            first_batch=Min("batch"),
            last_batch=Max("batch"),
        )
    )


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
    flags = int(Event.Flag.BURST | Event.Flag.UNEXPLAINED)
    rows = Event.objects.filter(
        ~Q(type=Event.Type.CONVERSION),
        experiment=count.experiment_id,
        sender=count.sender,
        batch__gte=count.first_batch,
        batch__lte=count.last_batch,
        received_at__gte=count.first_at,
        received_at__lte=count.last_at,
    )
    return rows.annotate(doubts=F("flags").bitand(flags)).filter(doubts=0)


def bursts_of(experiment: Experiment) -> QuerySet[Burst]:
    """Return the bursts of an experiment, the latest first."""
    return Burst.objects.filter(experiment=experiment)
