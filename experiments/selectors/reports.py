"""Experiments and rollups as reports read them."""

from datetime import date, datetime
from typing import Any

from django.db.models import Count, Exists, F, Max, OuterRef, Prefetch, Q, QuerySet, Subquery, Sum

from experiments.models import (
    Annotation,
    CacheWatch,
    Change,
    CurrencyRollup,
    Experiment,
    FrozenReport,
    GoalRollup,
    Phase,
    Rollup,
    ShareLink,
    Site,
    Slot,
    Variant,
)

# The order of the models, without a look at the experiment that the rows share.
ROLLUP_ORDER = ("segment", "day", "phase", "variant__arm")
# What of the visitors of a segment makes its metrics: whole numbers, which every database adds
# exactly, and sums of values.
SEGMENT_COUNTS = (
    *("visitors", "clicking_visitors", "converting_visitors"),
    *("click_sum", "click_sum_squares", "conversion_sum", "conversion_sum_squares"),
)
SEGMENT_VALUES = ("value_sum", "value_sum_squares", "value_click_product_sum")
# Lines of the history that say nothing about the experiment itself.
ABOUT_READERS = (Change.Kind.FREEZE, Change.Kind.SHARE, Change.Kind.UNSHARE)
# Changes of what visitors meet.
OF_TRAFFIC = (
    *(Change.Kind.START, Change.Kind.PAUSE, Change.Kind.RESUME, Change.Kind.STOP),
    *(Change.Kind.SHARES, Change.Kind.RAMP, Change.Kind.ROLLBACK, Change.Kind.UNDO),
    *(Change.Kind.ARM_OFF, Change.Kind.ARM_ON),
)


def cache_alarms() -> QuerySet[CacheWatch]:
    """Return the alarms nobody has dismissed, of live experiments."""
    rows = CacheWatch.objects.filter(
        alarmed_at__isnull=False, experiment__status__in=Experiment.LIVE_STATUSES
    )
    return rows.select_related("experiment__slot__site", "arm")


def experiments_on_site(site: Site) -> QuerySet[Experiment]:
    return Experiment.objects.filter(slot__site=site).order_by("pk")


def rollups_of(experiment: Experiment) -> QuerySet[Rollup]:
    """Return the rollups of everybody, a row a day, phase and arm."""
    rows = Rollup.objects.filter(experiment=experiment, segment="")
    return rows.order_by(*ROLLUP_ORDER)


def segment_rollups_of(experiment: Experiment) -> QuerySet[Rollup]:
    """Return the rollups of the segments; a visitor is in several of those."""
    return Rollup.objects.filter(experiment=experiment).exclude(segment="").order_by(*ROLLUP_ORDER)


def segment_counts_of(experiment: Experiment) -> QuerySet[Rollup, tuple[Any, ...]]:
    """Return segment, phase, arm and the sums of `SEGMENT_COUNTS` over days, added in SQL."""
    rows = segment_rollups_of(experiment).order_by().values("segment", "phase", "variant")
    return rows.values_list("segment", "phase", "variant", *map(Sum, SEGMENT_COUNTS))


def segment_values_of(experiment: Experiment) -> QuerySet[Rollup, tuple[Any, ...]]:
    """Return segment, phase, arm and `SEGMENT_VALUES` of each day that has one other than 0."""
    rows = segment_rollups_of(experiment).order_by()
    rows = rows.exclude(**dict.fromkeys(SEGMENT_VALUES, 0))
    return rows.values_list("segment", "phase", "variant", *SEGMENT_VALUES)


def goal_rollups_of(experiment: Experiment) -> QuerySet[GoalRollup]:
    """Return what the visitors did towards the goals of the guardrails."""
    rows = GoalRollup.objects.filter(experiment=experiment)
    return rows.order_by("goal", "day", "phase", "variant__arm")


def currency_rollups_of(experiment: Experiment) -> QuerySet[CurrencyRollup]:
    """Return the conversions with a value, by their currency."""
    return CurrencyRollup.objects.filter(experiment=experiment).select_related("variant")


def rollups_on_slot(slot: Slot, *, since: date, before: date) -> QuerySet[Rollup]:
    """Return everybody's rollups of every experiment on the slot in these days."""
    rows = Rollup.objects.filter(experiment__slot=slot, segment="", day__gte=since, day__lt=before)
    return rows.select_related("experiment")


def last_day_on_slot(slot: Slot) -> date | None:
    """Return the last day on which a test of the slot had a visitor; None if none ever had."""
    rows = Rollup.objects.filter(experiment__slot=slot, segment="", visitors__gt=0)
    day: date | None = rows.aggregate(Max("day"))["day__max"]
    return day


def goal_rollups_on_slot(slot: Slot, *, since: date, before: date) -> QuerySet[GoalRollup]:
    """Return the rollups of guardrails' goals of every experiment on the slot in these days."""
    return GoalRollup.objects.filter(experiment__slot=slot, day__gte=since, day__lt=before)


def experiments_with_wordings() -> QuerySet[Experiment]:
    """Return experiments with their slots and the wordings of their arms."""
    arms = Prefetch("variants", Variant.objects.select_related("cta").order_by("arm"))
    wordings = "variants__cta__wordings"
    rows = Experiment.objects.select_related("slot__site", "audience", "namespace")
    return rows.prefetch_related(arms, wordings, "phases")


def experiments_for_report(*, sites: QuerySet[Site] | None = None) -> QuerySet[Experiment]:
    """Return experiments with what a report shows of them; those of these sites if given."""
    rows = experiments_with_wordings().prefetch_related("guardrails", "secondary_metrics")
    rows = rows.prefetch_related("tags").select_related("owner")
    rows = rows.select_related("cache_watch__arm", "rollup_check")
    rows = rows.select_related("decision__winner", "decision__compared", "decision__author")
    return rows if sites is None else rows.filter(slot__site__in=sites)


def experiments_by_key(keys: list[str]) -> QuerySet[Experiment]:
    return Experiment.objects.filter(key__in=keys).select_related("slot__site")


def finished_experiments(*, sites: QuerySet[Site] | None = None) -> QuerySet[Experiment]:
    """Return finished experiments, each with the rollups of everybody in `rollups`."""
    rows = experiments_with_wordings().filter(status__in=Experiment.FINISHED_STATUSES)
    rows = rows.prefetch_related(_everybody())
    return rows if sites is None else rows.filter(slot__site__in=sites)


def with_one_cta() -> QuerySet[Any]:
    """Return the primary keys of the A/A tests: two or more arms, which all show one CTA."""
    arms = Variant.objects.order_by().values("experiment")
    counted = arms.annotate(n_arms=Count("pk"), n_ctas=Count("cta", distinct=True))
    return counted.filter(n_arms__gt=1, n_ctas=1).values("experiment")


def finished_aa_tests(*, site: Site) -> QuerySet[Experiment]:
    """Return the finished A/A tests of a site, the latest first; as `finished_experiments`."""
    rows = finished_experiments(sites=Site.objects.filter(pk=site.pk))
    return rows.filter(pk__in=with_one_cta()).order_by("-stopped_at", "-pk")


def latest_aa_test(*, sites: QuerySet[Site]) -> Experiment | None:
    """Return the A/A test of these sites that was started last."""
    rows = Experiment.objects.filter(slot__site__in=sites, pk__in=with_one_cta())
    return rows.filter(started_at__isnull=False).order_by("-started_at", "-pk").first()


def _everybody() -> Prefetch[str]:
    return Prefetch("rollups", Rollup.objects.filter(segment="").select_related("variant"))


def finished_arms_like(experiment: Experiment) -> QuerySet[Variant]:
    """Return the arms of the site's other finished experiments on its metric, counted in SQL.

    A row an arm and phase, ordered by experiment; `phase_shares` are the shares of all arms
    then, None where the experiment has no such phase. Sums of values are text and cannot be
    added there: for those see `finished_rollups_like`.
    """
    everybody = Q(rollups__segment="")
    rows = Variant.objects.filter(_finished_like(experiment)).exclude(experiment=experiment)
    rows = rows.order_by("experiment", "rollups__phase", "arm").annotate(
        phase=F("rollups__phase"), phase_shares=_shares_of("experiment", "rollups__phase")
    )
    return rows.annotate(
        visitors=Sum("rollups__visitors", filter=everybody, default=0),
        clicking_visitors=Sum("rollups__clicking_visitors", filter=everybody, default=0),
        converting_visitors=Sum("rollups__converting_visitors", filter=everybody, default=0),
    )


def finished_rollups_like(experiment: Experiment) -> QuerySet[Rollup]:
    """Return everybody's rollups of the site's other finished experiments on its metric.

    They are ordered by experiment and have `phase_shares` as `finished_arms_like`. Experiments
    whose values are in several currencies are left out.
    """
    other = Variant.objects.filter(_finished_like(experiment)).exclude(experiment=experiment)
    of_goals = CurrencyRollup.objects.filter(goal=F("experiment__goal")).order_by()
    currencies = of_goals.values("experiment").annotate(n=Count("currency", distinct=True))
    rows = Rollup.objects.filter(segment="", variant__in=other)
    rows = rows.exclude(experiment__in=currencies.filter(n__gt=1).values("experiment"))
    rows = rows.annotate(phase_shares=_shares_of("experiment", "phase"))
    return rows.order_by("experiment", "phase", "variant__arm").select_related("variant")


def _shares_of(experiment: str, phase: str) -> Subquery:
    phases = Phase.objects.filter(experiment=OuterRef(experiment), number=OuterRef(phase))
    return Subquery(phases.order_by().values("shares")[:1])


def _finished_like(experiment: Experiment) -> Q:
    return Q(
        experiment__slot__site=experiment.slot.site_id,
        experiment__status__in=Experiment.FINISHED_STATUSES,
        experiment__primary_metric=experiment.primary_metric,
    )


def shipped_experiments(*, site: Site, goal: str) -> QuerySet[Experiment]:
    """Return finished tests of a goal's rate of which an arm is the slot's default now."""
    arms = Variant.objects.filter(
        experiment=OuterRef("pk"), arm__gt=0, cta=OuterRef("slot__default_cta")
    )
    rows = experiments_for_report().filter(Exists(arms), slot__site=site, goal=goal)
    return rows.filter(
        status__in=Experiment.FINISHED_STATUSES,
        primary_metric=Experiment.Metric.CONVERSION_RATE,
    )


def goals_of(site: Site) -> list[str]:
    """Return the goals that the site's experiments count."""
    rows = Experiment.objects.filter(slot__site=site).exclude(goal="").order_by("goal")
    return list(rows.values_list("goal", flat=True).distinct())


def experiments_that_end_when_planned() -> QuerySet[Experiment]:
    """Return the live experiments that stop once their planned visitors are in."""
    rows = experiments_for_report().filter(status__in=Experiment.LIVE_STATUSES)
    rows = rows.filter(ends_when_planned=True, planned_visitors__isnull=False)
    return rows.order_by("pk")


def live_experiments(*, sites: QuerySet[Site] | None = None) -> QuerySet[Experiment]:
    """Return running and paused experiments, the newest first, as `finished_experiments` does."""
    rows = experiments_for_report(sites=sites).filter(status__in=Experiment.LIVE_STATUSES)
    return rows.prefetch_related(_everybody())


def frozen_reports_of(experiment: Experiment) -> QuerySet[FrozenReport]:
    """Return the frozen versions, the newest first, without their content."""
    rows = FrozenReport.objects.filter(experiment=experiment).select_related("author")
    return rows.defer("content")


def open_link(*, token_digest: str, now: datetime) -> ShareLink | None:
    """Return the link of a secret; None if it is unknown, expired or revoked: one query for all."""
    rows = ShareLink.objects.filter(
        token_digest=token_digest, revoked_at__isnull=True, expires_at__gt=now
    )
    return rows.select_related("frozen__experiment__slot__site").first()


def open_link_with(*, pk: int, now: datetime) -> ShareLink | None:
    """Return the link with this key; None if it has expired, was revoked or is gone."""
    rows = ShareLink.objects.filter(pk=pk, revoked_at__isnull=True, expires_at__gt=now)
    return rows.select_related("frozen__experiment__slot__site").first()


def changes_since(frozen: FrozenReport) -> QuerySet[Change]:
    """Return what was changed of the experiment after a report was frozen, the newest first."""
    rows = Change.objects.filter(experiment=frozen.experiment_id, at__gt=frozen.frozen_at)
    return rows.exclude(kind__in=ABOUT_READERS).select_related("author")


def visitors_of(experiment: Experiment) -> int:
    """Return the visitors who are counted now, of all arms."""
    rows = Rollup.objects.filter(experiment=experiment, segment="")
    found: int = rows.aggregate(n=Sum("visitors", default=0))["n"]
    return found


def annotations_of(experiment: Experiment) -> QuerySet[Annotation]:
    """Return what people wrote about the days, by day."""
    return Annotation.objects.filter(experiment=experiment).select_related("author")


def traffic_changes_of(experiment: Experiment) -> QuerySet[Change]:
    """Return the changes of what visitors meet, the first one first."""
    rows = Change.objects.filter(experiment=experiment, kind__in=OF_TRAFFIC)
    return rows.order_by("at", "pk")
