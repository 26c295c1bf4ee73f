"""The archive of past tests."""

from django.db.models import QuerySet

from experiments.models import (
    HistoryArm,
    Site,
)


def history_arms(*, sites: QuerySet[Site] | None = None) -> QuerySet[HistoryArm]:
    """Return the archive of these sites, or of all."""
    rows = HistoryArm.objects.select_related("site").order_by("pk")
    return rows if sites is None else rows.filter(site__in=sites)


def history_locales(*, sites: QuerySet[Site] | None = None) -> list[str]:
    """Return the languages of the archive of these sites, those that are stated."""
    rows = history_arms(sites=sites).select_related(None).exclude(locale="").order_by("locale")
    return list(rows.values_list("locale", flat=True).distinct())
