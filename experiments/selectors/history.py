"""The archive of past tests."""

from typing import Any

from django.db.models import Count, Max, Q, QuerySet, Sum

from experiments.models import (
    Experiment,
    HistoryArm,
    Membership,
    Rollup,
    Site,
)


def teaching_sites() -> QuerySet[Site]:
    """Return the sites whose past tests the predictor may learn from and show to the others.

    Those that allow it; those that leave it open as long as there is one owner at most; and a
    site that is alone, having no others to show them to.
    """
    if Site.objects.count() == 1:
        return Site.objects.all()
    owners = Membership.objects.filter(role=Membership.Role.OWNER).values("user").distinct()
    said = Q(teaches_others=True)
    open_too = said | Q(teaches_others=None)
    return Site.objects.filter(open_too if owners.count() <= 1 else said)


def wordings_on(sites: QuerySet[Site], *, tests: set[str], texts: set[str]) -> set[tuple[str, str]]:
    """Return those pairs of a test and a wording that past tests of these sites have.

    This service's own experiments give every wording that is asked for: the test's name holds
    the site.
    """
    rows = HistoryArm.objects.filter(site__in=sites, test__in=tests, text__in=texts)
    experiments = Experiment.objects.filter(slot__site__in=sites, key__in=_keys(tests))
    own = {f"{site}:{key}" for site, key in experiments.values_list("slot__site__key", "key")}
    archived = set(rows.values_list("test", "text"))
    return archived | {(test, text) for test in own & tests for text in texts}


def _keys(tests: set[str]) -> set[str]:
    return {test.partition(":")[2] for test in tests}


def history_arms(*, sites: QuerySet[Site] | None = None) -> QuerySet[HistoryArm]:
    """Return the archive of these sites, or of all."""
    rows = HistoryArm.objects.select_related("site").order_by("pk")
    return rows if sites is None else rows.filter(site__in=sites)


def archive_version(*, sites: QuerySet[Site]) -> tuple[Any, ...]:
    """Return a value that differs once a past test of these sites is added or counted anew.

    Two queries; of 300,000 rows they read the numbers only.
    """
    arms = HistoryArm.objects.filter(site__in=sites).aggregate(
        Count("pk"),
        Max("pk"),
        Sum("visitors"),
        Sum("clicks"),
        n_suspect=Count("pk", Q(suspect=True)),
    )
    finished = Rollup.objects.filter(
        segment="",
        experiment__slot__site__in=sites,
        experiment__status__in=Experiment.FINISHED_STATUSES,
    ).aggregate(
        Count("experiment", distinct=True), Max("pk"), Sum("visitors"), Sum("clicking_visitors")
    )
    return (*arms.values(), *finished.values())


def history_locales(*, sites: QuerySet[Site] | None = None) -> list[str]:
    """Return the languages of the archive of these sites, those that are stated."""
    rows = history_arms(sites=sites).select_related(None).exclude(locale="").order_by("locale")
    return list(rows.values_list("locale", flat=True).distinct())
