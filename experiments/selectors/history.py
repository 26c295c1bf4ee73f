"""The archive of past tests."""

from django.db.models import Q, QuerySet

from experiments.models import (
    Experiment,
    HistoryArm,
    Membership,
    Site,
)


def teaching_sites() -> QuerySet[Site]:
    """Return the sites whose past tests the predictor may learn from and show to the others.

    Those that say so; those that leave it open as long as there is one owner at most; and a site
    that is alone, because there are no others.
    """
    if Site.objects.count() == 1:
        return Site.objects.all()
    owners = Membership.objects.filter(role=Membership.Role.OWNER).values("user").distinct()
    said = Q(teaches_others=True)
    open_too = said | Q(teaches_others=None)
    return Site.objects.filter(open_too if owners.count() <= 1 else said)


def wordings_on(sites: QuerySet[Site], *, tests: set[str], texts: set[str]) -> set[tuple[str, str]]:
    """Return those pairs of a test and a wording that past tests of these sites have.

    Of this service's own experiments every wording that is asked for: the test's name holds the
    site.
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


def history_locales(*, sites: QuerySet[Site] | None = None) -> list[str]:
    """Return the languages of the archive of these sites, those that are stated."""
    rows = history_arms(sites=sites).select_related(None).exclude(locale="").order_by("locale")
    return list(rows.values_list("locale", flat=True).distinct())
