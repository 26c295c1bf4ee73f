"""Every read query, named for its use. Nothing here writes."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, Max, OuterRef, Prefetch, Q, QuerySet, Sum

from experiments.models import (
    CTA,
    Audience,
    CacheWatch,
    Change,
    ConfigRevision,
    Event,
    EventDrop,
    Experiment,
    GoalRollup,
    HistoryArm,
    PendingBatch,
    RampStep,
    Rollup,
    RollupCheck,
    ServerKey,
    Site,
    Slot,
    Variant,
    VisitorOutcome,
)

LIVE = (Experiment.Status.RUNNING, Experiment.Status.PAUSED)
MOST_BATCHES = 5_000
FINISHED = (Experiment.Status.STOPPED, Experiment.Status.ARCHIVED)


def config_revision() -> int:
    """Return the number that moves with every change of what is served."""
    return ConfigRevision.objects.values_list("number", flat=True).first() or 0


def sites_to_serve() -> QuerySet[Site]:
    return Site.objects.order_by("pk")


def site_by_key(key: str) -> Site | None:
    return Site.objects.filter(key=key).first()


def valid_server_keys() -> QuerySet[ServerKey]:
    return ServerKey.objects.filter(revoked_at__isnull=True)


def slots_to_serve() -> QuerySet[Slot]:
    """Return the slots, each with its default CTA read in the same breath."""
    rows = Slot.objects.select_related("default_cta")
    return rows.prefetch_related("default_cta__wordings").order_by("key")


def experiments_to_serve(*, stopped_since: datetime) -> QuerySet[Experiment]:
    """Return live experiments, and stopped ones whose last events may still arrive."""
    live = Experiment.objects.filter(status__in=LIVE)
    lately = Experiment.objects.filter(status__in=FINISHED, stopped_at__gte=stopped_since)
    ctas = Variant.objects.select_related("cta").prefetch_related("cta__wordings")
    arms = Prefetch("variants", ctas.order_by("arm"))
    return (
        (live | lately)
        .filter(origin=Experiment.Origin.LIVE)
        .select_related("audience", "namespace", "slot__site")
        .prefetch_related(arms, "phases")
        .order_by("started_at", "pk")
    )


def variant_to_preview(*, variant_id: int) -> Variant | None:
    """Return an arm with its slot and its CTA's wordings."""
    rows = Variant.objects.filter(pk=variant_id).select_related("cta", "experiment__slot")
    return rows.prefetch_related("cta__wordings").first()


def live_rivals(experiment: Experiment) -> QuerySet[Experiment]:
    """Return the live experiments on the same slot and audience."""
    return (
        Experiment.objects.filter(
            slot=experiment.slot_id, audience=experiment.audience_id, status__in=LIVE
        )
        .exclude(pk=experiment.pk)
        .select_related("namespace")
    )


def experiments_showing(cta: CTA) -> QuerySet[Experiment]:
    """Return the experiments that show this CTA or showed it.

    While they exist it stays as it is: reports and the predictor's history read its wording.
    """
    started = Experiment.objects.exclude(status=Experiment.Status.DRAFT)
    return started.filter(variants__cta=cta).distinct()


def batches_to_fold(*, limit: int) -> list[PendingBatch]:
    """Return batches that wait, with about so many events, and lock them: one fold has each."""
    batches, n_events = [], 0
    waiting = PendingBatch.objects.select_for_update().order_by("pk")[:MOST_BATCHES]
    for batch in waiting:
        batches.append(batch)
        n_events += batch.n_events
        if n_events >= limit:
            break
    return batches


def first_exposed_variant(
    *, site_id: int, experiment_id: int, visitors: Sequence[str]
) -> int | None:
    """Return the variant that the first of these visitors saw first; None if none saw any.

    What was folded is asked first: raw events may have been deleted by their age.
    """
    outcomes = VisitorOutcome.objects.filter(experiment=experiment_id, visitor__in=visitors)
    folded = outcomes.order_by("day", "pk").values_list("variant_id", flat=True).first()
    if folded is not None:
        return folded
    rows = Event.objects.filter(site_id=site_id, visitor__in=visitors, experiment=experiment_id)
    rows = rows.filter(type=Event.Type.EXPOSURE)
    return rows.order_by("occurred_at", "event_id").values_list("variant_id", flat=True).first()


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
    """Return the visitors of whom events are not counted yet."""
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
    return rows.select_related("slot").prefetch_related("guardrails").order_by("pk")


def rollup_alarms() -> QuerySet[RollupCheck]:
    """Return the experiments whose rollups were found to differ from their events."""
    rows = RollupCheck.objects.filter(n_differing__gt=0)
    return rows.select_related("experiment__slot__site")


def experiments_of_visitors(*, site_id: int, visitors: list[str]) -> set[int]:
    """Return the keys of the experiments that these visitors met."""
    rows = Event.objects.filter(site_id=site_id, visitor__in=visitors, experiment__isnull=False)
    return set(rows.order_by().values_list("experiment_id", flat=True).distinct())


def exposed_visitors(experiment: Experiment) -> Iterator[str]:
    """Return every visitor who saw an arm, once each."""
    rows = Event.objects.filter(experiment=experiment, type=Event.Type.EXPOSURE)
    return rows.order_by("visitor").values_list("visitor", flat=True).distinct().iterator()


def experiments_to_watch() -> QuerySet[Experiment]:
    """Return the live experiments of this service, with arms and phases."""
    rows = Experiment.objects.filter(status__in=LIVE, origin=Experiment.Origin.LIVE)
    arms = Prefetch("variants", Variant.objects.order_by("arm"))
    return rows.prefetch_related(arms, "phases").order_by("pk")


def new_visitors(*, experiment: Experiment, first: UUID, end: UUID) -> dict[int, int]:
    """Return how many visitors first saw each arm (its primary key) between two ids of events.

    Ids begin with a time, and the table is ordered by them. Doubtful events are left out.
    """
    exposures = Event.objects.filter(
        experiment=experiment, type=Event.Type.EXPOSURE, flags=0, site=experiment.slot.site_id
    )
    earlier = exposures.filter(event_id__lt=first, visitor=OuterRef("visitor"))
    rows = exposures.filter(~Exists(earlier), event_id__gte=first, event_id__lt=end)
    counts = rows.order_by().values("variant").annotate(n=Count("visitor", distinct=True))
    return {row["variant"]: row["n"] for row in counts}


def cache_alarms() -> QuerySet[CacheWatch]:
    """Return the alarms nobody has dismissed, of live experiments."""
    rows = CacheWatch.objects.filter(alarmed_at__isnull=False, experiment__status__in=LIVE)
    return rows.select_related("experiment__slot__site", "arm")


def outcomes_of_visitors(*, experiment_ids: set[int], visitors: set[str]) -> list[VisitorOutcome]:
    rows = VisitorOutcome.objects.filter(experiment__in=experiment_ids, visitor__in=visitors)
    return list(rows)


def outcomes_on_site(*, site_id: int, visitor: str) -> list[VisitorOutcome]:
    rows = VisitorOutcome.objects.filter(experiment__slot__site=site_id, visitor=visitor)
    return list(rows)


def traces_of_visitor(*, site_id: int, visitor: str) -> tuple[int, int]:
    """Return the numbers of events and of experiments that hold something of a visitor."""
    events = Event.objects.filter(site_id=site_id, visitor=visitor)
    return events.count(), len(outcomes_on_site(site_id=site_id, visitor=visitor))


def settled_outcomes(experiment: Experiment) -> Iterator[VisitorOutcome]:
    """Return the visitors whose events were dropped."""
    return VisitorOutcome.objects.filter(experiment=experiment, is_settled=True).iterator()


def experiments_with_unsettled_outcomes() -> set[int]:
    rows = VisitorOutcome.objects.filter(is_settled=False).order_by()
    return set(rows.values_list("experiment", flat=True).distinct())


def events_before(first_id: UUID) -> QuerySet[Event]:
    """Return the events whose ids are smaller, in the order of their ids."""
    return Event.objects.filter(event_id__lt=first_id).order_by("event_id")


def experiments_on_site(site: Site) -> QuerySet[Experiment]:
    return Experiment.objects.filter(slot__site=site).order_by("pk")


def settled_outcomes_on_site(site: Site) -> QuerySet[VisitorOutcome]:
    rows = VisitorOutcome.objects.filter(experiment__slot__site=site, is_settled=True)
    return rows.order_by("pk")


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


def experiments_with_end() -> QuerySet[Experiment]:
    return Experiment.objects.filter(stopped_at__isnull=False)


def events_dropped_before() -> date | None:
    """Return the first day of which raw events are kept; None if none were ever dropped."""
    return EventDrop.objects.values_list("before", flat=True).first()


def rollups_of(experiment: Experiment) -> QuerySet[Rollup]:
    """Return the rollups of everybody, a row a day and arm."""
    rows = Rollup.objects.filter(experiment=experiment, segment="")
    return rows.select_related("variant")


def segment_rollups_of(experiment: Experiment) -> QuerySet[Rollup]:
    """Return the rollups of the segments; a visitor is in several of them."""
    rows = Rollup.objects.filter(experiment=experiment).exclude(segment="")
    return rows.select_related("variant")


def phase_rollups_of(experiment: Experiment) -> QuerySet[Rollup]:
    """Return the rollups of the later phases, a row a day and arm."""
    return Rollup.objects.filter(experiment=experiment, segment__startswith="phase=")


def rollups_to_book(
    *, experiment_ids: set[int], days: set[date], segments: set[str]
) -> list[Rollup]:
    """Return the rollups in which a visitor may be booked, and some beside them."""
    rows = Rollup.objects.filter(experiment__in=experiment_ids, day__in=days, segment__in=segments)
    return list(rows)


def goal_rollups_of(experiment: Experiment) -> QuerySet[GoalRollup]:
    """Return what the visitors did towards the goals of the guardrails."""
    return GoalRollup.objects.filter(experiment=experiment).select_related("variant")


def goal_rollups_to_book(*, experiment_ids: set[int], days: set[date]) -> list[GoalRollup]:
    return list(GoalRollup.objects.filter(experiment__in=experiment_ids, day__in=days))


def rollups_on_slot(slot: Slot, *, since: date, before: date) -> QuerySet[Rollup]:
    """Return everybody's rollups of every experiment on the slot in these days."""
    rows = Rollup.objects.filter(experiment__slot=slot, segment="", day__gte=since, day__lt=before)
    return rows.select_related("experiment")


def experiments_with_wordings() -> QuerySet[Experiment]:
    """Return experiments with where they are and what their arms say."""
    arms = Prefetch("variants", Variant.objects.select_related("cta").order_by("arm"))
    wordings = "variants__cta__wordings"
    rows = Experiment.objects.select_related("slot__site", "audience")
    return rows.prefetch_related(arms, wordings, "phases")


def experiments_for_report(*, site: Site | None = None) -> QuerySet[Experiment]:
    """Return experiments with what a report shows of them; those of one site if given."""
    rows = experiments_with_wordings().prefetch_related("guardrails")
    rows = rows.select_related("cache_watch__arm", "rollup_check")
    return rows if site is None else rows.filter(slot__site=site)


def experiments_by_key(keys: list[str]) -> QuerySet[Experiment]:
    return Experiment.objects.filter(key__in=keys).select_related("slot")


def finished_experiments(*, site: Site | None = None) -> QuerySet[Experiment]:
    """Return finished experiments, each with the rollups of everybody in `rollups`."""
    everybody = Prefetch("rollups", Rollup.objects.filter(segment=""))
    rows = experiments_with_wordings().filter(status__in=FINISHED).prefetch_related(everybody)
    return rows if site is None else rows.filter(slot__site=site)


def finished_arms_like(experiment: Experiment) -> QuerySet[Variant]:
    """Return the arms of the site's other finished experiments on its metric, counted in SQL.

    Ordered by experiment and arm. Sums of values are text and cannot be added there: for those
    see `finished_rollups_like`.
    """
    everybody = Q(rollups__segment="")
    rows = Variant.objects.filter(_finished_like(experiment)).exclude(experiment=experiment)
    return rows.order_by("experiment", "arm").annotate(
        visitors=Sum("rollups__visitors", filter=everybody, default=0),
        clicking_visitors=Sum("rollups__clicking_visitors", filter=everybody, default=0),
        converting_visitors=Sum("rollups__converting_visitors", filter=everybody, default=0),
    )


def finished_rollups_like(experiment: Experiment) -> QuerySet[Rollup]:
    """Return everybody's rollups of the site's other finished experiments on its metric."""
    other = Variant.objects.filter(_finished_like(experiment)).exclude(experiment=experiment)
    rows = Rollup.objects.filter(segment="", variant__in=other)
    return rows.order_by("experiment", "variant__arm").select_related("variant")


def _finished_like(experiment: Experiment) -> Q:
    return Q(
        experiment__slot__site=experiment.slot.site_id,
        experiment__status__in=FINISHED,
        experiment__primary_metric=experiment.primary_metric,
    )


def history_arms(*, site: Site | None = None) -> QuerySet[HistoryArm]:
    """Return the archive of a site, or of all."""
    rows = HistoryArm.objects.select_related("site").order_by("pk")
    return rows if site is None else rows.filter(site=site)


def history_locales() -> list[str]:
    """Return the languages of the archive, those that are stated."""
    rows = HistoryArm.objects.exclude(locale="").order_by("locale")
    return list(rows.values_list("locale", flat=True).distinct())


def ctas_of(*, site: Site | None) -> QuerySet[CTA]:
    """Return the CTAs of a site, or of all."""
    rows = CTA.objects.select_related("site").prefetch_related("wordings", "tags")
    return rows if site is None else rows.filter(site=site)


def audiences_of(*, site: Site | None) -> QuerySet[Audience]:
    """Return the audiences of a site, or of all."""
    rows = Audience.objects.select_related("site")
    return rows if site is None else rows.filter(site=site)


def slots_of(*, site: Site | None) -> QuerySet[Slot]:
    """Return the slots of a site, or of all."""
    rows = Slot.objects.select_related("site")
    return rows if site is None else rows.filter(site=site)


def live_experiments() -> QuerySet[Experiment]:
    """Return running and paused experiments, the newest first."""
    return experiments_for_report().filter(status__in=LIVE)


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
    rows = Experiment.objects.filter(status__in=LIVE, ends_at__lte=now)
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


def live_experiments_using(row: Any) -> QuerySet[Experiment]:
    """Return the live experiments of an audience or a namespace."""
    experiments: QuerySet[Experiment] = row.experiments.all()
    return experiments.filter(status__in=LIVE)
