"""Experiments as the first page lists them, by their kept standings; first steps of a site."""

from datetime import datetime
from functools import reduce
from operator import or_
from zoneinfo import ZoneInfo

from django.db.models import (
    Case,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)

from experiments.event_schema.calendar_days import calendar_day
from experiments.models import (
    CTA,
    Approval,
    CTAWording,
    Experiment,
    Rollup,
    Site,
    Slot,
    SnippetSighting,
    Variant,
)
from experiments.selectors.reports import experiments_for_report

# Verdicts that ask for a decision, the most urgent first.
DECISIVE = ("stop_for_harm", "invalid", "ship", "keep_control", "no_traffic")
Status = Experiment.Status
LIVE = Q(status__in=Experiment.LIVE_STATUSES)
ROLLED_BACK = Q(status=Status.PAUSED, rolled_back_at__isnull=False)
UNDECIDED = Q(status=Status.STOPPED, origin=Experiment.Origin.LIVE, decision__isnull=True)


def experiments_without_standing(*, before: datetime) -> QuerySet[Experiment]:
    """Return live and undecided experiments whose standing is missing or older, those first.

    Each has the rollups of everybody in `rollups`.
    """
    is_old = Q(standing__isnull=True) | Q(standing__computed_at__lt=before)
    # What has stopped changes no more, once its last events are counted.
    has_ended = UNDECIDED & (
        Q(standing__isnull=True) | Q(standing__computed_at__lt=F("stopped_at"))
    )
    everybody = Rollup.objects.filter(segment="").select_related("variant")
    rows = experiments_for_report().filter((LIVE & is_old) | has_ended)
    rows = rows.prefetch_related(Prefetch("rollups", everybody))
    return rows.order_by(F("standing__computed_at").asc(nulls_first=True), "pk")


def experiments_to_decide(
    *, sites: QuerySet[Site], started_before: datetime
) -> QuerySet[Experiment]:
    """Return the experiments that ask for a decision or a look, the most urgent first.

    Args:
        sites: Sites whose experiments are listed.
        started_before: Moment since which a running experiment should have had a visitor.
    """
    ranks = [When(LIVE & Q(standing__status=one), then=Value(n)) for n, one in enumerate(DECISIVE)]
    unseen = Q(status=Status.RUNNING, started_at__lt=started_before, standing__visitors=0)
    asked = Approval.objects.filter(experiment=OuterRef("pk"), state=Approval.State.WAITING)
    waits = Q(Exists(asked), status=Status.DRAFT, slot__site__needs_approval=True)
    rank = Case(
        When(ROLLED_BACK, then=Value(-1)),
        When(waits, then=Value(len(DECISIVE))),
        *ranks,
        When(unseen, then=Value(len(DECISIVE))),
        When(UNDECIDED, then=Value(len(DECISIVE) + 1)),
        output_field=IntegerField(),
    )
    rows = _listed(sites).annotate(rank=rank).filter(rank__isnull=False)
    return rows.order_by("rank", "-started_at", "pk")


def experiments_that_run(
    *, sites: QuerySet[Site], started_before: datetime
) -> QuerySet[Experiment]:
    """Return the live experiments that ask for nothing; as `experiments_to_decide`."""
    unseen = Q(status=Status.RUNNING, started_at__lt=started_before, standing__visitors=0)
    rows = (
        _listed(sites)
        .filter(LIVE)
        .exclude(Q(standing__status__in=DECISIVE))
        .exclude(unseen | ROLLED_BACK)
    )
    return rows.order_by("-started_at", "pk")


def drafts_of(*, sites: QuerySet[Site]) -> QuerySet[Experiment]:
    """Return the drafts with what their readiness is read from, the newest first."""
    rows = _listed(sites).select_related("audience", "namespace")
    rows = rows.prefetch_related("guardrails", "secondary_metrics", "ramp")
    return rows.filter(status=Status.DRAFT).order_by("-pk")


def decided_experiments(*, sites: QuerySet[Site]) -> QuerySet[Experiment]:
    """Return the experiments with a decision, the latest first."""
    rows = _listed(sites).filter(decision__isnull=False)
    return rows.order_by("-decision__decided_at", "-pk")


def _listed(sites: QuerySet[Site]) -> QuerySet[Experiment]:
    rows = Experiment.objects.filter(slot__site__in=sites)
    rows = rows.select_related("slot__site", "standing__winner", "decision__winner", "cache_watch")
    rows = rows.select_related("rollup_check")
    arms = Prefetch("variants", Variant.objects.select_related("cta").order_by("arm"))
    return rows.prefetch_related(arms, "variants__cta__wordings")


def traffic_by_slot(*, sites: QuerySet[Site], now: datetime) -> QuerySet[Slot]:
    """Return the slots with live experiments, with `visitors_today` and `visitors_week`.

    Standings of another day count for nothing.
    """
    fresh = _of_today(sites, now) & Q(experiments__status__in=Experiment.LIVE_STATUSES)
    rows = Slot.objects.filter(site__in=sites).select_related("site")
    rows = rows.annotate(
        visitors_today=Sum("experiments__standing__visitors_today", filter=fresh),
        visitors_week=Sum("experiments__standing__visitors_week", filter=fresh),
    )
    return rows.filter(visitors_week__isnull=False).order_by("-visitors_week", "name")


def _of_today(sites: QuerySet[Site], now: datetime) -> Q:
    """Return the condition that a standing is of today, which is another day in other zones."""
    live = Experiment.objects.filter(LIVE, slot__site__in=sites).order_by()
    zones = live.values_list("days_in", "slot__site__time_zone").distinct()
    days = (
        Q(
            experiments__days_in=days_in,
            site__time_zone=zone,
            experiments__standing__today=calendar_day(now, ZoneInfo(days_in or zone)),
        )
        for days_in, zone in zones
    )
    return reduce(or_, days, Q(pk__in=[]))


def site_without_test(*, sites: QuerySet[Site]) -> Site | None:
    """Return the newest site on which no experiment has started."""
    started = Experiment.objects.filter(slot__site=OuterRef("pk")).exclude(status=Status.DRAFT)
    return sites.filter(~Exists(started)).order_by("-pk").first()


def sighting_of(site: Site) -> SnippetSighting | None:
    return SnippetSighting.objects.filter(site=site).first()


def first_slot_of(site: Site) -> Slot | None:
    return Slot.objects.filter(site=site).order_by("pk").first()


def ctas_with_wording(site: Site) -> int:
    """Return how many CTAs of a site have a wording."""
    worded = CTAWording.objects.filter(cta=OuterRef("pk"))
    return CTA.objects.filter(Exists(worded), site=site).count()


def newest_draft_of(site: Site) -> Experiment | None:
    rows = Experiment.objects.filter(slot__site=site, status=Status.DRAFT)
    return rows.order_by("-pk").first()
