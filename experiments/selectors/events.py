"""Raw events and the visitors in them."""

from datetime import date, datetime
from uuid import UUID

from django.db.models import Count, Exists, Max, OuterRef, QuerySet, Subquery
from django.db.models.fields.json import KeyTransform

from experiments.event_schema.rules import PHASE
from experiments.models import (
    Change,
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


def outcomes_on_site(*, site_id: int, visitor: str) -> list[VisitorOutcome]:
    rows = VisitorOutcome.objects.filter(experiment__slot__site=site_id, visitor=visitor)
    return list(rows)


def events_of_visitor(*, site_id: int, visitor: str) -> QuerySet[Event]:
    """Return a visitor's events on a site, in the order of their ids."""
    return Event.objects.filter(site_id=site_id, visitor=visitor).order_by("event_id")


def waiting_batches(batches: set[int]) -> set[int]:
    """Return those of the batches that the rollups do not count yet."""
    return set(PendingBatch.objects.filter(pk__in=batches).values_list("pk", flat=True))


def traces_of_visitor(*, site_id: int, visitor: str) -> tuple[int, int]:
    """Return the numbers of events and of experiments that hold something of a visitor."""
    events = Event.objects.filter(site_id=site_id, visitor=visitor)
    return events.count(), len(outcomes_on_site(site_id=site_id, visitor=visitor))


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


def converting_visitors(
    *, site: Site, goal: str, since: datetime, until: datetime, limit: int
) -> list[str]:
    """Return the visitors who reached a goal in this time, at most `limit`; no doubtful events."""
    rows = Event.objects.filter(
        site=site,
        type=Event.Type.CONVERSION,
        goal=goal,
        flags=0,
        occurred_at__gte=since,
        occurred_at__lt=until,
    )
    return list(rows.order_by("visitor").values_list("visitor", flat=True).distinct()[:limit])
