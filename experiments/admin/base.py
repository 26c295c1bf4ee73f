"""Base classes of the catalogue's admin pages."""

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from experiments.selectors import catalogue
from experiments.services.catalogue.config_revision import bump_revision

Row = TypeVar("Row", bound=Model)


class ServedModelAdmin(ModelAdmin[Row]):  # type: ignore[misc]
    """For rows that visitors get: every change reaches the serving processes."""

    def save_related(self, *args: Any) -> None:
        super().save_related(*args)
        bump_revision()

    def delete_model(self, request: HttpRequest, obj: Row) -> None:
        super().delete_model(request, obj)
        bump_revision()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Row]) -> None:
        super().delete_queryset(request, queryset)
        bump_revision()


class LockedWhileLiveAdmin(ServedModelAdmin[Row]):
    """For what decides who takes part: it stays as it is while a live experiment uses it."""

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        if obj is not None and catalogue.live_experiments_using(obj).exists():
            return False
        return bool(super().has_change_permission(request, obj))

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Row | None = None
    ) -> dict[str, Any]:
        # A read-only form has no field to fill.
        return self.prepopulated_fields if self.has_change_permission(request, obj) else {}
