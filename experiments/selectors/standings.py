"""Experiments as the first page lists them, by their kept standings; first steps of a site."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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
    prefetch_related_objects,
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
from experiments.selectors.lifecycle import read_live_rivals
from experiments.selectors.reports import experiments_for_report

# Verdicts that ask for a decision, the most urgent first.
DECISIVE = ("stop_for_harm", "invalid", "ship", "keep_control", "no_traffic")
Status = Experiment.Status
LIVE = Q(status__in=Experiment.LIVE_STATUSES)
ROLLED_BACK = Q(status=Status.PAUSED, rolled_back_at__isnull=False)
UNDECIDED = Q(status=Status.STOPPED, origin=Experiment.Origin.LIVE, decision__isnull=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotTraffic:
    """Visitors of the live experiments of a slot, today and in the last seven days."""

    slot: Slot
    visitors_today: int
    visitors_week: int


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
    rows = _of(sites).annotate(rank=rank).filter(rank__isnull=False)
    return rows.order_by("rank", "-started_at", "pk")


def experiments_that_run(
    *, sites: QuerySet[Site], started_before: datetime
) -> QuerySet[Experiment]:
    """Return the live experiments that ask for nothing; as `experiments_to_decide`."""
    unseen = Q(status=Status.RUNNING, started_at__lt=started_before, standing__visitors=0)
    rows = (
        _of(sites)
        .filter(LIVE)
        .exclude(Q(standing__status__in=DECISIVE))
        .exclude(unseen | ROLLED_BACK)
    )
    return rows.order_by("-started_at", "pk")


def drafts_of(*, sites: QuerySet[Site]) -> QuerySet[Experiment]:
    """Return the drafts, the newest first."""
    return _of(sites).filter(status=Status.DRAFT).order_by("-pk")


def decided_experiments(*, sites: QuerySet[Site]) -> QuerySet[Experiment]:
    """Return the experiments with a decision, the latest first."""
    rows = _of(sites).filter(decision__isnull=False)
    return rows.order_by("-decision__decided_at", "-pk")


def read_together(*lists: QuerySet[Experiment]) -> tuple[list[Experiment], ...]:
    """Return the experiments of several lists with what lists show, read in the same queries.

    Args:
        lists: Experiments in the order in which they are listed, cut to the most that are shown.
    """
    keys = [list(rows.values_list("pk", flat=True)) for rows in lists]
    rows = Experiment.objects.select_related("slot__site", "standing__winner", "decision__winner")
    rows = rows.select_related("cache_watch", "rollup_check", "audience", "namespace")
    arms = Prefetch("variants", Variant.objects.select_related("cta").order_by("arm"))
    rows = rows.prefetch_related(arms, "variants__cta__wordings")
    read = rows.in_bulk([pk for each in keys for pk in each])
    # One may have been deleted meanwhile.
    return tuple([read[pk] for pk in each if pk in read] for each in keys)


def read_readiness(drafts: Sequence[Experiment]) -> None:
    """Read what the readiness of drafts depends on, for all of them together."""
    prefetch_related_objects(drafts, "guardrails", "secondary_metrics", "ramp")
    read_live_rivals(drafts)


def _of(sites: QuerySet[Site]) -> QuerySet[Experiment]:
    return Experiment.objects.filter(slot__site__in=sites)


def traffic_by_slot(*, sites: QuerySet[Site], now: datetime, most: int) -> list[SlotTraffic]:
    """Return the busiest slots with live experiments, by the visitors of the last seven days.

    Standings of another day count for nothing; the day is that of each experiment's zone.
    """
    live = Experiment.objects.filter(
        LIVE, slot__site__in=sites, standing__today__gte=now.date() - timedelta(days=1)
    )
    by = ("slot", "slot__name", "days_in", "slot__site__time_zone", "standing__today")
    sums = (
        live.order_by()
        .values(*by)
        .annotate(n_today=Sum("standing__visitors_today"), n_week=Sum("standing__visitors_week"))
    )
    rows = sums.values_list(*by, "n_today", "n_week")
    today: Counter[tuple[str, int]] = Counter()
    week: Counter[tuple[str, int]] = Counter()
    for slot, name, days_in, zone, day, n_today, n_week in rows:
        if day == calendar_day(now, ZoneInfo(days_in or zone)):
            today[name, slot] += n_today
            week[name, slot] += n_week
    busiest = sorted(week, key=lambda one: (-week[one], one))[:most]
    slots = Slot.objects.select_related("site").in_bulk([pk for _name, pk in busiest])
    return [
        SlotTraffic(slot=slots[pk], visitors_today=today[name, pk], visitors_week=week[name, pk])
        for name, pk in busiest
    ]


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
