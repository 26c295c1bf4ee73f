"""Sites, slots, CTAs and audiences, and the experiments that use them."""

from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, F, Q, QuerySet

from experiments.models import (
    CTA,
    Audience,
    CTAWording,
    Event,
    Experiment,
    ExperimentTemplate,
    Namespace,
    Site,
    Slot,
    Variant,
)


def site_by_key(key: str) -> Site | None:
    return Site.objects.filter(key=key).first()


def is_in_use(site: Site) -> bool:
    """Tell if a site has experiments or events, of which no more than one is read."""
    has_experiments = Experiment.objects.filter(slot__site=site).exists()
    return has_experiments or Event.objects.filter(site=site).exists()


def experiments_showing(cta: CTA) -> QuerySet[Experiment]:
    """Return the experiments that show this CTA or showed it.

    While they exist it stays as it is: reports and the predictor's history read its wording.
    """
    started = Experiment.objects.exclude(status=Experiment.Status.DRAFT)
    return started.filter(variants__cta=cta).distinct()


def ctas_of(*, sites: QuerySet[Site]) -> QuerySet[CTA]:
    """Return the CTAs of these sites."""
    rows = CTA.objects.select_related("site").prefetch_related("wordings", "tags")
    return rows.filter(site__in=sites)


def pickable_ctas(rows: QuerySet[CTA]) -> QuerySet[CTA]:
    """Return the CTAs that are offered for slots and tests: those that are not archived."""
    return rows.filter(archived_at=None)


def audiences_of(*, sites: QuerySet[Site]) -> QuerySet[Audience]:
    """Return the audiences of these sites."""
    rows = Audience.objects.select_related("site")
    return rows.filter(site__in=sites)


def templates_of(*, sites: QuerySet[Site]) -> QuerySet[ExperimentTemplate]:
    """Return the templates of experiments of these sites."""
    rows = ExperimentTemplate.objects.select_related("site", "audience")
    return rows.filter(site__in=sites)


def namespaces_of(*, sites: QuerySet[Site]) -> QuerySet[Namespace]:
    """Return the namespaces of these sites."""
    rows = Namespace.objects.select_related("site")
    return rows.filter(site__in=sites)


def slots_of(*, sites: QuerySet[Site]) -> QuerySet[Slot]:
    """Return the slots of these sites."""
    return Slot.objects.filter(site__in=sites)


def live_experiments_using(row: Any) -> QuerySet[Experiment]:
    """Return the live experiments of an audience or a namespace."""
    experiments: QuerySet[Experiment] = row.experiments.all()
    return experiments.filter(status__in=Experiment.LIVE_STATUSES)


def live_on_slot(slot: Slot) -> QuerySet[Experiment]:
    """Return the live experiments on a slot, the oldest first."""
    rows = slot.experiments.filter(status__in=Experiment.LIVE_STATUSES)
    return rows.select_related("audience").order_by("started_at", "pk")


def site_of_experiment(pk: int) -> Site | None:
    return Site.objects.filter(slots__experiments=pk).first()


def site_of_slot(pk: int) -> Site | None:
    return Site.objects.filter(slots=pk).first()


def languages_of_site(site: Site) -> list[str]:
    """Return the languages in which CTAs of a site are worded, the site's own first."""
    own = site.default_locale
    rows = CTAWording.objects.filter(cta__site=site).exclude(locale=own).order_by("locale")
    return [own, *rows.values_list("locale", flat=True).distinct()]


def slots_showing(cta: CTA) -> QuerySet[Slot]:
    """Return the slots that show a CTA to everybody who takes part in no experiment."""
    return Slot.objects.filter(default_cta=cta).order_by("name")


def arms_showing(cta: CTA) -> QuerySet[Variant]:
    """Return the arms that a CTA is in all experiments, those of live ones first."""
    live = Q(experiment__status__in=Experiment.LIVE_STATUSES)
    rows = Variant.objects.filter(cta=cta).select_related("experiment__slot")
    return rows.alias(is_live=ExpressionWrapper(live, BooleanField())).order_by(
        "-is_live", F("experiment__started_at").desc(nulls_first=True), "-experiment__pk"
    )


def languages_of_slot(slot: Slot) -> list[str]:
    """Return the languages in which the slot's default is worded, the site's own first."""
    own = slot.site.default_locale
    had = {wording.locale for wording in slot.default_cta.wordings.all()}
    return [own, *sorted(had - {own})]
