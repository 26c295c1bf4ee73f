"""What every admin page of the catalogue shares."""

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from experiments.services.catalogue import bump_revision

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
