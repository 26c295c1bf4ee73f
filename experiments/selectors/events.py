"""Raw events and the visitors in them."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from django.db.models import Count, Exists, Max, OuterRef, QuerySet, Subquery
from django.db.models.fields.json import KeyTransform

from experiments.event_schema.ids import first_id_at
from experiments.event_schema.rules import PHASE
from experiments.models import (
    Change,
    ConversionOrder,
    Event,
    EventDrop,
    Experiment,
    PendingBatch,
    Site,
    Variant,
    VisitorOutcome,
)


def newest_exposure(
    experiment: Experiment, *, first: UUID
) -> tuple[datetime | None, datetime | None]:
    """Return when the newest exposure arrived, and when the experiment last went on after a pause.

    Ids begin with a time, and the table is ordered by them: events before the first are not read.
    Doubtful exposures count, too. One query.
    """
    exposures = Event.objects.filter(
        experiment=experiment,
        type=Event.Type.EXPOSURE,
        site=experiment.slot.site_id,
        event_id__gte=first,
    )
    kinds = (Change.Kind.RESUME, Change.Kind.UNDO)
    resumptions = Change.objects.filter(experiment=experiment, kind__in=kinds)
    columns = (
        Subquery(exposures.order_by("-event_id").values("received_at")[:1]),
        Subquery(resumptions.order_by("-at").values("at")[:1]),
    )
    exposed, resumed = Experiment.objects.filter(pk=experiment.pk).values_list(*columns).get()
    return exposed, resumed


def experiments_of_visitors(*, site_id: int, visitors: list[str]) -> set[int]:
    """Return the keys of the experiments that these visitors met."""
    rows = Event.objects.filter(site_id=site_id, visitor__in=visitors, experiment__isnull=False)
    return set(rows.order_by().values_list("experiment_id", flat=True).distinct())


def new_visitors(*, experiment: Experiment, first: UUID, end: UUID) -> dict[int, dict[int, int]]:
    """Return how many visitors first saw each arm between two ids of events.

    Ids begin with a time, and the table is ordered by them. Doubtful events are left out.

    Returns:
        Visitors by the primary key of the arm, by the number of the phase that gave it to them.
    """
    exposures = Event.objects.filter(
        experiment=experiment, type=Event.Type.EXPOSURE, flags=0, site=experiment.slot.site_id
    )
    earlier = exposures.filter(event_id__lt=first, visitor=OuterRef("visitor"))
    rows = exposures.filter(~Exists(earlier), event_id__gte=first, event_id__lt=end)
    phase = KeyTransform(PHASE, "attributes")
    groups = rows.order_by().values("variant", phase=phase)
    visitors: dict[int, dict[int, int]] = {}
    for row in groups.annotate(n=Count("visitor", distinct=True)):
        visitors.setdefault(row["phase"] or 0, {})[row["variant"]] = row["n"]
    return visitors


def outcomes_on_site(*, site_id: int, names: Sequence[str]) -> list[VisitorOutcome]:
    """Return the outcomes of a visitor, who may be stored under any of these names."""
    rows = VisitorOutcome.objects.filter(experiment__slot__site=site_id, visitor__in=names)
    return list(rows)


def events_of_visitor(*, site_id: int, names: Sequence[str]) -> QuerySet[Event]:
    """Return the events of a visitor of any of these names on a site, in the order of their ids."""
    return Event.objects.filter(site_id=site_id, visitor__in=names).order_by("event_id")


def order_digests(*, site_id: int, event_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Return the digests of the order numbers of a site's events, by event."""
    if not event_ids:
        return {}
    # A range, for the ids of events read together lie together.
    rows = ConversionOrder.objects.filter(
        site=site_id, event_id__gte=min(event_ids), event_id__lte=max(event_ids)
    )
    wanted = set(event_ids)
    return {
        event_id: digest
        for event_id, digest in rows.values_list("event_id", "digest").iterator()
        if event_id in wanted
    }


def waiting_batches(batches: set[int]) -> set[int]:
    """Return those of the batches that the rollups do not count yet."""
    return set(PendingBatch.objects.filter(pk__in=batches).values_list("pk", flat=True))


def traces_of_visitor(*, site_id: int, names: Sequence[str]) -> tuple[int, int]:
    """Return the numbers of events and of experiments that hold something of a visitor."""
    events = events_of_visitor(site_id=site_id, names=names)
    return events.count(), len(outcomes_on_site(site_id=site_id, names=names))


def events_before(first_id: UUID) -> QuerySet[Event]:
    """Return the events whose ids are smaller, in the order of their ids."""
    return Event.objects.filter(event_id__lt=first_id).order_by("event_id")


def events_between(site: Site, first_id: UUID, end_id: UUID) -> QuerySet[Event]:
    """Return a site's events with ids from the first to before the end, in their order."""
    rows = Event.objects.filter(site=site, event_id__gte=first_id, event_id__lt=end_id)
    return rows.order_by("event_id")


def size_of_events(events: QuerySet[Event]) -> tuple[int, datetime | None]:
    """Return how many there are, and when the last of them arrived."""
    found = events.order_by().aggregate(rows=Count("event_id"), newest=Max("received_at"))
    return found["rows"], found["newest"]


def ends_of_event_ids(site: Site) -> tuple[UUID, UUID] | None:
    """Return the smallest and the greatest id of a site's events; None without any."""
    ids = Event.objects.filter(site=site).values_list("event_id", flat=True)
    first, last = ids.order_by("event_id").first(), ids.order_by("-event_id").first()
    return None if first is None or last is None else (first, last)


def arms_on_site(site: Site) -> QuerySet[Variant]:
    """Return the variants of all of a site's experiments."""
    return Variant.objects.filter(experiment__slot__site=site).select_related("experiment")


def waiting_events_before(first_id: UUID) -> QuerySet[Event]:
    return events_before(first_id).filter(batch__in=PendingBatch.objects.values("pk"))


def events_dropped_before() -> date | None:
    """Return the first day of which raw events are kept; None if none were ever dropped."""
    return EventDrop.objects.values_list("before", flat=True).first()


def conversions_by_goal(*, site_id: int, since: datetime, until: datetime) -> dict[str, int]:
    """Return how many conversions of each goal arrived on a site in this time."""
    rows = Event.objects.filter(
        site=site_id,
        type=Event.Type.CONVERSION,
        event_id__gte=first_id_at(since),
        event_id__lt=first_id_at(until),
    )
    groups = rows.order_by().values("goal").annotate(n=Count("event_id"))
    return {row["goal"]: row["n"] for row in groups}


def converting_visitors(
    *, site: Site, goal: str, since: datetime, until: datetime, limit: int
) -> list[tuple[str, bool]]:
    """Return the visitors who reached a goal in this time, at most `limit`; no doubtful events.

    With each, whether a conversion is flagged as one of a visitor held out.
    """
    held_out = int(Event.Flag.HELD_OUT)
    rows = Event.objects.filter(
        site=site,
        type=Event.Type.CONVERSION,
        goal=goal,
        flags__in=(0, held_out),
        occurred_at__gte=since,
        occurred_at__lt=until,
    )
    visitors = rows.order_by("visitor").values_list("visitor").annotate(highest=Max("flags"))
    return [(visitor, highest == held_out) for visitor, highest in visitors[:limit]]
