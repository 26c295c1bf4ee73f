"""The archive of past tests."""

from django.db.models import QuerySet

from experiments.models import (
    HistoryArm,
    Site,
)


def history_arms(*, site: Site | None = None) -> QuerySet[HistoryArm]:
    """Return the archive of a site, or of all."""
    rows = HistoryArm.objects.select_related("site").order_by("pk")
    return rows if site is None else rows.filter(site=site)


def history_locales() -> list[str]:
    """Return the languages of the archive, those that are stated."""
    rows = HistoryArm.objects.exclude(locale="").order_by("locale")
    return list(rows.values_list("locale", flat=True).distinct())
