"""Base classes of admin pages: rows by the roles on their sites, and what is served."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib.admin import RelatedOnlyFieldListFilter
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import get_fields_from_path
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.admin import ModelAdmin

from experiments.models import Site
from experiments.selectors import catalogue, permissions
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


class OfSites:
    """Permissions by role, for the pages and inlines of rows that belong to sites.

    The rows of other sites are not found, offered or counted.
    """

    model: type[Model]

    def may(self, request: HttpRequest, verb: str, row: Model | None = None) -> bool:
        """Return whether the person may do this to the row, which for an inline is its parent."""
        return permissions.may(request.user, permissions.permission_name(verb, self.model), row)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "view", obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "add", obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "delete", obj)

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> Any:
        """Offer the rows of the sites whose rows of this kind the person may change."""
        rows = super().get_field_queryset(db, db_field, request)  # type: ignore[misc]
        related = db_field.remote_field.model
        if related not in permissions.SITE_LOOKUPS:
            return rows
        rows = related._default_manager.all() if rows is None else rows
        needed = permissions.permission_name("change", self.model)
        sites = permissions.sites_where(request.user, needed)
        return rows.filter(**{f"{permissions.SITE_LOOKUPS[related]}__in": sites})


class ChosenRows:
    """For lists with actions: a choice that names no row's key is refused, not looked up."""

    model: type[Model]

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        key = self.model._meta.pk
        try:
            for chosen in request.POST.getlist(ACTION_CHECKBOX_NAME):
                key.to_python(chosen)
        except ValidationError as error:
            raise BadRequest("A chosen row has no such key.") from error
        response: HttpResponse = super().changelist_view(request, *args, **kwargs)  # type: ignore[misc]
        return response


class SiteRowsAdmin(ChosenRows, OfSites, ModelAdmin[Row]):  # type: ignore[misc]
    """For rows that belong to sites: those of other sites are not there."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Row]:
        rows = super().get_queryset(request)
        viewed = permissions.permission_name("view", self.model)
        return permissions.rows_where(request.user, viewed, rows)

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Row:
        row: Row | None = super().get_object(request, *args, **kwargs)
        if row is None:
            raise Http404
        return row

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """Offer in the filters only what the listed rows have: no names of other sites."""
        return [self._of_listed_rows(one) for one in super().get_list_filter(request)]

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Collect what would go with the rows, unless one of them stays anyway.

        Django's own way reads every event before it finds that one is in the way.
        """
        kept = [reason for row in objs for reason in self.reasons_to_keep(row)]
        if kept:
            return [], {}, set(), kept
        return super().get_deleted_objects(objs, request)

    def reasons_to_keep(self, row: Row) -> list[str]:
        """Return why the row cannot be deleted, asked without reading what belongs to it."""
        return []

    def refuse_unless_all(self, request: HttpRequest, verb: str, rows: QuerySet[Row]) -> None:
        """Raise PermissionDenied unless the person may do this to each of the chosen rows."""
        needed = permissions.permission_name(verb, self.model)
        if permissions.rows_where(request.user, needed, rows).count() < rows.count():
            raise PermissionDenied

    def _of_listed_rows(self, one: Any) -> Any:
        if isinstance(one, str) and get_fields_from_path(self.model, one)[-1].is_relation:
            return (one, RelatedOnlyFieldListFilter)
        return one


class ServedModelAdmin(SiteRowsAdmin[Row]):
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
