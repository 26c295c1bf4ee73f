"""Waiting batches, visitor outcomes and rollups, as folding and its checks read them."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

from django.db import connection
from django.db.models import Count, Max, Q, QuerySet, Sum

from experiments.models import (
    CurrencyRollup,
    Event,
    Exclusion,
    Experiment,
    GoalRollup,
    PendingBatch,
    Rollup,
    RollupCheck,
    Site,
    SiteSecret,
    VisitorOutcome,
)

MOST_BATCHES = 5_000


def batches_to_fold(*, limit: int) -> list[PendingBatch]:
    """Return and lock waiting batches of about `limit` events, so that one fold has each."""
    batches, n_events = [], 0
    waiting = PendingBatch.objects.select_for_update().order_by("pk")[:MOST_BATCHES]
    for batch in waiting:
        batches.append(batch)
        n_events += batch.n_events
        if n_events >= limit:
            break
    return batches


def are_visitors_moving(site_id: int | None = None) -> bool:
    """Return whether a site's visitors (or any site's) are being replaced by digests."""
    rows = SiteSecret.objects.filter(visitors=SiteSecret.Visitors.MOVING)
    return (rows if site_id is None else rows.filter(site=site_id)).exists()


def events_of_batches(batches: list[PendingBatch]) -> QuerySet[Event]:
    return Event.objects.filter(batch__in=[batch.pk for batch in batches])


def visitors_of_batches(batches: list[PendingBatch]) -> Iterator[tuple[int, str]]:
    """Return site and visitor of every event of these batches."""
    return events_of_batches(batches).order_by().values_list("site", "visitor").iterator()


def sites_of_batches(batches: list[PendingBatch]) -> set[int]:
    return set(events_of_batches(batches).order_by().values_list("site", flat=True).distinct())


def experiments_to_count(*, sites: set[int], stopped_since: datetime) -> set[int]:
    """Return the experiments of which something may still have to be counted."""
    rows = Experiment.objects.filter(
        slot__site__in=sites, origin=Experiment.Origin.LIVE, started_at__isnull=False
    )
    rows = rows.filter(Q(stopped_at__isnull=True) | Q(stopped_at__gte=stopped_since))
    return set(rows.order_by().values_list("pk", flat=True))


def waiting_visitors(*, site_id: int) -> set[str]:
    """Return the visitors with events that are not counted yet."""
    rows = Event.objects.filter(site=site_id, batch__in=PendingBatch.objects.values("pk"))
    return set(rows.values_list("visitor", flat=True).distinct())


def waiting_events() -> int:
    """Return how many events are not counted yet."""
    total: int = PendingBatch.objects.aggregate(total=Sum("n_events", default=0))["total"]
    return total


def experiments_to_check(*, stopped_since: datetime) -> QuerySet[Experiment]:
    """Return the experiments whose rollups may still change."""
    rows = Experiment.objects.filter(origin=Experiment.Origin.LIVE, started_at__isnull=False)
    rows = rows.filter(Q(stopped_at__isnull=True) | Q(stopped_at__gte=stopped_since))
    return (
        rows.select_related("slot__site")
        .prefetch_related("guardrails", "secondary_metrics")
        .order_by("pk")
    )


def rollup_alarms() -> QuerySet[RollupCheck]:
    """Return the experiments whose rollups were found to differ from their events."""
    rows = RollupCheck.objects.filter(n_differing__gt=0)
    return rows.select_related("experiment__slot__site")


def exposed_visitors(experiment: Experiment) -> Iterator[str]:
    """Return every visitor who saw an arm, once each."""
    rows = Event.objects.filter(experiment=experiment, type=Event.Type.EXPOSURE)
    return rows.order_by("visitor").values_list("visitor", flat=True).distinct().iterator()


def outcomes_of_visitors(*, experiment_ids: set[int], visitors: set[str]) -> list[VisitorOutcome]:
    rows = VisitorOutcome.objects.filter(experiment__in=experiment_ids, visitor__in=visitors)
    return list(rows)


def settled_outcomes(experiment: Experiment) -> Iterator[VisitorOutcome]:
    """Return the visitors whose events were dropped."""
    return VisitorOutcome.objects.filter(experiment=experiment, is_settled=True).iterator()


def experiments_with_unsettled_outcomes() -> set[int]:
    rows = VisitorOutcome.objects.filter(is_settled=False).order_by()
    return set(rows.values_list("experiment", flat=True).distinct())


def settled_outcomes_on_site(site: Site) -> QuerySet[VisitorOutcome]:
    rows = VisitorOutcome.objects.filter(experiment__slot__site=site, is_settled=True)
    return rows.order_by("pk")


def experiments_with_end() -> QuerySet[Experiment]:
    return Experiment.objects.filter(stopped_at__isnull=False)


def rollups_to_book(
    *, experiment_ids: set[int], days: set[date], segments: set[str]
) -> list[Rollup]:
    """Return the rollups in which a visitor may be booked, and some beside them."""
    rows = Rollup.objects.filter(experiment__in=experiment_ids, day__in=days, segment__in=segments)
    return list(rows)


def goal_rollups_to_book(*, experiment_ids: set[int], days: set[date]) -> list[GoalRollup]:
    return list(GoalRollup.objects.filter(experiment__in=experiment_ids, day__in=days))


def currency_rollups_to_book(*, experiment_ids: set[int], days: set[date]) -> list[CurrencyRollup]:
    return list(CurrencyRollup.objects.filter(experiment__in=experiment_ids, day__in=days))


def experiments_with_goal(draft: Experiment) -> QuerySet[Experiment]:
    """Return the site's other experiments that counted a draft's goal, the newest first.

    Experiments whose values are in several currencies are left out.
    """
    rows = Experiment.objects.filter(
        slot__site=draft.slot.site_id,
        goal=draft.goal,
        origin=Experiment.Origin.LIVE,
        started_at__isnull=False,
    )
    of_goal = CurrencyRollup.objects.filter(goal=draft.goal).order_by().values("experiment")
    mixed = of_goal.annotate(n=Count("currency", distinct=True)).filter(n__gt=1)
    rows = rows.exclude(pk=draft.pk).exclude(pk__in=mixed.values("experiment"))
    return rows.order_by("-started_at", "-pk")


def values_of(experiment: Experiment, *, limit: int) -> list[Decimal]:
    """Return what visitors were worth who converted: those above 0, of the first `limit` names."""
    rows = VisitorOutcome.objects.filter(
        experiment=experiment, has_converted=True, exclusion=Exclusion.NONE
    )
    values = rows.order_by("visitor").values_list("value", flat=True)[:limit]
    return [value for value in values if value > 0]


def attribute_sets(*, site: Site, since: date) -> dict[str, int]:
    """Return how many visitors of a site had which attributes since a day, each counted once.

    Attributes are those of a first exposure, as `VisitorOutcome.segments`; of a visitor with
    several sets the last in alphabetical order. Visitors who are left out of analyses are not
    counted.
    """
    rows = VisitorOutcome.objects.filter(
        experiment__in=Experiment.objects.filter(slot__site=site),
        day__gte=since,
        exclusion=Exclusion.NONE,
    )
    sets = rows.order_by().values("visitor").annotate(attributes=Max("segments"))
    query, parameters = sets.values("attributes").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT attributes, COUNT(*) FROM ({query}) AS visitors GROUP BY attributes",  # noqa: S608  Django's own
            parameters,
        )
        return dict(cursor.fetchall())
