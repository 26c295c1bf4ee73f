"""Base classes of the catalogue's admin pages."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.admin import ModelAdmin

from experiments.models import Site
from experiments.selectors import catalogue
from experiments.services.catalogue.config_revision import bump_revision

Row = TypeVar("Row", bound=Model)
View = TypeVar("View", bound=Callable[..., Any])
# A key of a row has at most 19.
MOST_DIGITS = 19


def in_time_zone_of_site(view: View) -> View:
    """Show a page of an experiment, and read its form, in the time zone of its site."""

    @wraps(view)
    def shown(self: Any, request: HttpRequest, pk: Any = None, *args: Any, **kwargs: Any) -> Any:
        site = _site_of(request, pk)
        with timezone.override(site.zone if site else None):
            response = view(self, request, pk, *args, **kwargs)
            if isinstance(response, TemplateResponse):
                response.render()  # Its times are written now, not when the zone has gone.
        return response

    return cast(View, shown)


def _site_of(request: HttpRequest, pk: Any) -> Site | None:
    """Return the site of the slot that the form names, or of the experiment."""
    slot, experiment = request.POST.get("slot", ""), str(pk or "")
    # A longer number is no key of a row, and no number for the database.
    if slot.isdecimal() and len(slot) < MOST_DIGITS:
        return catalogue.site_of_slot(int(slot))
    if experiment.isdecimal() and len(experiment) < MOST_DIGITS:
        return catalogue.site_of_experiment(int(experiment))
    return None


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
